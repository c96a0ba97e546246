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
