/** Content digests: `sha256:` or `sha512:` and lower-case hexadecimal. */
import { createHash } from 'node:crypto';

/** A digest that was parsed: safe as part of a path, key or URL. */
export type Digest = string & { readonly brand: 'Digest' };

export type DigestAlgorithm = 'sha256' | 'sha512';

const FORM = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** The text as a Digest, or undefined if it is malformed or of an algorithm that is not supported. */
export function parseDigest(text: string): Digest | undefined {
  return FORM.test(text) ? (text as Digest) : undefined;
}

/** `sha256` or `sha512`. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hexadecimal part. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}
