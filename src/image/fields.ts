/**
 * JSON decoded the way Go decodes it into a struct: known members only, each of one type, zero values left out. Docker's
 * documents are read by Go programs everywhere, so what those accept, drop or refuse is what users see.
 */
import { isJsonObject } from './json.ts';

/** What a member holds. `strings`: a list; `set`: an object of which only the member names count; `labels`: strings by name. */
export type Shape =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'time'
  | 'strings'
  | 'set'
  | 'labels'
  | { readonly object: readonly Field[] }
  | { readonly list: readonly Field[] };

export interface Field {
  /** The member's name in the document. */
  readonly name: string;
  /** The name that the decoded value goes by. */
  readonly as: string;
  readonly shape: Shape;
}

/**
 * How member names are compared. `folded`: as Go's encoding/json, in any case, for manifests and configs; `exact`: as the
 * Kubernetes API server, for API objects.
 */
export type Naming = 'folded' | 'exact';

/** A member of the wrong type. */
export class FieldInvalid extends Error {
  /** JSON pointer to the member. */
  readonly pointer: string;

  constructor(pointer: string, expected: string, found: unknown) {
    super(`${pointer === '' ? 'the document' : pointer} must be ${expected}, not ${typeName(found)}`);
    this.name = 'FieldInvalid';
    this.pointer = pointer;
  }
}

/** A field whose decoded name is its own. */
export function field(name: string, shape: Shape): Field {
  return { name, as: name, shape };
}

/**
 * The known members of a JSON object, in the order of `fields`. Unknown members are dropped, null and zero values left
 * out; an object stays even if it is empty, as Go keeps a pointer to an empty struct.
 *
 * @throws {FieldInvalid} if a member has another type.
 */
export function decodeFields(
  value: unknown,
  fields: readonly Field[],
  naming: Naming,
  pointer = '',
): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) {
    return {};
  }
  if (!isJsonObject(value)) {
    throw new FieldInvalid(pointer, 'an object', value);
  }
  const members = naming === 'folded' ? foldMembers(value) : new Map(Object.entries(value));
  const decoded: [string, unknown][] = [];
  for (const { name, as, shape } of fields) {
    const member = members.get(naming === 'folded' ? fold(name) : name);
    const kept = decodeShape(member, shape, naming, `${pointer}/${name}`);
    if (kept !== undefined) {
      decoded.push([as, kept]);
    }
  }
  return Object.fromEntries(decoded);
}

/** Members by folded name; of several that differ in case only, the last counts. */
function foldMembers(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) {
    // To Go, null leaves what an earlier member has set.
    if (member !== null) {
      members.set(fold(name), member);
    }
  }
  return members;
}

/** A member name as Go's encoding/json compares it. */
export function fold(name: string): string {
  // Go also takes the long s for an s, and the Kelvin sign for a k; lower case already sees to the latter.
  return name.replaceAll('ſ', 's').toLowerCase();
}

function decodeShape(value: unknown, shape: Shape, naming: Naming, pointer: string): unknown {
  if (value === null || value === undefined) {
    return undefined;
  }
  if (typeof shape === 'object') {
    return 'object' in shape
      ? decodeFields(value, shape.object, naming, pointer)
      : decodeList(value, pointer, (item, at) => decodeFields(item, shape.list, naming, at));
  }
  switch (shape) {
    case 'string':
      return decodeString(value, pointer) || undefined;
    case 'integer':
      return decodeInteger(value, pointer) || undefined;
    case 'boolean':
      if (typeof value !== 'boolean') {
        throw new FieldInvalid(pointer, 'true or false', value);
      }
      return value || undefined;
    case 'time':
      return decodeTime(value, pointer);
    case 'strings':
      return decodeList(value, pointer, decodeString);
    case 'set':
      return decodeMap(value, pointer, (member, at) => decodeFields(member, [], naming, at));
    case 'labels':
      return decodeMap(value, pointer, decodeString);
  }
}

function decodeString(value: unknown, pointer: string): string {
  if (value === null) {
    return '';
  }
  if (typeof value !== 'string') {
    throw new FieldInvalid(pointer, 'a string', value);
  }
  return value.toWellFormed();
}

/** Integers beyond 2^53, which JavaScript would change, are refused rather than changed. */
function decodeInteger(value: unknown, pointer: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new FieldInvalid(pointer, 'an integer below 2^53', value);
  }
  return value;
}

function decodeTime(value: unknown, pointer: string): string | undefined {
  const time = typeof value === 'string' ? canonicalTime(value) : undefined;
  if (time === undefined) {
    throw new FieldInvalid(pointer, 'a time such as 2006-01-02T15:04:05Z', value);
  }
  return time === ZERO_TIME ? undefined : time;
}

function decodeList<Item>(
  value: unknown,
  pointer: string,
  decode: (item: unknown, pointer: string) => Item,
): readonly Item[] | undefined {
  if (!Array.isArray(value)) {
    throw new FieldInvalid(pointer, 'a list', value);
  }
  const items = value.map((item, index) => decode(item, `${pointer}/${index}`));
  return items.length === 0 ? undefined : items;
}

/** Sorted by name, as Go prints maps. */
function decodeMap<Member>(
  value: unknown,
  pointer: string,
  decode: (member: unknown, pointer: string) => Member,
): Readonly<Record<string, Member>> | undefined {
  if (!isJsonObject(value)) {
    throw new FieldInvalid(pointer, 'an object', value);
  }
  const members = Object.entries(value)
    .map(([name, member]): [string, Member] => [
      name.toWellFormed(),
      decode(member, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** Go's zero time, which the API prints as null. */
const ZERO_TIME = '0001-01-01T00:00:00Z';
const RFC3339 =
  /^(\d{4}-\d{2}-\d{2}T)([01]\d|2[0-3])(:[0-5]\d:[0-5]\d)(?:[.,]\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * An RFC 3339 time as the API prints it, in UTC and cut to whole seconds, or undefined if the text is none. As in Go,
 * there are no leap seconds and no lower-case letters.
 */
export function canonicalTime(text: string): string | undefined {
  const match = RFC3339.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, date = '', hour = '', rest = '', sign = '+', offsetHours = '0', offsetMinutes = '0'] = match;
  const written = `${date}${hour}${rest}Z`;
  const local = Date.parse(written);
  if (Number.isNaN(local) || printTime(local) !== written) {
    return undefined;
  }
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const printed = printTime(sign === '-' ? local + offset : local - offset);
  // Outside the years 0 to 9999 there is no such form.
  return printed.length === written.length ? printed : undefined;
}

function printTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

function typeName(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  switch (typeof value) {
    case 'string':
      return value.length <= 40 ? JSON.stringify(value) : 'another string';
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return 'an object';
  }
}
