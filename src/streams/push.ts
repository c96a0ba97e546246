/** What a push of a manifest does: everything it refers to must be there; then Image, links and tag are made in one commit. */

import { readWhole } from '../blobs/whole.ts';
import { namespaceChanges } from '../cluster/namespaces.ts';
import { spare } from '../collecting/marks.ts';
import type { Digest } from '../image/digest.ts';
import {
  contentBytes,
  type Manifest,
  ManifestInvalid,
  neededContent,
  referencesOf,
  referrerType,
  refuseMisplacedUrls,
} from '../image/manifest.ts';
import { isImageConfigType } from '../image/mediatype.ts';
import { deriveImage } from '../image/metadata.ts';
import {
  IMAGE_API,
  type Image,
  LAYERS_ORDER_ANNOTATION,
  MANAGED_ANNOTATION,
  MANIFEST_BLOB_STORED_ANNOTATION,
} from '../images/image.ts';
import { imageKey, imageSize, images } from '../images/images.ts';
import { CONFIG_BYTES, CONFLICT_TRIES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { forbidden, notFound } from '../objects/errors.ts';
import { NAMESPACE_PREFIX, NAMESPACES } from '../objects/namespaced.ts';
import { apiTime } from '../objects/object.ts';
import {
  isMarkConflict,
  restricted,
  restrictionCheck,
  restrictionsFor,
  restrictionsOf,
} from '../objects/restrictions.ts';
import { creation } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { imageStreams, repositoryOf } from './imagestream.ts';
import { imageExcess, limitsImages } from './limits.ts';
import { manifestLinks, type Referrer, type RepositoryName } from './links.ts';
import { referencesNoted } from './references.ts';
import { readableBlob, resolveDigest } from './repository.ts';
import { changeTag } from './tagging.ts';
import type { ImageStream } from './types.ts';

/** A manifest on its way into a repository. */
export interface Push {
  /** The tag that is to point to it; without one it can be pulled by digest only. */
  readonly tag?: string;
  /** Of its bytes, by the algorithm that the client used. */
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

/** A manifest refers to blobs or manifests that are not in the repository. */
export class ManifestReferencesMissing extends Error {
  override name = 'ManifestReferencesMissing';
  readonly digests: readonly Digest[];
  constructor(digests: readonly Digest[]) {
    super(`the manifest refers to what is not in the repository: ${digests.join(', ')}`);
    this.digests = digests;
  }
}

/**
 * Whether a push may begin: the namespace exists, or a push makes it.
 * @throws {DomainError} NotFound (namespaces).
 */
export async function admitPush(ctx: Context, repo: RepositoryName): Promise<void> {
  if (ctx.settings.autoNamespaces) return;
  if (!(await ctx.store.get(NAMESPACE_PREFIX + repo.namespace))) throw notFound(NAMESPACES, repo.namespace);
}

/**
 * Keeps a manifest in a repository, and points a tag to it. Resolves once everything is durable and visible at once.
 * @throws {ManifestReferencesMissing}; {ManifestInvalid}; {DomainError} NotFound (namespaces), Conflict, Invalid.
 */
export async function pushManifest(ctx: Context, repo: RepositoryName, push: Push): Promise<void> {
  refuseMisplacedUrls(push.manifest);
  // The bytes are brought to the disk before the push waits for others of the same stream.
  const first = await prepare(ctx, repo, push);
  await restricted(ctx, repo.namespace, false, async (inner) => {
    await refuseExcess(inner, repo, push.manifest, first.image);
    await (push.tag === undefined
      ? keepUntagged(inner, repo, push, first)
      : pushTag(inner, repo, push, push.tag, first));
  });
}

/**
 * Passes if an upload may become a blob; an image of that blob alone may be too large already.
 * @param size Asks for the bytes that have come, if that is of interest.
 * @throws {DomainError} Forbidden.
 */
export async function admitBlob(
  ctx: Context,
  repo: RepositoryName,
  size: () => Promise<number | undefined>,
): Promise<void> {
  // No commit tells whether what is remembered is old.
  const { limits } = await restrictionsOf(ctx.store, repo.namespace, true);
  const bytes = limitsImages(limits) ? await size() : undefined;
  const excess = bytes === undefined ? undefined : imageExcess(limits, bytes);
  if (excess !== undefined) throw excessOf(repo, 'blob', excess);
}

function excessOf({ namespace, stream }: RepositoryName, what: 'image' | 'blob', excess: string): Error {
  const message = `a LimitRange of namespace ${JSON.stringify(namespace)} forbids the ${what}: ${excess}`;
  return forbidden(imageStreams, stream, message);
}

/** @throws {DomainError} Forbidden if a LimitRange of the namespace forbids images of that size. */
async function refuseExcess(ctx: Context, repo: RepositoryName, manifest: Manifest, image: Image): Promise<void> {
  const { limits } = await restrictionsFor(ctx, repo.namespace);
  if (!limitsImages(limits)) return;
  // The Image says nothing if its configuration cannot be read, which must not be a way around the limit.
  const size = manifest.kind === 'image' ? contentBytes(manifest) : imageSize(image, ctx.now());
  const excess = typeof size === 'number' ? imageExcess(limits, size) : undefined;
  if (excess !== undefined) throw excessOf(repo, 'image', excess);
}

async function pushTag(ctx: Context, repo: RepositoryName, push: Push, tag: string, first: Prepared): Promise<void> {
  let ready: Prepared | undefined = first;
  await changeTag(ctx, {
    namespace: repo.namespace,
    name: repo.stream,
    tag,
    cause: 'push',
    plan: async (head, inner) => {
      const made = head ? undefined : await newStream(inner, repo);
      const stream = head?.stream ?? made?.object ?? { metadata: {} };
      const { image, spared } = ready ?? (await prepare(ctx, repo, push));
      ready = undefined;
      return {
        event: {
          created: apiTime(ctx.now()),
          dockerImageReference: referenceTo(ctx, repo, push.digest),
          image: push.digest,
          generation: stream.metadata.generation ?? 1,
        },
        stream,
        changes: [
          spared,
          ...(made?.changes ?? []),
          ...(await imageChanges(ctx, repo, image, push)),
          ...links(repo, push),
        ],
        always: true,
        steal: true,
        spared: push.digest,
      };
    },
  });
}

/** What a push has looked at and brought to the disk; if its commit fails, all of it may have changed. */
interface Prepared {
  readonly image: Image;
  /** Belongs into the commit: fails if what the manifest refers to may be collected. */
  readonly spared: Change;
}

async function prepare(ctx: Context, repo: RepositoryName, push: Push): Promise<Prepared> {
  for (let tries = 1; ; tries++) {
    try {
      const spared = await spare(ctx, [push.digest, ...referencesOf(push.manifest)]);
      await refuseIncomplete(ctx, repo, push.manifest);
      await ctx.blobs.put(push.digest, push.bytes);
      return { image: await imageOf(ctx, repo, push), spared };
    } catch (error) {
      // Something of it was just being collected; now it is gone, or not any more.
      if (!(error instanceof CommitConflict) || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

function referenceTo(ctx: Context, repo: RepositoryName, digest: Digest): string {
  return `${repositoryOf(ctx.settings, repo.namespace, repo.stream)}@${digest}`;
}

/** @throws {ManifestReferencesMissing}; {ManifestInvalid} if content has another size than its descriptor says. */
async function refuseIncomplete(ctx: Context, repo: RepositoryName, manifest: Manifest): Promise<void> {
  const needed = neededContent(manifest);
  const sizes = new Map<Digest, number>();
  for (const digest of new Set(needed.map((content) => content.digest))) {
    const size = await readableBlob(ctx, repo, digest);
    if (size !== undefined) sizes.set(digest, size);
  }
  const missing = new Set(needed.map(({ digest }) => digest).filter((digest) => !sizes.has(digest)));
  if (missing.size > 0) throw new ManifestReferencesMissing([...missing]);
  for (const { pointer, digest, size } of needed) {
    const actual = sizes.get(digest);
    if (size === undefined || size === actual) continue;
    throw new ManifestInvalid(`${pointer}/size`, `is ${size}, but ${digest} has ${actual} bytes`);
  }
}

/** The Image that the registry makes of a manifest. Manifest and config themselves stay with the blobs. */
async function imageOf(ctx: Context, repo: RepositoryName, push: Push): Promise<Image> {
  const { manifest } = push;
  const config = manifest.kind === 'image' ? await configText(ctx, manifest.config) : undefined;
  const annotations = {
    [MANAGED_ANNOTATION]: 'true',
    [MANIFEST_BLOB_STORED_ANNOTATION]: 'true',
    ...(manifest.kind !== 'index' && { [LAYERS_ORDER_ANNOTATION]: 'ascending' }),
  };
  const content = {
    name: push.digest,
    annotations,
    dockerImageManifest: push.bytes.toString(),
    dockerImageManifestMediaType: manifest.mediaType,
    dockerImageConfig: config,
  };
  const { error: _unreadable, annotations: _same, ...derived } = deriveImage(content, ctx.now());
  const children = derived.dockerImageManifests?.map((child) => ({
    ...child,
    // The API wants a platform of each child; build caches and attestations have none.
    architecture: child.architecture || 'unknown',
    os: child.os || 'unknown',
  }));
  return {
    kind: 'Image',
    apiVersion: IMAGE_API,
    metadata: { name: push.digest, annotations },
    dockerImageReference: referenceTo(ctx, repo, push.digest),
    dockerImageMetadata: derived.dockerImageMetadata,
    dockerImageMetadataVersion: derived.dockerImageMetadataVersion,
    dockerImageManifestMediaType: manifest.mediaType,
    ...(derived.dockerImageLayers && { dockerImageLayers: derived.dockerImageLayers.map((layer) => ({ ...layer })) }),
    ...(children && { dockerImageManifests: children }),
  };
}

async function configText(
  ctx: Context,
  config: { readonly digest: Digest; readonly mediaType: string; readonly size: number },
): Promise<string | undefined> {
  if (!isImageConfigType(config.mediaType) || config.size > CONFIG_BYTES) return undefined;
  return (await readWhole(ctx.blobs, config.digest, CONFIG_BYTES))?.toString();
}

/** The changes that make the Image, if it does not exist: an Image never changes by being pushed again. */
async function imageChanges(
  ctx: Context,
  repo: RepositoryName,
  image: Image,
  { digest, manifest }: Push,
): Promise<readonly Change[]> {
  const [noted, existing] = await Promise.all([
    referencesNoted(ctx, repo, digest, manifest),
    ctx.store.get(imageKey(digest)),
  ]);
  if (existing) return [{ op: 'check', key: existing.key, expect: existing.revision }, ...noted];
  const { changes } = await creation(ctx, images, '', structuredClone(image));
  return [...changes, ...noted];
}

function links(repo: RepositoryName, { digest, manifest, bytes }: Push, root = false): Change[] {
  const link = { digest, mediaType: manifest.mediaType, size: bytes.length, ...(root && { root }) };
  const { subject, annotations } = manifest;
  if (!subject) return manifestLinks(repo, link, undefined);
  const artifactType = referrerType(manifest);
  const { root: _ours, ...shown } = link;
  const noted = Object.keys(annotations).length > 0;
  const descriptor: Referrer = { ...shown, ...(artifactType && { artifactType }), ...(noted && { annotations }) };
  return manifestLinks(repo, link, { subject: subject.digest, descriptor });
}

async function newStream(
  ctx: Context,
  repo: RepositoryName,
): Promise<{ readonly object: ImageStream; readonly changes: readonly Change[] }> {
  const namespace = await namespaceChanges(ctx, repo.namespace);
  const stream: ImageStream = { kind: 'ImageStream', apiVersion: IMAGE_API, metadata: { name: repo.stream } };
  const made = await creation(ctx, imageStreams, repo.namespace, stream, namespace);
  return made;
}

async function keepUntagged(ctx: Context, repo: RepositoryName, push: Push, first: Prepared): Promise<void> {
  const { kind, subject } = push.manifest;
  let ready: Prepared | undefined = first;
  for (;;) {
    const { image, spared } = ready ?? (await prepare(ctx, repo, push));
    ready = undefined;
    const namespace = await namespaceChanges(ctx, repo.namespace);
    const check = restrictionCheck(await restrictionsFor(ctx, repo.namespace));
    // What refers to an image that is there lives and dies with that; but an index may hold its own subject.
    const root = !subject || kind === 'index' || (await resolveDigest(ctx, repo, subject.digest)) === undefined;
    try {
      const made = await imageChanges(ctx, repo, image, push);
      await ctx.store.commit([check, spared, ...namespace, ...made, ...links(repo, push, root)]);
      return;
    } catch (error) {
      // Somebody else made the same Image or namespace at this moment: the next try finds it.
      if (!(error instanceof CommitConflict) || isMarkConflict(error, repo.namespace)) throw error;
    }
  }
}
