/** What a push of a manifest does: everything it refers to must be there; then Image, links and tag are made in one commit. */

import { namespaceChanges } from '../cluster/namespaces.ts';
import type { Digest } from '../image/digest.ts';
import { type Manifest, referencesOf, referrerType } from '../image/manifest.ts';
import { isImageConfigType, isNondistributable } from '../image/mediatype.ts';
import { deriveImage } from '../image/metadata.ts';
import {
  IMAGE_API,
  type Image,
  LAYERS_ORDER_ANNOTATION,
  MANAGED_ANNOTATION,
  MANIFEST_BLOB_STORED_ANNOTATION,
} from '../images/image.ts';
import { imageSize, images } from '../images/images.ts';
import { CONFIG_BYTES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { forbidden, isProblem, notFound } from '../objects/errors.ts';
import { NAMESPACE_PREFIX, NAMESPACES } from '../objects/namespaced.ts';
import { apiTime } from '../objects/object.ts';
import { isMarkConflict, restricted, restrictionCheck, restrictionsFor } from '../objects/restrictions.ts';
import { creation, updateObject } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { imageStreams, internalRules, repositoryOf, streamKey, tagPart } from './imagestream.ts';
import { imageKey } from './layers.ts';
import { imageExcess, limitsImages } from './limits.ts';
import { manifestLinks, manifestUnlinks, type Referrer, type RepositoryName } from './links.ts';
import { withoutImage, withoutTag } from './removal.ts';
import { readableBlob, resolveDigest } from './repository.ts';
import { changeTag, readHead } from './tagging.ts';
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
 * @throws {ManifestReferencesMissing}; {DomainError} NotFound (namespaces), Conflict, Invalid.
 */
export async function pushManifest(ctx: Context, repo: RepositoryName, push: Push): Promise<void> {
  await refuseMissing(ctx, repo, push.manifest);
  await ctx.blobs.put(push.digest, push.bytes);
  const image = await imageOf(ctx, repo, push);
  await restricted(ctx, repo.namespace, false, async (inner) => {
    await refuseExcess(inner, repo, image);
    await (push.tag === undefined
      ? keepUntagged(inner, repo, push, image)
      : pushTag(inner, repo, push, push.tag, image));
  });
}

/** @throws {DomainError} Forbidden if a LimitRange of the namespace forbids images of that size. */
async function refuseExcess(ctx: Context, repo: RepositoryName, image: Image): Promise<void> {
  const { limits } = await restrictionsFor(ctx, repo.namespace);
  if (!limitsImages(limits)) return;
  const size = imageSize(image, ctx.now());
  const excess = typeof size === 'number' ? imageExcess(limits, size) : undefined;
  if (excess === undefined) return;
  const message = `a LimitRange of namespace ${JSON.stringify(repo.namespace)} forbids the image: ${excess}`;
  throw forbidden(imageStreams, repo.stream, message);
}

async function pushTag(ctx: Context, repo: RepositoryName, push: Push, tag: string, image: Image): Promise<void> {
  await changeTag(ctx, {
    namespace: repo.namespace,
    name: repo.stream,
    tag,
    cause: 'push',
    plan: async (head, inner) => {
      const made = head ? undefined : await newStream(inner, repo);
      const stream = head?.stream ?? made?.object ?? { metadata: {} };
      return {
        event: {
          created: apiTime(ctx.now()),
          dockerImageReference: referenceTo(ctx, repo, push.digest),
          image: push.digest,
          generation: stream.metadata.generation ?? 1,
        },
        stream,
        changes: [...(made?.changes ?? []), ...(await imageChanges(ctx, image)), ...links(repo, push)],
        always: true,
        steal: true,
      };
    },
  });
}

function referenceTo(ctx: Context, repo: RepositoryName, digest: Digest): string {
  return `${repositoryOf(ctx.settings, repo.namespace, repo.stream)}@${digest}`;
}

async function refuseMissing(ctx: Context, repo: RepositoryName, manifest: Manifest): Promise<void> {
  const exempt = new Set(
    manifest.kind === 'image'
      ? manifest.layers.filter(({ mediaType }) => isNondistributable(mediaType)).map(({ digest }) => digest)
      : [],
  );
  const missing: Digest[] = [];
  for (const digest of referencesOf(manifest)) {
    if (exempt.has(digest)) continue;
    // The child of an index may be a blob: build caches list their layers so.
    const found =
      (manifest.kind === 'index' && (await resolveDigest(ctx, repo, digest)) !== undefined) ||
      (await readableBlob(ctx, repo, digest)) !== undefined;
    if (!found) missing.push(digest);
  }
  if (missing.length > 0) throw new ManifestReferencesMissing(missing);
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
  const body = await ctx.blobs.read(config.digest);
  if (!body) return undefined;
  if (body.bytes) return body.bytes.toString();
  const pieces: Buffer[] = [];
  for await (const piece of body.stream ?? []) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** The changes that make the Image, if it does not exist: an Image never changes by being pushed again. */
async function imageChanges(ctx: Context, image: Image): Promise<readonly Change[]> {
  const existing = await ctx.store.get(imageKey(image.metadata.name ?? ''));
  if (existing) return [{ op: 'check', key: existing.key, expect: existing.revision }];
  return (await creation(ctx, images, '', structuredClone(image))).changes;
}

function links(repo: RepositoryName, { digest, manifest, bytes }: Push): Change[] {
  const link = { digest, mediaType: manifest.mediaType, size: bytes.length };
  const { subject, annotations } = manifest;
  if (!subject) return manifestLinks(repo, link, undefined);
  const artifactType = referrerType(manifest);
  const descriptor: Referrer = { ...link, ...(artifactType && { artifactType }), ...(annotations && { annotations }) };
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

async function keepUntagged(ctx: Context, repo: RepositoryName, push: Push, image: Image): Promise<void> {
  for (;;) {
    const namespace = await namespaceChanges(ctx, repo.namespace);
    const check = restrictionCheck(await restrictionsFor(ctx, repo.namespace));
    try {
      await ctx.store.commit([check, ...namespace, ...(await imageChanges(ctx, image)), ...links(repo, push)]);
      return;
    } catch (error) {
      // Somebody else made the same Image or namespace at this moment: the next try finds it.
      if (!(error instanceof CommitConflict) || isMarkConflict(error, repo.namespace)) throw error;
    }
  }
}

/** Deletes a tag: from spec and status, as `oc tag -d` does. Whether it was there. */
export async function deleteTag(ctx: Context, repo: RepositoryName, tag: string): Promise<boolean> {
  const key = streamKey(repo.namespace, repo.stream);
  const head = await readHead(ctx, repo.namespace, repo.stream);
  const inSpec = head?.stream.spec?.tags?.some(({ name }) => name === tag);
  if (!head || !(inSpec || (await ctx.store.get(key + tagPart(tag))))) return false;
  return removeTags(ctx, repo, (stream) => withoutTag(stream, tag));
}

/**
 * Takes a manifest out of a repository: no digest and no tag leads to it any more. Whether it was there. The Image
 * itself stays, and so does the record of the tags that pointed to it.
 */
export async function deleteManifest(ctx: Context, repo: RepositoryName, digest: Digest): Promise<boolean> {
  const link = await resolveDigest(ctx, repo, digest);
  if (!link) return false;
  await removeTags(ctx, repo, (stream) => withoutImage(stream, digest));
  await ctx.store.commit(manifestUnlinks(repo, digest, await subjectOf(ctx, digest)));
  return true;
}

async function removeTags(
  ctx: Context,
  repo: RepositoryName,
  change: (stream: ImageStream) => ImageStream,
): Promise<boolean> {
  try {
    await updateObject(ctx, imageStreams, repo.namespace, repo.stream, change, {
      retry: true,
      rules: internalRules,
    });
    return true;
  } catch (error) {
    if (isProblem(error, 'NotFound')) return false;
    throw error;
  }
}

async function subjectOf(ctx: Context, digest: Digest): Promise<Digest | undefined> {
  const body = await ctx.blobs.read(digest);
  if (!body?.bytes) return undefined;
  const { subject } = JSON.parse(body.bytes.toString()) as { subject?: { digest?: Digest } };
  return subject?.digest;
}
