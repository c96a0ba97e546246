/**
 * A repository of the registry: an ImageStream, and what may be read through it. A blob or manifest that was uploaded to
 * a repository is linked to it; what a tag's history names may be read as well, wherever it was uploaded.
 */
import { forgetLease, leaseCheck, leaseContent } from '../collecting/leases.ts';
import { type Digest, parseDigest } from '../image/digest.ts';
import { CONFLICT_TRIES, DESCRIBED_MANIFESTS } from '../limits.ts';
import { cacheOfEach } from '../objects/cache.ts';
import type { Context, Services } from '../objects/context.ts';
import { type Awaitable, CommitConflict, type Entry, type Store } from '../store/store.ts';
import { newestImage } from './history.ts';
import { findStream, imageStreams, streamKey, tagPart } from './imagestream.ts';
import {
  blobKey,
  describedKey,
  type ManifestLink,
  manifestKey,
  type Referrer,
  type RepositoryName,
  referrerKey,
  repositoryPrefix,
} from './links.ts';
import { isProven } from './proven.ts';
import { imagesOf } from './streamimages.ts';

export type { ManifestLink, Referrer, RepositoryName } from './links.ts';

/** What a tag points to now, if this registry has its manifest. */
export function resolveTag(services: Services, repo: RepositoryName, tag: string): Awaitable<ManifestLink | undefined> {
  return read(services.store, streamKey(repo.namespace, repo.stream) + tagPart(tag), (part) => {
    const known = part && links.get(part);
    if (!part || known) return known;
    const digest = parseDigest(newestImage(part.value));
    const link = digest && manifestOf(services, digest);
    return link instanceof Promise ? link.then((found) => remember(part, found)) : remember(part, link);
  });
}

/** A manifest by digest: pushed here, in a tag's history, or the child of an index that is. */
export function resolveDigest(
  services: Services,
  repo: RepositoryName,
  digest: Digest,
): Awaitable<ManifestLink | undefined> {
  return read(services.store, manifestKey(repo, digest), (entry) => {
    if (!entry) return fromStream(services, repo, digest);
    return links.get(entry) ?? remember(entry, JSON.parse(entry.value.toString()) as ManifestLink);
  });
}

async function fromStream(services: Services, repo: RepositoryName, digest: Digest): Promise<ManifestLink | undefined> {
  const names = await imageNames(services, repo);
  const found = names.includes(digest) || (await isProven(services.store, names, digest));
  return found ? manifestOf(services, digest) : undefined;
}

/** The images to which the tags of a repository point, or ever pointed. */
async function imageNames(services: Services, { namespace, stream }: RepositoryName): Promise<readonly string[]> {
  const found = await findStream(services, namespace, stream);
  return found?.status?.tags ? imagesOf(found.status.tags).names : [];
}

/** Goes on with an entry: at once, where the store has it at hand, for on the way of a pull every hop shows. */
function read<T>(store: Store, key: string, use: (entry: Entry | undefined) => Awaitable<T>): Awaitable<T> {
  const entry = store.get(key);
  return entry instanceof Promise ? entry.then(use) : use(entry);
}

/** What entries of the store come to, as long as the store itself remembers them. */
const links = new WeakMap<Entry, ManifestLink>();

function remember(entry: Entry, link: ManifestLink | undefined): ManifestLink | undefined {
  if (link) links.set(entry, link);
  return link;
}

/** Descriptions of manifests: what a digest stands for never changes. */
const describedOf = cacheOfEach<Store, ManifestLink>(DESCRIBED_MANIFESTS);

function manifestOf({ store }: Services, digest: Digest): Awaitable<ManifestLink | undefined> {
  const cache = describedOf(store);
  const known = cache.get(digest);
  if (known) return known;
  return read(store, describedKey(digest), (entry) => {
    if (!entry) return undefined;
    const link = JSON.parse(entry.value.toString()) as ManifestLink;
    cache.set(digest, link, 1);
    return link;
  });
}

/** Whether there is such a repository: a stream, or anything that was uploaded. */
export async function repositoryExists(services: Services, repo: RepositoryName): Promise<boolean> {
  if (await services.store.get(streamKey(repo.namespace, repo.stream))) return true;
  return (await services.store.list(repositoryPrefix(repo), { limit: 1 })).entries.length > 0;
}

/** Bytes of a blob, if it may be read through the repository: it was uploaded there, or belongs to an image of the stream. */
export function readableBlob(services: Services, repo: RepositoryName, digest: Digest): Awaitable<number | undefined> {
  return read(services.store, blobKey(repo, digest), (entry) =>
    entry ? Number(entry.value.toString()) : blobOfStream(services, repo, digest),
  );
}

async function blobOfStream(services: Services, repo: RepositoryName, digest: Digest): Promise<number | undefined> {
  const names = await imageNames(services, repo);
  // The manifest of an image may be read as a blob too.
  const link = names.includes(digest) ? await manifestOf(services, digest) : undefined;
  if (link) return link.size;
  return (await isProven(services.store, names, digest)) ? services.blobs.stat(digest) : undefined;
}

/**
 * Lets a blob be read through a repository: after an upload or a mount. Its content has been leased before anyone looked
 * whether it is there, or it could be collected at this moment. Durable when it resolves.
 */
export async function linkBlob(ctx: Context, repo: RepositoryName, digest: Digest, size: number): Promise<void> {
  const key = blobKey(repo, digest);
  const value = Buffer.from(String(size));
  for (let tries = 1; ; tries++) {
    const lease = await leaseContent(ctx, digest);
    const entry = await ctx.store.get(key);
    if (entry?.value.equals(value)) return;
    try {
      await ctx.store.commit([{ op: 'put', key, value }, leaseCheck(lease)]);
      return;
    } catch (error) {
      if (!(error instanceof CommitConflict) || tries >= CONFLICT_TRIES) throw error;
      forgetLease(ctx.store, digest);
    }
  }
}

/** Takes a blob out of a repository. Whether it was there. */
export async function unlinkBlob(ctx: Context, repo: RepositoryName, digest: Digest): Promise<boolean> {
  const key = blobKey(repo, digest);
  if (!(await ctx.store.get(key))) return false;
  await ctx.store.commit([{ op: 'delete', key }]);
  return true;
}

export interface NamesOptions {
  /** Only names after this one; it need not exist. */
  readonly after?: string;
  readonly limit: number;
}

/** Names of streams as `namespace/stream`, in the order of namespace and name. */
export async function repositoryNames(
  services: Services,
  { after, limit }: NamesOptions,
): Promise<{ readonly names: string[]; readonly more: boolean }> {
  const prefix = imageStreams.kept?.prefix ?? '';
  const names: string[] = [];
  // Sorts after every part of the stream `after`, and before the next stream.
  let last = after === undefined ? undefined : `${prefix}${after}$`;
  for (;;) {
    const page = await services.store.list(prefix, {
      limit: limit - names.length + 1,
      ...(last !== undefined && { after: last }),
    });
    for (const { key } of page.entries) {
      const name = key.slice(prefix.length, key.indexOf('#'));
      if (names.at(-1) === name) continue;
      if (names.length === limit) return { names, more: true };
      names.push(name);
    }
    if (!page.more) return { names, more: false };
    last = `${prefix}${names.at(-1)}$`;
  }
}

/** Manifests of the repository that refer to this one as their subject, in the order of their digests. */
export async function referrers(services: Services, repo: RepositoryName, digest: Digest): Promise<Referrer[]> {
  const page = await services.store.list(referrerKey(repo, digest, ''));
  return page.entries.map(({ value }) => JSON.parse(value.toString()) as Referrer);
}
