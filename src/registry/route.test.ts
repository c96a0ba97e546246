import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRoute } from './route.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test('the ends of the API', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['/v2', 'ping', '', ''],
    ['/v2/', 'ping', '', ''],
    ['/v2/_catalog', 'catalog', '', ''],
    ['/openshift/token', 'token', '', ''],
    ['/v2/a/b/manifests/v1', 'manifest', 'a/b', 'v1'],
    [`/v2/a/b/manifests/${DIGEST}`, 'manifest', 'a/b', DIGEST],
    [`/v2/a/b/blobs/${DIGEST}`, 'blob', 'a/b', DIGEST],
    ['/v2/a/b/blobs/uploads/', 'uploads', 'a/b', ''],
    ['/v2/a/b/blobs/uploads', 'uploads', 'a/b', ''],
    ['/v2/a/b/blobs/uploads/123', 'upload', 'a/b', '123'],
    ['/v2/a/b/tags/list', 'tags', 'a/b', ''],
    [`/v2/a/b/referrers/${DIGEST}`, 'referrers', 'a/b', DIGEST],
  ];
  for (const [path, kind, name, last] of cases) assert.deepEqual(parseRoute(path), { kind, name, last }, path);
});

test('parts of a name may be called as the API calls its own', () => {
  assert.deepEqual(parseRoute('/v2/blobs/manifests/manifests/tags'), {
    kind: 'manifest',
    name: 'blobs/manifests',
    last: 'tags',
  });
  assert.deepEqual(parseRoute('/v2/tags/list/tags/list'), { kind: 'tags', name: 'tags/list', last: '' });
  assert.deepEqual(parseRoute('/v2/blobs/uploads/blobs/uploads/'), {
    kind: 'uploads',
    name: 'blobs/uploads',
    last: '',
  });
  assert.deepEqual(parseRoute('/v2/uploads/blobs/blobs/uploads/1'), {
    kind: 'upload',
    name: 'uploads/blobs',
    last: '1',
  });
  assert.deepEqual(parseRoute('/v2/manifests/manifests/manifests'), {
    kind: 'manifest',
    name: 'manifests',
    last: 'manifests',
  });
});

test('a colon that was escaped is a colon', () => {
  assert.equal(parseRoute(`/v2/a/b/manifests/${DIGEST.replace(':', '%3A')}`).last, DIGEST);
});

test('what is no end of the API is none', () => {
  const paths = [
    '',
    '/',
    '/v2/a',
    '/v2/a/b',
    '/v2/tags/list',
    '/v2/manifests/x',
    '/v1/a/manifests/x',
    '/v2/a/manifests/',
  ];
  const more = ['/v2/a/uploads/1', '/v2/a/tags/x', '/v2/%zz/manifests/x', '/v2/a/_oci/ext/discover', '/v2x', '/V2/'];
  for (const path of [...paths, ...more]) assert.equal(parseRoute(path).kind, 'none', path);
});

test('any name and any reference come back as they went in', () => {
  const part = fc.constantFrom('blobs', 'manifests', 'tags', 'list', 'uploads', 'referrers', 'a', 'b.c', '_catalog');
  const names = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(names, part, (name, last) => {
      assert.deepEqual(parseRoute(`/v2/${name}/manifests/${last}`), { kind: 'manifest', name, last });
      assert.deepEqual(parseRoute(`/v2/${name}/blobs/uploads/${last}`), { kind: 'upload', name, last });
      assert.deepEqual(parseRoute(`/v2/${name}/tags/list`), { kind: 'tags', name, last: '' });
    }),
  );
});
