import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedCache } from './cache.ts';

test('room is made by what nobody has asked for', () => {
  const cache = new BoundedCache<number>(100);
  for (let key = 0; key < 100; key++) cache.set(String(key), key, 1);
  for (const key of ['0', '7', '50']) assert.equal(cache.get(key), Number(key));
  cache.set('new', 1, 1);
  assert.equal(cache.cost, 95);
  assert.deepEqual(
    ['0', '1', '6', '7', '8', '50', '99', 'new'].map((key) => cache.get(key)),
    [0, undefined, undefined, 7, 8, 50, 99, 1],
  );
});

test('what was used once only is not kept for ever', () => {
  const cache = new BoundedCache<number>(10);
  cache.set('used', 1, 1);
  cache.get('used');
  for (let key = 0; key < 40; key++) cache.set(String(key), key, 1);
  assert.equal(cache.get('used'), undefined);
});

test('whatever is put in and asked for: it never holds more than its limit, and gives what was put in last or nothing', () => {
  const step = fc.record({
    op: fc.constantFrom('set', 'set', 'get', 'delete'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    cost: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new BoundedCache<number>(10);
      const last = new Map<string, { value: number; cost: number }>();
      for (const [value, { op, key, cost }] of steps.entries()) {
        if (op === 'set') {
          cache.set(key, value, cost);
          last.set(key, { value, cost });
          if (cost <= 10) assert.equal(cache.get(key), value);
        } else if (op === 'get') {
          const found = cache.get(key);
          if (found !== undefined) assert.equal(found, last.get(key)?.value);
        } else {
          cache.delete(key);
          last.delete(key);
        }
        const held = [...last].filter(([name]) => cache.get(name) !== undefined);
        assert.equal(
          cache.cost,
          held.reduce((sum, [, entry]) => sum + entry.cost, 0),
        );
        assert.ok(cache.cost <= 10);
      }
    }),
  );
});
