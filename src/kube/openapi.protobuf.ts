/**
 * OpenAPI v2 as protobuf, which is how kubectl reads it: gnostic's `openapi.v2.Document`. The tables hold the fields that
 * our documents have, with the numbers that OpenAPIv2.proto gives them.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Json, JsonObject } from './openapi.schemas.ts';

/** A document of OpenAPI v2 as protobuf. @throws {Error} that names a member which the tables do not know. */
export function documentBytes(document: JsonObject): Buffer {
  const writer = new BinaryWriter();
  writeMembers(writer, MESSAGES.Document, document);
  return Buffer.from(writer.finish());
}

/** How a value is written as a field. */
type Form =
  | 'string'
  | 'bool'
  /** Whatever it is, as text of YAML: JSON is that too. */
  | 'any'
  | 'parameter'
  /** A field for each element. */
  | { readonly each: Form }
  /** A message of one field, which holds the value. */
  | { readonly inside: Field }
  /** A message of one repeated field, which holds the members of an object with their names. */
  | { readonly named: Field }
  | Name;

/** A field's number and how it is written. */
type Field = readonly [number: number, form: Form];

/** The messages that have a table. Parameters are one of three. */
type Name =
  | 'Document'
  | 'Info'
  | 'PathItem'
  | 'Operation'
  | 'BodyParameter'
  | 'QueryParameter'
  | 'PathParameter'
  | 'Response'
  | 'Schema'
  | 'ApiKeySecurity';

interface Message {
  /** By the names that they have in JSON. */
  readonly fields: Readonly<Record<string, Field>>;
  /** The number of the list of extensions, `x-…`. */
  readonly extensions: number;
}

const STRINGS: Form = { each: 'string' };
const OPERATION: Form = 'Operation';
const PARAMETERS: Form = { each: 'parameter' };
/** Where one of several messages stands, ours is the first. */
const SCHEMA_INSIDE: Form = { inside: [1, 'Schema'] };

const MESSAGES: Readonly<Record<Name, Message>> = {
  Document: {
    fields: {
      swagger: [1, 'string'],
      info: [2, 'Info'],
      paths: [8, { named: [2, 'PathItem'] }],
      definitions: [9, { named: [1, 'Schema'] }],
      security: [12, { each: { named: [1, { inside: [1, STRINGS] }] } }],
      securityDefinitions: [13, { named: [1, { inside: [2, 'ApiKeySecurity'] }] }],
    },
    extensions: 16,
  },
  Info: { fields: { title: [1, 'string'], version: [2, 'string'] }, extensions: 7 },
  PathItem: {
    fields: {
      get: [2, OPERATION],
      put: [3, OPERATION],
      post: [4, OPERATION],
      delete: [5, OPERATION],
      patch: [8, OPERATION],
      parameters: [9, PARAMETERS],
    },
    extensions: 10,
  },
  Operation: {
    fields: {
      tags: [1, STRINGS],
      description: [3, 'string'],
      operationId: [5, 'string'],
      produces: [6, STRINGS],
      consumes: [7, STRINGS],
      parameters: [8, PARAMETERS],
      responses: [9, { named: [1, { inside: [1, 'Response'] }] }],
    },
    extensions: 13,
  },
  BodyParameter: { fields: { name: [2, 'string'], in: [3, 'string'], schema: [5, 'Schema'] }, extensions: 6 },
  QueryParameter: {
    fields: {
      in: [2, 'string'],
      description: [3, 'string'],
      name: [4, 'string'],
      type: [6, 'string'],
      uniqueItems: [20, 'bool'],
    },
    extensions: 23,
  },
  PathParameter: {
    fields: {
      required: [1, 'bool'],
      in: [2, 'string'],
      description: [3, 'string'],
      name: [4, 'string'],
      type: [5, 'string'],
      uniqueItems: [19, 'bool'],
    },
    extensions: 22,
  },
  Response: { fields: { description: [1, 'string'], schema: [2, SCHEMA_INSIDE] }, extensions: 5 },
  Schema: {
    fields: {
      $ref: [1, 'string'],
      format: [2, 'string'],
      description: [4, 'string'],
      default: [5, 'any'],
      required: [19, STRINGS],
      additionalProperties: [21, SCHEMA_INSIDE],
      type: [22, { inside: [1, 'string'] }],
      items: [23, SCHEMA_INSIDE],
      properties: [25, { named: [1, 'Schema'] }],
    },
    extensions: 31,
  },
  ApiKeySecurity: { fields: { type: [1, 'string'], name: [2, 'string'], in: [3, 'string'] }, extensions: 5 },
};

const NAME = 1;
const VALUE = 2;
/** Of `Any`: its field 1 is for what is no text. */
const YAML = 2;

function writeMembers(writer: BinaryWriter, { fields, extensions }: Message, json: Json): void {
  for (const [name, value] of membersOf(json)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field) writeField(writer, field, value);
    else if (name.startsWith('x-')) writeNamed(writer, extensions, name, 'any', value);
    else throw new Error(`OpenAPI v2 as protobuf has no field for "${name}"`);
  }
}

function writeField(writer: BinaryWriter, [number, form]: Field, value: Json): void {
  if (form === 'string') writer.tag(number, WireType.LengthDelimited).string(value as string);
  else if (form === 'bool') writer.tag(number, WireType.Varint).bool(value === true);
  else if (form === 'any') inside(writer, number, () => writeField(writer, [YAML, 'string'], JSON.stringify(value)));
  else if (form === 'parameter') writeField(writer, [number, parameterForm(value)], value);
  else if (typeof form === 'string') inside(writer, number, () => writeMembers(writer, MESSAGES[form], value));
  else if ('each' in form)
    for (const element of value as readonly Json[]) writeField(writer, [number, form.each], element);
  else if ('inside' in form) inside(writer, number, () => writeField(writer, form.inside, value));
  else {
    const [entry, valueForm] = form.named;
    inside(writer, number, () => {
      for (const [name, member] of membersOf(value)) writeNamed(writer, entry, name, valueForm, member);
    });
  }
}

/** A name and what it stands for: how protobuf without maps writes a member. */
function writeNamed(writer: BinaryWriter, number: number, name: string, form: Form, value: Json): void {
  inside(writer, number, () => {
    writeField(writer, [NAME, 'string'], name);
    writeField(writer, [VALUE, form], value);
  });
}

/** A parameter stands in messages that tell what it is: the body, or one of the query or of the path. */
function parameterForm(parameter: Json): Form {
  const [where] = membersOf(parameter).flatMap(([name, value]) => (name === 'in' ? [value] : []));
  if (where === 'body') return { inside: [1, { inside: [1, 'BodyParameter'] }] };
  const form: Field = where === 'path' ? [4, 'PathParameter'] : [3, 'QueryParameter'];
  return { inside: [1, { inside: [2, { inside: form }] }] };
}

function inside(writer: BinaryWriter, number: number, write: () => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function membersOf(json: Json): [string, Json][] {
  return Object.entries(json as JsonObject);
}
