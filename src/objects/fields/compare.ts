/** What differs between two objects of one schema, as sets of fields. */
import { isDeepStrictEqual } from 'node:util';
import type { Schema } from '../schema.ts';
import { type FieldPath, type FieldSet, fieldSet } from './fieldset.ts';
import { partsOf, shapeOf } from './typed.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface Found {
  readonly added: FieldPath[];
  readonly modified: FieldPath[];
  readonly removed: FieldPath[];
}

/**
 * Compares field by field; what is atomic as a whole.
 * @throws {Untypable} if a keyed list has items that cannot be told apart.
 */
export function compare(schema: Schema, left: unknown, right: unknown): Comparison {
  const found: Found = { added: [], modified: [], removed: [] };
  walk(schema, left, right, [], found);
  return {
    added: fieldSet(found.added),
    modified: fieldSet(found.modified),
    removed: fieldSet(found.removed),
  };
}

function walk(schema: Schema | undefined, left: unknown, right: unknown, path: FieldPath, found: Found): void {
  const shape = shapeOf(schema, left === undefined ? right : left);
  const divided = schema && shape !== 'atomic' && shapeOf(schema, right) === shape;
  if (!divided) {
    if (left === undefined) found.added.push(path);
    else if (right === undefined) found.removed.push(path);
    else if (!isDeepStrictEqual(left, right)) found.modified.push(path);
    return;
  }
  const before = new Map(partsOf(schema, left).map((part) => [part.element, part]));
  const after = new Map(partsOf(schema, right).map((part) => [part.element, part]));
  for (const [element, part] of before) {
    walk(part.schema, part.value, after.get(element)?.value, [...path, element], found);
  }
  for (const [element, part] of after) {
    if (!before.has(element)) walk(part.schema, undefined, part.value, [...path, element], found);
  }
  if (path.length === 0) return;
  if (left === undefined) found.added.push(path);
  else if (right === undefined) found.removed.push(path);
}
