import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareKeys } from '../key.ts';
import { KeySet } from './keyset.ts';

/** Few different keys, so that many are met again; enough for several pieces. Some are not ordered in UTF-16 as in UTF-8. */
const key = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 0, max: 3000 }).map((number) => `k${number.toString(36)}`) },
  { weight: 1, arbitrary: fc.constantFrom('k\ud7ff', 'k\ufffd', 'k💧', 'k\u{10ffff}', '\uffff', 'k') },
);

test('it holds what a plain set holds, in order', () => {
  const step = fc.record({ add: fc.boolean(), key });
  fc.assert(
    fc.property(
      fc.array(key, { maxLength: 2000 }),
      fc.array(step, { maxLength: 3000 }),
      key,
      key,
      (first, steps, a, b) => {
        const model = new Set([...new Set(first)].sort(compareKeys));
        const keys = new KeySet();
        keys.append([...model]);
        for (const { add, key } of steps) {
          if (add) {
            keys.add(key);
            model.add(key);
          } else {
            keys.delete(key);
            model.delete(key);
          }
        }
        const sorted = [...model].sort(compareKeys);
        assert.equal(keys.size, sorted.length);
        assert.deepEqual(keys.slice('', undefined, Number.POSITIVE_INFINITY), sorted);
        const between = sorted.filter((each) => compareKeys(each, a) >= 0 && compareKeys(each, b) < 0);
        assert.deepEqual(keys.slice(a, b, 7), between.slice(0, 7));
        assert.equal(keys.count(a, b), between.length);
        assert.equal(keys.has(a), model.has(a));
      },
    ),
    { numRuns: 40 },
  );
});

test('very many keys that are added one by one stay in order', () => {
  const keys = new KeySet();
  const names = Array.from({ length: 5000 }, (_, index) => `${(index * 7919) % 5000}`.padStart(5, '0'));
  for (const name of names) keys.add(name);
  assert.deepEqual(keys.slice('', undefined, Number.POSITIVE_INFINITY), names.toSorted());
  assert.equal(keys.count('01000', undefined), 4000);
  for (const name of names) keys.delete(name);
  assert.equal(keys.size, 0);
  assert.deepEqual(keys.slice('', undefined, 1), []);
});
