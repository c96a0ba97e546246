/** What is written down about a manifest when it is pushed: what it refers to, and to what of that it gives a right. */
import type { Digest } from '../image/digest.ts';
import { type Manifest, sortedReferences } from '../image/manifest.ts';
import type { Services } from '../objects/context.ts';
import type { Change } from '../store/store.ts';
import { findStream } from './imagestream.ts';
import {
  blobKey,
  type KeptReferences,
  manifestKey,
  type RepositoryName,
  referencesChange,
  referencesKey,
} from './links.ts';
import { provenBelow } from './proven.ts';
import { imagesOf } from './streamimages.ts';

/**
 * The change that keeps what a manifest refers to, if it is new or this push can read children that no push before could.
 * It fails if another push was faster.
 */
export async function referencesNoted(
  services: Services,
  repo: RepositoryName,
  digest: Digest,
  manifest: Manifest,
): Promise<readonly Change[]> {
  const known = await services.store.get(referencesKey(digest));
  const before = known && (JSON.parse(known.value.toString()) as KeptReferences);
  if (before && !before.foreign) return [];
  const references = sortedReferences(manifest);
  const unproven = before?.foreign ?? (manifest.kind === 'index' ? references.optional : []);
  const foreign = unproven.length > 0 ? await unreadable(services, repo, unproven) : [];
  if (before?.foreign && foreign.length === before.foreign.length) return [];
  return [referencesChange(digest, foreign.length > 0 ? { ...references, foreign } : references, known?.revision ?? 0)];
}

/** Those of some children, manifests or blobs, that cannot be read through a repository. */
async function unreadable(
  services: Services,
  repo: RepositoryName,
  children: readonly Digest[],
): Promise<readonly Digest[]> {
  const { store } = services;
  const links = await Promise.all(
    children.flatMap((child) => [store.get(manifestKey(repo, child)), store.get(blobKey(repo, child))]),
  );
  const unlinked = children.filter((_, index) => !links[2 * index] && !links[2 * index + 1]);
  const tags =
    unlinked.length > 0 ? (await findStream(services, repo.namespace, repo.stream))?.status?.tags : undefined;
  if (!tags) return unlinked;
  const { names } = imagesOf(tags);
  const readable = new Set<string>(names);
  for await (const digest of provenBelow(store, names)) readable.add(digest);
  return unlinked.filter((child) => !readable.has(child));
}
