import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_NAMESPACE, isTag, parseRepositoryName } from './name.ts';
import { parseReference } from './reference.ts';

test('one or two parts are a repository', () => {
  assert.deepEqual(parseRepositoryName('app'), { valid: true, namespace: DEFAULT_NAMESPACE, stream: 'app' });
  assert.deepEqual(parseRepositoryName('my-ns/a.b_c-1'), { valid: true, namespace: 'my-ns', stream: 'a.b_c-1' });
  assert.equal(parseRepositoryName('conformance/repo1').valid, true);
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /empty; use namespace\/stream/],
  [
    'a/b/c',
    /has 3 parts, but a repository here is an image stream in a namespace; use namespace\/stream, for example a\/b-c/,
  ],
  ['A/b', /"A" in "A\/b" is not a valid part/],
  ['a//b', /"" in "a\/\/b" is not a valid part/],
  ['/a', /not a valid part/],
  ['a/', /not a valid part/],
  ['a/..', /not a valid part/],
  ['a/b\n', /not a valid part/],
  ['a/-b', /not a valid part/],
  ['n_s/a', /"n_s" cannot be a namespace/],
  ['n.s/a', /"n.s" cannot be a namespace/],
  [`${'n'.repeat(64)}/a`, /cannot be a namespace/],
  ['n/a__b', /"a__b" cannot be the name of an image stream/],
  ['n/a--b', /cannot be the name of an image stream/],
  [`n/${'a'.repeat(254)}`, /at most 255 characters, this one has 256/],
  ['a'.repeat(255), /is too long/],
];

test('other names are refused with a reason', () => {
  for (const [name, reason] of REFUSED) {
    const parsed = parseRepositoryName(name);
    assert.ok(!parsed.valid, name);
    assert.match(parsed.reason, reason);
  }
});

test('every repository name makes a valid reference', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9._/-]{1,40}$/), (text) => {
      const parsed = parseRepositoryName(text);
      if (parsed.valid) {
        const { namespace, stream } = parsed;
        const reference = parseReference(`host.test:5000/${namespace}/${stream}`);
        assert.deepEqual([reference.namespace, reference.name], [namespace, stream]);
      }
    }),
  );
});

test('tags', () => {
  for (const tag of ['latest', '1.0', '_x', 'A-b.c_d', '0', 'x'.repeat(128)]) {
    assert.ok(isTag(tag), tag);
  }
  for (const tag of ['', '.a', '-a', 'a:b', 'a/b', 'é', 'a\n', 'sha256:00', 'x'.repeat(129)]) {
    assert.ok(!isTag(tag), tag);
  }
});
