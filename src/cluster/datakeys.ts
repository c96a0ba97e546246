/** What ConfigMaps and Secrets have in common: named data, with rules for the names and a limit for all of it. */
import { isDeepStrictEqual } from 'node:util';
import { DATA_BYTES } from '../limits.ts';
import { type FieldError, forbiddenField, invalidValue } from '../objects/errors.ts';

const KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_CHARACTERS = 253;
const KEY_DETAIL =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const IMMUTABLE = 'field is immutable when `immutable` is set';

/** Data by name: text, or bytes as base64. */
export type Data = Readonly<Record<string, string>>;

/** What is wrong with the names, in their order. */
export function keyErrors(data: Data | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of Object.keys(data ?? {})) {
    for (const detail of keyFaults(key)) errors.push(invalidValue(`${field}[${key}]`, key, detail));
  }
  return errors;
}

/** Names become names of files, so none may lead out of its folder. */
function keyFaults(key: string): string[] {
  const faults: string[] = [];
  if (Buffer.byteLength(key) > KEY_CHARACTERS) faults.push(`must be no more than ${KEY_CHARACTERS} characters`);
  if (!KEY.test(key)) faults.push(KEY_DETAIL);
  if (key === '.' || key === '..') faults.push(`must not be '${key}'`);
  else if (key.startsWith('..')) faults.push("must not start with '..'");
  return faults;
}

/** Bytes of text. */
export function textBytes(data: Data | undefined): number {
  return Object.values(data ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Bytes that base64 stands for. */
export function base64Bytes(data: Data | undefined): number {
  return Object.values(data ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text ?? '', 'base64'), 0);
}

/** The refusal of more data than an object may hold. */
export function sizeErrors(bytes: number, field: string): FieldError[] {
  if (bytes <= DATA_BYTES) return [];
  return [{ type: 'TooLong', field, detail: `may not be more than ${DATA_BYTES} bytes` }];
}

/** What an object that was made immutable may not change: its data in these fields, nor that it is so. */
export function immutableErrors<T extends { readonly immutable?: boolean }>(
  object: T,
  old: T | undefined,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old?.immutable) return [];
  const errors = object.immutable ? [] : [forbiddenField('immutable', IMMUTABLE)];
  for (const field of fields) {
    if (!isDeepStrictEqual(object[field], old[field])) errors.push(forbiddenField(field, IMMUTABLE));
  }
  return errors;
}
