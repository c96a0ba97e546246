/** From a method and a path to what is asked for, and to the resource that answers it. */
import type { Attributes } from '../access/user.ts';
import { badRequest, DomainError } from '../objects/errors.ts';
import { quoted } from '../objects/quoting.ts';
import type { Resource, Subresource, Verb } from '../objects/resource.ts';
import { parseFieldTerms } from './fieldselector.ts';
import type { Query } from './options.ts';

/** What a request is about, as Kubernetes' authorizers see it. Texts are '' where there is nothing. */
export interface RequestInfo {
  readonly method: string;
  readonly path: string;
  /** False for discovery, health and the like: only path and verb count then. */
  readonly isResource: boolean;
  /** `get`, `list`, `watch`…; the method in lower case for what is no resource. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Of the path, or the one that a list or watch selects. */
  readonly name: string;
  /** Of the path only. */
  readonly pathName: string;
  /** Whether the path leads through a namespace to something inside it. */
  readonly inNamespace: boolean;
  /** Whether it is one of the old paths `…/watch/…`. */
  readonly watchPath: boolean;
  /** Whether the path goes deeper than any resource does. */
  readonly deeper: boolean;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * Takes a path apart. Names may hold `:` and `@`, plain or percent-encoded.
 * @throws {DomainError} BadRequest if the percent-encoding is broken or the path holds a NUL.
 */
export function requestInfo(method: string, path: string, query: Query): RequestInfo {
  const segments = segmentsOf(path);
  const core = segments[0] === 'api';
  const start = core ? 2 : 3;
  if ((!core && segments[0] !== 'apis') || segments.length <= start) return nonResource(method, path);
  const group = core ? '' : (segments[1] ?? '');
  const version = segments[start - 1] ?? '';
  const watchPath = segments[start] === 'watch';
  let rest = segments.slice(watchPath ? start + 1 : start);
  let namespace = '';
  let inNamespace = false;
  if (rest[0] === 'namespaces') {
    namespace = rest[1] ?? '';
    inNamespace = rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
    if (inNamespace) rest = rest.slice(2);
  }
  const [resource = '', pathName = '', subresource = ''] = rest;
  const verb = watchPath ? 'watch' : verbOf(method, pathName, query);
  const selected = pathName === '' && !watchPath && (verb === 'list' || verb === 'watch');
  const name = selected ? selectedName(query) : pathName;
  const deeper = rest.length > 3 || resource === '';
  return {
    method,
    path,
    isResource: true,
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    pathName,
    inNamespace,
    watchPath,
    deeper,
  };
}

function nonResource(method: string, path: string): RequestInfo {
  const none = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '', pathName: '' };
  const verb = method.toLowerCase();
  return { ...none, method, path, verb, isResource: false, inNamespace: false, watchPath: false, deeper: false };
}

function segmentsOf(path: string): string[] {
  let plain = path;
  if (path.includes('%')) {
    try {
      plain = decodeURIComponent(path);
    } catch {
      throw badRequest(`the path ${quoted(path)} is not percent-encoded UTF-8`);
    }
    if (plain.includes('\0')) throw badRequest('the path holds a NUL character, which no name does');
  }
  const start = plain.startsWith('/') ? 1 : 0;
  const end = plain.endsWith('/') ? plain.length - 1 : plain.length;
  return end <= start ? [] : plain.slice(start, end).split('/');
}

function verbOf(method: string, name: string, query: Query): string {
  const verb = VERBS[method] ?? '';
  if (name !== '') return verb;
  if (verb === 'delete') return 'deletecollection';
  if (verb !== 'get') return verb;
  const watch = query.get('watch');
  return watch === null || watch === '0' || watch.toLowerCase() === 'false' ? 'list' : 'watch';
}

/** A list or watch of one name counts as being about that name, so that a role for it suffices. */
function selectedName(query: Query): string {
  const selector = query.get('fieldSelector');
  if (!selector) return '';
  try {
    const term = parseFieldTerms(selector).find(({ field, equal }) => equal && field === 'metadata.name');
    const name = term?.value ?? '';
    return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
  } catch {
    // The selector is refused when it is read for the resource, after authorization.
    return '';
  }
}

/** What an authorizer is asked. `namesNamespace`: whether the name in the path is that of a namespace (Resource). */
export function attributesOf(info: RequestInfo, namesNamespace = false): Attributes {
  if (!info.isResource) return { verb: info.verb, path: info.path };
  const namespace = namesNamespace ? info.pathName : info.namespace;
  return {
    verb: info.verb,
    group: info.group,
    resource: info.resource,
    ...(info.subresource && { subresource: info.subresource }),
    ...(namespace && { namespace }),
    ...(info.name && { name: info.name }),
  };
}

/** Where a request goes. */
export type Route =
  | {
      readonly kind: 'object';
      readonly verb: ObjectVerb;
      readonly resource: Resource;
      readonly namespace: string;
      readonly name: string;
    }
  | {
      readonly kind: 'collection';
      readonly verb: CollectionVerb;
      readonly resource: Resource;
      readonly namespace: string;
      /** The only name that an old watch path is about; '' otherwise. */
      readonly name: string;
    }
  | {
      readonly kind: 'subresource';
      readonly verb: Verb;
      readonly resource: Resource;
      readonly subresource: Subresource;
      readonly namespace: string;
      readonly name: string;
    };

export type ObjectVerb = 'get' | 'update' | 'patch' | 'delete';
export type CollectionVerb = 'list' | 'watch' | 'create' | 'deletecollection';

const OBJECT_VERBS: readonly ObjectVerb[] = ['get', 'update', 'patch', 'delete'];
const COLLECTION_VERBS: readonly CollectionVerb[] = ['list', 'watch', 'create', 'deletecollection'];
const EVERYWHERE_VERBS: readonly CollectionVerb[] = ['list', 'watch'];
const METHODS: Readonly<Record<string, readonly Verb[]>> = {
  GET: ['get', 'list', 'watch'],
  POST: ['create'],
  PUT: ['update'],
  PATCH: ['patch'],
  DELETE: ['delete', 'deletecollection'],
};

const METHOD_MESSAGE = 'the server does not allow this method on the requested resource';

/** What the paths of one resource take. */
interface Paths {
  readonly resource: Resource;
  readonly object: readonly ObjectVerb[];
  readonly collection: readonly CollectionVerb[];
  /** The collection over all namespaces, of a namespaced resource. */
  readonly everywhere: readonly CollectionVerb[];
}

function pathsOf(resource: Resource): Paths {
  const offered = <V extends Verb>(verbs: readonly V[]): V[] => verbs.filter((verb) => resource.verbs.includes(verb));
  return {
    resource,
    object: offered(OBJECT_VERBS),
    collection: offered(COLLECTION_VERBS),
    everywhere: offered(EVERYWHERE_VERBS),
  };
}

/** The resources of a server, found by path. */
export class Routes {
  readonly #paths = new Map<string, Paths>();
  readonly #groups = new Set<string>();

  constructor(resources: readonly Resource[]) {
    for (const resource of resources) {
      this.#groups.add(resource.group);
      this.#paths.set(`${resource.group}/${resource.version}/${resource.resource}`, pathsOf(resource));
    }
  }

  /** Whether the objects of a request's resource stand for namespaces, without being namespaces. */
  nameNamespaces({ group, version, resource }: RequestInfo): boolean {
    return this.#paths.get(`${group}/${version}/${resource}`)?.resource.namesNamespaces ?? false;
  }

  /**
   * The route of a resource request; undefined if its group is unknown, which Kubernetes answers in plain text.
   * @throws {DomainError} NoSuchResource if the path leads nowhere, MethodNotAllowed if it does not take the method.
   */
  find(info: RequestInfo): Route | undefined {
    const paths = this.#paths.get(`${info.group}/${info.version}/${info.resource}`);
    if (!paths) {
      if (!this.#groups.has(info.group)) return undefined;
      throw new DomainError({ reason: 'NoSuchResource' });
    }
    const { resource } = paths;
    // A namespaced object is reached through its namespace, and only such an object is.
    const misplaced =
      info.pathName === '' ? info.inNamespace && !resource.namespaced : info.inNamespace !== resource.namespaced;
    if (info.deeper || misplaced) throw new DomainError({ reason: 'NoSuchResource' });
    const namespace = resource.namespaced ? info.namespace : '';
    if (info.watchPath) return watchRoute(info, paths, namespace);
    if (info.subresource) return subresourceRoute(info, resource, namespace);
    return info.pathName ? objectRoute(info, paths, namespace) : collectionRoute(info, paths, namespace);
  }
}

function objectRoute(info: RequestInfo, { resource, object }: Paths, namespace: string): Route {
  const verb = allowed(info, object);
  return { kind: 'object', verb, resource, namespace, name: info.pathName };
}

function collectionRoute(info: RequestInfo, paths: Paths, namespace: string): Route {
  const { resource } = paths;
  const verbs = resource.namespaced && !info.inNamespace ? paths.everywhere : paths.collection;
  if (info.verb === 'watch' && verbs.includes('list') && !verbs.includes('watch')) throw notWatchable(resource);
  return { kind: 'collection', verb: allowed(info, verbs), resource, namespace, name: '' };
}

function subresourceRoute(info: RequestInfo, resource: Resource, namespace: string): Route {
  const subresource = resource.subresources?.find(({ name }) => name === info.subresource);
  const verb = allowed(info, subresource?.verbs ?? []);
  if (!subresource) throw new DomainError({ reason: 'NoSuchResource' });
  return { kind: 'subresource', verb, resource, subresource, namespace, name: info.pathName };
}

/** The old way to watch; the path may name the one object that is meant. */
function watchRoute(info: RequestInfo, { resource }: Paths, namespace: string): Route {
  if (!resource.verbs.includes('watch') || info.subresource) throw new DomainError({ reason: 'NoSuchResource' });
  if (info.method !== 'GET') throw new DomainError({ reason: 'MethodNotAllowed', message: METHOD_MESSAGE });
  return { kind: 'collection', verb: 'watch', resource, namespace, name: info.pathName };
}

function notWatchable({ group, resource }: Resource): DomainError {
  const qualified = group ? `${resource}.${group}` : resource;
  const message = `watch is not supported on resources of kind ${quoted(qualified)}`;
  return new DomainError({ reason: 'MethodNotAllowed', message });
}

/** Of the verbs that a path takes, the one that is asked for. */
function allowed<V extends Verb>(info: RequestInfo, verbs: readonly V[]): V {
  if (verbs.length === 0) throw new DomainError({ reason: 'NoSuchResource' });
  const verb = verbs.find((one) => one === info.verb);
  if (!verb || !METHODS[info.method]?.includes(verb)) {
    throw new DomainError({ reason: 'MethodNotAllowed', message: METHOD_MESSAGE });
  }
  return verb;
}
