import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BLOB_RANGES } from '../limits.ts';
import { parseChunkRange, selectRanges } from './ranges.ts';

test('one range', () => {
  const one = (start: number, end: number) => ({ kind: 'one', range: { start, end } });
  assert.deepEqual(selectRanges('bytes=500-1499', 2000), one(500, 1499));
  assert.deepEqual(selectRanges('bytes=500-', 2000), one(500, 1999));
  assert.deepEqual(selectRanges('bytes=-500', 2000), one(1500, 1999));
  assert.deepEqual(selectRanges('bytes=-5000', 2000), one(0, 1999));
  assert.deepEqual(selectRanges('bytes=1000-5000', 2000), one(1000, 1999));
  assert.deepEqual(selectRanges('bytes=0-0', 1), one(0, 0));
  assert.deepEqual(selectRanges(' Bytes = 0 - 4 ', 2000), one(0, 4));
});

test('no range, and a unit that is not known, are the whole', () => {
  assert.deepEqual(selectRanges(undefined, 5), { kind: 'whole' });
  assert.deepEqual(selectRanges('', 5), { kind: 'whole' });
  assert.deepEqual(selectRanges('lines=1-2', 5), { kind: 'whole' });
});

test('ranges that cannot be had or make no sense are unsatisfiable', () => {
  const headers = ['bytes=500-0', 'bytes=2000-', 'bytes=2000-5000', 'bytes=-0', 'bytes=-', 'bytes=', 'bytes=a-b'];
  for (const header of [...headers, 'bytes=1-2,x', 'rubbish', 'bytes=1-2-3', 'bytes=--1']) {
    assert.deepEqual(selectRanges(header, 2000), { kind: 'unsatisfiable' }, header);
  }
  assert.deepEqual(selectRanges('bytes=0-', 0), { kind: 'unsatisfiable' });
});

test('several ranges stay as many and in the order in which they were asked for', () => {
  assert.deepEqual(selectRanges('bytes=10-19, 0-4,15-29', 100), {
    kind: 'several',
    ranges: [
      { start: 10, end: 19 },
      { start: 0, end: 4 },
      { start: 15, end: 29 },
    ],
  });
});

test('of several ranges those behind the end are left out; one that is left is still answered as one of several', () => {
  assert.deepEqual(selectRanges('bytes=0-4,200-300', 100), { kind: 'several', ranges: [{ start: 0, end: 4 }] });
  assert.deepEqual(selectRanges('bytes=200-,300-', 100), { kind: 'unsatisfiable' });
});

test('ranges that together are much longer than the blob get the whole', () => {
  const size = 8 * 1024 * 1024;
  assert.deepEqual(selectRanges('bytes=0-,0-', size), { kind: 'whole' });
});

test('more ranges than are served are told apart', () => {
  const header = (count: number) => `bytes=${Array.from({ length: count }, (_, at) => `${at}-${at}`).join(',')}`;
  assert.equal(selectRanges(header(BLOB_RANGES), 10_000).kind, 'several');
  assert.equal(selectRanges(header(BLOB_RANGES + 1), 10_000).kind, 'too many');
});

test('whatever is asked for, what is selected lies inside the blob', () => {
  const bound = fc.option(fc.nat(120), { nil: '' });
  const spec = fc.tuple(bound, bound).map(([from, to]) => `${from}-${to}`);
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 6 }), fc.nat(100), (specs, size) => {
      const selection = selectRanges(`bytes=${specs.join(',')}`, size);
      const ranges =
        selection.kind === 'one' ? [selection.range] : selection.kind === 'several' ? selection.ranges : [];
      for (const { start, end } of ranges) assert.ok(0 <= start && start <= end && end < size);
      if (selection.kind === 'several') assert.ok(specs.length > 1 && ranges.length <= specs.length);
    }),
  );
});

test('the Content-Range of a chunk', () => {
  assert.deepEqual(parseChunkRange('0-99'), { start: 0, end: 99 });
  assert.deepEqual(parseChunkRange('bytes 5-9/10'), { start: 5, end: 9 });
  assert.deepEqual(parseChunkRange('bytes=5-9'), { start: 5, end: 9 });
  for (const header of ['', '5', '9-5', '-5', '5-', 'a-b', '0-99,100-199', '1-99999999999999999']) {
    assert.equal(parseChunkRange(header), undefined, header);
  }
});
