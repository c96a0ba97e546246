/** The v3 documents as one of OpenAPI v2, which kube-aggregator polls and kubectl reads where a kind takes no patches. */
import type { Json, JsonObject } from './openapi.schemas.ts';

/** All documents as one of v2. */
export function swagger(documents: readonly JsonObject[], version: string): JsonObject {
  const paths: JsonObject = {};
  const definitions: JsonObject = {};
  for (const document of documents) {
    for (const [path, item] of members(document.paths)) paths[path] = pathItem(item);
    for (const [name, schema] of members(objectOf(document.components).schemas)) {
      definitions[name] = merged(objectOf(schemaOf(schema)), definitions[name]);
    }
  }
  return {
    swagger: '2.0',
    info: { title: 'Headgate', version },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { type: 'apiKey', in: 'header', name: 'authorization' } },
    security: [{ BearerToken: [] }],
  };
}

const KINDS = 'x-kubernetes-group-version-kind';

/** A component of several documents is the same in each but for the kinds that it stands for there. */
function merged(schema: JsonObject, before: Json | undefined): JsonObject {
  const known = listOf(objectOf(before)[KINDS]);
  if (known.length === 0) return schema;
  const texts = new Set(known.map((kind) => JSON.stringify(kind)));
  const added = listOf(schema[KINDS]).filter((kind) => !texts.has(JSON.stringify(kind)));
  return { ...schema, [KINDS]: [...known, ...added] };
}

function objectOf(json: Json | undefined): JsonObject {
  return isObject(json) ? { ...json } : {};
}

function isObject(json: Json | undefined): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : [];
}

function members(json: Json | undefined): [string, Json][] {
  return Object.entries(objectOf(json));
}

/** References point to definitions, a single allOf is dissolved, and oneOf, which v2 does not know, is a string. */
function schemaOf(json: Json): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map(schemaOf);
  if (!isObject(json)) return json;
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '$ref' && typeof value === 'string')
      out[name] = value.replace('#/components/schemas/', '#/definitions/');
    else if (name === 'allOf') Object.assign(out, schemaOf(listOf(value)[0] ?? {}));
    else if (name === 'oneOf') out.type = 'string';
    else out[name] = schemaOf(value);
  }
  return out;
}

function pathItem(item: Json): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of members(item)) {
    out[name] = name === 'parameters' ? listOf(value).map(parameterOf) : operationOf(objectOf(value));
  }
  return out;
}

function parameterOf(json: Json): Json {
  const { schema, ...rest } = objectOf(json);
  return { ...rest, ...objectOf(schema) };
}

function operationOf({ requestBody, responses, parameters, ...rest }: JsonObject): JsonObject {
  const produces = new Set<string>();
  const answers: JsonObject = {};
  for (const [code, response] of members(responses)) {
    const { content, ...facts } = objectOf(response);
    const types = members(content);
    for (const [type] of types) produces.add(type);
    const schema = objectOf(types[0]?.[1]).schema;
    answers[code] = schema === undefined ? facts : { ...facts, schema: schemaOf(schema) };
  }
  const bodies = members(objectOf(requestBody).content);
  const body = objectOf(bodies[0]?.[1]).schema;
  return {
    ...rest,
    ...(bodies.length > 0 && { consumes: bodies.map(([type]) => type) }),
    ...(produces.size > 0 && { produces: [...produces] }),
    parameters: [
      ...listOf(parameters).map(parameterOf),
      ...(body === undefined ? [] : [{ name: 'body', in: 'body', schema: schemaOf(body) }]),
    ],
    responses: answers,
  };
}
