/** That bytes mean what JSON says is seen by reading them back, by the field numbers of OpenAPIv2.proto. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { documentBytes } from './openapi.protobuf.ts';
import type { JsonObject } from './openapi.schemas.ts';

type Fields = ReadonlyMap<number, readonly Uint8Array[]>;

/** The fields of a message that holds only texts, messages and true flags. */
function fieldsOf(message: Uint8Array): Fields {
  const fields = new Map<number, Uint8Array[]>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const value = wire === 2 ? reader.bytes() : Uint8Array.of(reader.uint32());
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

/** The bytes that numbers of fields lead to, each taken where it is first. */
function at(message: Uint8Array, ...path: readonly number[]): Uint8Array {
  let bytes = message;
  for (const [depth, number] of path.entries()) {
    const [found] = fieldsOf(bytes).get(number) ?? [];
    assert.ok(found, `no field ${number} after ${path.slice(0, depth).join('.')}`);
    bytes = found;
  }
  return bytes;
}

const textAt = (message: Uint8Array, ...path: readonly number[]): string =>
  Buffer.from(at(message, ...path)).toString();

const definition = (schema: JsonObject): Uint8Array =>
  at(documentBytes({ definitions: { 'test.v1.A': schema } }), 9, 1, 2);

test('a schema: type, reference, defaults, required, extensions', () => {
  const schema = definition({
    type: 'object',
    description: 'An A.',
    required: ['b', 'c'],
    properties: {
      b: { type: 'array', items: { $ref: '#/definitions/test.v1.B' }, 'x-kubernetes-list-map-keys': ['name'] },
      c: { type: 'integer', format: 'int64', default: 3 },
      d: { type: 'object', additionalProperties: { type: 'string' } },
    },
  });
  assert.equal(textAt(schema, 22, 1), 'object');
  assert.equal(textAt(schema, 4), 'An A.');
  assert.deepEqual(
    fieldsOf(schema)
      .get(19)
      ?.map((each) => Buffer.from(each).toString()),
    ['b', 'c'],
  );
  const [b, c, d] = fieldsOf(at(schema, 25)).get(1) ?? [];
  assert.ok(b && c && d);
  assert.equal(textAt(b, 1), 'b');
  assert.equal(textAt(b, 2, 23, 1, 1), '#/definitions/test.v1.B');
  assert.deepEqual([textAt(b, 2, 31, 1), textAt(b, 2, 31, 2, 2)], ['x-kubernetes-list-map-keys', '["name"]']);
  assert.deepEqual([textAt(c, 2, 2), textAt(c, 2, 5, 2)], ['int64', '3']);
  assert.equal(textAt(d, 2, 21, 1, 22, 1), 'string');
});

test('an operation: parameters of query, path and body, answers, its kind', () => {
  const document = documentBytes({
    paths: {
      '/a/{name}': {
        patch: {
          operationId: 'patchA',
          consumes: ['application/json'],
          parameters: [
            { name: 'fieldValidation', in: 'query', type: 'string', uniqueItems: true, description: 'How strict.' },
            { name: 'body', in: 'body', schema: { $ref: '#/definitions/test.v1.A' } },
          ],
          responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/test.v1.A' } } },
          'x-kubernetes-group-version-kind': { group: '', kind: 'A', version: 'v1' },
        },
        parameters: [{ name: 'name', in: 'path', type: 'string', required: true, uniqueItems: true }],
      },
    },
  });
  const item = at(document, 8, 2);
  assert.equal(textAt(item, 1), '/a/{name}');
  const patch = at(item, 2, 8);
  assert.equal(textAt(patch, 5), 'patchA');
  const [query, body] = fieldsOf(patch).get(8) ?? [];
  assert.ok(query && body);
  // Parameter, NonBodyParameter, QueryParameterSubSchema.
  assert.deepEqual([textAt(query, 1, 2, 3, 4), textAt(query, 1, 2, 3, 6)], ['fieldValidation', 'string']);
  assert.equal(textAt(body, 1, 1, 5, 1), '#/definitions/test.v1.A');
  assert.deepEqual([textAt(patch, 9, 1, 1), textAt(patch, 9, 1, 2, 1, 1)], ['200', 'OK']);
  assert.equal(textAt(patch, 13, 1), 'x-kubernetes-group-version-kind');
  assert.equal(textAt(patch, 13, 2, 2), '{"group":"","kind":"A","version":"v1"}');
  const path = at(item, 2, 9, 1, 2, 4);
  assert.deepEqual([textAt(path, 4), at(path, 1)[0]], ['name', 1]);
});

test('how one says who one is', () => {
  const document = documentBytes({
    securityDefinitions: { Bearer: { type: 'apiKey', in: 'header', name: 'authorization' } },
    security: [{ Bearer: [] }],
  });
  assert.deepEqual([textAt(document, 13, 1, 1), textAt(document, 13, 1, 2, 2, 2)], ['Bearer', 'authorization']);
  assert.equal(textAt(document, 12, 1, 1), 'Bearer');
});

test('a member that has no field is an error, and no gap', () => {
  assert.throws(() => documentBytes({ definitions: { A: { discriminator: 'kind' } } }), /"discriminator"/);
});
