/**
 * `kubectl apply` keeps what it applied in an annotation. Where it goes over to server-side apply, the fields that are
 * still as it applied them are its own already, whoever is recorded as their manager.
 */
import { isJsonObject } from '../../image/json.ts';
import type { KubeObject } from '../object.ts';
import type { ObjectSchema } from '../schema.ts';
import { compare } from './compare.ts';
import { difference, type FieldSet, fieldSet, union } from './fieldset.ts';
import { pathsSet, Untypable } from './typed.ts';

/** The manager that the annotation is kept by. */
export const KUBECTL = 'kubectl';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The fields that the object has as they were applied last; undefined if that is not known. */
export function lastAppliedFields(schema: ObjectSchema, object: KubeObject, apiVersion: string): FieldSet | undefined {
  const applied = lastApplied(object);
  if (!applied || applied.apiVersion !== apiVersion) return undefined;
  try {
    const { added, modified, removed } = compare(schema, applied, object);
    return difference(fieldSet(pathsSet(schema, applied)), union(union(added, modified), removed));
  } catch (error) {
    if (error instanceof Untypable) return undefined;
    throw error;
  }
}

/** The object with what is applied now in the annotation, if it has it at all. */
export function withLastApplied(object: KubeObject, config: KubeObject): KubeObject {
  const { annotations } = object.metadata;
  if (!annotations?.[LAST_APPLIED]) return object;
  const { [LAST_APPLIED]: _before, ...others } = config.metadata.annotations ?? {};
  const metadata = { ...config.metadata, ...(config.metadata.annotations && { annotations: others }) };
  const applied = `${JSON.stringify(sorted({ ...config, metadata }))}\n`;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [LAST_APPLIED]: applied } } };
}

/** With all members in the order of their names, as Go prints what has no type. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

function lastApplied(object: KubeObject): Readonly<Record<string, unknown>> | undefined {
  const text = object.metadata.annotations?.[LAST_APPLIED];
  if (!text) return undefined;
  try {
    const applied: unknown = JSON.parse(text);
    return isJsonObject(applied) ? applied : undefined;
  } catch {
    return undefined;
  }
}
