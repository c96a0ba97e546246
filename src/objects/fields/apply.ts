/** Server-side apply: merges what a manager wants into what is there, and takes away what it no longer wants. */
import { isDeepStrictEqual } from 'node:util';
import { badRequest, DomainError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { ObjectSchema, Schema } from '../schema.ts';
import { compare } from './compare.ts';
import {
  difference,
  type FieldPath,
  type FieldSet,
  fieldSet,
  hasPath,
  isEmptySet,
  pathsOf,
  pathText,
  touches,
  union,
} from './fieldset.ts';
import {
  comparable,
  granted,
  type Managed,
  type Manager,
  manageable,
  overlaps,
  printManaged,
  readManaged,
  withoutFields,
} from './managed.ts';
import { partsOf, pathsSet, shapeOf, Untypable } from './typed.ts';

/** One field that another manager manages. */
export interface FieldConflict {
  readonly manager: Manager;
  readonly path: FieldPath;
}

/** Others manage fields that an apply would change. */
export class ApplyConflict extends Error {
  override name = 'ApplyConflict';
  readonly conflicts: readonly FieldConflict[];
  constructor(conflicts: readonly FieldConflict[]) {
    super(`conflicts with ${conflicts.map(({ manager, path }) => `${manager.manager}: ${pathText(path)}`).join(', ')}`);
    this.conflicts = conflicts;
  }
}

/**
 * The object after an apply, managedFields included.
 *
 * @param live What is stored, or undefined.
 * @param config What the manager sent; it holds only what it cares about.
 * @throws {ApplyConflict} unless `force`; {DomainError} BadRequest for a config that has managedFields or cannot be divided.
 */
export function apply(
  schema: ObjectSchema,
  live: KubeObject | undefined,
  config: KubeObject,
  manager: Manager,
  force: boolean,
  time: string,
  untouched?: FieldSet,
): KubeObject {
  if (config.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  const managed = readManaged(live?.metadata.managedFields) ?? [];
  const base = live ? comparable(schema, live) : { ...head(config), metadata: {} };
  try {
    const wanted = manageable(fieldSet(pathsSet(schema, config)), untouched);
    const own = managed.find((each) => sameManager(each, manager));
    const others = managed.filter((each) => each !== own);
    const merged = merge(schema, base, config) as KubeObject;
    const unwanted = own ? difference(own.fields, wanted) : fieldSet([]);
    const pruned = prune(schema, merged, unwanted, [wanted, ...others.map(({ fields }) => fields)]);
    const { added, modified, removed } = compare(schema, base, pruned);
    const changed = manageable(union(added, modified), untouched);
    const conflicts = overlaps(others, changed);
    if (conflicts.length > 0 && !force) throw new ApplyConflict(conflicts.flatMap(conflictsOf));
    const left = withoutFields(withoutFields(others, changed), manageable(removed, untouched));
    const same = own && isDeepStrictEqual(pathsOf(own.fields), pathsOf(wanted)) && isEmptySet(changed);
    const entries = granted(left, manager, wanted, same && own.time ? own.time : time);
    const managedFields = printManaged(entries);
    return { ...pruned, metadata: { ...pruned.metadata, ...(managedFields.length > 0 && { managedFields }) } };
  } catch (error) {
    if (error instanceof Untypable) throw badRequest(`failed to create typed patch object: ${error.message}`);
    throw error;
  }
}

function head({ kind, apiVersion }: KubeObject): Pick<KubeObject, 'kind' | 'apiVersion'> {
  return { ...(kind && { kind }), ...(apiVersion && { apiVersion }) };
}

function sameManager(a: Manager, b: Manager): boolean {
  return a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '');
}

function conflictsOf(managed: Managed): FieldConflict[] {
  return pathsOf(managed.fields).map((path) => ({ manager: managed, path }));
}

/** The left value with everything that the right one sets; lists keep their order, new items come last. */
function merge(schema: Schema | undefined, left: unknown, right: unknown): unknown {
  if (right === undefined) return left;
  if (!schema || left === undefined || left === null || right === null) return right;
  const shape = shapeOf(schema, left);
  if (shape === 'atomic' || shapeOf(schema, right) !== shape) return right;
  const before = partsOf(schema, left);
  const after = new Map(partsOf(schema, right).map((part) => [part.element, part]));
  const known = new Set(before.map(({ element }) => element));
  const kept = before.map(({ element, schema: below, value }) => {
    const next = after.get(element);
    return [element, next ? merge(below, value, next.value) : value] as const;
  });
  const added = [...after.values()].filter(({ element }) => !known.has(element));
  const parts = [...kept, ...added.map(({ element, value }) => [element, value] as const)];
  return assembled(schema, parts);
}

function assembled(schema: Schema, parts: readonly (readonly [string, unknown])[]): unknown {
  if (schema.type === 'array') return parts.map(([, value]) => value);
  return Object.fromEntries(parts.map(([element, value]) => [element.slice(2), value]));
}

/** The object without fields that nobody wants any more; what merely held them stays, empty. */
function prune(schema: ObjectSchema, object: KubeObject, unwanted: FieldSet, wanted: readonly FieldSet[]): KubeObject {
  if (isEmptySet(unwanted)) return object;
  const isWanted = (path: FieldPath): boolean => wanted.some((set) => touches(set, path));
  return without(schema, object, [], unwanted, isWanted) as KubeObject;
}

function without(
  schema: Schema | undefined,
  value: unknown,
  path: FieldPath,
  unwanted: FieldSet,
  isWanted: (path: FieldPath) => boolean,
): unknown {
  if (!schema || shapeOf(schema, value) === 'atomic' || value === null || value === undefined) return value;
  const parts = partsOf(schema, value).flatMap((part) => {
    const below = [...path, part.element];
    if (!touches(unwanted, below)) return [[part.element, part.value] as const];
    if (hasPath(unwanted, below) && !isWanted(below)) return [];
    return [[part.element, without(part.schema, part.value, below, unwanted, isWanted)] as const];
  });
  return assembled(schema, parts);
}

/** The refusal that tells who manages what: 409 with a cause for each field. */
export function conflictProblem(error: ApplyConflict): DomainError {
  return new DomainError({ reason: 'ApplyConflict', conflicts: error.conflicts.map(describe) }, { cause: error });
}

function describe({ manager, path }: FieldConflict): { readonly manager: string; readonly field: string } {
  const version = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  const subresource = manager.subresource ? ` with subresource ${JSON.stringify(manager.subresource)}` : '';
  return { manager: `${JSON.stringify(manager.manager)}${subresource}${version}`, field: pathText(path) };
}
