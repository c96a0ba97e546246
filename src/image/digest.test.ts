import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestAlgorithm, digestHex, digestOf, parseDigest } from './digest.ts';

test('digests of bytes are digests', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('sha256' as const, 'sha512' as const), (bytes, algorithm) => {
      const digest = digestOf(bytes, algorithm);
      assert.equal(parseDigest(digest), digest);
      assert.equal(digestAlgorithm(digest), algorithm);
      assert.equal(`${algorithm}:${digestHex(digest)}`, digest);
    }),
  );
  assert.equal(digestOf(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('nothing else is', () => {
  const hex = 'a'.repeat(64);
  for (const text of [
    '',
    hex,
    `sha256:${hex}0`,
    `sha256:${hex.toUpperCase()}`,
    `sha512:${hex}`,
    `md5:${hex}`,
    `sha256:${hex}\n`,
    'sha256:../../x',
  ]) {
    assert.equal(parseDigest(text), undefined, text);
  }
});
