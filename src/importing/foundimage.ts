/** Images as imports find them: manifest and config of another registry as an Image. As openshift-apiserver's importer. */
import { type Descriptor, ManifestInvalid } from '../image/descriptor.ts';
import { type Digest, parseDigest } from '../image/digest.ts';
import { type IndexManifest, parseManifest } from '../image/manifest.ts';
import { deriveImage, deriveMetadata, normaliseMetadata } from '../image/metadata.ts';
import { chooseChild, type Platform } from '../image/platform.ts';
import type { Image } from '../images/image.ts';
import { CONFIG_BYTES } from '../limits.ts';
import { RemoteError, type RemoteManifest, type RemoteRepository } from './remote.ts';

/** Which image of a list is wanted where only one can be. */
export interface Preference {
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
}

/** `PreserveOriginal` keeps a list as it is; anything else picks one of its images. */
export type ImportMode = string;

/** How images are made of what a registry gives. */
export interface Reading {
  /** The platform that stands for "no preference". */
  readonly own: Pick<Platform, 'os' | 'architecture'>;
  now(): Date;
  /** Accounts for bytes that are held on to. @throws {RemoteError} if they are too many. */
  hold(bytes: number): void;
}

/** The platform of this process, in Go's words. */
export function ownPlatform(): Pick<Platform, 'os' | 'architecture'> {
  const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
  const systems: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' };
  return {
    os: systems[process.platform] ?? process.platform,
    architecture: architectures[process.arch] ?? process.arch,
  };
}

/** A manifest with what is needed to tell of it. */
interface Fetched {
  readonly manifest: RemoteManifest;
  readonly repository: RemoteRepository;
}

/**
 * The Image of a manifest: of a list, the image of its that is preferred or, to be kept as it is, the list. The Image has
 * no reference yet.
 * @throws {RemoteError}
 */
export async function imageOfManifest(
  reading: Reading,
  { manifest, repository }: Fetched,
  mode: ImportMode,
  preference: Preference,
): Promise<Image> {
  const parsed = parse(manifest);
  if (parsed.kind !== 'index') return plainImage(reading, { manifest, repository });
  if (mode === 'PreserveOriginal') return listImage(reading, manifest);
  const child = await repository.getManifest({ digest: chosen(parsed, preference, reading).digest });
  if (parse(child).kind === 'index') {
    throw new RemoteError('failed', 'unsupported image manifest type: an index within an index');
  }
  return plainImage(reading, { manifest: child, repository });
}

function parse({ bytes, mediaType }: RemoteManifest): ReturnType<typeof parseManifest> {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestInvalid) throw new RemoteError('failed', `the manifest is invalid: ${error.message}`);
    throw error;
  }
}

function chosen(index: IndexManifest, preference: Preference, { own }: Reading): Descriptor {
  const child = chooseChild(index.children, preference, own);
  if (!child) throw new RemoteError('failed', 'no manifests in manifest list');
  return child;
}

/** A list as an Image: it has children, no layers and no config; the manifest itself is not kept. */
function listImage(reading: Reading, { bytes, mediaType, digest }: RemoteManifest): Image {
  reading.hold(bytes.length);
  const content = { name: digest, dockerImageManifest: bytes.toString(), dockerImageManifestMediaType: mediaType };
  const { error: _none, ...derived } = deriveImage(content, reading.now());
  return {
    metadata: { name: digest },
    dockerImageMetadata: derived.dockerImageMetadata,
    dockerImageMetadataVersion: derived.dockerImageMetadataVersion,
    dockerImageManifestMediaType: mediaType,
    ...(derived.dockerImageManifests && {
      dockerImageManifests: derived.dockerImageManifests.map((it) => ({ ...it })),
    }),
  };
}

async function plainImage(reading: Reading, { manifest, repository }: Fetched): Promise<Image> {
  const parsed = parse(manifest);
  const config = parsed.kind === 'image' ? await configOf(repository, parsed.config) : undefined;
  reading.hold(manifest.bytes.length + (config?.length ?? 0));
  const { digest, bytes, mediaType } = manifest;
  const content = {
    name: digest,
    dockerImageManifest: bytes.toString(),
    dockerImageManifestMediaType: mediaType,
    dockerImageConfig: config?.toString(),
  };
  const { error, ...derived } = deriveMetadata(content, reading.now());
  if (error !== undefined) throw new RemoteError('failed', error);
  const image: Image = {
    metadata: { name: digest, ...(derived.annotations && { annotations: { ...derived.annotations } }) },
    dockerImageMetadata: derived.dockerImageMetadata,
    dockerImageMetadataVersion: derived.dockerImageMetadataVersion,
    dockerImageManifest: content.dockerImageManifest,
    ...(derived.dockerImageLayers && { dockerImageLayers: derived.dockerImageLayers.map((layer) => ({ ...layer })) }),
    dockerImageManifestMediaType: derived.dockerImageManifestMediaType ?? mediaType,
    ...(content.dockerImageConfig !== undefined && { dockerImageConfig: content.dockerImageConfig }),
  };
  if (sizeOf(image) === 0) await measureLayers(image, repository);
  return image;
}

function configOf(repository: RemoteRepository, { digest, size }: Descriptor): Promise<Buffer> {
  if (size > CONFIG_BYTES) {
    const why = `the config ${digest} has ${size} bytes, and at most ${CONFIG_BYTES} are looked into`;
    throw new RemoteError('failed', why);
  }
  return repository.getBlob(digest, CONFIG_BYTES);
}

function sizeOf({ dockerImageMetadata }: Image): number {
  const { Size } = (dockerImageMetadata ?? {}) as { readonly Size?: number };
  return Size ?? 0;
}

/** Asks for the sizes of layers where the manifest does not tell them, as in schema 1. */
async function measureLayers(image: Image, repository: RemoteRepository): Promise<void> {
  const sizes = new Map<Digest, number>();
  for (const layer of image.dockerImageLayers ?? []) {
    const digest = parseDigest(layer.name);
    if (!digest) continue;
    const size = sizes.get(digest) ?? (await repository.statBlob(digest));
    sizes.set(digest, size);
    layer.size = size;
  }
  const layers = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const total = layers + Buffer.byteLength(image.dockerImageConfig ?? '');
  const metadata = { ...(image.dockerImageMetadata as object), Size: total };
  image.dockerImageMetadata = normaliseMetadata(metadata, image.dockerImageMetadataVersion);
}
