/** The paths of resources as OpenAPI v3: operations with the extensions and parameters that kubectl looks for. */
import { deleteOptions, listSchema, status as statusSchema } from '../objects/metaschema.ts';
import type { Resource, Subresource, Verb } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { apiOfSubresource, pathOf } from './discovery.ts';
import { PATCH_TYPES } from './negotiate.ts';
import { deleteParameters, itemParameters, listParameters, writeParameters } from './openapi.parameters.ts';
import {
  type Components,
  type GroupVersionKind,
  gvkJson,
  type Json,
  type JsonObject,
  patchSchema,
  watchEventSchema,
} from './openapi.schemas.ts';

/** What the operations of one document have in common. */
export interface PathContext {
  readonly components: Components;
}

/** Adds all paths of a resource. */
export function addResource(paths: JsonObject, context: PathContext, resource: Resource): void {
  const base = pathOf(resource.group, resource.version);
  const scoped = resource.namespaced ? `${base}/namespaces/{namespace}` : base;
  const collection = `${scoped}/${resource.resource}`;
  const target: Target = { ...context, resource, gvk: gvkOf(resource), schema: resource.schema };
  addPath(paths, collection, itemParameters(resource, false), collectionOperations(target));
  addPath(paths, `${collection}/{name}`, itemParameters(resource, true), objectOperations(target, resource.verbs));
  if (resource.namespaced && resource.verbs.includes('list')) {
    const everywhere = { get: listOperation(target, 'ForAllNamespaces') };
    addPath(paths, `${base}/${resource.resource}`, itemParameters(resource, false, true), everywhere);
  }
  for (const sub of resource.subresources ?? []) {
    const path = `${collection}/{name}/${sub.name}`;
    addPath(paths, path, itemParameters(resource, true), subresourceOperations(context, resource, sub));
  }
  if (resource.verbs.includes('watch')) addWatches(paths, target, base);
}

/** What an operation is about. */
interface Target extends PathContext {
  readonly resource: Resource;
  readonly gvk: GroupVersionKind;
  /** Of what is answered, and of bodies. */
  readonly schema: ObjectSchema;
  readonly subresource?: string;
}

function gvkOf({ group, version, kind }: Resource): GroupVersionKind {
  return { group, version, kind };
}

function addPath(paths: JsonObject, path: string, parameters: Json[], operations: JsonObject): void {
  if (Object.keys(operations).length > 0) paths[path] = { ...operations, parameters };
}

function collectionOperations(target: Target): JsonObject {
  const { verbs } = target.resource;
  const status = target.components.refer(statusSchema, STATUS);
  return {
    ...(verbs.includes('deletecollection') && {
      delete: operation(target, 'deletecollection', 'Deletes the objects that are selected.', {
        parameters: [...listParameters(false), ...deleteParameters()],
        body: deletionBody(target),
        answers: { 200: status },
      }),
    }),
    ...(verbs.includes('list') && { get: listOperation(target, '') }),
    ...(verbs.includes('create') && { post: creation(target) }),
  };
}

const STATUS: GroupVersionKind = { group: '', version: 'v1', kind: 'Status' };

function creation(target: Target): JsonObject {
  const object = answered(target);
  return operation(target, 'post', `Creates a ${target.gvk.kind}.`, {
    parameters: writeParameters(),
    body: { '*/*': { schema: object } },
    answers: { 200: object, 201: object, 202: object },
  });
}

function listOperation(target: Target, suffix: string): JsonObject {
  const { kind } = target.gvk;
  const list = target.components.refer(listSchema(kind, target.schema), { ...target.gvk, kind: `${kind}List` });
  // The item is referred to first by the list, which does not know its kind.
  answered(target);
  return operation(target, 'list', `Lists objects of kind ${kind}, or watches them.`, {
    parameters: listParameters(true),
    answers: { 200: list },
    streams: true,
    suffix,
  });
}

function answered(target: Target): { $ref: string } {
  return { ...target.components.refer(target.schema, target.gvk) };
}

/** Operations on one object by its name, or on a subresource of it. */
function objectOperations(target: Target, verbs: readonly Verb[]): JsonObject {
  const { kind } = target.gvk;
  const object = answered(target);
  const patches: JsonObject = {};
  if (verbs.includes('patch')) {
    const schema = target.components.refer(patchSchema);
    for (const type of PATCH_TYPES.keys()) patches[type] = { schema };
  }
  return {
    ...(verbs.includes('delete') && { delete: deletion(target) }),
    ...(verbs.includes('get') && { get: operation(target, 'get', `Reads a ${kind}.`, { answers: { 200: object } }) }),
    ...(verbs.includes('patch') && {
      patch: operation(target, 'patch', `Changes a ${kind} in part.`, {
        parameters: writeParameters(true),
        body: patches,
        answers: { 200: object, 201: object },
      }),
    }),
    ...(verbs.includes('update') && {
      put: operation(target, 'put', `Replaces a ${kind}.`, {
        parameters: writeParameters(),
        body: { '*/*': { schema: object } },
        answers: { 200: object, 201: object },
      }),
    }),
  };
}

function deletion(target: Target): JsonObject {
  const status = target.components.refer(statusSchema, STATUS);
  return operation(target, 'delete', `Deletes a ${target.gvk.kind}.`, {
    parameters: deleteParameters(),
    body: deletionBody(target),
    answers: { 200: status, 202: status },
  });
}

/** DeleteOptions are of every group and version. */
function deletionBody(target: Target): JsonObject {
  const { components, gvk } = target;
  components.refer(deleteOptions, { group: '', version: 'v1', kind: 'DeleteOptions' });
  const schema = components.refer(deleteOptions, { group: gvk.group, version: gvk.version, kind: 'DeleteOptions' });
  return { '*/*': { schema } };
}

function subresourceOperations(context: PathContext, resource: Resource, sub: Subresource): JsonObject {
  const { group, version } = apiOfSubresource(resource, sub);
  const target: Target = {
    ...context,
    resource,
    gvk: { group, version, kind: sub.kind },
    schema: sub.schema ?? resource.schema,
    subresource: sub.name,
  };
  const operations: JsonObject = {
    ...objectOperations(target, sub.verbs),
    ...(sub.verbs.includes('create') && { post: creation(target) }),
  };
  if (sub.kind.endsWith('List') && sub.verbs.includes('get')) {
    const description = `Reads the ${sub.name} of a ${resource.kind}.`;
    operations.get = operation(target, 'get', description, {
      parameters: listParameters(true),
      answers: { 200: answered(target) },
    });
  }
  return operations;
}

/** The deprecated paths of watches, which clients of old still use. */
function addWatches(paths: JsonObject, target: Target, base: string): void {
  const { resource } = target;
  const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${base}/watch${scope}/${resource.resource}`;
  const all = { get: watchOperation(target, 'watchlist', 'List') };
  if (resource.verbs.includes('list')) addPath(paths, collection, itemParameters(resource, false), all);
  const one = { get: watchOperation(target, 'watch', '') };
  addPath(paths, `${collection}/{name}`, itemParameters(resource, true), one);
  if (resource.namespaced && resource.verbs.includes('list')) {
    const everywhere = { get: watchOperation(target, 'watchlist', 'ListForAllNamespaces') };
    addPath(paths, `${base}/watch/${resource.resource}`, itemParameters(resource, false, true), everywhere);
  }
}

function watchOperation(target: Target, action: 'watch' | 'watchlist', suffix: string): JsonObject {
  const { components, gvk } = target;
  components.refer(watchEventSchema, { group: '', version: 'v1', kind: 'WatchEvent' });
  const event = components.refer(watchEventSchema, { group: gvk.group, version: gvk.version, kind: 'WatchEvent' });
  const description = `Watches objects of kind ${gvk.kind}. Deprecated: use the parameter watch of a list instead.`;
  return operation(target, action, description, {
    parameters: listParameters(true),
    answers: { 200: event },
    streams: true,
    suffix,
  });
}

interface OperationFacts {
  readonly parameters?: Json[];
  /** Content types of the body and their schemas. */
  readonly body?: JsonObject;
  readonly answers: Readonly<Record<number, { readonly $ref: string }>>;
  /** Whether the answer may be a stream of events. */
  readonly streams?: boolean;
  /** Tells operations apart that are alike but for their path. */
  readonly suffix?: string;
}

const ANSWERS: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

function operation(target: Target, action: string, description: string, facts: OperationFacts): JsonObject {
  const responses: JsonObject = {};
  for (const [code, schema] of Object.entries(facts.answers)) {
    const types = ['application/json', ...(facts.streams ? ['application/json;stream=watch'] : []), 'application/yaml'];
    responses[code] = {
      description: ANSWERS[code] ?? code,
      content: Object.fromEntries(types.map((type) => [type, { schema }])),
    };
  }
  responses['401'] = { description: 'Unauthorized' };
  return {
    description,
    operationId: operationId(target, action, facts.suffix ?? ''),
    ...(facts.parameters && { parameters: facts.parameters }),
    ...(facts.body && { requestBody: { content: facts.body } }),
    responses,
    tags: [tagOf(target.resource)],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkJson(target.gvk),
  };
}

/** `imageOpenshiftIo_v1`. */
export function tagOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  const name = camel(group.replace(/\.k8s\.io$/, '') || 'core');
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${version}`;
}

function camel(text: string): string {
  return text
    .split(/[./-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

const ACTION_WORDS: Readonly<Record<string, string>> = {
  get: 'read',
  put: 'replace',
  post: 'create',
  watchlist: 'watch',
  deletecollection: 'deleteCollection',
};

/** As Kubernetes names them: `replaceImageOpenshiftIoV1NamespacedImageStreamStatus`. */
function operationId(target: Target, action: string, suffix: string): string {
  const { resource, subresource } = target;
  const api = camel(resource.group.replace(/\.k8s\.io$/, '') || 'core') + camel(resource.version);
  const scope = resource.namespaced && !suffix.endsWith('ForAllNamespaces') ? 'Namespaced' : '';
  return `${ACTION_WORDS[action] ?? action}${api}${scope}${resource.kind}${subresource ? camel(subresource) : ''}${suffix}`;
}
