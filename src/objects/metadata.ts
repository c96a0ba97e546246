/** Rules for metadata: what is wrong with it, in the words and the order of Kubernetes. */
import { isDeepStrictEqual } from 'node:util';
import { ANNOTATIONS_BYTES, FIELD_MANAGER_CHARACTERS } from '../limits.ts';
import { type FieldError, forbiddenField, invalidValue, required } from './errors.ts';
import {
  dnsLabel,
  dnsSubdomain,
  generatesName,
  labelKey,
  labelValue,
  type NameRule,
  pathSegmentName,
} from './names.ts';
import type { KubeObject, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './object.ts';
import type { Resource } from './resource.ts';

export { dnsLabel, dnsSubdomain, pathSegmentName };

/** Finalizers that need no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);
const SUBRESOURCE_CHARACTERS = 256;
const IMMUTABLE = 'field is immutable';

/** What is wrong with the metadata of an object that is about to be stored; its name has been generated already. */
export function validateMetadata<T extends KubeObject>(resource: Resource<T>, object: T): FieldError[] {
  return validateMeta(object.metadata, {
    namespaced: resource.namespaced,
    // The rule itself is passed on: what a prefix may be depends on which it is.
    // oxlint-disable-next-line typescript/unbound-method
    validateName: resource.kept?.validateName ?? pathSegmentName,
    older: resource.kept ? (resource.kept.repeatsMetadataErrors ?? false) : true,
  });
}

export interface MetaRules {
  readonly namespaced: boolean;
  readonly validateName: NameRule;
  /** Whether owners and labels are spoken of as OpenShift's older library does (the default), not as Kubernetes does now. */
  readonly older?: boolean;
  /** Path of the metadata; `metadata` without it. */
  readonly field?: string;
}

/** The same for metadata inside another object, such as a signature's. */
export function validateMeta(meta: ObjectMeta, rules: MetaRules): FieldError[] {
  const field = rules.field ?? 'metadata';
  const errors = nameErrors(meta, rules, field);
  errors.push(...namespaceErrors(meta.namespace ?? '', rules.namespaced, field));
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalidValue(`${field}.generation`, meta.generation, 'must be greater than or equal to 0'));
  }
  errors.push(
    ...validateLabels(meta.labels, `${field}.labels`, rules.older ?? true),
    ...validateAnnotations(meta.annotations, `${field}.annotations`, rules.older ?? true),
    ...ownerErrors(meta.ownerReferences, `${field}.ownerReferences`, rules.older ?? true),
    ...finalizerErrors(meta.finalizers ?? [], `${field}.finalizers`),
    ...managedFieldsErrors(meta.managedFields, `${field}.managedFields`),
    ...unqualifiedFinalizers(meta.finalizers ?? [], `${field}.finalizers`),
  );
  return errors;
}

function nameErrors(meta: ObjectMeta, rules: MetaRules, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName) {
    const detail = generatesName(rules.validateName, meta.generateName);
    if (detail !== undefined) errors.push(invalidValue(`${field}.generateName`, meta.generateName, detail));
  }
  if (!meta.name) errors.push(required(`${field}.name`, 'name or generateName is required'));
  else {
    const detail = rules.validateName(meta.name);
    if (detail !== undefined) errors.push(invalidValue(`${field}.name`, meta.name, detail));
  }
  return errors;
}

function namespaceErrors(namespace: string, namespaced: boolean, field: string): FieldError[] {
  const path = `${field}.namespace`;
  if (!namespaced) return namespace ? [forbiddenField(path, 'not allowed on this type')] : [];
  if (!namespace) return [required(path)];
  const detail = dnsLabel(namespace);
  return detail === undefined ? [] : [invalidValue(path, namespace, detail)];
}

/** What is wrong with labels, in the order of their keys. */
export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  field: string,
  older = false,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of sorted(labels)) {
    for (const detail of labelKey(key, older)) errors.push(invalidValue(field, key, detail));
    for (const detail of labelValue(value, older)) errors.push(invalidValue(field, value, detail));
  }
  return errors;
}

/** What is wrong with annotations: their keys, or their size all together. */
function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
  older: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of sorted(annotations)) {
    for (const detail of labelKey(key.toLowerCase(), older)) errors.push(invalidValue(field, key, detail));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > ANNOTATIONS_BYTES) errors.push(tooLong(field, ANNOTATIONS_BYTES));
  return errors;
}

function tooLong(field: string, bytes: number): FieldError {
  return { type: 'TooLong', field, detail: `may not be more than ${bytes} bytes` };
}

function sorted(map: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

function ownerErrors(owners: readonly OwnerReference[] | undefined, field: string, older: boolean): FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const [index, owner] of (owners ?? []).entries()) {
    errors.push(...(older ? olderOwnerErrors(owner, field) : ownerMemberErrors(owner, `${field}[${index}]`)));
    if (!owner.controller) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = name;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(invalidValue(field, owners, detail));
    }
  }
  return errors;
}

function ownerMemberErrors(owner: OwnerReference, field: string): FieldError[] {
  const { apiVersion } = owner;
  const errors: FieldError[] = [];
  if (!apiVersion) errors.push(required(`${field}.apiVersion`, 'must not be empty'));
  else if (!/^(?:[^/]*\/)?[^/]+$/.test(apiVersion)) {
    errors.push(invalidValue(`${field}.apiVersion`, apiVersion, 'must be <group>/<version> or <version>'));
  }
  for (const member of ['kind', 'name', 'uid'] as const) {
    if (!owner[member]) errors.push(required(`${field}.${member}`, 'must not be empty'));
  }
  return [...errors, ...bannedOwner(owner, field)];
}

function bannedOwner(owner: OwnerReference, field: string): FieldError[] {
  if (owner.apiVersion !== 'v1' || owner.kind !== 'Event') return [];
  return [invalidValue(field, owner, '/v1, Kind=Event is disallowed from being an owner')];
}

function olderOwnerErrors(owner: OwnerReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const slashes = owner.apiVersion.split('/').length - 1;
  const version = slashes > 1 ? '' : owner.apiVersion.slice(owner.apiVersion.indexOf('/') + 1);
  if (!version) errors.push(invalidValue(`${field}.apiVersion`, owner.apiVersion, 'version must not be empty'));
  // Without a version, Go reads no group and keeps the kind.
  if (!owner.kind) errors.push(invalidValue(`${field}.kind`, owner.kind, 'must not be empty'));
  if (!owner.name) errors.push(invalidValue(`${field}.name`, owner.name, 'must not be empty'));
  if (!owner.uid) errors.push(invalidValue(`${field}.uid`, owner.uid, 'must not be empty'));
  return [...errors, ...bannedOwner(owner, field)];
}

function finalizerErrors(finalizers: readonly string[], field: string): FieldError[] {
  const errors = finalizers.flatMap((finalizer) => finalizerName(finalizer, field));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalidValue(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

function finalizerName(finalizer: string, field: string): FieldError[] {
  return labelKey(finalizer).map((detail) => invalidValue(field, finalizer, detail));
}

/** What is wrong with one finalizer: its name, or that it belongs to nobody. */
export function validateFinalizer(finalizer: string, field: string): FieldError[] {
  return [...finalizerName(finalizer, field), ...unqualifiedFinalizer(finalizer, field)];
}

function unqualifiedFinalizers(finalizers: readonly string[], field: string): FieldError[] {
  return finalizers.flatMap((finalizer, index) => unqualifiedFinalizer(finalizer, `${field}[${index}]`));
}

function unqualifiedFinalizer(finalizer: string, field: string): FieldError[] {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
  return [invalidValue(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')];
}

function managedFieldsErrors(entries: readonly ManagedFieldsEntry[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, entry] of (entries ?? []).entries()) {
    const at = `${field}[${index}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalidValue(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalidValue(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(entry.manager ?? '', `${at}.manager`));
    if ((entry.subresource ?? '').length > SUBRESOURCE_CHARACTERS) {
      errors.push(tooLong(`${at}.subresource`, SUBRESOURCE_CHARACTERS));
    }
  }
  return errors;
}

const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** What is wrong with the name of a field manager: it is too long or has characters that cannot be printed. */
export function validateFieldManager(manager: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(manager) > FIELD_MANAGER_CHARACTERS) errors.push(tooLong(field, FIELD_MANAGER_CHARACTERS));
  let position = 0;
  for (const character of manager) {
    if (UNPRINTABLE.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalidValue(field, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}

/**
 * What is wrong with the metadata of an update. Whether a resourceVersion must be given is the caller's to say.
 *
 * @param repeats Whether each cause is listed twice, as by OpenShift, where two layers ask.
 */
export function validateMetadataUpdate(object: KubeObject, old: KubeObject, repeats: boolean): FieldError[] {
  const meta = object.metadata;
  const errors: FieldError[] = [];
  if (old.metadata.deletionTimestamp) errors.push(...newFinalizers(meta, old.metadata));
  if ((meta.generation ?? 0) < (old.metadata.generation ?? 0)) {
    errors.push(invalidValue('metadata.generation', meta.generation ?? 0, 'must not be decremented'));
  }
  for (const name of ['name', 'namespace', 'uid'] as const) {
    if ((meta[name] ?? '') !== (old.metadata[name] ?? '')) {
      errors.push(invalidValue(`metadata.${name}`, meta[name] ?? '', IMMUTABLE));
    }
  }
  for (const name of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if (!isDeepStrictEqual(meta[name] ?? null, old.metadata[name] ?? null)) {
      errors.push(invalidValue(`metadata.${name}`, meta[name] ?? null, IMMUTABLE));
    }
  }
  errors.push(
    ...validateLabels(meta.labels, 'metadata.labels', repeats),
    ...validateAnnotations(meta.annotations, 'metadata.annotations', repeats),
    ...ownerErrors(meta.ownerReferences, 'metadata.ownerReferences', repeats),
    ...managedFieldsErrors(meta.managedFields, 'metadata.managedFields'),
  );
  return [
    ...errors,
    ...(repeats ? errors : []),
    ...unqualifiedFinalizers(meta.finalizers ?? [], 'metadata.finalizers'),
  ];
}

function newFinalizers(meta: ObjectMeta, old: ObjectMeta): FieldError[] {
  const had = new Set(old.finalizers);
  const extra = [...new Set(meta.finalizers)].filter((finalizer) => !had.has(finalizer)).sort();
  if (extra.length === 0) return [];
  const shown = `[]string{${extra.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`;
  return [forbiddenField('metadata.finalizers', detail)];
}
