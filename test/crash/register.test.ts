import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { disorder, type Operation } from './register.ts';

const write = (value: string, begin: number, end?: number): Operation => ({ kind: 'write', value, begin, end });
const read = (value: string, begin: number, end: number): Operation => ({ kind: 'read', value, begin, end });

const GOOD: Readonly<Record<string, readonly Operation[]>> = {
  'nothing at all': [],
  'reads of what is there before any write': [read('', 0, 1), read('', 0, 5)],
  'one after the other': [write('a', 0, 1), read('a', 2, 3), write('b', 4, 5), read('b', 6, 7)],
  'a read beside a write sees the old value or the new': [
    write('a', 0, 1),
    write('b', 2, 10),
    read('a', 3, 4),
    read('b', 5, 6),
  ],
  'two writes at once, in either order': [write('a', 0, 10), write('b', 0, 10), read('b', 11, 12)],
  'a write without an answer that was never made': [
    write('a', 0, 1),
    write('b', 2),
    read('a', 3, 4),
    read('a', 90, 91),
  ],
  'a write without an answer that was made late': [write('a', 0, 1), write('b', 2), read('a', 3, 4), read('b', 90, 91)],
};

const BAD: Readonly<Record<string, readonly Operation[]>> = {
  'a read of what nobody wrote': [read('a', 0, 1)],
  'a read before its write': [read('a', 0, 1), write('a', 2, 3)],
  'an old value after the new one was read': [write('a', 0, 1), write('b', 2, 10), read('b', 3, 4), read('a', 5, 6)],
  'an old value after the new one was acknowledged': [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)],
  'a lost write': [write('a', 0, 1), read('', 2, 3)],
  'a write that comes back': [write('a', 0, 1), read('a', 2, 3), write('b', 4, 5), read('b', 6, 7), read('a', 8, 9)],
  'a write without an answer that comes and goes': [write('a', 0, 1), write('b', 2), read('b', 3, 4), read('a', 5, 6)],
};

for (const [what, history] of Object.entries(GOOD)) {
  test(`good: ${what}`, () => assert.equal(disorder(history), undefined));
}
for (const [what, history] of Object.entries(BAD)) {
  test(`bad: ${what}`, () => assert.notEqual(disorder(history), undefined));
}

/** The same question by trying every order. */
function hasOrder(left: readonly Operation[], now: string): boolean {
  const certain = left.filter(({ end }) => end !== undefined);
  if (certain.length === 0) return true;
  const bound = Math.min(...certain.map(({ end = 0 }) => end));
  return left.some((next) => {
    if (next.begin > bound || (next.kind === 'read' && next.value !== now)) return false;
    return hasOrder(
      left.filter((other) => other !== next),
      next.kind === 'write' ? next.value : now,
    );
  });
}

test('it says the same as trying every order', () => {
  const moment = fc.integer({ min: 0, max: 12 });
  const operation = fc.record({
    kind: fc.constantFrom<Operation['kind']>('write', 'read', 'read'),
    value: fc.constantFrom('', 'a', 'b', 'c'),
    at: moment,
    length: fc.integer({ min: 0, max: 5 }),
    known: fc.boolean(),
  });
  let good = 0;
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 7 }), (drawn) => {
      const written = new Set(['']);
      const history: Operation[] = [];
      for (const [index, { kind, value, at, length, known }] of drawn.entries()) {
        if (kind === 'write' && written.has(value)) continue;
        if (kind === 'write') written.add(value);
        // No two moments are the same, so that it is clear what came before what.
        const begin = at + index / 100;
        history.push({ kind, value, begin, end: kind === 'read' || known ? begin + length + 0.005 : undefined });
      }
      const orderly = hasOrder(history, '');
      if (orderly && history.length > 3) good += 1;
      assert.equal(disorder(history) === undefined, orderly);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(good > 100, `${good} long histories were good`);
});
