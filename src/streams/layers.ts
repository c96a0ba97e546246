/** `imagestreams/layers`: every blob that may be read through a stream, by image. */
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from '../image/mediatype.ts';
import { IMAGE_API, type Image } from '../images/image.ts';
import { imageKey, images } from '../images/images.ts';
import type { Services } from '../objects/context.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import type { Source } from '../objects/views.ts';
import { imagesOf } from './streamimages.ts';
import type { ImageBlobReferences, ImageLayerData, ImageStream, ImageStreamLayers } from './types.ts';

/** The Image of that name, or undefined. */
export async function findImage(services: Services, name: string): Promise<Image | undefined> {
  const found = await readKept(services.store, images, '', name);
  return found && parsed(images, services.settings, found);
}

/** The document of a stream, and the Images that it was made of; the revision of those that are missing is 0. */
export interface Layers {
  readonly document: ImageStreamLayers;
  readonly images: readonly Source[];
}

/** The document of a stream: its images (all of its history, children of indexes included) and their blobs. */
export async function layersOf(services: Services, stream: ImageStream): Promise<Layers> {
  const document: ImageStreamLayers = {
    kind: 'ImageStreamLayers',
    apiVersion: IMAGE_API,
    metadata: stream.metadata,
    blobs: {},
    images: {},
  };
  const sources: Source[] = [];
  const wanted = [...imagesOf(stream.status?.tags ?? []).names];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (document.images[name]) continue;
    const found = await readKept(services.store, images, '', name);
    sources.push({ key: imageKey(name), revision: found?.head.revision ?? 0 });
    const image = found && parsed(images, services.settings, found);
    document.images[name] = image ? describe(document.blobs, name, image) : MISSING;
    wanted.push(...(document.images[name]?.manifests ?? []));
  }
  return { document, images: sources };
}

const MISSING: ImageBlobReferences = { imageMissing: true, layers: null, config: null };

/** Adds an image's blobs and gives what it refers to. */
function describe(blobs: Record<string, ImageLayerData>, name: string, image: Image): ImageBlobReferences {
  const mediaType = image.dockerImageManifestMediaType || DOCKER_MANIFEST;
  const layers = (image.dockerImageLayers ?? []).map((layer) => {
    blobs[layer.name] ??= { size: layer.size, mediaType: layer.mediaType };
    return layer.name;
  });
  const manifests = (image.dockerImageManifests ?? []).map(({ digest }) => digest);
  blobs[name] ??= { size: null, mediaType };
  const config = configOf(image, image.dockerImageManifestMediaType);
  if (config) blobs[config] ??= { size: null, mediaType: mediaType === OCI_MANIFEST ? OCI_CONFIG : DOCKER_CONFIG };
  return {
    imageMissing: false,
    layers: layers.length > 0 ? layers : null,
    config: config ?? null,
    ...(manifests.length > 0 && { manifests }),
  };
}

/** The config's digest stands in the metadata of images that have one. */
function configOf(image: Image, mediaType: string | undefined): string | undefined {
  if (mediaType !== DOCKER_MANIFEST && mediaType !== OCI_MANIFEST) return undefined;
  const metadata = image.dockerImageMetadata as { Id?: string } | undefined;
  return metadata?.Id || undefined;
}
