/** Content as a stream in pieces of about 1 MiB: one is read ahead while the one before is sent. */
import { Readable } from 'node:stream';
import { BLOB_PIECE_BYTES } from '../limits.ts';
import type { BlobStream } from './blobs.ts';

export interface PieceSource {
  /** Gives bytes `start` to before `end`, all of them; an error of it breaks the stream off. */
  readonly read: (start: number, end: number) => Promise<Uint8Array>;
  /** Called once, when no read is under way any more. */
  readonly close?: () => void;
  /** Hears of pieces that nobody looks at any more. */
  readonly handBack?: (piece: Uint8Array) => void;
}

/** Streams `length` bytes. */
export function inPieces(length: number, { read, close, handBack }: PieceSource): BlobStream {
  let position = 0;
  let reading: Promise<void> = Promise.resolve();
  const step = async (stream: Readable): Promise<void> => {
    try {
      const piece = await read(position, Math.min(position + BLOB_PIECE_BYTES, length));
      position += piece.length;
      stream.push(piece);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error('the blob could not be read', { cause: error }));
    }
  };
  const stream = new Readable({
    highWaterMark: BLOB_PIECE_BYTES,
    read() {
      if (position < length) reading = step(this);
      else this.push(null);
    },
    destroy(error, done) {
      // A file that is closed under a read may be another one by the time the read starts. (Not awaited within the
      // read itself: `step` destroys the stream and only then ends.)
      void reading.then(() => {
        close?.();
        done(error);
      });
    },
  });
  return Object.assign(stream, handBack && { handBack });
}

/** Few bytes as a stream. */
export function streamOf(bytes: Buffer): BlobStream {
  return Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false });
}
