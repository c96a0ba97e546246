/** Schemas of resources as OpenAPI v3 components, with the extensions by which kubectl explains, merges and validates. */
import { META_V1, typeMeta } from '../objects/metaschema.ts';
import type { ArraySchema, ObjectSchema, Property, ScalarSchema, Schema } from '../objects/schema.ts';

/** A piece of an OpenAPI document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Components of one document: each schema that is referred to is collected once. */
export interface Components {
  /** A reference to the component of a schema, which is collected with all that it refers to. */
  refer(schema: ObjectSchema | ScalarComponent, gvk?: GroupVersionKind): { readonly $ref: string };
  /** All that was collected, in the order of names. */
  schemas(): JsonObject;
}

/** A scalar that Kubernetes has a component for. */
interface ScalarComponent extends ScalarSchema {
  readonly component: string;
}

const PREFIX = '#/components/schemas/';

/** An empty collection. `unnamed` gives a name to the component of a schema that has none. */
export function componentsOf(): Components {
  const collected = new Map<string, JsonObject>();
  const kinds = new Map<string, GroupVersionKind[]>();
  const refer = (schema: ObjectSchema | ScalarComponent, gvk?: GroupVersionKind): { $ref: string } => {
    const name = schema.component ?? nameOfKind(gvk);
    if (!collected.has(name)) {
      // In place before it is filled, since a schema may refer to itself.
      const body: JsonObject = {};
      collected.set(name, body);
      Object.assign(
        body,
        schema.type === 'object' ? objectBody(schema, refer, ownDescription(schema)) : scalarBody(schema),
      );
    }
    if (gvk) addKind(kinds, name, gvk);
    return { $ref: PREFIX + name };
  };
  return {
    refer,
    schemas() {
      const schemas: JsonObject = {};
      for (const [name, body] of [...collected].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const gvks = kinds.get(name)?.map(gvkJson);
        schemas[name] = gvks ? { ...body, 'x-kubernetes-group-version-kind': gvks } : body;
      }
      return schemas;
    },
  };
}

function nameOfKind(gvk: GroupVersionKind | undefined): string {
  if (!gvk) throw new Error('a schema that is referred to needs a component or a kind');
  const group = gvk.group.split('.').reverse().join('.') || 'core';
  return `${group}.${gvk.version}.${gvk.kind}`;
}

function addKind(kinds: Map<string, GroupVersionKind[]>, name: string, gvk: GroupVersionKind): void {
  const known = kinds.get(name) ?? [];
  const same = known.some(
    ({ group, version, kind }) => group === gvk.group && version === gvk.version && kind === gvk.kind,
  );
  if (!same) known.push(gvk);
  kinds.set(name, known);
}

/** In the order that Kubernetes prints. */
export function gvkJson({ group, version, kind }: GroupVersionKind): JsonObject {
  return { group, kind, version };
}

/** A field may describe a component in words of its own; the component's are then kept beside them. */
function ownDescription(schema: ObjectSchema): string | undefined {
  const own = 'componentDescription' in schema ? schema.componentDescription : undefined;
  return typeof own === 'string' ? own : schema.description;
}

type Refer = Components['refer'];

function objectBody(schema: ObjectSchema, refer: Refer, description: string | undefined): JsonObject {
  const properties: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties)) properties[name] = propertyJson(property, refer);
  return {
    ...(description && { description }),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(schema.required && schema.required.length > 0 && { required: [...schema.required] }),
    ...(schema.mapType && { 'x-kubernetes-map-type': schema.mapType }),
    type: 'object',
  };
}

function propertyJson(schema: Property, refer: Refer): JsonObject {
  const json = schemaJson(schema, refer);
  const extensions = schema.type === 'array' ? arrayExtensions(schema) : odd(schema);
  const patch: JsonObject =
    (schema.type === 'any' || schema.type === 'object') && schema.patchStrategy
      ? { 'x-kubernetes-patch-strategy': schema.patchStrategy }
      : {};
  const whole: JsonObject = schema.type === 'map' && schema.mapType ? { 'x-kubernetes-map-type': schema.mapType } : {};
  const described = {
    ...(schema.description && { description: schema.description }),
    ...extensions,
    ...whole,
    ...patch,
  };
  // Beside a reference nothing else counts, so it is wrapped.
  if ('$ref' in json) return Object.keys(described).length > 0 ? { allOf: [json], ...described } : json;
  return { ...described, ...json };
}

function odd(schema: Property): JsonObject {
  return schema.type === 'object' && schema.listType ? { 'x-kubernetes-list-type': schema.listType } : {};
}

function arrayExtensions(schema: ArraySchema): JsonObject {
  return {
    ...(schema.listMapKeys && { 'x-kubernetes-list-map-keys': [...schema.listMapKeys] }),
    ...(schema.listType && { 'x-kubernetes-list-type': schema.listType }),
    ...(schema.patchMergeKey && { 'x-kubernetes-patch-merge-key': schema.patchMergeKey }),
    ...(schema.patchStrategy && { 'x-kubernetes-patch-strategy': schema.patchStrategy }),
  };
}

function schemaJson(schema: Schema, refer: Refer): JsonObject {
  switch (schema.type) {
    case 'object':
      return schema.component ? { ...refer(schema) } : objectBody(schema, refer, undefined);
    case 'map':
      return { type: 'object', additionalProperties: schemaJson(schema.values, refer) };
    case 'array':
      return { type: 'array', items: schemaJson(schema.items, refer) };
    case 'any':
      return schema.component ? { ...refer(anything(schema.component)) } : {};
    default:
      return namedScalar(schema, refer) ?? scalarJson(schema);
  }
}

/** Formats that Kubernetes has components for: `kubectl explain` names the type of a field by them. */
const SCALARS: Readonly<Record<string, Omit<ScalarComponent, 'type'>>> = {
  quantity: {
    component: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    description: 'A number with a unit, such as `500m`, `10Gi` or `2e3`.',
  },
  'date-time': {
    component: `${META_V1}.Time`,
    description: 'A time to the second, as RFC 3339 writes it: `2026-01-02T03:04:05Z`.',
  },
  'micro-time': {
    component: `${META_V1}.MicroTime`,
    description: 'A time with six digits of a second: `2026-01-02T03:04:05.678901Z`.',
  },
  'int-or-string': {
    component: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    description: 'A number, or a text such as the name of a port or `50%`.',
  },
};

function namedScalar({ format, type }: ScalarSchema, refer: Refer): JsonObject | undefined {
  const found = format !== undefined && Object.hasOwn(SCALARS, format) ? SCALARS[format] : undefined;
  return found && format !== undefined ? { ...refer({ type, format, ...found }) } : undefined;
}

function scalarBody(schema: ScalarComponent): JsonObject {
  return { ...(schema.description && { description: schema.description }), ...scalarJson(schema) };
}

/** Kubernetes describes what may be anything as an object without properties. */
function anything(component: string): ObjectSchema {
  return { type: 'object', component, description: 'Anything: kept as it is given.', properties: {} };
}

const FORMATS: Readonly<Record<string, JsonObject>> = {
  'int-or-string': { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'micro-time': { type: 'string', format: 'date-time' },
};

function scalarJson(schema: ScalarSchema): JsonObject {
  const special = Object.hasOwn(FORMATS, schema.format ?? '') ? FORMATS[schema.format ?? ''] : undefined;
  return {
    ...(special ?? { type: schema.type, ...(schema.format && { format: schema.format }) }),
    ...(schema.default !== undefined && { default: schema.default }),
  };
}

/** An event of a watch. */
export const watchEventSchema: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.WatchEvent`,
  description: 'One change, as a watch tells it.',
  required: ['type', 'object'],
  properties: {
    type: { type: 'string', description: '`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.' },
    object: {
      type: 'any',
      component: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
      description: 'The object after the change; before it, if it was deleted; a Status for an error.',
    },
  },
};

/** The body of a patch. */
export const patchSchema: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.Patch`,
  description: 'A patch; its form is told by its Content-Type.',
  properties: {},
};

const texts = (description: string): Property => ({
  type: 'array',
  items: { type: 'string' },
  listType: 'atomic',
  description,
});

/** What discovery answers about one version of a group. */
export const apiResourceListSchema: ObjectSchema = {
  type: 'object',
  component: `${META_V1}.APIResourceList`,
  description: 'The resources of one version of a group.',
  required: ['groupVersion', 'resources'],
  properties: {
    ...typeMeta,
    groupVersion: { type: 'string', description: 'Group and version.' },
    resources: {
      type: 'array',
      listType: 'atomic',
      description: 'The resources and their subresources.',
      items: {
        type: 'object',
        component: `${META_V1}.APIResource`,
        description: 'A resource or subresource.',
        required: ['name', 'singularName', 'namespaced', 'kind', 'verbs'],
        properties: {
          name: { type: 'string', description: 'The plural, as it stands in paths.' },
          singularName: { type: 'string', description: 'The singular.' },
          namespaced: { type: 'boolean', description: 'Whether objects live in namespaces.' },
          group: { type: 'string', description: 'The group of the kind, if it is another than that of the list.' },
          version: { type: 'string', description: 'The version of the kind, if it is another.' },
          kind: { type: 'string', description: 'The kind of the objects.' },
          verbs: texts('What can be done.'),
          shortNames: texts('Short names for the command line.'),
          categories: texts('Words that stand for several resources, such as `all`.'),
          storageVersionHash: { type: 'string', description: 'Changes when objects are stored in another form.' },
        },
      },
    },
  },
};
