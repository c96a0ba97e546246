/** What the tests push and read: sources that end, wait or break off, and bodies as bytes. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { type Digest, digestOf, parseDigest } from '../../image/digest.ts';
import type { BlobBody, Blobs, CommittedBlob, UploadId } from '../blobs.ts';

/** A source that gives the chunks one turn of the loop after the other, and then ends or breaks off. */
export function sourceOf(chunks: readonly Uint8Array[], breaksWith?: Error): Readable {
  async function* give(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) {
      await turn();
      yield chunk;
    }
    if (breaksWith === undefined) return;
    await turn();
    throw breaksWith;
  }
  return Readable.from(give(), { objectMode: false });
}

/** A source that has given these bytes and keeps its reader waiting. */
export function openSource(first: Uint8Array): Readable {
  const source = new Readable({ read: () => undefined });
  source.push(first);
  return source;
}

/** Of a commit, what every driver says alike. */
export function madeOf({ digest, size, placed }: CommittedBlob): Omit<CommittedBlob, 'version'> {
  return { digest, size, placed };
}

/** All the bytes of a body, whether it came as bytes or as a stream. */
export async function bytesOf(body: BlobBody | undefined): Promise<Buffer> {
  assert.ok(body, 'there is no such blob');
  assert.equal(body.bytes === undefined, body.stream !== undefined, 'a body has either bytes or a stream');
  if (body.bytes !== undefined) return body.bytes;
  const pieces: Buffer[] = [];
  for await (const piece of body.stream ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Uploads bytes as one blob. */
export async function push(blobs: Blobs, bytes: Uint8Array, digest: Digest = digestOf(bytes)): Promise<Digest> {
  const id = await blobs.begin();
  await blobs.append(id, 0, sourceOf([bytes]));
  await blobs.commit(id, digest);
  return digest;
}

/** The text as a digest; the test fails if it is none. */
export function digestFrom(text: string): Digest {
  const digest = parseDigest(text);
  assert.ok(digest);
  return digest;
}

export const ABSENT = digestOf('a blob that nobody has pushed');
export const UNKNOWN = '0123456789abcdef0123456789abcdef' as UploadId;
