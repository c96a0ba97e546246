import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareNames, yamlText } from './yaml.ts';

test('members stand in the order of their names, lists as they are', () => {
  const value = { kind: 'K', apiVersion: 'v1', items: [{ b: 1, a: [] }, {}], metadata: null };
  const text = 'apiVersion: v1\nitems:\n- a: []\n  b: 1\n- {}\nkind: K\nmetadata: null\n';
  assert.equal(yamlText(value), text);
});

test('names in the order of Go’s library: what is no letter first, numbers by what they are worth', () => {
  const ordered = ['A', 'a', 'a-b', 'a.b/c', 'a_b', 'a2', 'a10', 'aa', 'b', 'b007', 'b10a', 'b100'];
  assert.deepEqual([...ordered].reverse().sort(compareNames), ordered);
  assert.equal(compareNames('a', 'a'), 0);
  assert.ok(compareNames('a1b', 'a1-') < 0, 'after a digit letters come first');
});

test('text that YAML 1.1 would take for something else has double quotes, what only needs some has single ones', () => {
  const texts = [
    'yes',
    'on',
    '',
    '~',
    'null',
    '1e3',
    '0777',
    '12:30',
    '1_000',
    '2020-01-01T00:00:00Z',
    'a\tb',
    '\u0001',
  ];
  for (const text of texts) assert.match(yamlText({ key: text }), /^key: ".*"\n$/s, text);
  for (const text of ['a: b', '- x', '@x', '#x', ' lead', '%x'])
    assert.equal(yamlText({ key: text }), `key: '${text}'\n`);
  for (const text of ['plain', "it's", 'ä"q', '=', 'a b']) assert.equal(yamlText({ key: text }), `key: ${text}\n`);
  assert.equal(yamlText({ key: 'two\nlines\n' }), 'key: |\n  two\n  lines\n');
});

test('what is the same object twice is written twice', () => {
  const labels = { a: 'b' };
  assert.equal(yamlText({ one: labels, two: labels }), 'one:\n  a: b\ntwo:\n  a: b\n');
});
