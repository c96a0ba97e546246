/**
 * Copying blobs to another place, whatever drivers they have. Both are listed side by side in the order of digests and
 * only what is missing is copied, so a copy that was cut off goes on by beginning again. What arrives is digested there
 * before it becomes a blob: nothing that is damaged is copied, and nothing is half there.
 */
import type { Digest } from '../image/digest.ts';
import { COPY_BLOBS_AT_ONCE, COPY_PAGE_ENTRIES } from '../limits.ts';
import { type BlobStream, type Blobs, DigestMismatch } from './blobs.ts';
import { streamOf } from './pieces.ts';

/** What a copy has done so far. */
export interface BlobsCopyProgress {
  /** Blobs that have been looked at, of how many. */
  readonly done: number;
  readonly total: number;
  /** Bytes that have been copied. */
  readonly bytes: number;
}

export interface BlobsCopied {
  /** Blobs of the source. */
  readonly blobs: number;
  /** Those that had to be copied, and their bytes. */
  readonly copied: number;
  readonly bytes: number;
  /** Blobs of the source whose content is not what their digest says; they were left out. */
  readonly damaged: readonly Digest[];
}

/**
 * Copies all blobs that the target has not. Blobs that come to the source meanwhile may be left out, and those that are
 * deleted from it are.
 * @throws {BlobError} if one of the two fails; what was copied until then stays.
 */
export async function copyBlobs(
  from: Blobs,
  to: Blobs,
  heard: (progress: BlobsCopyProgress) => void,
): Promise<BlobsCopied> {
  let total = 0;
  for await (const _ of digestsOf(from)) total += 1;
  const state = { done: 0, copied: 0, bytes: 0 };
  const damaged: Digest[] = [];
  const copy = async (digest: Digest): Promise<void> => {
    try {
      const bytes = await copyBlob(from, to, digest);
      if (bytes !== undefined) state.copied += 1;
      state.bytes += bytes ?? 0;
    } catch (error) {
      if (!(error instanceof DigestMismatch)) throw error;
      damaged.push(digest);
    }
  };
  const missing = missingIn(to, digestsOf(from), () => {
    state.done += 1;
    heard({ done: state.done, total: Math.max(total, state.done), bytes: state.bytes });
  });
  let failed: { readonly reason: unknown } | undefined;
  // Each takes the next digest when it is done with the one before.
  const lane = async (): Promise<void> => {
    try {
      for await (const digest of missing) {
        if (failed === undefined) await copy(digest);
      }
    } catch (reason) {
      failed ??= { reason };
    }
  };
  await Promise.all(Array.from({ length: COPY_BLOBS_AT_ONCE }, lane));
  if (failed !== undefined) throw failed.reason;
  heard({ done: state.done, total: state.done, bytes: state.bytes });
  return { blobs: state.done, copied: state.copied, bytes: state.bytes, damaged: damaged.sort() };
}

/** The digests of all blobs, in the order of their text. */
export async function* digestsOf(blobs: Blobs): AsyncGenerator<Digest, undefined> {
  for (let after: Digest | undefined; ; ) {
    const page = await blobs.list(after, COPY_PAGE_ENTRIES);
    yield* page;
    after = page.at(-1);
    if (after === undefined) return undefined;
  }
}

/** The digests that the target has not; `looked` is called for each that is done with. One answers after the other. */
function missingIn(to: Blobs, digests: AsyncGenerator<Digest>, looked: () => void): AsyncIterable<Digest> {
  async function* missing(): AsyncGenerator<Digest> {
    const target = digestsOf(to);
    let there = await target.next();
    for await (const digest of digests) {
      while (!there.done && there.value < digest) there = await target.next();
      if (there.done || there.value !== digest) yield digest;
      looked();
    }
  }
  const shared = missing();
  // A loop that ends, or fails, must not end the others'.
  return { [Symbol.asyncIterator]: () => ({ next: () => shared.next() }) };
}

/** Copies one blob. Its bytes, or undefined if it is no more there. */
async function copyBlob(from: Blobs, to: Blobs, digest: Digest): Promise<number | undefined> {
  const body = await from.read(digest);
  if (body === undefined) return undefined;
  const source = body.stream ?? streamOf(body.bytes ?? Buffer.alloc(0));
  try {
    if (to.keep !== undefined) await to.keep(digest, source);
    else await upload(to, digest, source);
    return body.size;
  } finally {
    source.destroy();
  }
}

async function upload(to: Blobs, digest: Digest, source: BlobStream): Promise<void> {
  const id = await to.begin();
  try {
    await to.append(id, 0, source);
    await to.commit(id, digest);
  } catch (error) {
    await to.abort(id).catch(() => false);
    throw error;
  }
}
