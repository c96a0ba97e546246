import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeContinue, encodeContinue } from './continuetoken.ts';
import { labelsOf, metadataBytes } from './metadatabytes.ts';

test('metadata is found whatever it and the rest of the object hold', () => {
  const text = fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', 'a', 'é', '"labels":{', '\n'), maxLength: 8 });
  // Node 26 takes a name for another that differs in what follows its backslash, if it has just read that one
  // (JSON.parse of {"a":1,"\\\\":2} and then of {"a":1,"\\"":2}), so no name here holds an escape; texts may.
  const name = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'é', 'labels:{'), maxLength: 8 });
  const labels = fc.dictionary(name, text, { maxKeys: 3 });
  fc.assert(
    fc.property(labels, fc.dictionary(name, text, { maxKeys: 3 }), text, (given, annotations, spec) => {
      const metadata = { resourceVersion: '', annotations, labels: given };
      const bytes = Buffer.from(`${JSON.stringify({ metadata, spec, labels: { not: 'these' } })}\n{"facts":1}`);
      assert.equal(metadataBytes(bytes).toString(), JSON.stringify(metadata));
      assert.equal(JSON.stringify(labelsOf(bytes)), JSON.stringify(given));
    }),
  );
  assert.throws(() => metadataBytes(Buffer.from('{"metadata":{"a":"b')));
});

test('continue tokens say what they were made of, and nothing else is one', () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: 1 }), { nil: undefined }),
      fc.string({ unit: 'grapheme' }),
      (revision, key) => {
        const token = { revision, after: `/widgets/${key.replaceAll('\0', '')}` };
        assert.deepEqual(decodeContinue('/widgets/', encodeContinue('/widgets/', token)), token);
      },
    ),
  );
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const odd of [
    'x',
    '',
    encoded(null),
    encoded({ v: 2, k: 'a' }),
    encoded({ v: 1, r: -1, k: 'a' }),
    encoded({ v: 1, k: 'a\0' }),
    encoded({ v: 1 }),
  ]) {
    assert.throws(() => decodeContinue('/widgets/', odd), /continue key is not valid/);
  }
});
