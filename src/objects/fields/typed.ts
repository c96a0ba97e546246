/** Values as their schema divides them: what is one whole, what has parts, and by what the parts are told apart. */
import { isJsonObject } from '../../image/json.ts';
import type { ArraySchema, Schema } from '../schema.ts';
import type { FieldPath } from './fieldset.ts';

/** A list whose items cannot be told apart: one lacks its key or, in what is applied, two have the same. */
export class Untypable extends Error {
  override name = 'Untypable';
}

/** How a value is divided. `atomic`: it belongs to one manager as a whole. */
export type Shape = 'atomic' | 'members' | 'items';

/** The shape of a value by its schema; without a schema it is atomic. */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (!schema) return 'atomic';
  switch (schema.type) {
    case 'object':
    case 'map':
      if (schema.mapType === 'atomic') return 'atomic';
      return value === undefined || value === null || isJsonObject(value) ? 'members' : 'atomic';
    case 'array':
      return listKind(schema) === 'atomic' || !(value === undefined || value === null || Array.isArray(value))
        ? 'atomic'
        : 'items';
    default:
      return 'atomic';
  }
}

/** Lists are told from the list type or, where the schema gives none, from the way patches merge them. */
function listKind(schema: ArraySchema): 'atomic' | 'set' | 'map' {
  if (schema.listType) return schema.listType;
  if (!schema.patchStrategy?.includes('merge')) return 'atomic';
  return schema.patchMergeKey ? 'map' : 'set';
}

function keysOf(schema: ArraySchema): readonly string[] {
  return schema.listMapKeys ?? (schema.patchMergeKey ? [schema.patchMergeKey] : []);
}

/** One part of a value: its path element, its schema (undefined: unknown, so atomic), and the value. */
export interface Part {
  readonly element: string;
  readonly schema: Schema | undefined;
  readonly value: unknown;
  /** Whether the schema names it; the items of maps and lists are not named. */
  readonly declared: boolean;
}

/**
 * The parts of a value, in order.
 * @throws {Untypable}
 */
export function partsOf(schema: Schema, value: unknown): Part[] {
  if (value === undefined || value === null) return [];
  if (schema.type === 'array') return itemsOf(schema, value as readonly unknown[]);
  return Object.entries(value as object).map(([name, member]) => ({
    element: `f:${name}`,
    schema: schema.type === 'object' ? schema.properties[name] : schema.type === 'map' ? schema.values : undefined,
    value: member,
    declared: schema.type === 'object' && name in schema.properties,
  }));
}

function itemsOf(schema: ArraySchema, items: readonly unknown[]): Part[] {
  return items.map((value) => ({ element: elementOf(schema, value), schema: schema.items, value, declared: false }));
}

/** The path element of an item of a list that is not atomic. */
function elementOf(schema: ArraySchema, item: unknown): string {
  if (listKind(schema) === 'set') return `v:${JSON.stringify(item)}`;
  if (!isJsonObject(item)) throw new Untypable('an item of a keyed list is not an object');
  const keys: Record<string, unknown> = {};
  for (const key of [...keysOf(schema)].sort()) {
    const value = item[key] ?? defaultOf(schema.items, key);
    if (value === undefined) {
      throw new Untypable(
        `associative list with keys has an element that omits key field "${key}" (and doesn't have default value)`,
      );
    }
    keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** What a key is that an item leaves out: its default, or Go's zero value of a field that is always printed. */
function defaultOf(items: Schema, key: string): unknown {
  const member = items.type === 'object' ? items.properties[key] : undefined;
  if (member?.type !== 'string' && member?.type !== 'integer') return undefined;
  if (member.default !== undefined || member.empty !== 'always') return member.default;
  return member.type === 'string' ? '' : 0;
}

/** The elements that stand in a list more than once. */
export function repeated(parts: readonly Part[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(parts.map(({ element }) => element).filter((element) => seen.size === seen.add(element).size));
}

/** Whether nothing is in a value that has parts, so that it counts as a whole. */
export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/**
 * The paths of everything that a value sets, for the manager who applies it.
 * @throws {Untypable}
 */
export function pathsSet(schema: Schema, value: unknown, before: FieldPath = []): FieldPath[] {
  if (shapeOf(schema, value) === 'atomic') return [before];
  const parts = partsOf(schema, value);
  // What is there more than once belongs to one manager as a whole.
  const twice = schema.type === 'array' ? repeated(parts) : NONE;
  return parts.flatMap((part) => {
    const path = [...before, part.element];
    if (twice.has(part.element)) return [path];
    const below = part.schema ? pathsSet(part.schema, part.value, path) : [path];
    const empty = part.value === null || (isJsonObject(part.value) && isEmptyValue(part.value));
    const own = empty || !part.declared ? [path] : [];
    return [...own, ...below.filter((each) => each.length > path.length || own.length === 0)];
  });
}

const NONE: ReadonlySet<string> = new Set();
