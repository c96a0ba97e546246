/** Content whose digest is known before it comes: it is written as the blob's own object, which is there when it is whole. */
import { createHash } from 'node:crypto';
import { type Digest, digestAlgorithm } from '../../image/digest.ts';
import { type BlobStream, DigestMismatch } from '../blobs.ts';
import { finishedDigest } from '../hashes.ts';
import { Intake } from '../intake.ts';
import type { Bucket } from './bucket.ts';
import type { Content } from './content.ts';
import { type PartMemory, Parts } from './parts.ts';

/**
 * Keeps all that comes as a blob. Until it is whole and checked, nothing is there.
 * @throws {DigestMismatch}; {BlobsUnavailable}; {BlobsFull}; the source's own error.
 */
export async function keepContent(
  { bucket, content, memory }: { readonly bucket: Bucket; readonly content: Content; readonly memory: PartMemory },
  digest: Digest,
  source: BlobStream,
): Promise<void> {
  const intake = new Intake(source);
  const key = content.keyOf(digest);
  const parts = new Parts({ bucket, memory, key, before: undefined });
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  try {
    let size = 0;
    for (let piece = await intake.next(); piece !== undefined; piece = await intake.next()) {
      for (const chunk of piece.chunks) hash.update(chunk);
      size += piece.bytes;
      await parts.add(piece.chunks);
      intake.handBack(piece);
    }
    if (intake.broke !== undefined) throw intake.broke.reason;
    await parts.settle();
    const actual = finishedDigest(algorithm, hash);
    if (actual !== digest) throw new DigestMismatch(digest, actual);
    const { sent: before, rest } = parts;
    if (before === undefined) await content.put(digest, rest);
    else await finish(bucket, content, { digest, size, rest, before });
  } catch (error) {
    await parts.settle().catch(() => undefined);
    const { sent } = parts;
    if (sent !== undefined) await bucket.dropParts(key, sent.uploadId).catch(() => undefined);
    throw error;
  } finally {
    intake.release();
    parts.close();
  }
}

interface Whole {
  readonly digest: Digest;
  readonly size: number;
  readonly rest: Buffer;
  readonly before: NonNullable<Parts['sent']>;
}

async function finish(bucket: Bucket, content: Content, { digest, size, rest, before }: Whole): Promise<void> {
  const { uploadId, sent } = before;
  const key = content.keyOf(digest);
  const last = rest.length > 0 ? [await bucket.putPart(key, uploadId, sent.length + 1, rest)] : [];
  await bucket.finishParts(key, { uploadId, parts: [...sent, ...last], size });
  // Says whether it is there, also where the answer to a try was lost.
  await content.expect(digest, size);
}
