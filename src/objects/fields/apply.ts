/** Server-side apply: merges what a manager wants into what is there, and takes away what it no longer wants. */
import { isDeepStrictEqual } from 'node:util';
import { badRequest, DomainError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { ObjectSchema } from '../schema.ts';
import { compare } from './compare.ts';
import { type FieldPath, type FieldSet, fieldSet, hasPath, isEmptySet, pathsOf, pathText, union } from './fieldset.ts';
import { KUBECTL, lastAppliedFields, withLastApplied } from './lastapplied.ts';
import {
  comparable,
  granted,
  type Managed,
  type Manager,
  manageable,
  nothing,
  overlaps,
  printManaged,
  readManaged,
  withoutFields,
} from './managed.ts';
import { merged } from './merge.ts';
import { pruned } from './prune.ts';
import { pathsSet, Untypable } from './typed.ts';

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
  if (config.metadata.managedFields) throw badRequest('metadata.managedFields must be nil');
  try {
    const base = live ? comparable(schema, live) : { ...head(config), metadata: {} };
    const managed = managedBefore(schema, live, base, manager.apiVersion, time);
    const set = fieldSet(pathsSet(schema, config));
    const wanted = manageable(set, untouched);
    const own = managed.find((each) => sameManager(each, manager));
    const others = managed.filter((each) => each !== own);
    // What nobody manages, such as the name, keeps what is around it all the same.
    const now = others.reduce((sum, { fields }) => union(sum, fields), set);
    const all = merged(schema, base, config) as KubeObject;
    const left = own ? pruned(schema, all, own.fields, now) : all;
    const { added, modified, removed } = compare(schema, base, left);
    const changed = manageable(union(added, modified), untouched);
    const conflicts = overlaps(others, changed).flatMap(conflictsOf);
    refuseConflicts(schema, force ? [] : conflicts, manager, base);
    const rest = withoutFields(others, union(changed, manageable(removed, untouched)));
    // Who only comes to share what is there already has no time.
    const managedFields = printManaged(
      granted(rest, manager, wanted, isDeepStrictEqual(base, left) ? own?.time : time),
    );
    const object = manager.manager === KUBECTL ? withLastApplied(left, config) : left;
    return { ...object, metadata: { ...object.metadata, ...(managedFields.length > 0 && { managedFields }) } };
  } catch (error) {
    if (error instanceof Untypable) throw badRequest(`failed to create typed patch object: ${error.message}`);
    throw error;
  }
}

/** Stands for whoever wrote an object before anybody applied to it, if that was not recorded. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

function managedBefore(
  schema: ObjectSchema,
  live: KubeObject | undefined,
  base: KubeObject,
  apiVersion: string,
  time: string,
): readonly Managed[] {
  const managed = readManaged(live?.metadata.managedFields) ?? [];
  if (!live || managed.length > 0) return managed;
  const { added, modified } = compare(schema, nothing(schema, base), base);
  const fields = manageable(union(added, modified));
  if (isEmptySet(fields)) return [];
  return [{ manager: BEFORE_FIRST_APPLY, operation: 'Update', apiVersion, fields, time }];
}

/** @throws {ApplyConflict} if there are any but those that kubectl has settled on the client's side before. */
function refuseConflicts(
  schema: ObjectSchema,
  conflicts: readonly FieldConflict[],
  manager: Manager,
  base: KubeObject,
): void {
  if (conflicts.length === 0) return;
  const allowed = manager.manager === KUBECTL ? lastAppliedFields(schema, base, manager.apiVersion) : undefined;
  const left = allowed ? conflicts.filter(({ path }) => !hasPath(allowed, path)) : conflicts;
  if (left.length > 0) throw new ApplyConflict(left);
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

/** The refusal that tells who manages what: 409 with a cause for each field. */
export function conflictProblem(error: ApplyConflict): DomainError {
  return new DomainError({ reason: 'ApplyConflict', conflicts: error.conflicts.map(describe) }, { cause: error });
}

function describe({ manager, path }: FieldConflict): { readonly manager: string; readonly field: string } {
  const version = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  const subresource = manager.subresource ? ` with subresource ${JSON.stringify(manager.subresource)}` : '';
  return { manager: `${JSON.stringify(manager.manager)}${subresource}${version}`, field: pathText(path) };
}
