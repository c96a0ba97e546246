import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ImageMatch, matchImage } from './lookup.ts';

const one = `sha256:6b31${'0'.repeat(60)}`;
const two = `sha256:6b32${'0'.repeat(60)}`;
const long = `sha512:6b31${'0'.repeat(124)}`;
const match = (name: string): ImageMatch => ({ kind: 'match', name });
const none: ImageMatch = { kind: 'none' };

test('a digest is found by a prefix of its hexadecimal part or of the whole', () => {
  const all = [one, two].sort();
  for (const id of [one, one.slice(0, 12), one.slice(7), '6b31', '6b310']) {
    assert.deepEqual(matchImage(all, id), match(one), id);
  }
  for (const id of ['', 'b31', '6B31', one.toUpperCase(), `${one}0`, 'sha512:6b31', 'x', 'sha256:7']) {
    assert.deepEqual(matchImage(all, id), none, id);
  }
});

test('another name is found by a prefix of the name, and by nothing else', () => {
  const all = ['plain-name', 'sha256:xyz', 'sha256:6b31'].sort();
  assert.deepEqual(matchImage(all, 'plain-n'), match('plain-name'));
  assert.deepEqual(matchImage(all, 'sha256:x'), match('sha256:xyz'));
  assert.deepEqual(matchImage(all, 'xyz'), none);
  assert.deepEqual(matchImage(all, '6b31'), none);
});

test('of several the exact name comes first, then the smallest', () => {
  assert.deepEqual(matchImage([one, two], 's'), { kind: 'several', names: [one, two] });
  assert.deepEqual(matchImage([one, two], '6b3'), { kind: 'several', names: [one, two] });
  assert.deepEqual(matchImage([one, long].sort(), '6b31'), { kind: 'several', names: [one, long] });
  assert.deepEqual(matchImage(['app', 'app2'], 'app'), { kind: 'several', names: ['app', 'app2'] });
  assert.deepEqual(matchImage(['6b31a', one].sort(), '6b31'), { kind: 'several', names: ['6b31a', one] });
  const exact = '6b31';
  assert.deepEqual(matchImage(['0', exact, one].sort(), exact), { kind: 'several', names: [exact, one] });
});

test('it finds what a look at every candidate finds', () => {
  const hex = fc.stringMatching(/^[ab]{2}$/);
  const digest = hex.map((start) => `sha256:${start.padEnd(64, '0')}`);
  const name = fc.oneof(digest, hex, fc.constantFrom('sha256:ab', 'sha512:', 's', 'app', 'a'));
  const id = fc.oneof(hex, digest, fc.constantFrom('s', 'sha', 'sha256:', 'a', 'sha256:a', 'ap', '0'));
  fc.assert(
    fc.property(fc.uniqueArray(name), id, (names, wanted) => {
      const slow = names.filter((candidate) => {
        const isDigest = /^sha256:[0-9a-f]{64}$/.test(candidate);
        return candidate.startsWith(wanted) || (isDigest && candidate.slice(7).startsWith(wanted));
      });
      const found = matchImage(names.toSorted(), wanted);
      const fast = found.kind === 'several' ? found.names : found.kind === 'match' ? [found.name] : [];
      assert.deepEqual([...fast].sort(), slow.sort());
      assert.ok(!slow.includes(wanted) || fast[0] === wanted);
    }),
  );
});
