import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { prioritised } from './tagorder.ts';

test('latest, then minor versions, then full ones, then the rest', () => {
  const tags = [
    'b',
    '1.0.0',
    '4.5-beta',
    'v5',
    '1.2',
    'v1.2',
    'latest',
    'a',
    '1.10',
    '2.0.0-rc1',
    '2.0.0',
    'v2.0.0',
    '01.2.3',
  ];
  assert.deepEqual(prioritised(tags), [
    'latest',
    '4.5-beta',
    '1.10',
    '1.2',
    'v1.2',
    '2.0.0',
    'v2.0.0',
    '2.0.0-rc1',
    '1.0.0',
    '01.2.3',
    'a',
    'b',
    'v5',
  ]);
});

test('prereleases by the rules of semver', () => {
  const order = [
    '1.0.0',
    '1.0.0-rc.1',
    '1.0.0-beta.11',
    '1.0.0-beta.2',
    '1.0.0-beta',
    '1.0.0-alpha.beta',
    '1.0.0-alpha.1',
    '1.0.0-alpha',
  ];
  assert.deepEqual(prioritised(order.toSorted()), order);
});

test('the order does not depend on the order before, and nothing is lost', () => {
  const tag = fc.stringMatching(/^v?[0-2](\.[0-2]){0,2}(-[a0-2](\.[a0-2])?)?$/);
  fc.assert(
    fc.property(fc.uniqueArray(tag), (tags) => {
      const sorted = prioritised(tags);
      assert.deepEqual(prioritised(tags.toReversed()), sorted);
      assert.deepEqual(sorted.toSorted(), tags.toSorted());
    }),
  );
});
