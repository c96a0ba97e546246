/**
 * Small blobs (manifests and configs above all) kept in memory in front of a driver. Content never changes, so a cached
 * blob is what its digest says, and can only be wrong about being there: `stat` and ranges of blobs not cached always ask the driver, and a blob
 * that another process deletes may be read here until it is pushed out. That harms nobody: who may read a blob is
 * decided by its link in the store.
 */
import { type Digest, digestAlgorithm, digestOf } from '../image/digest.ts';
import { SMALL_BLOB_BYTES } from '../limits.ts';
import type { BlobBody, Blobs, ByteRange } from './blobs.ts';

/** Bytes that an entry takes besides its content: digest, Buffer, place in the map; an estimate. */
const ENTRY_BYTES = 512;

export interface CachedBlobs extends Blobs {
  /** A small blob if it is in memory, without waiting. The bytes are shared: nobody may change them. */
  peek(digest: Digest): Buffer | undefined;
}

/** The most recently used small blobs, at most `limitBytes` of them. */
class SmallBlobs {
  readonly #limit: number;
  /** The longest unused first. */
  readonly #entries = new Map<Digest, Buffer>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(digest: Digest): Buffer | undefined {
    const bytes = this.#entries.get(digest);
    if (bytes === undefined) return undefined;
    this.#entries.delete(digest);
    this.#entries.set(digest, bytes);
    return bytes;
  }

  keep(digest: Digest, bytes: Buffer): void {
    if (bytes.length > SMALL_BLOB_BYTES || bytes.length + ENTRY_BYTES > this.#limit) return;
    this.drop(digest);
    // A slice would keep the whole that it was cut from alive, and its bytes may be the caller's to change.
    const own = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(own);
    this.#entries.set(digest, own);
    this.#bytes += own.length + ENTRY_BYTES;
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.drop(oldest);
    }
  }

  drop(digest: Digest): void {
    const bytes = this.#entries.get(digest);
    if (bytes === undefined) return;
    this.#entries.delete(digest);
    this.#bytes -= bytes.length + ENTRY_BYTES;
  }
}

function part(bytes: Buffer, range: ByteRange | undefined): BlobBody {
  const asked = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
  return { size: bytes.length, bytes: asked, checked: true };
}

/** The same blobs, with small ones kept in at most `limitBytes` of memory once they were put or read. */
export function cachedBlobs(blobs: Blobs, limitBytes: number): CachedBlobs {
  const small = new SmallBlobs(limitBytes);
  /** Deletions that began so far: a read that began before one must not bring back what it deletes. */
  let deletions = 0;
  return {
    peek: (digest) => small.get(digest),
    stat: (digest) => blobs.stat(digest),
    ...(blobs.redirect && { redirect: blobs.redirect }),
    async read(digest, range) {
      const cached = small.get(digest);
      if (cached !== undefined) return part(cached, range);
      const before = deletions;
      const body = await blobs.read(digest, range);
      if (body?.bytes === undefined || body.bytes.length !== body.size) return body;
      if (digestOf(body.bytes, digestAlgorithm(digest)) !== digest) return body;
      if (deletions === before) small.keep(digest, body.bytes);
      return { ...body, checked: true };
    },
    async put(digest, bytes) {
      const before = deletions;
      await blobs.put(digest, bytes);
      if (deletions === before) small.keep(digest, bytes);
    },
    ...(blobs.keep && { keep: blobs.keep }),
    ...(blobs.lingers && { lingers: blobs.lingers }),
    begin: () => blobs.begin(),
    uploaded: (id) => blobs.uploaded(id),
    append: (id, offset, source) => blobs.append(id, offset, source),
    commit: (id, digest) => blobs.commit(id, digest),
    abort: (id) => blobs.abort(id),
    async delete(digest) {
      deletions += 1;
      small.drop(digest);
      try {
        return await blobs.delete(digest);
      } finally {
        // Nor one that began, and ended, while the driver was deleting.
        small.drop(digest);
        deletions += 1;
      }
    },
    list: (after, limit) => blobs.list(after, limit),
    staleUploads: (before) => blobs.staleUploads(before),
    close: () => blobs.close(),
  };
}
