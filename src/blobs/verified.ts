/**
 * Which content this process knows to be what its digest says: it has written it, or has read all of it once. A disk may
 * change what it was given, and so may people, so whoever serves content that is not known, or that was touched since, or
 * was looked at long ago, holds it against its digest on the way.
 */
import type { Digest } from '../image/digest.ts';
import { VERIFIED_BLOBS, VERIFIED_SECONDS } from '../limits.ts';
import { cacheOfEach } from '../objects/cache.ts';
import type { Blobs, ContentVersion } from './blobs.ts';

interface Look {
  readonly version: ContentVersion | undefined;
  /** On the clock of performance.now. */
  readonly until: number;
}

const looksOf = cacheOfEach<Blobs, Look>(VERIFIED_BLOBS);

/** Whether all of the content, as it is now, has been looked at by this process. */
export function isVerified(blobs: Blobs, digest: Digest, version: ContentVersion | undefined): boolean {
  const look = looksOf(blobs).get(digest);
  return look !== undefined && look.version === version && look.until > performance.now();
}

/** Remembers that content is what its digest says. */
export function rememberVerified(blobs: Blobs, digest: Digest, version: ContentVersion | undefined): void {
  looksOf(blobs).set(digest, { version, until: performance.now() + VERIFIED_SECONDS * 1000 }, 1);
}
