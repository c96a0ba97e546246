/** The resource `images`: immutable images, cluster-wide, each named by its digest. */

import { METADATA_VERSION } from '../image/dockerimage.ts';
import { isConfigOf, isManifestOf } from '../image/manifest.ts';
import {
  deriveImage,
  deriveMetadata,
  type ImageContent,
  MetadataInvalid,
  normaliseMetadata,
} from '../image/metadata.ts';
import type { Context } from '../objects/context.ts';
import { badRequest } from '../objects/errors.ts';
import { validateMetadata } from '../objects/metadata.ts';
import { nameOf } from '../objects/object.ts';
import type { Kept, Resource } from '../objects/resource.ts';
import { keyOf } from '../objects/values.ts';
import {
  IMAGE_GROUP,
  IMAGE_VERSION,
  type Image,
  MANAGED_SIGNATURE_ANNOTATION,
  MANIFEST_BLOB_STORED_ANNOTATION,
} from './image.ts';
import { imageSchema } from './schema.ts';
import { imageTable } from './table.ts';
import { commonMetadataErrors, pathSegmentFault, validateImage } from './validate.ts';

/** The parts of an Image that are derived from its manifest and config. */
function contentOf(image: Image): ImageContent {
  return { ...image, name: nameOf(image), annotations: image.metadata.annotations };
}

/** Fills what the manifest and config say, in place. A manifest that cannot be read leaves it at what was given. */
function fill(image: Image, derive: typeof deriveImage, now: Date): void {
  try {
    const derived = derive(contentOf(image), now);
    setOrDelete(image.metadata, 'annotations', derived.annotations && { ...derived.annotations });
    setOrDelete(image, 'dockerImageManifestMediaType', derived.dockerImageManifestMediaType);
    setOrDelete(
      image,
      'dockerImageLayers',
      derived.dockerImageLayers?.map((layer) => ({ ...layer })),
    );
    setOrDelete(
      image,
      'dockerImageManifests',
      derived.dockerImageManifests?.map((child) => ({ ...child })),
    );
    image.dockerImageMetadata = derived.dockerImageMetadata;
    image.dockerImageMetadataVersion = derived.dockerImageMetadataVersion;
  } catch (error) {
    if (error instanceof MetadataInvalid) throw badRequest(error.message);
    throw error;
  }
}

/**
 * Bytes of an Image, as its manifest or else its metadata says; a text why that cannot be told.
 * @throws {DomainError} BadRequest if its metadata cannot be read.
 */
export function imageSize(image: Image, now: Date): number | string {
  try {
    const { error, dockerImageMetadata } = deriveImage(contentOf(image), now);
    return error ?? Number(dockerImageMetadata.Size ?? 0);
  } catch (error) {
    if (error instanceof MetadataInvalid) throw badRequest(error.message);
    throw error;
  }
}

function setOrDelete<M extends object, K extends keyof M>(target: M, member: K, value: M[K] | undefined): void {
  if (value === undefined) delete target[member];
  else target[member] = value;
}

/** Drops the mark of signatures that a controller fetched; it is not kept. */
function dropManagedMark(image: Image): void {
  for (const { metadata } of image.signatures ?? []) {
    const { annotations } = metadata;
    if (!annotations || Object.keys(annotations).length !== 1) continue;
    if (MANAGED_SIGNATURE_ANNOTATION in annotations) delete metadata.annotations;
  }
}

function blankStoredManifest(image: Image): void {
  if (image.metadata.annotations?.[MANIFEST_BLOB_STORED_ANNOTATION] !== 'true') return;
  delete image.dockerImageManifest;
  delete image.dockerImageConfig;
}

function prepareCreate(ctx: Context, image: Image): void {
  dropManagedMark(image);
  fill(image, deriveImage, ctx.now());
  blankStoredManifest(image);
}

/**
 * Images are immutable: what an update may not change silently stays what it was (openshift-apiserver
 * pkg/image/apiserver/registry/image/strategy.go).
 */
function prepareUpdate(ctx: Context, image: Image, old: Image): void {
  dropManagedMark(image);
  keep(image, old, 'dockerImageMetadata');
  keep(image, old, 'dockerImageMetadataVersion');
  keep(image, old, 'dockerImageLayers');
  if (old.dockerImageSignatures?.length) keep(image, old, 'dockerImageSignatures');
  const manifest = image.dockerImageManifest;
  if (manifest && manifest !== old.dockerImageManifest) {
    const isItsManifest = isManifestOf(nameOf(old), old.dockerImageManifestMediaType ?? '', manifest);
    if (!isItsManifest) keep(image, old, 'dockerImageManifest');
  }
  const config = image.dockerImageConfig;
  if (config && config !== old.dockerImageConfig) {
    const type = image.dockerImageManifestMediaType ?? '';
    const fits = image.dockerImageManifest && isConfigOf(type, image.dockerImageManifest, config);
    if (!fits) keep(image, old, 'dockerImageConfig');
  }
  fill(image, deriveMetadata, ctx.now());
  blankStoredManifest(image);
}

function keep<K extends keyof Image>(image: Image, old: Image, member: K): void {
  setOrDelete(image, member, old[member]);
}

const kept: Kept<Image> = {
  prefix: '/images/',
  unconditionalUpdate: false,
  repeatsMetadataErrors: true,
  // Nothing is collected with an Image, whatever a deletion asks for.
  dependents: 'ignore',
  generation: false,
  prepareCreate,
  prepareUpdate,
  validate: (_ctx, image, old) =>
    old
      ? [...commonMetadataErrors(image.metadata, false), ...validateMetadata(images, image), ...validateImage(image)]
      : validateImage(image),
  validateName: pathSegmentFault,
};

/** Metadata is decoded with the Image, and printed again with all that it always has. */
function normalise(image: Image): void {
  try {
    image.dockerImageMetadata = normaliseMetadata(image.dockerImageMetadata, image.dockerImageMetadataVersion);
  } catch (error) {
    if (!(error instanceof MetadataInvalid)) throw error;
    throw badRequest(`Image in version "v1" cannot be handled as a Image: ${error.message}`);
  }
  image.dockerImageMetadataVersion ||= METADATA_VERSION;
}

export const images: Resource<Image> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'Image',
  resource: 'images',
  singular: 'image',
  namespaced: false,
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  schema: imageSchema,
  table: imageTable,
  normalise,
  kept,
};

/** The store key of an Image. */
export function imageKey(name: string): string {
  return keyOf(images, '', name);
}

/**
 * The Image as it is shown inside a stream's view: filled from its manifest if it keeps one, manifest and config left
 * out, without kind and apiVersion. The original is not changed.
 */
export function shownImage(image: Image, now: Date): Image {
  const { kind: _kind, apiVersion: _apiVersion, ...shown } = structuredClone(image);
  if (shown.dockerImageManifest) fill(shown, deriveMetadata, now);
  else shown.dockerImageMetadata = normaliseMetadata(shown.dockerImageMetadata, shown.dockerImageMetadataVersion);
  delete shown.dockerImageManifest;
  delete shown.dockerImageConfig;
  return shown;
}
