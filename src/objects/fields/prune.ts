/** What server-side apply takes away: the fields that a manager applied before, does not apply now, and nobody else has. */
import type { Schema } from '../schema.ts';
import { difference, type FieldSet, fieldSet, intersection, isEmptySet, union } from './fieldset.ts';
import { isEmptyValue, partsOf, pathsSet, shapeOf } from './typed.ts';

/**
 * The object without what `before` alone held.
 *
 * @param before What the manager managed until now.
 * @param managed What is managed now, by that manager and all others.
 */
export function pruned<T>(schema: Schema, object: T, before: FieldSet, managed: FieldSet): T {
  if (isEmptySet(before)) return object;
  const named = (set: FieldSet): FieldSet => withNamedFields(schema, set);
  const setBy = (value: unknown): FieldSet => named(fieldSet(pathsSet(schema, value)));
  const all = setBy(object);
  const first = without(schema, object, named(before));
  const owned = without(schema, object, difference(all, union(setBy(first), named(managed))));
  // Only what the manager itself had goes: the rest was nobody's, or came with it.
  return without(schema, object, intersection(difference(all, setBy(owned)), named(before))) as T;
}

/** The set, and the fields of objects on the way to what is in it; entries of maps and items of lists are not fields. */
function withNamedFields(schema: Schema | undefined, set: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, node] of set.children) {
    const below = withNamedFields(schemaOf(schema, element), node);
    children.set(element, isNamed(schema, element) ? { ...below, member: true } : below);
  }
  return { member: set.member, children };
}

function isNamed(schema: Schema | undefined, element: string): boolean {
  return element.startsWith('f:') && schema?.type === 'object' && Object.hasOwn(schema.properties, element.slice(2));
}

function schemaOf(schema: Schema | undefined, element: string): Schema | undefined {
  if (schema?.type === 'object') return isNamed(schema, element) ? schema.properties[element.slice(2)] : undefined;
  if (schema?.type === 'map') return schema.values;
  return schema?.type === 'array' && element.startsWith('k:') ? schema.items : undefined;
}

/** The value without what is in the set. Where all parts of a part go, null is left of it, which is printed as nothing. */
function without(schema: Schema | undefined, value: unknown, gone: FieldSet): unknown {
  if (isEmptySet(gone)) return value;
  if (!schema || isEmptyValue(value)) return isScalar(value) ? value : null;
  if (shapeOf(schema, value) === 'atomic') return isScalar(value) ? value : null;
  const parts = partsOf(schema, value).flatMap((part) => {
    const below = gone.children.get(part.element);
    if (below?.member) return [];
    return [[part.element, below ? without(part.schema, part.value, below) : part.value] as const];
  });
  if (parts.length === 0) return null;
  if (schema.type === 'array') return parts.map(([, left]) => left);
  return Object.fromEntries(parts.map(([element, left]) => [element.slice(2), left]));
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
