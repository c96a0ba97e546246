import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalTime, decodeFields, type Field, FieldInvalid, field } from './fields.ts';

const FIELDS: readonly Field[] = [
  field('size', 'string'),
  field('Memory', 'integer'),
  field('tty', 'boolean'),
  field('created', 'time'),
  field('Env', 'strings'),
  field('Ports', 'set'),
  field('labels', 'labels'),
  { name: 'config', as: 'Config', shape: { object: [field('user', 'string')] } },
  field('history', { list: [field('by', 'string')] }),
];

const folded = (text: string): unknown => decodeFields(JSON.parse(text), FIELDS, 'folded');

/** What Go's encoding/json makes of these (tried with Go 1.26). */
const DECODED: readonly (readonly [string, unknown])[] = [
  ['null', {}],
  ['{}', {}],
  ['{"SIZE":"x","size":"y"}', { size: 'y' }],
  ['{"size":"y","SIZE":"x"}', { size: 'x' }],
  ['{"size":"y","SIZE":null}', { size: 'y' }],
  ['{"ſize":"x"}', { size: 'x' }],
  ['{"size":"","Memory":0,"tty":false,"Env":[],"Ports":{},"labels":{},"config":null}', {}],
  ['{"memory":-1}', { Memory: -1 }],
  ['{"Env":["a",null]}', { Env: ['a', ''] }],
  ['{"Ports":{"b":{"x":1},"a":null}}', { Ports: { a: {}, b: {} } }],
  ['{"labels":{"a":null}}', { labels: { a: '' } }],
  ['{"config":{}}', { Config: {} }],
  ['{"config":{"USER":"u","more":1}}', { Config: { user: 'u' } }],
  ['{"history":[null,{"by":"x"}]}', { history: [{}, { by: 'x' }] }],
  ['{"created":null}', {}],
  ['{"created":"0001-01-01T00:00:00Z"}', {}],
  ['{"unknown":{"deep":[1]}}', {}],
  ['{"size":"\\ud800"}', { size: '\ufffd' }],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ['[]', 'the document must be an object, not a list'],
  ['"x"', 'the document must be an object, not "x"'],
  ['{"size":1}', '/size must be a string, not 1'],
  ['{"Memory":1.5}', '/Memory must be an integer below 2^53, not 1.5'],
  ['{"Memory":9223372036854775808}', '/Memory must be an integer below 2^53, not 9223372036854776000'],
  ['{"Memory":"1"}', '/Memory must be an integer below 2^53, not "1"'],
  ['{"tty":1}', '/tty must be true or false, not 1'],
  ['{"created":""}', '/created must be a time such as 2006-01-02T15:04:05Z, not ""'],
  ['{"created":1}', '/created must be a time such as 2006-01-02T15:04:05Z, not 1'],
  ['{"Env":"a"}', '/Env must be a list, not "a"'],
  ['{"Env":{}}', '/Env must be a list, not an object'],
  ['{"Env":["a",[]]}', '/Env/1 must be a string, not a list'],
  ['{"Ports":{"80/tcp":1}}', '/Ports/80~1tcp must be an object, not 1'],
  ['{"labels":{"a":1}}', '/labels/a must be a string, not 1'],
  ['{"config":{"user":true}}', '/config/user must be a string, not true'],
  ['{"history":[{"by":{}}]}', '/history/0/by must be a string, not an object'],
];

test('members are decoded as Go decodes them', () => {
  for (const [text, expected] of DECODED) {
    assert.deepEqual(folded(text), expected, text);
  }
});

test('members of another type are refused with their place', () => {
  for (const [text, message] of REFUSED) {
    assert.throws(() => folded(text), { name: 'FieldInvalid', message }, text);
  }
});

test('API objects spell their members exactly', () => {
  assert.deepEqual(decodeFields({ SIZE: 'x', Memory: 1 }, FIELDS, 'exact'), { Memory: 1 });
  assert.deepEqual(decodeFields({ size: 'x', CONFIG: 1 }, FIELDS, 'exact'), { size: 'x' });
});

test('members come in the order of the fields, maps sorted, and no name is special', () => {
  const decoded = folded('{"labels":{"b":"1","a":"2","__proto__":"3"},"Env":["e"],"size":"s"}');
  assert.equal(JSON.stringify(decoded), '{"size":"s","Env":["e"],"labels":{"__proto__":"3","a":"2","b":"1"}}');
});

test('times are printed in UTC to the second', () => {
  const times: Readonly<Record<string, string | undefined>> = {
    '2023-04-05T06:07:08Z': '2023-04-05T06:07:08Z',
    '2023-04-05T06:07:08.999999999Z': '2023-04-05T06:07:08Z',
    '2020-01-01T00:00:00,5Z': '2020-01-01T00:00:00Z',
    '2020-01-01T00:00:00+23:59': '2019-12-31T00:01:00Z',
    '2020-01-01T00:00:00-00:30': '2020-01-01T00:30:00Z',
    '0000-01-01T00:00:00Z': '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z': '0001-01-01T00:00:00Z',
    '2024-02-29T12:00:00Z': '2024-02-29T12:00:00Z',
    '2023-02-29T12:00:00Z': undefined,
    '2020-02-30T00:00:00Z': undefined,
    '2020-13-01T00:00:00Z': undefined,
    '2020-01-01T24:00:00Z': undefined,
    '2020-01-01T23:59:60Z': undefined,
    '2020-01-01T00:00:00.Z': undefined,
    '2020-01-01t00:00:00z': undefined,
    '2020-01-01 00:00:00Z': undefined,
    '2020-01-01T00:00:00': undefined,
    '9999-12-31T23:59:59-01:00': undefined,
    '0000-01-01T00:00:00+01:00': undefined,
    '': undefined,
  };
  for (const [text, expected] of Object.entries(times)) {
    assert.equal(canonicalTime(text), expected, text);
  }
});

test('a date is printed as itself', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      assert.equal(canonicalTime(date.toISOString()), `${date.toISOString().slice(0, 19)}Z`);
    }),
  );
});

test('whatever the document holds, only FieldInvalid is thrown, and decoding twice changes nothing', () => {
  const names = fc.constantFrom('size', 'Memory', 'tty', 'created', 'Env', 'Ports', 'labels', 'config', 'history', 'x');
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(names, fc.jsonValue()), fc.jsonValue()), (value) => {
      try {
        const once = decodeFields(value, FIELDS, 'folded');
        assert.deepEqual(decodeFields(once, FIELDS, 'folded'), once);
      } catch (error) {
        assert.ok(error instanceof FieldInvalid);
      }
    }),
  );
});
