/**
 * JSON patches (RFC 6902) as kube-apiserver applies them: replacing what is absent adds it, copying it or leaving out a
 * value gives null, indices may count from the end, and the whole document can be replaced but not added. Pure.
 */
import { isDeepStrictEqual } from 'node:util';

export type JsonPatch = readonly JsonPatchOperation[];

export interface JsonPatchOperation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** The patch is not a list of operations; nothing can be tried. */
export class MalformedPatch extends Error {
  override name = 'MalformedPatch';
}

/** An operation does not fit the document, or a test failed. */
export class PatchFailed extends Error {
  override name = 'PatchFailed';
}

/**
 * Checks that a parsed body is a JSON patch.
 * @throws {MalformedPatch} if it is not a list of objects with texts where texts belong.
 */
export function jsonPatchOf(body: unknown): JsonPatch {
  if (!Array.isArray(body)) throw new MalformedPatch('a JSON patch is a list of operations');
  for (const operation of body) {
    if (!isObject(operation)) throw new MalformedPatch('each operation of a JSON patch is an object');
    for (const member of ['op', 'path', 'from']) {
      if (operation[member] !== undefined && typeof operation[member] !== 'string') {
        throw new MalformedPatch(`${member} of an operation of a JSON patch is a string`);
      }
    }
  }
  return body as JsonPatch;
}

/**
 * The document with all operations applied in order. The document is changed and may be part of the result.
 * @param copyBytes how many bytes of JSON all `copy` operations together may add.
 * @throws {PatchFailed} if an operation cannot be applied; what has been changed until then is to be thrown away.
 */
export function applyJsonPatch(document: unknown, patch: JsonPatch, copyBytes: number): unknown {
  // The document is a member of a holder, so that the empty path is a place like any other.
  const holder: Members = { '': document };
  let copied = 0;
  for (const operation of patch) {
    copied += applyOperation(holder, operation, copyBytes - copied);
  }
  return holder[''];
}

type Members = Record<string, unknown>;

/** Applies one operation; returns how many bytes it copied. */
function applyOperation(root: Members, operation: JsonPatchOperation, copyBytes: number): number {
  const { op, path, from, value = null } = operation;
  if (typeof path !== 'string') throw new PatchFailed('an operation has no path');
  if (op === 'copy') return copy(root, sourceOf(from), path, copyBytes);
  if (op === 'move') move(root, sourceOf(from), path);
  else if (op === 'add') add(memberPlace(root, path), value);
  else if (op === 'replace') replace(placeOf(root, path), value);
  else if (op === 'remove') remove(memberPlace(root, path), path);
  else if (op !== 'test') throw new PatchFailed(`${JSON.stringify(op)} is no operation of a JSON patch`);
  else if (!isDeepStrictEqual(present(placeOf(root, path), path) ?? null, value)) {
    throw new PatchFailed(`the test of ${path} failed`);
  }
  return 0;
}

function copy(root: Members, from: string, path: string, copyBytes: number): number {
  const json = JSON.stringify(present(memberPlace(root, from), from) ?? null);
  if (json.length > copyBytes) throw new PatchFailed(`the copies of the patch come to too many bytes at ${path}`);
  add(memberPlace(root, path), JSON.parse(json));
  return json.length;
}

function move(root: Members, from: string, path: string): void {
  const source = memberPlace(root, from);
  const moved = present(source, from);
  if (path.startsWith(`${from}/`)) throw new PatchFailed(`${from} cannot be moved into itself`);
  remove(source, from);
  add(memberPlace(root, path), moved);
}

function sourceOf(from: string | undefined): string {
  if (from === undefined) throw new PatchFailed('an operation has no from');
  return from;
}

/** A member of an object or an element of a list, which need not exist. */
interface Place {
  readonly parent: Members | unknown[];
  readonly key: string;
}

function placeOf(root: Members, path: string): Place {
  if (path !== '' && !path.startsWith('/'))
    throw new PatchFailed(`the path ${JSON.stringify(path)} does not begin with /`);
  const keys = path === '' ? [''] : ['', ...path.slice(1).split('/').map(unescaped)];
  let parent: Members | unknown[] = root;
  for (const key of keys.slice(0, -1)) {
    const next: unknown = read({ parent, key });
    if (!Array.isArray(next) && !isObject(next)) throw new PatchFailed(`nothing is at the parent of ${path}`);
    parent = next;
  }
  return { parent, key: keys.at(-1) ?? '' };
}

/** A place inside the document, not the document itself. */
function memberPlace(root: Members, path: string): Place {
  if (path === '') throw new PatchFailed('the path of an operation is empty');
  return placeOf(root, path);
}

function unescaped(key: string): string {
  return key.includes('~') ? key.replaceAll('~1', '/').replaceAll('~0', '~') : key;
}

/** What is there; undefined if nothing is. */
function read({ parent, key }: Place): unknown {
  if (Array.isArray(parent)) return parent[indexOf(key, parent.length)];
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

/** The same where an element of a list must be there; members of objects need not. */
function present(place: Place, path: string): unknown {
  const value = read(place);
  if (value === undefined && Array.isArray(place.parent)) throw new PatchFailed(`nothing is at ${path}`);
  return value;
}

function add({ parent, key }: Place, value: unknown): void {
  if (!Array.isArray(parent)) {
    setMember(parent, key, value);
    return;
  }
  const index = key === '-' ? parent.length : indexOf(key, parent.length + 1);
  if (!(index >= 0 && index <= parent.length))
    throw new PatchFailed(`${key} is no index of a list of ${parent.length}`);
  parent.splice(index, 0, value);
}

function replace({ parent, key }: Place, value: unknown): void {
  if (!Array.isArray(parent)) {
    setMember(parent, key, value);
    return;
  }
  const index = indexOf(key, parent.length);
  if (!(index >= 0 && index < parent.length)) throw new PatchFailed(`${key} is no index of a list of ${parent.length}`);
  parent[index] = value;
}

function remove({ parent, key }: Place, path: string): void {
  if (!Array.isArray(parent)) {
    if (!Object.hasOwn(parent, key)) throw new PatchFailed(`nothing is at ${path}`);
    delete parent[key];
    return;
  }
  const index = indexOf(key, parent.length);
  if (!(index >= 0 && index < parent.length))
    throw new PatchFailed(`${path} is no element of a list of ${parent.length}`);
  parent.splice(index, 1);
}

/** The index that a key means, -1 if none; a negative one counts from the end. */
function indexOf(key: string, length: number): number {
  if (!/^[+-]?\d{1,9}$/.test(key)) return -1;
  const index = Number(key);
  return index < 0 ? index + length : index;
}

/** As an own member even where the name is `__proto__`. */
export function setMember(object: Members, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
