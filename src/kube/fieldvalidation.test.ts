import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFields, fieldFindings, inBodyOrder, strictDecodingError } from './fieldvalidation.ts';
import { findingsIn } from './jsonsurvey.ts';

const CONFIG_MAP = { kind: 'ConfigMap', version: 'v1' };
const FOUND = { unknown: ['metadata.odd', 'unknown'], duplicates: ['data.k', 'data'] };
const CLEAN = { unknown: [], duplicates: [] };

test('Strict refuses with all that was found', () => {
  assert.throws(() => checkFields('Strict', CONFIG_MAP, { ...CLEAN, unknown: FOUND.unknown }), {
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.odd", unknown field "unknown"',
  });
  assert.throws(() => checkFields('Strict', CONFIG_MAP, { ...CLEAN, duplicates: FOUND.duplicates }), {
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.k", duplicate field "data"',
  });
  assert.deepEqual(checkFields('Strict', CONFIG_MAP, CLEAN), []);
});

test('Warn warns of each, Ignore says nothing', () => {
  assert.deepEqual(checkFields('Warn', CONFIG_MAP, FOUND), [
    'duplicate field "data.k"',
    'duplicate field "data"',
    'unknown field "metadata.odd"',
    'unknown field "unknown"',
  ]);
  assert.deepEqual(checkFields('Ignore', CONFIG_MAP, FOUND), []);
});

test('a wrong type is refused in every mode', () => {
  const wrongTypes = [
    { path: 'data.a', message: 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string' },
  ];
  for (const mode of ['Strict', 'Warn', 'Ignore'] as const) {
    assert.throws(() => checkFields(mode, CONFIG_MAP, { ...FOUND, wrongTypes }), {
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    });
  }
});

test('the words for a patch', () => {
  const words = fieldFindings({ unknown: ['a'], duplicates: ['b'] });
  assert.equal(strictDecodingError(words), 'strict decoding error: duplicate field "b", unknown field "a"');
});

test('what a text repeats and what is not known are told in its order', () => {
  const text = '{"spec":{"odd":1,"n":2,"n":3,"list":[{"z":1,"z":2}],"odd":1},"more":1}';
  const inOrder = findingsIn(text, ['more', 'spec.list[0].z', 'spec.odd']);
  assert.deepEqual(fieldFindings({ unknown: [], duplicates: [], inOrder }), [
    'unknown field "spec.odd"',
    'duplicate field "spec.n"',
    'unknown field "spec.list[0].z"',
    'duplicate field "spec.list[0].z"',
    'duplicate field "spec.odd"',
    'unknown field "more"',
  ]);
});

test('unknown members of a body are told in its order, depth first', () => {
  const body = { odd: 1, spec: { tags: [{ z: 1, name: 'a', b: 2 }], more: 3 }, 'a.b': 4 };
  const paths = ['a.b', 'odd', 'spec.more', 'spec.tags[0].b', 'spec.tags[0].z'];
  assert.deepEqual(inBodyOrder(body, paths), ['odd', 'spec.tags[0].z', 'spec.tags[0].b', 'spec.more', 'a.b']);
});
