/**
 * Objects in canonical form: what is left of a client's JSON after Go has decoded it into the resource's struct and
 * encoded it again. Whatever is stored or compared is canonical.
 */
import { REPORTED_FIELDS } from '../limits.ts';
import { coerced, WrongValue } from './coercion.ts';
import { META_V1 } from './metaschema.ts';
import type { KubeObject } from './object.ts';
import type { ObjectSchema, Property, Schema } from './schema.ts';

/** A value that does not fit its field. */
export interface WrongType {
  /** Where: `spec.tags[0].name`. */
  readonly path: string;
  /** In the words that Kubernetes users know: `json: cannot unmarshal number into Go struct field …`. */
  readonly message: string;
}

/** An object in canonical form, and what the client gave that is not in it. */
export interface Canonical<T> {
  readonly value: T;
  /** Paths of members that the schema does not know, sorted; at most REPORTED_FIELDS. */
  readonly unknown: readonly string[];
  /** Values that do not fit, in the order of the schema. If there are any, `value` is not to be used. */
  readonly wrongTypes: readonly WrongType[];
}

export interface CanonicalOptions {
  /** Whether fields that are not given get their defaults, and conversions are made (default true). */
  readonly defaults?: boolean;
}

/**
 * The value in canonical form: members in the schema's order, unknown ones dropped, empty ones printed or left out as
 * Go would, defaults filled in, maps sorted, times to the second in UTC. Anything but an object counts as a wrong type;
 * null counts as an object without members. The value is not changed; parts of it may be shared with the result.
 */
export function canonical(schema: ObjectSchema, value: unknown, options: CanonicalOptions = {}): Canonical<KubeObject> {
  const walk: Walk = {
    path: [],
    structs: [],
    fields: [],
    unknown: [],
    wrongTypes: [],
    defaults: options.defaults ?? true,
  };
  const object = structOf(walk, compiled(schema), value ?? {}) ?? {};
  // The result is what the schema says, and the schemas of resources say that it is a KubeObject.
  return { value: object as unknown as KubeObject, unknown: walk.unknown.sort(), wrongTypes: walk.wrongTypes };
}

type Members = Record<string, unknown>;

interface Walk {
  readonly path: (string | number)[];
  /** Names of the structs that are being filled, for the words of errors. */
  readonly structs: string[];
  /** The path without indices and keys of maps, for the same. */
  readonly fields: string[];
  readonly unknown: string[];
  readonly wrongTypes: WrongType[];
  readonly defaults: boolean;
}

interface Struct {
  readonly name: string;
  readonly members: readonly Member[];
  readonly known: ReadonlySet<string>;
  readonly convert: ObjectSchema['convert'];
}

/** `null`: a pointer to a scalar without omitempty, printed as null if it is not given. */
type Empty = NonNullable<Property['empty']> | 'null';

interface Member {
  readonly name: string;
  readonly schema: Property;
  readonly empty: Empty;
}

const structs = new WeakMap<ObjectSchema, Struct>();

function compiled(schema: ObjectSchema): Struct {
  let struct = structs.get(schema);
  if (!struct) {
    const names = Object.keys(schema.properties);
    const ignored = schema.component === `${META_V1}.ObjectMeta` ? 'selfLink' : undefined;
    const members: Member[] = [];
    for (const [name, property] of Object.entries(schema.properties)) {
      if (name === ignored) continue;
      members.push({
        name,
        schema: property,
        empty: property.empty ?? (property.type === 'object' ? 'struct' : 'omit'),
      });
    }
    struct = {
      name: schema.component?.split('.').at(-1) ?? '',
      members,
      known: new Set(names),
      convert: schema.convert,
    };
    structs.set(schema, struct);
  }
  return struct;
}

/** The members of an object in order, or undefined if the value is no object. */
function structOf(walk: Walk, struct: Struct, value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    wrong(walk, value, `v1.${struct.name}`);
    return undefined;
  }
  const given = walk.defaults && struct.convert ? struct.convert(value as Members) : (value as Members);
  const out: Members = {};
  let seen = 0;
  walk.structs.push(struct.name);
  for (const member of struct.members) {
    const { name } = member;
    const has = Object.hasOwn(given, name);
    if (has) seen++;
    walk.path.push(name);
    walk.fields.push(name);
    const printed = memberOf(walk, member, has ? given[name] : undefined);
    walk.fields.pop();
    walk.path.pop();
    if (printed !== undefined) out[name] = printed;
  }
  walk.structs.pop();
  reportUnknown(walk, struct, given, seen);
  return out;
}

function reportUnknown(walk: Walk, struct: Struct, given: Members, seen: number): void {
  const names = Object.keys(given);
  if (names.length === seen) return;
  for (const name of names) {
    if (!struct.known.has(name) && walk.unknown.length < REPORTED_FIELDS) walk.unknown.push(pathOf(walk, name));
  }
}

/** What is printed for a member; undefined if nothing is. */
function memberOf(walk: Walk, member: Member, given: unknown): unknown {
  const { schema, empty } = member;
  switch (schema.type) {
    case 'object': {
      if (given === undefined || given === null) {
        if (empty === 'always') return null;
        return empty === 'struct' ? structOf(walk, compiled(schema), {}) : undefined;
      }
      return structOf(walk, compiled(schema), given);
    }
    case 'any':
      return given ?? (empty === 'always' ? null : undefined);
    case 'map':
    case 'array': {
      const value = elementOf(walk, schema, given ?? null);
      if (value === null) return empty === 'always' ? null : undefined;
      return empty === 'omit' && isEmpty(value) ? undefined : value;
    }
    default:
      return scalarOf(walk, member, given);
  }
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value as object) return false;
  return true;
}

function scalarOf(walk: Walk, { schema, empty }: Member, given: unknown): unknown {
  if (schema.type === 'object' || schema.type === 'map' || schema.type === 'array' || schema.type === 'any')
    return given;
  let value: unknown = given ?? undefined;
  if (walk.defaults && schema.default !== undefined && (value === undefined || value === '')) value = schema.default;
  if (value !== undefined) value = scalar(walk, schema, value);
  if (value === undefined && empty === 'null') return null;
  if (value === undefined) return empty === 'always' ? zero(schema) : undefined;
  // Go's zero value of a byte slice is null, so an empty one that was given is printed; but not with omitempty.
  if (empty === 'omit' && (value === '' || value === 0 || value === false)) return undefined;
  return value;
}

function zero(schema: Schema): unknown {
  switch (schema.type) {
    case 'string':
      if (schema.format === 'quantity') return '0';
      return schema.format === 'date-time' || schema.format === 'micro-time' || schema.format === 'byte' ? null : '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return null;
  }
}

/** An element of an array or a value of a map: there is always something printed for it. */
function elementOf(walk: Walk, schema: Schema, given: unknown): unknown {
  switch (schema.type) {
    case 'object':
      return structOf(walk, compiled(schema), given ?? {}) ?? {};
    case 'any':
      return given ?? null;
    case 'map':
      return given === null ? null : mapOf(walk, schema.values, given);
    case 'array':
      return given === null ? null : arrayOf(walk, schema.items, given);
    default:
      return given === null ? zero(schema) : (scalar(walk, schema, given) ?? zero(schema));
  }
}

function arrayOf(walk: Walk, items: Schema, given: unknown): unknown[] {
  if (!Array.isArray(given)) {
    wrong(walk, given, `[]${goType(items)}`);
    return [];
  }
  const out: unknown[] = new Array(given.length);
  for (let index = 0; index < given.length; index++) {
    walk.path.push(index);
    out[index] = elementOf(walk, items, given[index] ?? null);
    walk.path.pop();
  }
  return out;
}

/** Go prints maps in the order of their keys. */
function mapOf(walk: Walk, values: Schema, given: unknown): Members {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    wrong(walk, given, `map[string]${goType(values)}`);
    return {};
  }
  const out: Members = {};
  for (const key of Object.keys(given).sort()) {
    walk.path.push(key);
    const value = elementOf(walk, values, (given as Members)[key] ?? null);
    walk.path.pop();
    // Assigned, this one key would become the object's prototype.
    if (key === '__proto__')
      Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
    else out[key] = value;
  }
  return out;
}

/** A scalar as it is printed; undefined if it is none or does not fit, which is reported. */
function scalar(
  walk: Walk,
  schema: Exclude<Schema, { type: 'object' | 'map' | 'array' | 'any' }>,
  given: unknown,
): unknown {
  const value = coerced(schema, given);
  if (!(value instanceof WrongValue)) return value;
  if (value.message === undefined) wrong(walk, value.given, goType(schema));
  else walk.wrongTypes.push({ path: pathOf(walk), message: value.message });
  return undefined;
}

function wrong(walk: Walk, given: unknown, type: string): void {
  const struct = walk.structs.at(-1);
  const place = struct === undefined ? 'value' : `struct field ${struct}.${walk.fields.join('.')}`;
  const found = jsonType(given, type);
  walk.wrongTypes.push({
    path: pathOf(walk),
    message: `json: cannot unmarshal ${found} into Go ${place} of type ${type}`,
  });
}

/** What JSON calls a value, in Go's words: a number that is out of the range of an integer type is shown. */
function jsonType(value: unknown, type: string): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return type.startsWith('int') && type !== 'interface {}' ? `number ${value}` : 'number';
    case 'string':
      return 'string';
    default:
      return 'object';
  }
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case 'object':
      return `v1.${schema.component?.split('.').at(-1) ?? 'Object'}`;
    case 'map':
      return `map[string]${goType(schema.values)}`;
    case 'array':
      return `[]${goType(schema.items)}`;
    case 'integer':
      return schema.format ?? 'int';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return schema.format === 'byte' ? '[]uint8' : 'string';
    default:
      return 'interface {}';
  }
}

function pathOf(walk: Walk, last?: string): string {
  let path = '';
  for (const segment of last === undefined ? walk.path : [...walk.path, last]) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else path += path === '' ? segment : `.${segment}`;
  }
  return path;
}
