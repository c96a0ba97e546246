import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkKey, compareKeys, keyAfter, prefixEnd } from './key.ts';
import { StoreError } from './store.ts';

const point = fc.oneof(
  fc.constantFrom('/', '#', 'a', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((text) => text !== '\0'),
);
const key = fc.array(point, { maxLength: 5 }).map((points) => points.join(''));

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test('keys are ordered as their UTF-8 bytes', () => {
  fc.assert(fc.property(key, key, (a, b) => Math.sign(compareKeys(a, b)) === bytewise(a, b)));
});

test('exactly the keys with a prefix lie between it and its end', () => {
  fc.assert(
    fc.property(key, key, fc.boolean(), (prefix, rest, inside) => {
      const candidate = inside ? prefix + rest : rest;
      const end = prefixEnd(prefix);
      assert.ok(end === undefined || end.isWellFormed());
      const between = compareKeys(candidate, prefix) >= 0 && (end === undefined || compareKeys(candidate, end) < 0);
      assert.equal(between, candidate.startsWith(prefix));
    }),
  );
});

test('nothing lies between a key and the text after it', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.ok(compareKeys(a, keyAfter(a)) < 0);
      assert.equal(compareKeys(b, a) > 0, compareKeys(b, keyAfter(a)) >= 0);
    }),
  );
});

test('what UTF-8 cannot hold is no key', () => {
  for (const text of ['a\0', '\ud800', 'x\udfff', '\udfff\ud800']) assert.throws(() => checkKey(text), StoreError);
  for (const text of ['', 'a', '💧', '\u{10ffff}']) checkKey(text);
});
