/**
 * What an Image says about its manifest: layers, media type, Docker metadata, children. OpenShift fills these when an
 * Image is created and, as long as the manifest is kept in the Image, again whenever an ImageStreamImage or
 * ImageStreamTag shows it (openshift-apiserver `imageutil.InternalImageWithMetadata`).
 */
import { ConfigInvalid, parseImageConfig, parseV1Compatibility } from './config.ts';
import { type DockerImage, decodeMetadata, encodeMetadata, METADATA_VERSION } from './dockerimage.ts';
import { canonicalTime, decodeFields, FieldInvalid } from './fields.ts';
import { JsonInvalid, type JsonObject, parseJson } from './json.ts';
import {
  childrenOfList,
  type LooseDescriptor,
  type LooseManifest,
  readLooseManifest,
  type SubManifest,
} from './loosemanifest.ts';
import {
  baseMediaType,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_LAYER,
  isImageConfigType,
  isImageType,
  isIndexType,
  isSchema1Type,
} from './mediatype.ts';

/** One of `dockerImageLayers`. */
export interface ImageLayer {
  /** The digest. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mediaType: string;
}

/** The parts of an Image that derivation looks at. */
export interface ImageContent {
  /** metadata.name. */
  readonly name: string;
  /** metadata.annotations. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly dockerImageReference?: string | undefined;
  readonly dockerImageManifest?: string | undefined;
  readonly dockerImageManifestMediaType?: string | undefined;
  readonly dockerImageConfig?: string | undefined;
  readonly dockerImageLayers?: readonly ImageLayer[] | undefined;
  readonly dockerImageMetadata?: unknown;
  readonly dockerImageMetadataVersion?: string | undefined;
  readonly dockerImageManifests?: readonly SubManifest[] | undefined;
}

/** The parts of an Image that derivation fills. What is undefined is to be left out of the Image. */
export interface DerivedImage {
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly dockerImageManifestMediaType: string | undefined;
  readonly dockerImageLayers: readonly ImageLayer[] | undefined;
  readonly dockerImageMetadata: JsonObject;
  readonly dockerImageMetadataVersion: string;
  readonly dockerImageManifests: readonly SubManifest[] | undefined;
  /** Why derivation stopped, if it did; what it had filled until then is there. */
  readonly error: string | undefined;
}

export { MetadataInvalid } from './dockerimage.ts';
export type { SubManifest } from './loosemanifest.ts';

/** Tells in which order dockerImageLayers are: `ascending`, from the base up, or `descending`. */
export const LAYERS_ORDER = 'image.openshift.io/dockerLayersOrder';

/**
 * Everything that a create fills: as `deriveMetadata`, and `dockerImageManifests` of a list.
 *
 * @param now What `Created` of a list becomes, because a list does not say when it was made.
 * @throws {MetadataInvalid} if the Image's own metadata cannot be read; manifest and config never make it throw.
 */
export function deriveImage(content: ImageContent, now: Date): DerivedImage {
  const derived = deriveMetadata(content, now);
  const children = childrenOfList(derived.dockerImageManifestMediaType, content.dockerImageManifest);
  return children === undefined ? derived : { ...derived, dockerImageManifests: orNothing(children) };
}

/**
 * What an update and a read fill: annotations, layers, media type and metadata from manifest and config. Without a
 * manifest nothing changes, but the metadata comes back in canonical form. Deriving again changes nothing.
 *
 * A create and an update ignore `error`, a read answers with it.
 *
 * @throws {MetadataInvalid} as deriveImage.
 */
export function deriveMetadata(content: ImageContent, now: Date): DerivedImage {
  const version = content.dockerImageMetadataVersion || METADATA_VERSION;
  const draft: Draft = {
    annotations: content.annotations,
    mediaType: content.dockerImageManifestMediaType ?? '',
    layers: content.dockerImageLayers ?? [],
    image: decodeMetadata(content.dockerImageMetadata, version),
  };
  let error: string | undefined;
  try {
    if (content.dockerImageManifest) {
      reorderLayers(draft);
      fill(draft, content, content.dockerImageManifest, now);
    }
  } catch (reason) {
    error = underivable(reason);
  }
  return {
    annotations: draft.annotations,
    dockerImageManifestMediaType: draft.mediaType || undefined,
    dockerImageLayers: orNothing(draft.layers),
    dockerImageMetadata: encodeMetadata(draft.image, version),
    dockerImageMetadataVersion: version,
    dockerImageManifests: orNothing(content.dockerImageManifests ?? []),
    error,
  };
}

/**
 * `dockerImageMetadata` as the API stores and shows it: known members only, in order, each in its canonical form. Nothing
 * becomes the metadata of an empty image.
 *
 * @throws {MetadataInvalid} for an unknown version, or a member of the wrong type.
 */
export function normaliseMetadata(value: unknown, version: string | undefined): JsonObject {
  const known = version || METADATA_VERSION;
  return encodeMetadata(decodeMetadata(value, known), known);
}

/** The Image while it is filled. */
interface Draft {
  annotations: Readonly<Record<string, string>> | undefined;
  mediaType: string;
  layers: readonly ImageLayer[];
  image: DockerImage;
}

class Underivable extends Error {}

function underivable(reason: unknown): string {
  if (reason instanceof JsonInvalid || reason instanceof FieldInvalid) {
    return `failed to parse dockerImageManifest: ${reason.message}`;
  }
  if (reason instanceof Underivable || reason instanceof ConfigInvalid) {
    return reason.message;
  }
  throw reason;
}

function orNothing<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

/**
 * Puts layers in ascending order. Where no annotation tells their order, OpenShift assumes the order of its own earlier
 * releases: descending, but for schema 1.
 */
function reorderLayers(draft: Draft): void {
  if (draft.layers.length === 0) {
    return;
  }
  let order = draft.annotations?.[LAYERS_ORDER];
  if (order === undefined) {
    if (isSchema1Type(draft.mediaType)) {
      order = 'ascending';
    } else if (isImageType(draft.mediaType)) {
      order = 'descending';
    } else {
      return;
    }
  }
  if (order === 'descending') {
    draft.layers = draft.layers.toReversed();
  }
  noteAscending(draft);
}

function noteAscending(draft: Draft): void {
  draft.annotations = { ...draft.annotations, [LAYERS_ORDER]: 'ascending' };
}

function fill(draft: Draft, content: ImageContent, text: string, now: Date): void {
  if (draft.layers.length > 0 && (draft.image.Size ?? 0) > 0 && draft.mediaType !== '') {
    return;
  }
  const manifest = readLooseManifest(text);
  // OpenShift looks only at the type inside the document, which the OCI index may leave out.
  if (isIndexType(manifest.mediaType ?? baseMediaType(draft.mediaType))) {
    describeList(draft, content.name, now);
    return;
  }
  switch (manifest.schemaVersion) {
    case 1:
      fillSchema1(draft, content, manifest);
      break;
    case 2:
      fillSchema2(draft, content, manifest);
      break;
    default:
      throw new Underivable(
        `unrecognized container image manifest schema ${manifest.schemaVersion ?? 0} for ${JSON.stringify(content.name)} (${content.dockerImageReference ?? ''})`,
      );
  }
}

/** A list has no config to tell about; once it has been described it stays as it is (OpenShift changes Created at every read). */
function describeList(draft: Draft, name: string, now: Date): void {
  const known = draft.image.Id === name ? draft.image.Created : undefined;
  const created = known ?? canonicalTime(now.toISOString());
  draft.image = { ...draft.image, Id: name, ...(created === undefined ? {} : { Created: created }) };
}

function fillSchema1(draft: Draft, content: ImageContent, manifest: LooseManifest): void {
  const { history = [], fsLayers = [] } = manifest;
  const which = `the image ${content.name} (${content.dockerImageReference ?? ''})`;
  if (draft.layers.length === 0) {
    if (history.length !== fsLayers.length) {
      throw new Underivable(
        `${which} has mismatched history and fslayer cardinality (${history.length} != ${fsLayers.length})`,
      );
    }
    // The youngest layer comes first in schema 1.
    draft.layers = fsLayers
      .map(({ blobSum = '' }, index) => ({
        name: blobSum,
        size: v1Size(history[index]?.v1Compatibility ?? ''),
        mediaType: DOCKER_SCHEMA1_LAYER,
      }))
      .toReversed();
    noteAscending(draft);
  }
  draft.mediaType = DOCKER_SCHEMA1;
  const youngest = history[0];
  if (youngest === undefined) {
    throw new Underivable(`${which} has a schema 1 manifest, but it doesn't have history`);
  }
  draft.image = withSize(parseV1Compatibility(youngest.v1Compatibility ?? ''), 0, '', draft.layers);
}

/** The size that a layer's history states; 0 if it states none that can be read. */
function v1Size(text: string): number {
  try {
    const { Size } = decodeFields(parseJson(text), [{ name: 'size', as: 'Size', shape: 'integer' }], 'folded');
    return typeof Size === 'number' ? Size : 0;
  } catch {
    return 0;
  }
}

function fillSchema2(draft: Draft, content: ImageContent, manifest: LooseManifest): void {
  const { config = {}, layers = [] } = manifest;
  if (draft.layers.length === 0) {
    draft.layers = layers.map(({ digest = '', size = 0, mediaType = '' }) => ({ name: digest, size, mediaType }));
    noteAscending(draft);
  }
  draft.mediaType = manifest.mediaType ?? (draft.mediaType || DOCKER_MANIFEST);
  const { digest = '' } = config;
  const image = describe(content.dockerImageConfig ?? '', config, draft.mediaType);
  const bytes = content.dockerImageConfig ? Buffer.byteLength(content.dockerImageConfig) : (config.size ?? 0);
  draft.image = withSize({ ...image, Id: digest }, bytes, digest, draft.layers);
}

/** What the config says of the image; of artifacts that are no container images nothing needs to be readable. */
function describe(text: string, config: LooseDescriptor, mediaType: string): DockerImage {
  const artifact = config.mediaType !== undefined && !isImageConfigType(config.mediaType);
  if (text === '') {
    if (artifact) {
      return {};
    }
    throw new Underivable(`dockerImageConfig must not be empty for manifest type ${JSON.stringify(mediaType)}`);
  }
  try {
    return parseImageConfig(text);
  } catch (error) {
    if (error instanceof ConfigInvalid) {
      if (artifact) {
        return {};
      }
      throw new Underivable(`failed to parse dockerImageConfig: ${error.message}`);
    }
    throw error;
  }
}

/** The image with its size: the config's bytes and each distinct layer's once. */
function withSize(
  image: DockerImage,
  configBytes: number,
  configDigest: string,
  layers: readonly ImageLayer[],
): DockerImage {
  const seen = new Set(configDigest === '' ? [] : [configDigest]);
  let size = configBytes;
  for (const layer of layers) {
    if (!seen.has(layer.name)) {
      seen.add(layer.name);
      size += layer.size;
    }
  }
  if (!Number.isSafeInteger(size)) {
    throw new Underivable('the sizes of the layers add up to more than 2^53 bytes');
  }
  const { Size: _, ...rest } = image;
  return size === 0 ? rest : { ...rest, Size: size };
}
