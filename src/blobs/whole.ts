/** Small content, read whole. */
import type { Digest } from '../image/digest.ts';
import type { Blobs } from './blobs.ts';

/** All bytes of a blob; undefined if there is none, or if it has more than `limit` bytes. Throws as `Blobs.read`. */
export async function readWhole(
  blobs: Pick<Blobs, 'read'>,
  digest: Digest,
  limit: number,
): Promise<Buffer | undefined> {
  const body = await blobs.read(digest);
  if (!body) return undefined;
  if (body.size > limit) {
    body.stream?.destroy();
    return undefined;
  }
  if (body.bytes) return body.bytes;
  const pieces: Buffer[] = [];
  for await (const piece of body.stream ?? []) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
