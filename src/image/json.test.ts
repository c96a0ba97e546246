import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JSON_DEPTH } from '../limits.ts';
import { isJsonObject, JsonInvalid, parseJson } from './json.ts';

test('what the platform parses is parsed', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 1, 3), (value, space) => {
      const text = JSON.stringify(value, null, space);
      assert.deepEqual(parseJson(text), JSON.parse(text));
      assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text));
    }),
  );
});

test('depth is refused before anything recurses', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.ok(parseJson(nested(JSON_DEPTH)));
  assert.throws(() => parseJson(nested(JSON_DEPTH + 1)), {
    name: 'JsonInvalid',
    message: `nested deeper than ${JSON_DEPTH} levels at line 1, column ${JSON_DEPTH + 1} (offset ${JSON_DEPTH})`,
  });
  assert.throws(() => parseJson('['.repeat(3_000_000)), JsonInvalid);
  assert.throws(() => parseJson('{"a":'.repeat(100_000), { depth: 2 }), { offset: 10 });
  assert.throws(() => parseJson('[['.repeat(9), { depth: 1_000 }), JsonInvalid);
  assert.ok(parseJson('[[[]]]', { depth: 3 }));
  assert.throws(() => parseJson('[[[]]]', { depth: 2 }), JsonInvalid);
});

test('brackets in strings do not count as depth', () => {
  for (const inside of ['[[[[', '\\"[[[[', '\\\\', '{\\\\\\"{{{', '']) {
    assert.deepEqual(parseJson(`["${inside}",["x"]]`, { depth: 2 }), JSON.parse(`["${inside}",["x"]]`));
  }
});

const FAULTS: readonly (readonly [string, string])[] = [
  ['', 'expected a value but found the end at line 1, column 1 (offset 0)'],
  ['not json', 'expected a value but found "n" at line 1, column 1 (offset 0)'],
  ['{', 'expected a member name in double quotes or "}" but found the end at line 1, column 2 (offset 1)'],
  ['{"a" 1}', 'expected ":" but found "1" at line 1, column 6 (offset 5)'],
  ['{"a":1,}', 'expected a member name in double quotes but found "}" at line 1, column 8 (offset 7)'],
  ['{"a":}', 'expected a value but found "}" at line 1, column 6 (offset 5)'],
  ['{"a":1 "b":2}', 'expected "," or "}" but found "\\"" at line 1, column 8 (offset 7)'],
  ['[1,]', 'expected a value but found "]" at line 1, column 4 (offset 3)'],
  ['[1 2]', 'expected "," or "]" but found "2" at line 1, column 4 (offset 3)'],
  ['[}', 'expected a value or "]" but found "}" at line 1, column 2 (offset 1)'],
  ['[\n  1,\n  01\n]', 'expected a value but found "0" at line 3, column 3 (offset 9)'],
  ['{} {}', 'unexpected "{" after the document at line 1, column 4 (offset 3)'],
  ['["a', 'string without end at line 1, column 2 (offset 1)'],
  ['["a\\x"]', 'unknown escape in a string at line 1, column 4 (offset 3)'],
  ['["a\n"]', 'unescaped control character "\\n" in a string at line 1, column 4 (offset 3)'],
  ['nul', 'expected a value but found "n" at line 1, column 1 (offset 0)'],
  ['truex', 'expected a value but found "t" at line 1, column 1 (offset 0)'],
  ['1.', 'expected a value but found "1" at line 1, column 1 (offset 0)'],
  ['\ufeff{}', 'expected a value but found "\ufeff" at line 1, column 1 (offset 0)'],
];

test('a fault is named with its place', () => {
  for (const [text, message] of FAULTS) {
    assert.throws(() => parseJson(text), { name: 'JsonInvalid', message }, JSON.stringify(text));
    assert.throws(() => parseJson(Buffer.from(text)), { message }, JSON.stringify(text));
  }
});

test('bytes that are not UTF-8 are replaced inside strings and refused elsewhere', () => {
  assert.deepEqual(parseJson(Buffer.from([0x22, 0x61, 0xff, 0x22])), 'a\ufffd');
  assert.throws(() => parseJson(Buffer.from([0xff, 0x31])), JsonInvalid);
  assert.throws(() => parseJson(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])), JsonInvalid);
  assert.deepEqual(parseJson(new Uint8Array([0x20, 0x31]).subarray(1)), 1);
});

test('a member called __proto__ is only a member', () => {
  const value = parseJson('{"__proto__":{"mediaType":"x"}}');
  assert.ok(isJsonObject(value));
  assert.equal(value.mediaType, undefined);
});

test('objects are told from null and lists', () => {
  assert.ok(isJsonObject({}));
  assert.ok(![null, [], 'a', 1, undefined].some(isJsonObject));
});

/** Valid JSON, then damaged: a piece cut out, doubled or replaced. */
const damaged = fc
  .tuple(fc.json(), fc.nat(), fc.nat(8), fc.constantFrom('', '"', '\\', '[', '}', ',', ':', '0', '\n', '\u0001', 'e'))
  .map(([text, at, length, piece]) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + piece + text.slice(start + length);
  });

test('exactly what the platform refuses is refused, with JsonInvalid', () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.string(), fc.string({ unit: 'binary' })), (text) => {
      let expected: unknown;
      let refused = false;
      try {
        expected = JSON.parse(text);
      } catch {
        refused = true;
      }
      if (refused) {
        assert.throws(() => parseJson(text, { depth: 1000 }), JsonInvalid);
      } else {
        assert.deepEqual(parseJson(text, { depth: 1000 }), expected);
      }
    }),
    { numRuns: 1000 },
  );
});

test('arbitrary bytes give a value or JsonInvalid', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        parseJson(bytes);
      } catch (error) {
        assert.ok(error instanceof JsonInvalid);
        assert.ok(error.offset >= 0 && error.line >= 1 && error.column >= 1);
      }
    }),
  );
});
