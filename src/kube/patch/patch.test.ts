import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ObjectSchema } from '../../objects/schema.ts';
import { applyJsonPatch, jsonPatchOf, MalformedPatch, PatchFailed } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicPatch, BadStrategicPatch } from './strategic.ts';

const LIMIT = 1000;
const json = (document: unknown, ...operations: object[]): unknown =>
  applyJsonPatch(structuredClone(document), jsonPatchOf(operations), LIMIT);

test('JSON patches', () => {
  const document = { a: { b: 1 }, l: [1, 2, 3], 'x/y': { '~': 0 } };
  for (const [operations, expected] of [
    [[{ op: 'add', path: '/a/c', value: null }], { ...document, a: { b: 1, c: null } }],
    [[{ op: 'add', path: '/l/-', value: 4 }], { ...document, l: [1, 2, 3, 4] }],
    [[{ op: 'add', path: '/l/3', value: 4 }], { ...document, l: [1, 2, 3, 4] }],
    [[{ op: 'add', path: '/l/0', value: 0 }], { ...document, l: [0, 1, 2, 3] }],
    [[{ op: 'replace', path: '/l/-1', value: 9 }], { ...document, l: [1, 2, 9] }],
    [[{ op: 'replace', path: '/none', value: 9 }], { ...document, none: 9 }],
    [[{ op: 'remove', path: '/l/1' }], { ...document, l: [1, 3] }],
    [[{ op: 'add', path: '/l/-1', value: 4 }], { ...document, l: [1, 2, 3, 4] }],
    [[{ op: 'add', path: '/l/+1', value: 0 }], { ...document, l: [1, 0, 2, 3] }],
    [[{ op: 'add', path: '/a/c' }], { ...document, a: { b: 1, c: null } }],
    [[{ op: 'copy', from: '/none', path: '/a' }], { ...document, a: null }],
    [[{ op: 'replace', path: '/x~1y/~0', value: 1 }], { ...document, 'x/y': { '~': 1 } }],
    [[{ op: 'move', from: '/a/b', path: '/l/0' }], { ...document, a: {}, l: [1, 1, 2, 3] }],
    [[{ op: 'move', from: '/a', path: '/a' }], { 'x/y': document['x/y'], l: document.l, a: document.a }],
    [[{ op: 'copy', from: '/a', path: '/l/-' }], { ...document, l: [1, 2, 3, { b: 1 }] }],
    [[{ op: 'test', path: '/l', value: [1, 2, 3] }], document],
    [[{ op: 'test', path: '/none', value: null }], document],
    [[{ op: 'replace', path: '', value: { new: 1 } }], { new: 1 }],
    [[], document],
  ] as const) {
    assert.deepEqual(json(document, ...operations), expected, JSON.stringify(operations));
  }
  for (const operation of [
    { op: 'sing', path: '/a' },
    { op: 'add', path: '/none/x', value: 1 },
    { op: 'add', path: '/l/4', value: 1 },
    { op: 'add', path: '/l/x', value: 1 },
    { op: 'remove', path: '/none' },
    { op: 'add', path: '', value: {} },
    { op: 'copy', from: '', path: '/a' },
    { op: 'test', path: '/l/3', value: null },
    { op: 'add', path: 'a', value: 1 },
    { op: 'add', value: 1 },
    { op: 'replace', path: '/l/3', value: 1 },
    { op: 'remove', path: '/l/3' },
    { op: 'remove', path: '/none/x' },
    { op: 'test', path: '/a/b', value: '1' },
    { op: 'test', path: '/none', value: 1 },
    { op: 'move', from: '/a', path: '/a/b/c' },
    { op: 'move', from: '/none', path: '/a' },
    { op: 'copy', path: '/a' },
  ]) {
    assert.throws(() => json(document, operation), PatchFailed, JSON.stringify(operation));
  }
  for (const body of [{ op: 'add' }, [1], [{ op: 1 }], [{ op: 'add', path: 5 }], 'x', null]) {
    assert.throws(() => jsonPatchOf(body), MalformedPatch);
  }
});

test('JSON patches neither grow without bound nor reach prototypes', () => {
  const doubling = new Array(30).fill({ op: 'copy', from: '', path: '/x' });
  assert.throws(() => json({ x: 'xxxxxxxxxxxxxxxxxxxxxxxxxx' }, ...doubling), PatchFailed);
  const result = json({}, { op: 'add', path: '/__proto__', value: { bad: 1 } });
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
  assert.throws(() => json({}, { op: 'add', path: '/constructor/prototype/bad', value: 1 }), PatchFailed);
  assert.throws(() => json({}, { op: 'test', path: '/toString/name', value: 'toString' }), PatchFailed);
});

const value = fc.jsonValue({ maxDepth: 3 });
const object = fc.dictionary(fc.string({ maxLength: 3 }), value, { maxKeys: 4 });

test('a whole document can be replaced, member by member', () => {
  fc.assert(
    fc.property(object, object, (from, to) => {
      const path = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const removals = Object.keys(from).map((key) => ({ op: 'remove', path: path(key) }));
      const additions = Object.entries(to).map(([key, member]) => ({ op: 'add', path: path(key), value: member }));
      assert.equal(JSON.stringify(json(from, ...removals, ...additions)), JSON.stringify(to));
    }),
  );
});

test('merge patches', () => {
  // The examples of RFC 7386, appendix A.
  for (const [target, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    assert.deepEqual(applyMergePatch(target, patch), result);
  }
});

test('merge patches applied twice change nothing more, and do not change what they are given', () => {
  fc.assert(
    fc.property(value, value, (target, patch) => {
      const before = JSON.stringify([target, patch]);
      const once = applyMergePatch(target, patch);
      assert.equal(JSON.stringify(applyMergePatch(once, patch)), JSON.stringify(once));
      assert.equal(JSON.stringify([target, patch]), before);
    }),
  );
});

const schema: ObjectSchema = {
  type: 'object',
  properties: {
    list: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          sub: { type: 'map', values: { type: 'string' } },
          raw: { type: 'any' },
        },
      },
      patchStrategy: 'merge',
      patchMergeKey: 'name',
    },
    words: { type: 'array', items: { type: 'string' }, patchStrategy: 'merge' },
    plain: { type: 'array', items: { type: 'string' } },
    map: { type: 'map', values: { type: 'string' } },
    whole: { type: 'any', patchStrategy: 'replace' },
  },
};
const named = (...names: string[]): object[] => names.map((name) => ({ name }));

test('strategic patches', () => {
  for (const [original, patch, expected] of [
    [{ list: named('a', 'b', 'c') }, { list: named('n') }, { list: named('n', 'a', 'b', 'c') }],
    [
      { list: named('a', 'b') },
      { list: [{ name: 'b', sub: { x: '1' } }] },
      { list: [{ name: 'a' }, { name: 'b', sub: { x: '1' } }] },
    ],
    [
      { list: [{ name: 'a', sub: { x: '1', y: '2' } }] },
      { list: [{ name: 'a', sub: { x: null } }] },
      { list: [{ name: 'a', sub: { y: '2' } }] },
    ],
    [{ list: named('a', 'b') }, { list: [{ name: 'a', $patch: 'delete' }] }, { list: named('b') }],
    [{ list: named('a', 'b') }, { list: [{ $patch: 'replace' }, { name: 'c' }] }, { list: named('c') }],
    [{ list: [{ name: 'a', raw: 1 }] }, { list: [{ name: 'a', $patch: 'replace' }] }, { list: [] }],
    [{ list: named('a') }, { list: null }, {}],
    [{ list: named('a', 'b') }, { '$setElementOrder/list': named('b', 'a') }, { list: named('b', 'a') }],
    [
      { list: named('a', 'b') },
      { '$setElementOrder/list': named('c', 'a', 'b'), list: named('c') },
      { list: named('c', 'a', 'b') },
    ],
    [{ list: named('s', 'a', 'b') }, { '$setElementOrder/list': named('b', 'a') }, { list: named('s', 'b', 'a') }],
    [{}, { '$setElementOrder/list': named('c', 'b', 'a'), list: named('b', 'a') }, { list: named('b', 'a') }],
    [{}, { map: { $patch: 'replace', c: '3' } }, {}],
    [{ map: { a: '1' } }, { map: { $retainKeys: [], a: null } }, { map: {} }],
    [{ words: ['a', 'b'] }, { words: ['c', 'a'] }, { words: ['c', 'a', 'b'] }],
    [{ words: ['a', 'b'] }, { '$deleteFromPrimitiveList/words': ['a'] }, { words: ['b'] }],
    [
      { words: ['a', 'b'] },
      { '$deleteFromPrimitiveList/words': ['a'], '$setElementOrder/words': ['c', 'b'], words: ['c'] },
      { words: ['c', 'b'] },
    ],
    [{ plain: ['a'] }, { plain: ['b'] }, { plain: ['b'] }],
    [{ map: { a: '1', b: '2' } }, { map: { a: null, c: '3' } }, { map: { b: '2', c: '3' } }],
    [{ map: { a: '1', b: '2' } }, { map: { $retainKeys: ['c'], c: '3' } }, { map: { c: '3' } }],
    [{ map: { a: '1' } }, { map: { $patch: 'replace', c: '3' } }, { map: { c: '3' } }],
    [{ map: { a: '1' } }, { map: { $patch: 'delete' } }, { map: {} }],
    [{ whole: { a: 1 } }, { whole: { b: 2 } }, { whole: { b: 2 } }],
    [{}, { map: { a: null, b: '1' } }, { map: { b: '1' } }],
    [{ list: named('a') }, {}, { list: named('a') }],
  ] as const) {
    const before = JSON.stringify([original, patch]);
    assert.deepEqual(applyStrategicPatch(schema, original, patch), expected, before);
    assert.equal(JSON.stringify([original, patch]), before);
  }
  for (const patch of [
    { list: [{ sub: {} }] },
    { list: [{ name: 'a', $patch: 'sing' }] },
    { $patch: 'sing' },
    { map: { $retainKeys: ['a'], b: '1' } },
    { '$setElementOrder/list': 'a' },
    { '$setElementOrder/list': named('b', 'a'), list: named('a', 'b') },
    { '$setElementOrder/list': named('b'), list: named('a') },
    { '$deleteFromPrimitiveList/words': 'a' },
  ]) {
    const original = { list: named('a'), map: { a: '1' }, words: ['a'] };
    assert.throws(() => applyStrategicPatch(schema, original, patch), BadStrategicPatch, JSON.stringify(patch));
  }
});

const scalar = fc.oneof(fc.string({ maxLength: 2 }), fc.integer(), fc.constant(null));
const members = <T>(of: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), of, { maxKeys: 3 });
const nested = members(fc.oneof(scalar, members(fc.oneof(scalar, members(scalar)))));

test('strategic patches without directives and merged lists are merge patches', () => {
  fc.assert(
    fc.property(nested, nested, (target, patch) => {
      const none: ObjectSchema = { type: 'object', properties: {} };
      const expected = JSON.stringify(applyMergePatch(target, patch));
      assert.equal(JSON.stringify(applyStrategicPatch(none, target, patch)), expected);
    }),
  );
});
