/** Who manages which fields of an object: metadata.managedFields, kept by every write as Kubernetes does. */

import { canonical } from '../canonical.ts';
import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import type { ObjectSchema } from '../schema.ts';
import { compare } from './compare.ts';
import {
  difference,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  intersection,
  isEmptySet,
  outside,
  toFieldsV1,
  union,
} from './fieldset.ts';
import { Untypable } from './typed.ts';

/** Managers of updates that are told apart; the fields of older ones go to `ancient-changes`. */
const UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';

/** One manager: a name, the way it writes, the version and subresource it writes through. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string;
}

/** Fields that a write leaves as they are, whatever it says: whoever writes does not come to manage them. */
export function untouchable(paths: readonly string[]): FieldSet {
  return fieldSet(paths.map((path) => path.split('.').map((name) => `f:${name}`)));
}

/** What a manager manages, and since when it was last changed. */
export interface Managed extends Manager {
  readonly fields: FieldSet;
  readonly time?: string;
}

/** Metadata that nobody manages. */
const UNMANAGED = fieldSet([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
]);

/** A set of fields without those that nobody manages, or that this write does not touch. */
export function manageable(fields: FieldSet, untouched?: FieldSet): FieldSet {
  const managed = difference(fields, UNMANAGED);
  return untouched ? outside(managed, untouched) : managed;
}

/** Reads managedFields; undefined if any entry cannot be read. */
export function readManaged(entries: readonly ManagedFieldsEntry[] | undefined): Managed[] | undefined {
  const managed: Managed[] = [];
  for (const { manager = '', operation, apiVersion = '', time, fieldsType, fieldsV1, subresource } of entries ?? []) {
    const fields = fieldsType === 'FieldsV1' ? fromFieldsV1(fieldsV1 ?? {}) : undefined;
    if (!fields || (operation !== 'Apply' && operation !== 'Update')) return undefined;
    managed.push({
      manager,
      operation,
      apiVersion,
      fields,
      ...(time && { time }),
      ...(subresource && { subresource }),
    });
  }
  return managed;
}

/** Prints managedFields, in Kubernetes' order: applies first, then by time and name. */
export function printManaged(managed: readonly Managed[]): ManagedFieldsEntry[] {
  const order = ({ operation, time, manager, apiVersion, subresource }: Managed): string[] => [
    operation,
    time ?? '',
    manager,
    apiVersion,
    subresource ?? '',
  ];
  const sorted = [...managed].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return sorted.map(({ fields, ...entry }) => ({
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time && { time: entry.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(fields),
    ...(entry.subresource && { subresource: entry.subresource }),
  }));
}

function isManager(a: Manager, b: Manager): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    (a.subresource ?? '') === (b.subresource ?? '')
  );
}

/** The managers after one of them came to manage some fields more; its time is that of the change. */
export function granted(managed: readonly Managed[], to: Manager, fields: FieldSet, time?: string): Managed[] {
  const own = managed.find((each) => isManager(each, to));
  const others = managed.filter((each) => each !== own);
  if (isEmptySet(fields)) return [...managed];
  return [...others, { ...to, fields: own ? union(own.fields, fields) : fields, ...(time && { time }) }];
}

/** The managers without some fields; those that manage nothing any more are gone. */
export function withoutFields(managed: readonly Managed[], fields: FieldSet): Managed[] {
  return managed
    .map((each) => ({ ...each, fields: difference(each.fields, fields) }))
    .filter(({ fields: left }) => !isEmptySet(left));
}

/** What of some fields each manager manages; only managers that do. */
export function overlaps(managed: readonly Managed[], fields: FieldSet): Managed[] {
  return managed
    .map((each) => ({ ...each, fields: intersection(each.fields, fields) }))
    .filter(({ fields: both }) => !isEmptySet(both));
}

/**
 * The managedFields of an object that is written as a whole (create, update, or a patch other than apply): the writer
 * takes what it changes. Objects that were not managed from their creation on never are.
 *
 * @param old Undefined for a create.
 */
export function managedByUpdate(
  schema: ObjectSchema,
  old: KubeObject | undefined,
  object: KubeObject,
  writer: Manager,
  time: string,
  untouched?: FieldSet,
): ManagedFieldsEntry[] {
  const reset = isReset(object.metadata.managedFields);
  const before = reset ? [] : currentManaged(old, object, writer.subresource !== undefined);
  if (old && before.length === 0) return [];
  try {
    const { added, modified, removed } = compare(
      schema,
      // What Go prints of nothing counts as there before; what is filled in by default does not.
      old ? comparable(schema, old) : nothing(schema, object),
      comparable(schema, object),
    );
    const changed = union(added, modified);
    const others = withoutFields(before, manageable(union(changed, removed), untouched));
    return printManaged(capped(granted(others, writer, manageable(changed, untouched), time)));
  } catch (error) {
    // As Kubernetes: an object whose lists cannot be divided loses its managers rather than being refused.
    if (error instanceof Untypable) return [];
    throw error;
  }
}

/** What Go prints of an object of this kind that holds nothing. */
export function nothing(
  schema: ObjectSchema,
  { kind, apiVersion }: Pick<KubeObject, 'kind' | 'apiVersion'>,
): KubeObject {
  const empty = { ...(kind && { kind }), ...(apiVersion && { apiVersion }), metadata: {} };
  return canonical(schema, empty, { defaults: false }).value;
}

/** An object in the form in which objects are compared: as Go would print it, without managedFields. */
export function comparable(schema: ObjectSchema, object: KubeObject): KubeObject {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return canonical(schema, { ...object, metadata }).value;
}

/** A client empties managedFields by sending one empty entry. */
function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  return entries?.length === 1 && Object.keys(entries[0] ?? {}).length === 0;
}

/** What the client sent, if it can be read and is not empty; otherwise what is stored. */
function currentManaged(old: KubeObject | undefined, object: KubeObject, ignoreSent: boolean): Managed[] {
  const sent = ignoreSent ? undefined : readManaged(object.metadata.managedFields);
  if (sent && sent.length > 0) return sent;
  return readManaged(old?.metadata.managedFields) ?? [];
}

function capped(managed: readonly Managed[]): Managed[] {
  const updates = managed.filter(({ operation }) => operation === 'Update');
  if (updates.length <= UPDATE_MANAGERS) return [...managed];
  const byAge = [...updates].sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  const old = new Set(byAge.slice(0, updates.length - UPDATE_MANAGERS + 1));
  const rest = managed.filter((each) => !old.has(each));
  const merged = new Map<string, Managed>();
  for (const each of old) {
    const key = each.apiVersion;
    const known = merged.get(key);
    const fields = known ? union(known.fields, each.fields) : each.fields;
    merged.set(key, {
      manager: ANCIENT,
      operation: 'Update',
      apiVersion: key,
      fields,
      ...(each.time && { time: each.time }),
    });
  }
  return [...rest, ...merged.values()];
}
