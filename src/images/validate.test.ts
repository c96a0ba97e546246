import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateImage } from './validate.ts';

test('the digest of a child is any text that holds one, and a long text that holds none is seen to hold none at once', () => {
  const isFine = (digest: string): boolean => {
    const child = { digest, mediaType: 'a/b', manifestSize: 1, architecture: 'amd64', os: 'linux' };
    const errors = validateImage({
      metadata: {},
      dockerImageReference: 'quay.test/a/b',
      dockerImageManifests: [child],
    });
    assert.ok(errors.every(({ field }) => field === 'dockerImageManifests[0].digest'));
    return errors.length === 0;
  };
  for (const digest of ['sha256:00', 'sha+x.y:=', '!!a:-!!', 'A1:B']) assert.ok(isFine(digest), digest);
  for (const digest of ['', 'sha256', 'sha256:', ':a', 'A:b', '-:b', 'a'.repeat(1_000_000)]) assert.ok(!isFine(digest));
});
