import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Layout } from './layout.ts';

const layout = new Layout('/p');

test('keys go there and back, and other programs have none', () => {
  for (const key of ['/images/sha256:1', 'a', 'é💧', '\u{10ffff}']) assert.equal(layout.nameOf(layout.key(key)), key);
  for (const key of ['/p/data', '/p/format', '/p/last', '/p/leaders/x', '/q/data/x']) {
    assert.equal(layout.nameOf(Buffer.from(key)), undefined);
  }
  assert.equal(layout.nameOf(Buffer.concat([layout.key('/x'), Buffer.of(0xff)])), undefined);
  assert.equal(layout.nameOf(layout.key('/\ufffd')), '/\ufffd');
});

test('what is foreign is all of the prefix but the own keys', () => {
  const isForeign = (key: string): boolean => {
    const bytes = Buffer.from(key);
    return layout.foreign.some(({ from, to }) => bytes.compare(from) >= 0 && bytes.compare(to) < 0);
  };
  for (const own of ['/p/data', '/p/data/x', '/p/format', '/p/last', '/p/leaders/compaction']) {
    assert.equal(isForeign(own), false, own);
  }
  for (const other of [
    '/p/',
    '/p/a',
    '/p/dat',
    '/p/e',
    '/p/formats',
    '/p/lasting',
    '/p/leaders',
    '/p/z',
    '/p/\u{10ffff}',
  ]) {
    assert.equal(isForeign(other), true, other);
  }
  for (const outside of ['/p', '/p0', '/o/last', '/']) assert.equal(isForeign(outside), false, outside);
});

test('the keys with a prefix end where others begin', () => {
  const within = (prefix: string, key: string): boolean => {
    const { from, to } = layout.below(prefix);
    return layout.key(key).compare(from) >= 0 && layout.key(key).compare(to) < 0;
  };
  assert.ok(within('/a', '/a') && within('/a', '/a\u{10ffff}') && !within('/a', '/b') && within('', '/z'));
});
