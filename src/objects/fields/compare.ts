/** What differs between two objects of one schema, as sets of fields. */
import { isDeepStrictEqual } from 'node:util';
import type { Schema } from '../schema.ts';
import { type FieldPath, type FieldSet, fieldSet } from './fieldset.ts';
import { isEmptyValue, type Part, partsOf, shapeOf } from './typed.ts';

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
 * @throws {Untypable} if a keyed list has items that lack their key.
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
  if (!divided || (isEmptyValue(left) && isEmptyValue(right))) {
    if (left === undefined) found.added.push(path);
    else if (right === undefined) found.removed.push(path);
    else if (!isDeepStrictEqual(left, right)) found.modified.push(path);
    return;
  }
  const [before, after] = [byElement(schema, left), byElement(schema, right)];
  for (const [element, parts] of before) walkParts(parts, after.get(element) ?? [], [...path, element], found);
  for (const [element, parts] of after) {
    if (!before.has(element)) walkParts([], parts, [...path, element], found);
  }
  if (path.length === 0) return;
  if (left === undefined) found.added.push(path);
  else if (right === undefined) found.removed.push(path);
}

function byElement(schema: Schema, value: unknown): Map<string, Part[]> {
  return Map.groupBy(partsOf(schema, value), ({ element }) => element);
}

/** Items of a list that are there more than once are compared as a whole, and what becomes single again is new. */
function walkParts(left: readonly Part[], right: readonly Part[], path: FieldPath, found: Found): void {
  const [before, after] = [left[0], right[0]];
  const schema = (before ?? after)?.schema;
  const once = (value: unknown, next: unknown): void => walk(schema, value, next, path, found);
  if (left.length <= 1 && right.length <= 1) once(before?.value, after?.value);
  else if (left.length > 1 && right.length > 1) {
    const same = isDeepStrictEqual(
      left.map(({ value }) => value),
      right.map(({ value }) => value),
    );
    if (!same) found.modified.push(path);
  } else if (left.length > 1) {
    if (after) once(undefined, after.value);
    found.removed.push(path);
  } else {
    if (before) once(before.value, undefined);
    found.added.push(path);
  }
}
