/** Mounting: a blob that another repository has is made readable through this one, without its bytes being sent. */
import { leaseContent } from '../collecting/leases.ts';
import { type Digest, parseDigest } from '../image/digest.ts';
import { parseRepositoryName } from '../image/name.ts';
import { MOUNT_SEARCH_REPOSITORIES } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { blobKey, repositoryPrefix } from '../streams/links.ts';
import { linkBlob, type RepositoryName, readableBlob } from '../streams/repository.ts';
import { contextOf, type Exchange, type Target } from './exchange.ts';
import { mayPull } from './permission.ts';

/**
 * Mounts a blob from the repository named, or from any of the same namespace that the caller may pull from. Returns its
 * digest, or undefined if that cannot be done for whatever reason: the client then uploads it, and is not told why, for
 * what it may not read it shall not know of.
 */
export async function mountBlob(
  exchange: Exchange,
  target: Target,
  mount: string,
  from: string | undefined,
): Promise<Digest | undefined> {
  const { services } = exchange;
  const digest = parseDigest(mount);
  if (digest === undefined || (await services.blobs.stat(digest)) === undefined) return undefined;
  const size = from === undefined ? await search(exchange, target, digest) : await sourceSize(exchange, from, digest);
  if (size === undefined) return undefined;
  await leaseContent(services, digest);
  if ((await services.blobs.stat(digest)) === undefined) return undefined;
  await linkBlob(contextOf(exchange), target.repo, digest, size);
  return digest;
}

async function sourceSize(exchange: Exchange, from: string, digest: Digest): Promise<number | undefined> {
  const source = parseRepositoryName(from);
  return source.valid ? sizeIn(exchange, source, digest) : undefined;
}

async function sizeIn(exchange: Exchange, source: RepositoryName, digest: Digest): Promise<number | undefined> {
  if (!(await mayPull(exchange, source))) return undefined;
  return readableBlob(exchange.services, source, digest);
}

/** Looks for the blob in this repository, then among what was uploaded to its neighbours. */
async function search(exchange: Exchange, target: Target, digest: Digest): Promise<number | undefined> {
  const { services } = exchange;
  const { namespace, stream } = target.repo;
  const own = await sizeIn(exchange, { namespace, stream }, digest);
  if (own !== undefined) return own;
  let searched = 0;
  for await (const neighbour of uploadedTo(services, namespace)) {
    if (++searched > MOUNT_SEARCH_REPOSITORIES) break;
    if (!(await services.store.get(blobKey(neighbour, digest)))) continue;
    const size = await sizeIn(exchange, neighbour, digest);
    if (size !== undefined) return size;
  }
  return undefined;
}

/** The repositories of a namespace that have links, found by leaping from one to the next. */
async function* uploadedTo({ store }: Services, namespace: string): AsyncGenerator<RepositoryName> {
  const prefix = repositoryPrefix({ namespace, stream: '' }).slice(0, -1);
  let after = prefix;
  for (;;) {
    const { entries } = await store.list(prefix, { after, limit: 1 });
    const key = entries[0]?.key;
    if (key === undefined) return;
    const repo = { namespace, stream: key.slice(prefix.length, key.indexOf('/', prefix.length)) };
    yield repo;
    // Behind every key of this repository.
    after = `${repositoryPrefix(repo)}\u{10ffff}`;
  }
}
