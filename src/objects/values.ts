/**
 * How an object is kept: as the bytes that are served. A value is one line of JSON that begins with
 * `{"metadata":{"resourceVersion":""`: kind and apiVersion are the resource's own, and the version is the entry's
 * revision, put between on the way out.
 */
import type { Entry, Revision } from '../store/store.ts';
import type { Settings } from './context.ts';
import { badRequest } from './errors.ts';
import { pathSegmentName } from './names.ts';
import type { KubeObject } from './object.ts';
import { quoted } from './quoting.ts';
import type { Composition, Resource } from './resource.ts';

const OPENING = '{"metadata":{"resourceVersion":"';
const NEWLINE = 0x0a;

/** @throws {DomainError} BadRequest if nothing can be kept under such a name. */
export function refuseKeyless(name: string): void {
  const fault = pathSegmentName(name);
  if (fault !== undefined) throw badRequest(`Name parameter invalid: ${quoted(name)}: ${fault}`);
}

/** The store key of an object; the head's, if it is composed. */
export function keyOf<T extends KubeObject>(resource: Resource<T>, namespace: string, name: string): string {
  const kept = keptOf(resource);
  const path = resource.namespaced ? `${kept.prefix}${namespace}/${name}` : kept.prefix + name;
  return kept.composition ? `${path}#` : path;
}

/** Namespace and name out of a key. Not for keys of parts. */
export function nameOfKey<T extends KubeObject>(
  resource: Resource<T>,
  key: string,
): { readonly namespace: string; readonly name: string } {
  const { prefix, composition } = keptOf(resource);
  const path = key.slice(prefix.length, composition ? key.indexOf('#') : undefined);
  if (!resource.namespaced) return { namespace: '', name: path };
  const slash = path.indexOf('/');
  return { namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** The rules of a resource that is stored; throws if it is computed, which is a mistake of the program. */
export function keptOf<T extends KubeObject>(resource: Resource<T>): NonNullable<Resource<T>['kept']> {
  if (!resource.kept) throw new Error(`${resource.resource} are not kept`);
  return resource.kept;
}

/** An object as a value: its kind, apiVersion and resourceVersion are left out. */
export function toValue(object: KubeObject): Buffer {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...members } = object;
  const { resourceVersion: _resourceVersion, ...meta } = metadata;
  return Buffer.from(JSON.stringify({ metadata: { resourceVersion: '', ...meta }, ...members }));
}

/** An object as it was read: its head and, if it is composed, its parts in the order of their names. */
export interface KeptObject {
  readonly head: Entry;
  readonly parts: readonly Entry[];
}

const NO_PARTS: readonly Entry[] = [];

/** A kept object that is all in one entry. */
export function whole(head: Entry): KeptObject {
  return { head, parts: NO_PARTS };
}

interface Openings {
  readonly object: Buffer;
  readonly item: Buffer;
}

const openings = new WeakMap<object, Openings>();

function openingsOf(resource: Pick<Resource, 'group' | 'version' | 'kind'>): Openings {
  let found = openings.get(resource);
  if (!found) {
    const api = resource.group ? `${resource.group}/${resource.version}` : resource.version;
    found = {
      object: Buffer.from(
        `{"kind":${JSON.stringify(resource.kind)},"apiVersion":${JSON.stringify(api)},${OPENING.slice(1)}`,
      ),
      item: Buffer.from(OPENING),
    };
    openings.set(resource, found);
  }
  return found;
}

/**
 * The JSON of an object as it goes over the wire. `item` leaves out kind and apiVersion, as inside a list. `revision`
 * overrides the resourceVersion (a deletion's, for the last state of what was deleted).
 */
export function served<T extends KubeObject>(
  resource: Resource<T>,
  settings: Settings,
  kept: KeptObject,
  form: 'object' | 'item' = 'object',
  revision: Revision = kept.head.revision,
): Buffer {
  const opening = openingsOf(resource)[form];
  const version = String(revision);
  const { composition, form: keptForm } = keptOf(resource);
  const value = keptForm ? toValue(keptForm.fromKept(objectOf(kept.head.value))) : kept.head.value;
  const newline = value.indexOf(NEWLINE);
  const end = newline < 0 ? value.length : newline;
  if (!composition) return joined(opening, version, value.subarray(OPENING.length, end));
  const tail = tailOf(resource, composition, settings, kept);
  return joined(opening, version, value.subarray(OPENING.length, end - 1), tail);
}

function objectOf(value: Buffer): KubeObject {
  const newline = value.indexOf(NEWLINE);
  return JSON.parse(value.toString('utf8', 0, newline < 0 ? value.length : newline)) as KubeObject;
}

function tailOf<T extends KubeObject>(
  resource: Resource<T>,
  composition: Composition<T>,
  settings: Settings,
  kept: KeptObject,
): Buffer {
  const { namespace, name } = nameOfKey(resource, kept.head.key);
  const parts = kept.parts.map(({ value }) => {
    const newline = value.indexOf(NEWLINE);
    return newline < 0 ? value : value.subarray(0, newline);
  });
  const tail = composition.tail(namespace, name, parts, settings);
  return Buffer.concat([typeof tail === 'string' ? Buffer.from(tail) : tail, Buffer.from('}')]);
}

function joined(opening: Buffer, version: string, rest: Buffer, tail?: Buffer): Buffer {
  const length = opening.length + version.length + rest.length;
  const bytes = Buffer.allocUnsafe(length + (tail?.length ?? 0));
  opening.copy(bytes);
  bytes.write(version, opening.length, 'latin1');
  rest.copy(bytes, opening.length + version.length);
  tail?.copy(bytes, length);
  return bytes;
}

/** The object, parsed afresh: the caller may change it. */
export function parsed<T extends KubeObject>(
  resource: Resource<T>,
  settings: Settings,
  kept: KeptObject,
  revision?: Revision,
): T {
  return JSON.parse(served(resource, settings, kept, 'object', revision).toString()) as T;
}
