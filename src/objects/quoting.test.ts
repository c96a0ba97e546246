import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoted, shownValue } from './quoting.ts';

test('texts are quoted as Go does', () => {
  assert.equal(quoted('a"b\\c'), '"a\\"b\\\\c"');
  assert.equal(quoted('\x07\b\f\n\r\t\v\x01\x7f'), '"\\a\\b\\f\\n\\r\\t\\v\\x01\\x7f"');
  assert.equal(quoted('grün 世界 ✓ 🙂'), '"grün 世界 ✓ 🙂"');
  assert.equal(quoted('\u200b\u00a0\ufeff\u{e0001}'), '"\\u200b\\u00a0\\ufeff\\U000e0001"');
});

test('values are shown as in field errors', () => {
  assert.equal(shownValue('x'), '"x"');
  assert.equal(shownValue(-1), '-1');
  assert.equal(shownValue(true), 'true');
  assert.equal(shownValue(undefined), 'null');
  assert.equal(shownValue(['<a>&']), '["\\u003ca\\u003e\\u0026"]');
});
