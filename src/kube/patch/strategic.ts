/**
 * Strategic merge patches: merge patches that know, from the schema, which lists are merged by which key, with the
 * directives `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`. Pure.
 */
import { shownValue } from '../../objects/quoting.ts';
import type { Schema } from '../../objects/schema.ts';
import { isObject, setMember } from './json.ts';

/** The patch contradicts itself or the schema. */
export class BadStrategicPatch extends Error {
  override name = 'BadStrategicPatch';
}

type Members = Record<string, unknown>;

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

/**
 * The original with the patch applied. Neither is changed; parts of both are part of the result.
 * @throws {BadStrategicPatch} if a directive is unknown or misplaced, or an element lacks its list's merge key.
 */
export function applyStrategicPatch(schema: Schema, original: Members, patch: Members): Members {
  return mergeObject(schema, original, patch);
}

function mergeObject(schema: Schema | undefined, original: Members, patch: Members): Members {
  if (Object.hasOwn(patch, PATCH)) return replaced(patch);
  const result = retained(original, patch);
  const ordered = orderedLists(schema, result, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === RETAIN_KEYS || key.startsWith(SET_ORDER) || ordered.has(key)) continue;
    if (key.startsWith(DELETE_FROM)) deleteElements(result, key, value);
    else if (value === null) delete result[key];
    else {
      const next = merged(memberSchema(schema, key), ownMember(result, key), value);
      if (next === undefined) delete result[key];
      else setMember(result, key, next);
    }
  }
  return result;
}

/** `$patch: replace` takes the patch as it is, `$patch: delete` leaves nothing. */
function replaced(patch: Members): Members {
  const { [PATCH]: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return {};
  throw new BadStrategicPatch(`unknown patch type: ${shownValue(directive)} in map: ${JSON.stringify(patch)}`);
}

/** A copy of the original, with only those members that `$retainKeys` names if it is there. */
function retained(original: Members, patch: Members): Members {
  const result: Members = {};
  const list = patch[RETAIN_KEYS];
  if (list !== undefined && !Array.isArray(list)) throw new BadStrategicPatch('$retainKeys must be a list');
  const keys = list && new Set<unknown>(list);
  for (const [key, value] of Object.entries(original)) {
    if (!keys || keys.has(key)) setMember(result, key, value);
  }
  if (!keys) return result;
  for (const [key, value] of Object.entries(patch)) {
    const directive = key === RETAIN_KEYS || key.startsWith(SET_ORDER) || key.startsWith(DELETE_FROM);
    if (value === null || directive || keys.has(key)) continue;
    throw new BadStrategicPatch(`invalid patch format of retainKeys: the patch sets ${key}, which it does not retain`);
  }
  return result;
}

/** Merges the lists that have a `$setElementOrder`, into the result; returns their names. */
function orderedLists(schema: Schema | undefined, result: Members, patch: Members): Set<string> {
  const done = new Set<string>();
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(SET_ORDER)) continue;
    const key = directive.slice(SET_ORDER.length);
    if (!Array.isArray(order)) throw new BadStrategicPatch(`${directive} must be a list`);
    const original = ownMember(result, key);
    const given = Object.hasOwn(patch, key) ? patch[key] : undefined;
    if (given === null) continue;
    const list = listSchema(memberSchema(schema, key));
    const server = Array.isArray(original) ? original : [];
    const elements = Array.isArray(given) ? given : [];
    checkOrder(list, elements, order);
    const deletions = patch[DELETE_FROM + key];
    const kept = Array.isArray(deletions) ? without(server, deletions) : server;
    const all =
      original === undefined
        ? elements.flatMap((element) => plain(element) ?? [])
        : mergeElements(list, kept, elements);
    done.add(key);
    if (original === undefined && given === undefined) continue;
    setMember(result, key, inOrder(all, order, kept, list.mergeKey));
  }
  return done;
}

/** What a patch sets must come in the order that it gives, and be all in it. */
function checkOrder({ mergeKey }: ListSchema, elements: readonly unknown[], order: readonly unknown[]): void {
  if (order.length === 0) return;
  const identity = identityBy(mergeKey);
  const places = new Map(order.map((element, index) => [identity(element), index]));
  let last = -1;
  for (const element of elements) {
    if (isObject(element) && Object.hasOwn(element, PATCH)) continue;
    const place = places.get(identity(element)) ?? -1;
    if (place <= last) {
      const shown = [elements, order].map((list) => JSON.stringify(list));
      throw new BadStrategicPatch(
        `The order in patch list: ${shown[0]} doesn't match $setElementOrder list: ${shown[1]}`,
      );
    }
    last = place;
  }
}

/** What tells the elements of a list apart, as a text ('' if it is not there), so that long lists take one pass. */
function identityBy(mergeKey: string | undefined): (element: unknown) => string {
  return (element) => JSON.stringify(mergeKey !== undefined && isObject(element) ? element[mergeKey] : element) ?? '';
}

function deleteElements(result: Members, directive: string, value: unknown): void {
  const key = directive.slice(DELETE_FROM.length);
  const list = ownMember(result, key);
  if (!Array.isArray(value)) throw new BadStrategicPatch(`${directive} must be a list`);
  if (Array.isArray(list)) setMember(result, key, without(list, value));
}

function without(list: readonly unknown[], gone: readonly unknown[]): unknown[] {
  const identity = identityBy(undefined);
  const all = new Set(gone.map(identity));
  return list.filter((element) => !all.has(identity(element)));
}

/** What becomes of one member; undefined if it goes. */
function merged(schema: Schema | undefined, original: unknown, patch: unknown): unknown {
  if (isObject(patch)) {
    const whole = schema && 'patchStrategy' in schema && schema.patchStrategy === 'replace';
    if (isObject(original) && !whole) return mergeObject(schema, original, patch);
    return plain(patch);
  }
  if (Array.isArray(patch)) {
    const list = listSchema(schema);
    if (Array.isArray(original) && list.merges) return mergeList(list, original, patch);
    return plain(patch);
  }
  return patch;
}

interface ListSchema {
  readonly items: Schema | undefined;
  readonly merges: boolean;
  readonly mergeKey: string | undefined;
}

function listSchema(schema: Schema | undefined): ListSchema {
  if (schema?.type !== 'array') return { items: undefined, merges: false, mergeKey: undefined };
  const merges = schema.patchStrategy === 'merge' || schema.patchStrategy === 'merge,retainKeys';
  return { items: schema.items, merges, mergeKey: schema.patchMergeKey };
}

function mergeList(list: ListSchema, original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const all = mergeElements(list, original, patch);
  return inOrder(all, patch, original, list.mergeKey);
}

/** All elements that there will be, without an order that means anything. */
function mergeElements(list: ListSchema, original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  if (![...original, ...patch].some(isObject)) return distinct([...original, ...patch]);
  const { mergeKey, items } = list;
  if (!mergeKey) {
    if (patch.length === 0) return [...original];
    throw new BadStrategicPatch('cannot merge lists without merge key: send the list as a merge patch');
  }
  const identity = identityBy(mergeKey);
  const additions: Members[] = [];
  const deletions = new Set<string>();
  let replaces = false;
  for (const element of patch) {
    if (!isObject(element)) throw new BadStrategicPatch('the elements of one list must be of one type');
    const directive = element[PATCH];
    if (directive === undefined) additions.push(element);
    else if (directive === 'replace') replaces = true;
    else if (directive === 'delete') {
      checkKey(element, mergeKey);
      deletions.add(identity(element));
    } else {
      throw new BadStrategicPatch(`unknown patch type: ${shownValue(directive)} in map: ${JSON.stringify(element)}`);
    }
  }
  if (replaces) return plain(additions) as unknown[];
  const result = original.filter((element) => !isObject(element) || !deletions.has(identity(element)));
  const indices = places(result, (element) => (isObject(element) ? identity(element) : ''));
  for (const element of additions) {
    checkKey(element, mergeKey);
    const at = indices.get(identity(element)) ?? -1;
    const old = result[at];
    if (isObject(old)) result[at] = mergeObject(items, old, element);
    else {
      const added = plain(element);
      indices.set(identity(added), result.length);
      result.push(added);
    }
  }
  return result;
}

function checkKey(element: Members, mergeKey: string): void {
  if (element[mergeKey] !== undefined) return;
  throw new BadStrategicPatch(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`);
}

function distinct(values: readonly unknown[]): unknown[] {
  return [...new Set(values)];
}

/**
 * Elements that the patch names come in its order, the others in the server's; they are interleaved so that a server's
 * element goes before a patch's where the server had them so, and after it otherwise.
 */
function inOrder(
  all: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const identity = identityBy(mergeKey);
  const inPatch = places(patchOrder, identity);
  const inServer = places(serverOrder, identity);
  const place = (order: ReadonlyMap<string, number>, element: unknown): number => order.get(identity(element)) ?? -1;
  const byPlace = (order: ReadonlyMap<string, number>) => (a: unknown, b: unknown) => place(order, a) - place(order, b);
  const right = all.filter((element) => place(inPatch, element) >= 0).sort(byPlace(inPatch));
  const left = all.filter((element) => place(inPatch, element) < 0).sort(byPlace(inServer));
  const result: unknown[] = [];
  let next = 0;
  for (const element of right) {
    const limit = place(inServer, element);
    while (next < left.length && limit >= 0) {
      const at = place(inServer, left[next]);
      if (at < 0 || at >= limit) break;
      result.push(left[next++]);
    }
    result.push(element);
  }
  return [...result, ...left.slice(next)];
}

function places(order: readonly unknown[], identity: (element: unknown) => string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [index, element] of order.entries()) {
    const key = identity(element);
    if (!found.has(key)) found.set(key, index);
  }
  return found;
}

/**
 * A part of the patch that meets nothing: without nulls in its objects and without directives. Undefined if it is one
 * itself, since an object with `$patch` says only what becomes of what is there.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain).filter((element) => element !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, PATCH)) return undefined;
  const result: Members = {};
  for (const [key, member] of Object.entries(value)) {
    const directive = key === RETAIN_KEYS || key.startsWith(SET_ORDER) || key.startsWith(DELETE_FROM);
    const kept = directive || member === null ? undefined : plain(member);
    if (kept !== undefined) setMember(result, key, kept);
  }
  return result;
}

function memberSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema?.type === 'map') return schema.values;
  if (schema?.type !== 'object' || !Object.hasOwn(schema.properties, key)) return undefined;
  return schema.properties[key];
}

function ownMember(object: Members, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
