import assert from 'node:assert/strict';
import test from 'node:test';
import { imageSchema, imageSignatureSchema } from '../images/schema.ts';
import { canonical } from '../objects/canonical.ts';
import type { ObjectSchema, Schema } from '../objects/schema.ts';
import { imageStreamImportSchema } from './schema.import.ts';
import {
  imageStreamImageSchema,
  imageStreamLayersSchema,
  imageStreamMappingSchema,
  imageStreamSchema,
  imageStreamTagSchema,
  imageTagSchema,
} from './schema.ts';

const schemas = {
  imageSchema,
  imageSignatureSchema,
  imageStreamSchema,
  imageStreamTagSchema,
  imageTagSchema,
  imageStreamImageSchema,
  imageStreamMappingSchema,
  imageStreamLayersSchema,
  imageStreamImportSchema,
};

/** The object as Go would print it. */
function printed(schema: ObjectSchema, object: unknown, defaults = true): string {
  const { value, unknown, wrongTypes } = canonical(schema, object, { defaults });
  assert.deepEqual([unknown, wrongTypes], [[], []]);
  return JSON.stringify(value);
}

/** What an object without members is printed as: exactly what is never left out. */
const barest: readonly (readonly [keyof typeof schemas, string])[] = [
  [
    'imageStreamSchema',
    '{"metadata":{},"spec":{"lookupPolicy":{"local":false}},"status":{"dockerImageRepository":""}}',
  ],
  [
    'imageStreamTagSchema',
    '{"metadata":{},"tag":null,"generation":0,"lookupPolicy":{"local":false},"image":{"metadata":{}}}',
  ],
  ['imageTagSchema', '{"metadata":{},"spec":null,"status":null,"image":null}'],
  ['imageStreamImageSchema', '{"metadata":{},"image":{"metadata":{}}}'],
  ['imageStreamMappingSchema', '{"metadata":{},"image":{"metadata":{}},"tag":""}'],
  ['imageStreamLayersSchema', '{"metadata":{},"blobs":null,"images":null}'],
  ['imageStreamImportSchema', '{"metadata":{},"spec":{"import":false},"status":{}}'],
];

for (const [name, expected] of barest) {
  test(`${name} of an empty object`, () => assert.equal(printed(schemas[name], {}), expected));
}

test('a tag has its policies by default, annotations and generation always', () => {
  const stream = { spec: { tags: [{ name: 'a' }, { name: 'b', generation: 0, from: {} }] } };
  assert.equal(
    printed(imageStreamSchema, stream),
    '{"metadata":{},"spec":{"lookupPolicy":{"local":false},"tags":[' +
      '{"name":"a","annotations":null,"generation":null,"importPolicy":{"importMode":"Legacy"},"referencePolicy":{"type":"Source"}},' +
      '{"name":"b","annotations":null,"from":{},"generation":0,"importPolicy":{"importMode":"Legacy"},"referencePolicy":{"type":"Source"}}' +
      ']},"status":{"dockerImageRepository":""}}',
  );
  assert.match(printed(imageStreamSchema, stream, false), /"importPolicy":\{\},"referencePolicy":\{"type":""\}/);
});

test('a history shows its times, images and generations even when they are empty', () => {
  const tags = [{ tag: 'a' }, { tag: 'b', items: [{}], conditions: [{}] }];
  assert.equal(
    printed(imageStreamSchema, { status: { tags } }),
    '{"metadata":{},"spec":{"lookupPolicy":{"local":false}},"status":{"dockerImageRepository":"","tags":[' +
      '{"tag":"a","items":null},' +
      '{"tag":"b","items":[{"created":null,"dockerImageReference":"","image":"","generation":0}],' +
      '"conditions":[{"type":"","status":"","lastTransitionTime":null,"generation":0}]}]}}',
  );
});

test('an import says how each step went, and names a tag only if there is one', () => {
  const request = {
    spec: { import: true, repository: { from: {} }, images: [{ from: { name: 'a' }, to: {} }] },
    status: { repository: {}, images: [{ status: { status: 'Success' } }] },
  };
  assert.equal(
    printed(imageStreamImportSchema, request, false),
    '{"metadata":{},"spec":{"import":true,' +
      '"repository":{"from":{},"importPolicy":{},"referencePolicy":{"type":""}},' +
      '"images":[{"from":{"name":"a"},"to":{},"importPolicy":{},"referencePolicy":{"type":""}}]},' +
      '"status":{"repository":{"status":{"metadata":{}}},"images":[{"status":{"metadata":{},"status":"Success"}}]}}',
  );
});

/** Calls `visit` with every schema below, and where it stands. */
function walk(schema: Schema, path: string, visit: (schema: Schema, path: string) => void): void {
  visit(schema, path);
  if (schema.type === 'array') walk(schema.items, `${path}[]`, visit);
  if (schema.type === 'map') walk(schema.values, `${path}{}`, visit);
  if (schema.type !== 'object') return;
  for (const [name, property] of Object.entries(schema.properties)) {
    assert.ok(property.description?.match(/\S[.…]$/), `${path}.${name} says in a sentence what it is`);
    walk(property, `${path}.${name}`, visit);
  }
}

test('every field is described, and a component is the same wherever it stands', () => {
  const components = new Map<string, ObjectSchema>();
  for (const [name, schema] of Object.entries(schemas)) {
    walk(schema, name, (found, path) => {
      if (found.type !== 'object') return;
      assert.ok(found.component && found.description, `${path} is a component with a description`);
      const { properties } = components.get(found.component) ?? found;
      assert.equal(found.properties, properties, `${path}: ${found.component} has other properties elsewhere`);
      for (const required of found.required ?? [])
        assert.ok(required in properties, `${path}.${required} is a property`);
      components.set(found.component, found);
    });
  }
});
