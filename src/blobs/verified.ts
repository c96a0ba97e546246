/**
 * Which content this process knows to be what its digest says: it has written it, or has read all of it once. A disk may
 * change what it was given, so whoever serves content that is not known holds it against its digest on the way.
 */
import type { Digest } from '../image/digest.ts';
import { VERIFIED_BLOBS } from '../limits.ts';
import { BoundedCache } from '../objects/cache.ts';
import type { Blobs } from './blobs.ts';

const known = new WeakMap<Blobs, BoundedCache<true>>();

/** Whether all of the content has been looked at by this process. */
export function isVerified(blobs: Blobs, digest: Digest): boolean {
  return known.get(blobs)?.get(digest) === true;
}

/** Remembers that content is what its digest says. */
export function rememberVerified(blobs: Blobs, digest: Digest): void {
  let cache = known.get(blobs);
  if (!cache) {
    cache = new BoundedCache(VERIFIED_BLOBS);
    known.set(blobs, cache);
  }
  cache.set(digest, true, 1);
}
