/**
 * The running sha256 of uploads, so that their commit need not read them again. Node cannot export a hash's state, so
 * it lives in this process only; it is used while it covers exactly what the upload holds. As an upload only grows (what
 * is taken back was never in a kept hash), an equal length means equal content, whoever wrote it.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Digest, type DigestAlgorithm, parseDigest } from '../image/digest.ts';
import { UPLOAD_HASHES } from '../limits.ts';
import type { UploadId } from './blobs.ts';

/** The digest that a finished hash stands for. */
export function finishedDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  const digest = parseDigest(`${algorithm}:${hash.digest('hex')}`);
  if (digest === undefined) throw new TypeError(`${algorithm} gave no digest`);
  return digest;
}

/** The hashes of the uploads that were added to last. */
export class RunningHashes {
  /** The longest unused first. */
  readonly #kept = new Map<UploadId, { readonly hash: Hash; readonly length: number }>();

  /** Hands out the hash of the first `length` bytes of an upload and forgets it; undefined if there is none. */
  take(id: UploadId, length: number): Hash | undefined {
    const kept = this.#kept.get(id);
    this.#kept.delete(id);
    if (kept?.length === length) return kept.hash;
    return length === 0 ? createHash('sha256') : undefined;
  }

  keep(id: UploadId, hash: Hash, length: number): void {
    this.#kept.set(id, { hash, length });
    if (this.#kept.size <= UPLOAD_HASHES) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  drop(id: UploadId): void {
    this.#kept.delete(id);
  }
}
