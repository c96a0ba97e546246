/** The content of an object as a stream in pieces; where the connection breaks, another one goes on. */
import { Readable } from 'node:stream';
import { BLOB_PIECE_BYTES, S3_SLOWEST_BYTES, S3_TRIES, S3_TRY_MS } from '../../limits.ts';
import { BlobError, type BlobStream, BlobsUnavailable } from '../blobs.ts';
import { inPieces } from '../pieces.ts';
import { type Body, BodyReader } from './bodyreader.ts';
import type { Bucket } from './bucket.ts';

/** What is needed of a bucket. */
export type ObjectSource = Pick<Bucket, 'name' | 'open'>;

/** Milliseconds in which a piece must come. */
const PIECE_MS = S3_TRY_MS + (BLOB_PIECE_BYTES / S3_SLOWEST_BYTES) * 1000;

/**
 * Streams the bytes `start` to before `end` of an object, of which `body` gives them all; it belongs to the stream.
 * An error of the stream is the seam's own.
 */
export function objectStream(
  bucket: ObjectSource,
  key: string,
  at: { start: number; end: number },
  body: Body,
): BlobStream {
  const length = at.end - at.start;
  const spare: ArrayBufferLike[] = [];
  let reader = body;

  /** Opens the object again, to go on at a byte of the stream. */
  const reopen = async (from: number): Promise<void> => {
    reader.close();
    const opened = await bucket.open(key, { start: at.start + from, end: at.end - 1 });
    if (opened === undefined) throw new BlobsUnavailable(`${key} was deleted while it was read`);
    reader = opened.body ?? new BodyReader(Readable.from([opened.bytes ?? Buffer.alloc(0)]));
  };
  const read = async (from: number, to: number): Promise<Buffer> => {
    const piece = Buffer.from(spare.pop() ?? new ArrayBuffer(Math.min(BLOB_PIECE_BYTES, length)), 0, to - from);
    let filled = 0;
    for (let breaks = 0; ; ) {
      try {
        await reader.fill(piece.subarray(filled), PIECE_MS, (bytes) => {
          filled += bytes;
        });
        return piece;
      } catch (error) {
        breaks += 1;
        if (breaks >= S3_TRIES || error instanceof BlobError) {
          throw new BlobsUnavailable(`cannot read ${key}: ${bucket.name} broke off ${breaks} times`, { cause: error });
        }
        await reopen(from + filled);
      }
    }
  };
  return inPieces(length, { read, close: () => reader.close(), handBack: ({ buffer }) => spare.push(buffer) });
}
