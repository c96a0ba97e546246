import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from './canonical.ts';
import { objectMeta, typeMeta } from './metaschema.ts';
import type { ObjectSchema } from './schema.ts';

const policy: ObjectSchema = {
  type: 'object',
  component: 'test.v1.Policy',
  properties: { type: { type: 'string', empty: 'always', default: 'Source' } },
};

const schema: ObjectSchema = {
  type: 'object',
  component: 'test.v1.Widget',
  properties: {
    ...typeMeta,
    metadata: objectMeta,
    spec: {
      type: 'object',
      component: 'test.v1.WidgetSpec',
      properties: {
        size: { type: 'integer', format: 'int32' },
        count: { type: 'integer', format: 'int64', empty: 'always' },
        maybe: { type: 'boolean', empty: 'pointer' },
        policy,
        extra: { ...policy, empty: 'pointer' },
        tags: {
          type: 'array',
          items: {
            type: 'object',
            component: 'test.v1.Tag',
            properties: {
              name: { type: 'string', empty: 'always' },
              notes: { type: 'map', values: { type: 'string' }, empty: 'always' },
            },
          },
        },
        items: { type: 'array', items: { type: 'string' }, empty: 'always' },
        at: { type: 'string', format: 'date-time', empty: 'always' },
        moment: { type: 'string', format: 'micro-time' },
        content: { type: 'string', format: 'byte' },
        port: { type: 'string', format: 'int-or-string' },
        limits: { type: 'map', values: { type: 'string', format: 'quantity' } },
        anything: { type: 'any' },
      },
    },
    data: { type: 'map', values: { type: 'string' } },
  },
};

const EMPTY_SPEC = { count: 0, policy: { type: 'Source' }, items: null, at: null };

function json(value: unknown): string {
  return JSON.stringify(canonical(schema, value).value);
}

function spec(given: object): unknown {
  const { value, wrongTypes } = canonical(schema, { spec: given });
  assert.deepEqual(wrongTypes, []);
  return (value as unknown as { spec: unknown }).spec;
}

function complaint(given: unknown): unknown {
  return canonical(schema, given).wrongTypes.map(({ path, message }) => `${path}: ${message}`);
}

test('members come in the order of the schema, maps in the order of their keys', () => {
  assert.equal(
    json({
      data: { b: '1', a: '2' },
      metadata: { labels: { z: '1', y: '2' }, name: 'x' },
      apiVersion: 'v1',
      kind: 'Widget',
    }),
    '{"kind":"Widget","apiVersion":"v1","metadata":{"name":"x","labels":{"y":"2","z":"1"}},"spec":{"count":0,"policy":{"type":"Source"},"items":null,"at":null},"data":{"a":"2","b":"1"}}',
  );
});

test('what is empty is left out or printed as Go does', () => {
  assert.deepEqual(spec({}), EMPTY_SPEC);
  assert.deepEqual(spec({ size: 0, maybe: false, tags: [], items: [], anything: null, extra: null }), {
    count: 0,
    maybe: false,
    policy: { type: 'Source' },
    items: [],
    at: null,
  });
  assert.deepEqual(spec({ extra: {}, tags: [null, { name: 'a', notes: {} }] }), {
    count: 0,
    policy: { type: 'Source' },
    extra: { type: 'Source' },
    tags: [
      { name: '', notes: null },
      { name: 'a', notes: {} },
    ],
    items: null,
    at: null,
  });
});

test('null is nothing; in a map it is an empty value', () => {
  assert.deepEqual(canonical(schema, null).value, { metadata: {}, spec: EMPTY_SPEC });
  assert.deepEqual(canonical(schema, { metadata: null, spec: null, data: { a: null } }).value, {
    metadata: {},
    spec: EMPTY_SPEC,
    data: { a: '' },
  });
});

test('defaults stand for what is not given or empty, unless they are not wanted', () => {
  assert.deepEqual(spec({ policy: { type: '' } }), EMPTY_SPEC);
  const { value } = canonical(schema, {}, { defaults: false });
  assert.deepEqual(value, { metadata: {}, spec: { ...EMPTY_SPEC, policy: { type: '' } } });
});

test('times become UTC to the second, micro times keep six digits', () => {
  const at = (given: string): unknown => (spec({ at: given }) as { at: unknown }).at;
  assert.equal(at('2020-01-02T03:04:05Z'), '2020-01-02T03:04:05Z');
  assert.equal(at('2020-01-02T03:04:05.987654321+02:00'), '2020-01-02T01:04:05Z');
  assert.equal(at('2020-01-01T00:30:00-01:45'), '2020-01-01T02:15:00Z');
  assert.deepEqual(spec({ moment: '2020-01-02T03:04:05.123456+01:00' }), {
    ...EMPTY_SPEC,
    moment: '2020-01-02T02:04:05.123456Z',
  });
  assert.deepEqual(complaint({ spec: { at: 'yesterday' } }), [
    'spec.at: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
  ]);
  assert.deepEqual(complaint({ spec: { at: '2020-02-30T00:00:00Z' } }), [
    'spec.at: parsing time "2020-02-30T00:00:00Z": day out of range',
  ]);
  assert.equal(canonical(schema, { spec: { moment: '2020-01-02T03:04:05Z' } }).wrongTypes.length, 1);
});

test('scalars that take several forms', () => {
  assert.deepEqual(spec({ content: 'aGk=', port: 80 }), { ...EMPTY_SPEC, content: 'aGk=', port: 80 });
  assert.deepEqual(spec({ content: 'aGk\n=', port: 'http' }), { ...EMPTY_SPEC, content: 'aGk=', port: 'http' });
  assert.deepEqual(complaint({ spec: { content: '!' } }), ['spec.content: illegal base64 data at input byte 0']);
});

test('quantities are kept as Kubernetes prints them', () => {
  const limits = { bytes: ' 1024Mi ', cpu: 0.5, fine: '1u', none: null };
  assert.deepEqual(spec({ limits }), { ...EMPTY_SPEC, limits: { bytes: '1Gi', cpu: '500m', fine: '1m', none: '0' } });
  assert.deepEqual(complaint({ spec: { limits: { bytes: '1K' } } }), [
    "spec.limits.bytes: unable to parse quantity's suffix",
  ]);
  for (const bytes of [true, [1], { a: 1 }]) {
    const [told] = complaint({ spec: { limits: { bytes } } }) as string[];
    assert.match(told ?? '', /^spec\.limits\.bytes: quantities must match the regular expression/);
  }
});

test('unknown members are dropped and named, sorted', () => {
  const given = {
    zoo: 1,
    Data: {},
    metadata: { odd: true, selfLink: '/x' },
    spec: { tags: [{ name: 'a' }, { y: 1, name: 'b' }] },
  };
  const { value, unknown } = canonical(schema, given);
  assert.deepEqual(unknown, ['Data', 'metadata.odd', 'spec.tags[1].y', 'zoo']);
  assert.deepEqual(value.metadata, {});
});

test('names of JavaScript are names like any other', () => {
  const given = JSON.parse('{"__proto__":1,"constructor":2,"data":{"__proto__":"x","toString":"y"}}');
  const { value, unknown } = canonical(schema, given);
  assert.deepEqual(unknown, ['__proto__', 'constructor']);
  assert.equal(JSON.stringify((value as unknown as { data: unknown }).data), '{"__proto__":"x","toString":"y"}');
});

test('wrong types are reported in the words of Go, with the path', () => {
  assert.deepEqual(complaint({ data: { a: 1 } }), [
    'data.a: json: cannot unmarshal number into Go struct field Widget.data of type string',
  ]);
  assert.deepEqual(complaint({ spec: { tags: 'x', size: 2 ** 31, count: 1.5, maybe: 'yes' } }), [
    'spec.size: json: cannot unmarshal number 2147483648 into Go struct field WidgetSpec.spec.size of type int32',
    'spec.count: json: cannot unmarshal number 1.5 into Go struct field WidgetSpec.spec.count of type int64',
    'spec.maybe: json: cannot unmarshal string into Go struct field WidgetSpec.spec.maybe of type bool',
    'spec.tags: json: cannot unmarshal string into Go struct field WidgetSpec.spec.tags of type []v1.Tag',
  ]);
  assert.deepEqual(complaint([1]), [': json: cannot unmarshal array into Go value of type v1.Widget']);
  // An integer that JavaScript could not keep exactly is refused rather than changed.
  assert.equal(canonical(schema, { spec: { count: 2 ** 53 } }).wrongTypes.length, 1);
});

test('what is canonical stays as it is', () => {
  const members = fc.record(
    {
      kind: fc.string(),
      metadata: fc.record({ name: fc.string(), labels: fc.dictionary(fc.string(), fc.string()) }, { requiredKeys: [] }),
      spec: fc.record(
        {
          size: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
          count: fc.maxSafeInteger(),
          maybe: fc.option(fc.boolean()),
          tags: fc.array(fc.record({ name: fc.string() })),
          at: fc
            .date({ noInvalidDate: true, min: new Date('0001-01-02'), max: new Date('9999-01-01') })
            .map((date) => date.toISOString()),
          anything: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
      data: fc.dictionary(fc.string(), fc.string()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(members, (given) => {
      const once = canonical(schema, given);
      const again = canonical(schema, once.value);
      assert.equal(JSON.stringify(again.value), JSON.stringify(once.value));
      assert.deepEqual([once.unknown, once.wrongTypes, again.unknown], [[], [], []]);
    }),
  );
});

test('whatever is given, there is an answer', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (given) => {
      canonical(schema, given);
      canonical(schema, { spec: given, metadata: given, data: given });
    }),
  );
});
