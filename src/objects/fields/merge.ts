/** Two values of one schema merged, as server-side apply does: what the right one sets, and the rest of the left one. */
import type { ArraySchema, Schema } from '../schema.ts';
import { isEmptyValue, type Part, partsOf, repeated, shapeOf, Untypable } from './typed.ts';

/**
 * The left value with everything that the right one sets. Neither is changed; parts of both are part of the result.
 * @throws {Untypable} if items cannot be told apart, or the right value has one twice.
 */
export function merged(schema: Schema | undefined, left: unknown, right: unknown): unknown {
  if (right === undefined) return left;
  if (!schema) return right;
  const shape = shapeOf(schema, left);
  // Lists are walked even where nothing is on the left, to see whether their items can be told apart.
  const whole = shape === 'atomic' || shapeOf(schema, right) !== shape;
  if (whole || (isEmptyValue(left) && isEmptyValue(right))) return right;
  if (schema.type === 'array') return mergedItems(schema, left, right);
  const before = partsOf(schema, left);
  const after = new Map(partsOf(schema, right).map((part) => [part.element, part]));
  const members = before.map(({ element, schema: below, value }) => {
    const next = after.get(element);
    after.delete(element);
    return [element, next ? merged(below, value, next.value) : value] as const;
  });
  const added = [...after.values()].map(({ element, schema: below, value }) => {
    return [element, merged(below, undefined, value)] as const;
  });
  return Object.fromEntries([...members, ...added].map(([element, value]) => [element.slice(2), value]));
}

/**
 * The items of both lists. Those of the right list keep its order; those that only the left one has stay between the
 * neighbours that they had there, as far as that goes.
 */
function mergedItems(schema: ArraySchema, left: unknown, right: unknown): unknown[] {
  const before = partsOf(schema, left);
  const after = partsOf(schema, right);
  const [twice] = repeated(after);
  if (twice !== undefined) throw new Untypable(`duplicate entries for key [${twice.slice(2)}]`);
  const doubled = repeated(before);
  const leftOf = new Map(before.map((part) => [part.element, doubled.has(part.element) ? undefined : part.value]));
  const wanted = new Set(after.map(({ element }) => element));
  // What both have, in the order of the right list: the next item for the left list to come to.
  const shared = after.map(({ element }) => element).filter((element) => leftOf.has(element));
  let upcoming = 0;
  const result: unknown[] = [];
  const take = ({ element, value }: Part): void => {
    result.push(merged(schema.items, leftOf.get(element), value));
    if (shared[upcoming] === element) upcoming++;
  };
  let [l, r] = [0, 0];
  for (let [old, next] = [before[l], after[r]]; old || next; [old, next] = [before[l], after[r]]) {
    if (old && !wanted.has(old.element)) {
      result.push(old.value);
      l++;
    } else if (old && next?.element === old.element) {
      take(next);
      l++;
      r++;
    } else if (old && shared[upcoming] !== old.element) {
      // Its place is elsewhere: where the right list has it, behind or ahead.
      l++;
    } else if (next) {
      take(next);
      r++;
    } else l++;
  }
  return result;
}
