/** Manifests as registries exchange them: images, indexes, and Docker's schema 1. */
import { INDEX_CHILDREN, MANIFEST_BYTES, MANIFEST_LAYERS } from '../limits.ts';
import {
  type Descriptor,
  ManifestInvalid,
  namesOf,
  readAnnotations,
  readDescriptor,
  readDescriptors,
  readString,
  refuseLookalikes,
} from './descriptor.ts';
import { type Digest, digestAlgorithm, digestOf } from './digest.ts';
import { isJsonObject, JsonInvalid, type JsonObject, parseJson } from './json.ts';
import {
  baseMediaType,
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  isImageType,
  isIndexType,
  isManifestType,
  isNondistributable,
  isSchema1Type,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
} from './mediatype.ts';
import { readSchema1, type Schema1Layer, schema1Digest, signedPayload } from './schema1.ts';

export { type Descriptor, ManifestInvalid } from './descriptor.ts';

interface ManifestCommon {
  /** The type that the manifest goes by: what it says itself, else what the client declared, else what it looks like. */
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  /** The manifest that this one is about; it need not exist. */
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An image, or an artifact in the form of one: Docker's schema 2 or OCI. */
export interface ImageManifest extends ManifestCommon {
  readonly kind: 'image';
  readonly config: Descriptor;
  /** From the base up. */
  readonly layers: readonly Descriptor[];
}

/** A list of manifests: Docker's list or the OCI index. Its children may be indexes and even plain blobs (build caches). */
export interface IndexManifest extends ManifestCommon {
  readonly kind: 'index';
  readonly children: readonly Descriptor[];
}

/** Docker's schema 1. */
export interface Schema1Manifest extends ManifestCommon {
  readonly kind: 'schema1';
  readonly name: string;
  readonly tag: string;
  readonly architecture: string;
  /** The youngest first, as the manifest has them. */
  readonly layers: readonly Schema1Layer[];
}

export type Manifest = ImageManifest | IndexManifest | Schema1Manifest;

/** Members by which something is found in a manifest, of whatever kind. */
const MEMBERS = namesOf(
  ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'manifests', 'subject', 'annotations'],
  ...['name', 'tag', 'architecture', 'fsLayers', 'history', 'signatures'],
);

/** Types that say no more than that a client did not care. */
const UNTYPED = ['', 'application/json', 'application/octet-stream', 'text/plain', 'application/x-www-form-urlencoded'];

/**
 * Parses a manifest. Members that are not known are let pass, at the top and in descriptors.
 *
 * @param declared The Content-Type that came with it, if any.
 * @throws {ManifestInvalid} saying what is wrong and where.
 */
export function parseManifest(bytes: Buffer, declared: string | undefined): Manifest {
  const manifest = readDocument(bytes);
  refuseLookalikes(manifest, MEMBERS, '');
  const mediaType = effectiveType(manifest, declared);
  refuseTwoInOne(manifest);
  const version = manifest.schemaVersion;
  const expected = isSchema1Type(mediaType) ? 1 : 2;
  if (version !== expected) {
    const found = version === undefined ? 'is missing' : `is ${JSON.stringify(version)}`;
    throw new ManifestInvalid('/schemaVersion', `${found}, but must be ${expected} for ${mediaType}`);
  }
  const subject = manifest.subject;
  const common: ManifestCommon = {
    mediaType,
    artifactType: readString(manifest, 'artifactType', ''),
    subject: subject === undefined || subject === null ? undefined : readDescriptor(subject, '/subject'),
    annotations: readAnnotations(manifest.annotations, '/annotations') ?? {},
  };
  if (isIndexType(mediaType)) {
    const children = readDescriptors(orEmpty(manifest.manifests), '/manifests', INDEX_CHILDREN);
    return { kind: 'index', ...common, children };
  }
  if (isSchema1Type(mediaType)) {
    return { kind: 'schema1', ...common, ...readSchema1(manifest) };
  }
  return {
    kind: 'image',
    ...common,
    config: readDescriptor(manifest.config, '/config'),
    layers: readDescriptors(orEmpty(manifest.layers), '/layers', MANIFEST_LAYERS),
  };
}

/** Go prints a list without entries as null. */
function orEmpty(value: unknown): unknown {
  return value === null ? [] : value;
}

function readDocument(bytes: Buffer): JsonObject {
  if (bytes.length > MANIFEST_BYTES) {
    throw new ManifestInvalid('', `has ${bytes.length} bytes, at most ${MANIFEST_BYTES} are accepted`);
  }
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw error instanceof JsonInvalid ? new ManifestInvalid('', `is not valid JSON: ${error.message}`) : error;
  }
  if (!isJsonObject(value)) {
    throw new ManifestInvalid('', 'must be a JSON object');
  }
  return value;
}

/** A document that is image and index at once would show one thing to one client and another to the next (CVE-2021-41190). */
function refuseTwoInOne(manifest: JsonObject): void {
  if (manifest.manifests === undefined || manifest.manifests === null) {
    return;
  }
  for (const name of ['layers', 'config', 'fsLayers']) {
    if (manifest[name] !== undefined && manifest[name] !== null) {
      throw new ManifestInvalid(
        `/${name}`,
        'cannot stand beside /manifests: a manifest is either an image or an index',
      );
    }
  }
}

function effectiveType(manifest: JsonObject, declared: string | undefined): string {
  const header = baseMediaType(declared ?? '');
  const inside = readString(manifest, 'mediaType', '');
  if (inside !== undefined) {
    if (!UNTYPED.includes(header) && header !== baseMediaType(inside) && !bothSchema1(header, inside)) {
      throw new ManifestInvalid(
        '/mediaType',
        `is ${JSON.stringify(inside)}, but the Content-Type says ${JSON.stringify(header)}`,
      );
    }
    return known(inside, '/mediaType');
  }
  return UNTYPED.includes(header) ? guessType(manifest) : known(header, '');
}

/** Whether schema 1 is signed shows in the document; clients declare either. */
function bothSchema1(a: string, b: string): boolean {
  return isSchema1Type(a) && isSchema1Type(b);
}

function known(mediaType: string, pointer: string): string {
  if (!isManifestType(mediaType)) {
    throw new ManifestInvalid(
      pointer,
      `${pointer === '' ? 'media type ' : ''}${JSON.stringify(mediaType)} is not that of a manifest; accepted are ${MANIFEST_TYPES.join(', ')}`,
    );
  }
  return mediaType;
}

function guessType(manifest: JsonObject): string {
  if (manifest.schemaVersion === 1) {
    return manifest.signatures === undefined ? DOCKER_SCHEMA1 : DOCKER_SCHEMA1_SIGNED;
  }
  if (manifest.manifests !== undefined) {
    return OCI_INDEX;
  }
  const config = manifest.config;
  return isJsonObject(config) && config.mediaType === DOCKER_CONFIG ? DOCKER_MANIFEST : OCI_MANIFEST;
}

/** The type by which a referrer is listed: an image without artifactType goes by its config's, an index by none. */
export function referrerType(manifest: Manifest): string | undefined {
  return manifest.artifactType ?? (manifest.kind === 'image' ? manifest.config.mediaType : undefined);
}

/** Everything that a manifest needs to be complete: config, layers and children, but not its subject. */
export function referencesOf(manifest: Manifest): readonly Digest[] {
  switch (manifest.kind) {
    case 'image':
      return [...new Set([manifest.config, ...manifest.layers].map((descriptor) => descriptor.digest))];
    case 'index':
      return [...new Set(manifest.children.map((descriptor) => descriptor.digest))];
    case 'schema1':
      return [...new Set(manifest.layers.map((layer) => layer.digest))];
  }
}

/** What a manifest refers to, by whether it is complete without. */
export interface ManifestReferences {
  readonly needed: readonly Digest[];
  /**
   * What may be missing: children of an index, since mirrors leave out platforms that they do not want, and layers that
   * stay where their URLs point.
   */
  readonly optional: readonly Digest[];
}

/** Bytes of an image: configuration and layers, each once. */
export function contentBytes({ config, layers }: ImageManifest): number {
  const sizes = new Map([...layers, config].map(({ digest, size }) => [digest, size]));
  return sizes.values().reduce((sum, size) => sum + size, 0);
}

/** The same as `referencesOf`, sorted into what must be there and what may be. */
export function sortedReferences(manifest: Manifest): ManifestReferences {
  const all = referencesOf(manifest);
  if (manifest.kind === 'index') return { needed: [], optional: all };
  if (manifest.kind === 'schema1') return { needed: all, optional: [] };
  const elsewhere = manifest.layers.filter(({ mediaType }) => isNondistributable(mediaType));
  const optional = new Set(elsewhere.map(({ digest }) => digest));
  return { needed: all.filter((digest) => !optional.has(digest)), optional: [...optional] };
}

/** Content that must be there for a manifest to be complete. */
export interface NeededContent {
  /** JSON pointer to the descriptor that names it. */
  readonly pointer: string;
  readonly digest: Digest;
  /** Bytes that the descriptor says it has; schema 1 says nothing. */
  readonly size: number | undefined;
}

/** What `sortedReferences` calls needed, each time that it is named. */
export function neededContent(manifest: Manifest): readonly NeededContent[] {
  if (manifest.kind === 'index') return [];
  if (manifest.kind === 'schema1') {
    return manifest.layers.map(({ digest }, index) => ({ pointer: `/fsLayers/${index}`, digest, size: undefined }));
  }
  const layers = manifest.layers.flatMap(({ digest, size, mediaType }, index) => {
    return isNondistributable(mediaType) ? [] : [{ pointer: `/layers/${index}`, digest, size }];
  });
  const { digest, size } = manifest.config;
  return [{ pointer: '/config', digest, size }, ...layers];
}

/**
 * In Docker's schema 2, layers that are not pushed must say where they are, and all others come from here alone.
 *
 * @throws {ManifestInvalid}
 */
export function refuseMisplacedUrls(manifest: Manifest): void {
  if (manifest.kind !== 'image' || manifest.mediaType !== DOCKER_MANIFEST) return;
  for (const [index, { mediaType, urls = [] }] of manifest.layers.entries()) {
    const pointer = `/layers/${index}/urls`;
    if (!isNondistributable(mediaType)) {
      if (urls.length > 0) throw new ManifestInvalid(pointer, `must be left out: ${mediaType} is kept in the registry`);
    } else if (!urls.some((url) => /^https?:\/\/[^/]/i.test(url))) {
      throw new ManifestInvalid(pointer, `must hold an http or https URL, since ${mediaType} is not pushed`);
    }
  }
}

/** The digest by which a manifest is known: of its bytes, but of schema 1 without its signatures. */
export function manifestDigest(bytes: Buffer, mediaType: string): Digest {
  return isSchema1Type(mediaType) ? schema1Digest(bytes) : digestOf(bytes);
}

/**
 * Whether bytes are the manifest of the image of that name, which is what an update of an Image asks.
 *
 * @param mediaType The stored Image's; schema 1 if it has none.
 */
export function isManifestOf(name: string, mediaType: string, manifest: string): boolean {
  if (mediaType !== '' && !isImageType(mediaType) && mediaType !== DOCKER_SCHEMA1) {
    return false;
  }
  // What stands around the JSON is not part of the manifest, and what is not signed is no schema 1 manifest (sic).
  const payload = isImageType(mediaType)
    ? Buffer.from(withoutSpaceAround(manifest))
    : signedPayload(Buffer.from(manifest));
  return payload !== undefined && digestOf(payload) === name;
}

const SPACE = ' \t\r\n';

/** A loop, since a pattern for the end of a text begins anew at every space in it. */
function withoutSpaceAround(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && SPACE.includes(text.charAt(start))) start++;
  while (end > start && SPACE.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/**
 * Whether bytes are the config that a manifest names, which is what an update of an Image asks.
 *
 * @param mediaType The updated Image's; only images have configs.
 */
export function isConfigOf(mediaType: string, manifest: string, config: string): boolean {
  if (!isImageType(mediaType)) {
    return false;
  }
  try {
    const parsed = parseManifest(Buffer.from(manifest), mediaType);
    return parsed.kind === 'image' && parsed.config.digest === digestOf(config, digestAlgorithm(parsed.config.digest));
  } catch (error) {
    if (error instanceof ManifestInvalid) {
      return false;
    }
    throw error;
  }
}
