/** OCI content descriptors, and the readers of JSON members that manifests are made of. */
import { type Digest, parseDigest } from './digest.ts';
import { fold } from './fields.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { baseMediaType, isMediaType } from './mediatype.ts';
import type { Platform } from './platform.ts';

/** Points at content by digest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where the content may also be had. */
  readonly urls?: readonly string[];
  readonly artifactType?: string;
  /** The content itself, in base64. */
  readonly data?: string;
}

/** A manifest that is refused: what is wrong, and where. */
export class ManifestInvalid extends Error {
  /** JSON pointer to what is wrong; '' for the whole document. */
  readonly pointer: string;

  constructor(pointer: string, reason: string) {
    super(pointer === '' ? reason : `${pointer}: ${reason}`);
    this.name = 'ManifestInvalid';
    this.pointer = pointer;
  }
}

const MEMBERS = namesOf('mediaType', 'digest', 'size', 'platform', 'annotations', 'urls', 'artifactType', 'data');

/** Names of members, by how Go compares them. */
export function namesOf(...names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [fold(name), name]));
}

/**
 * Passes an object without members that programs in Go take for others: to them case does not count, and of two the last
 * one does, so that one digest would stand for two manifests.
 *
 * @throws {ManifestInvalid}
 */
export function refuseLookalikes(object: JsonObject, names: ReadonlyMap<string, string>, pointer: string): void {
  for (const member of Object.keys(object)) {
    const name = names.get(fold(member));
    if (name === undefined || name === member) continue;
    throw new ManifestInvalid(
      `${pointer}/${member}`,
      `is read as ${JSON.stringify(name)} by some programs and not by others`,
    );
  }
}

/**
 * The descriptor at `pointer`. Members that are not known are let pass.
 *
 * @throws {ManifestInvalid}
 */
export function readDescriptor(value: unknown, pointer: string): Descriptor {
  if (!isJsonObject(value)) {
    throw new ManifestInvalid(pointer, `must be a descriptor (an object with mediaType, digest and size)`);
  }
  refuseLookalikes(value, MEMBERS, pointer);
  const platform = readPlatform(value.platform, `${pointer}/platform`);
  const annotations = readAnnotations(value.annotations, `${pointer}/annotations`);
  const urls = readStrings(value.urls, `${pointer}/urls`);
  const artifactType = readString(value, 'artifactType', pointer);
  const data = readString(value, 'data', pointer);
  return {
    mediaType: readMediaType(value.mediaType, `${pointer}/mediaType`),
    digest: readDigest(value.digest, `${pointer}/digest`),
    size: readSize(value.size, `${pointer}/size`),
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(urls === undefined ? {} : { urls }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(data === undefined ? {} : { data }),
  };
}

/**
 * A list of at most `limit` descriptors.
 *
 * @throws {ManifestInvalid}
 */
export function readDescriptors(value: unknown, pointer: string, limit: number): readonly Descriptor[] {
  return readList(value, pointer, limit).map((item, index) => readDescriptor(item, `${pointer}/${index}`));
}

/**
 * A list of at most `limit` members.
 *
 * @throws {ManifestInvalid}
 */
export function readList(value: unknown, pointer: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new ManifestInvalid(pointer, value === undefined ? 'is missing' : 'must be a list');
  }
  if (value.length > limit) {
    throw new ManifestInvalid(pointer, `has ${value.length} entries, at most ${limit} are accepted`);
  }
  return value;
}

/**
 * A digest.
 *
 * @throws {ManifestInvalid}
 */
export function readDigest(value: unknown, pointer: string): Digest {
  if (value === undefined || value === null) {
    throw new ManifestInvalid(pointer, 'is missing');
  }
  const digest = typeof value === 'string' ? parseDigest(value) : undefined;
  if (digest === undefined) {
    throw new ManifestInvalid(
      pointer,
      `${show(value)} is not a digest; expected sha256: or sha512: and 64 or 128 lower-case hexadecimal digits`,
    );
  }
  return digest;
}

function readSize(value: unknown, pointer: string): number {
  if (value === undefined || value === null) {
    throw new ManifestInvalid(pointer, 'is missing');
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new ManifestInvalid(pointer, `${show(value)} is not a whole number of bytes`);
  }
  if (value < 0) {
    throw new ManifestInvalid(pointer, `${value} is negative`);
  }
  return value;
}

/** Descriptors may carry parameters in their media type, though RFC 6838 names do not include them. */
function readMediaType(value: unknown, pointer: string): string {
  if (value === undefined || value === null || value === '') {
    throw new ManifestInvalid(pointer, 'is missing');
  }
  if (typeof value !== 'string' || !isMediaType(baseMediaType(value))) {
    throw new ManifestInvalid(pointer, `${show(value)} is not a media type such as application/octet-stream`);
  }
  return value;
}

/**
 * A string member, or undefined if it is missing, null or empty.
 *
 * @throws {ManifestInvalid}
 */
export function readString(object: JsonObject, name: string, pointer: string): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  if (value === undefined || value === null || value === '') {
    return undefined;
  }
  if (typeof value !== 'string') {
    throw new ManifestInvalid(`${pointer}/${name}`, 'must be a string');
  }
  return value;
}

/**
 * Annotations, or undefined if there are none.
 *
 * @throws {ManifestInvalid}
 */
export function readAnnotations(value: unknown, pointer: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!isJsonObject(value)) {
    throw new ManifestInvalid(pointer, 'must be an object of strings');
  }
  const entries = Object.entries(value).map(([name, text]): [string, string] => {
    if (typeof text !== 'string') {
      throw new ManifestInvalid(`${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, 'must be a string');
    }
    return [name, text];
  });
  return Object.fromEntries(entries);
}

function readStrings(value: unknown, pointer: string): readonly string[] | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!Array.isArray(value)) {
    throw new ManifestInvalid(pointer, 'must be a list of strings');
  }
  return value.map((item: unknown, index) => {
    if (typeof item !== 'string') {
      throw new ManifestInvalid(`${pointer}/${index}`, 'must be a string');
    }
    return item;
  });
}

function readPlatform(value: unknown, pointer: string): Platform | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!isJsonObject(value)) {
    throw new ManifestInvalid(pointer, 'must be an object with os and architecture');
  }
  const variant = readString(value, 'variant', pointer);
  const osVersion = readString(value, 'os.version', pointer);
  const osFeatures = readStrings(value['os.features'], `${pointer}/os.features`);
  return {
    os: readString(value, 'os', pointer) ?? '',
    architecture: readString(value, 'architecture', pointer) ?? '',
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
  };
}

function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length <= 160 ? value : `${value.slice(0, 160)}…`);
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return Array.isArray(value) ? 'a list' : 'an object';
  }
}
