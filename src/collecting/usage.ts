/** Who needs a piece of content: the way back from a blob to the tags that lead to it. */
import type { Digest } from '../image/digest.ts';
import type { Services } from '../objects/context.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { DESCRIPTIONS } from '../streams/links.ts';
import { entriesAt, type Repository, readRepositories } from './repositories.ts';
import { readReferences } from './survey.ts';

export interface Usage {
  /** What the manifests of this registry need: themselves and all that they name. */
  readonly needed: ReadonlySet<Digest>;
  /** The images that need it, as `namespace/stream:tag` or `namespace/stream@digest`, in order. */
  imagesOf(digest: Digest): readonly string[];
}

/** Reads everything. Throws as `surveyContent`. */
export async function whoNeeds(services: Services): Promise<Usage> {
  const { store } = services;
  const revision = await store.revision();
  const manifests: Digest[] = [];
  for await (const { key } of entriesAt(store, DESCRIPTIONS, revision)) {
    manifests.push(key.slice(DESCRIPTIONS.length) as Digest);
  }
  const references = await readReferences(services, manifests, revision);
  const repositories = await readRepositories(store, imageStreams.kept?.prefix ?? '', revision);
  const holders = new Map<Digest, Digest[]>();
  const needed = new Set<Digest>();
  for (const manifest of manifests) {
    const known = references.get(manifest);
    for (const digest of [manifest, ...(known?.needed ?? [])]) needed.add(digest);
    for (const digest of known?.digests ?? []) {
      const some = holders.get(digest);
      if (some) some.push(manifest);
      else holders.set(digest, [manifest]);
    }
  }
  for (const { blobs } of repositories.values()) for (const digest of blobs.keys()) needed.add(digest);
  return {
    needed,
    imagesOf(digest) {
      const found = new Set<Digest>([digest]);
      for (const each of found) for (const holder of holders.get(each) ?? []) found.add(holder);
      return [...repositories.values()].flatMap((repository) => namesIn(repository, found)).sort();
    },
  };
}

/** How images of a repository are called: by the tags that point to them, else by digest. */
function namesIn({ name, tags, history, manifests }: Repository, some: ReadonlySet<Digest>): string[] {
  const tagged = [...tags].filter(([, digest]) => some.has(digest));
  const covered = new Set(tagged.map(([, digest]) => digest));
  const others = [...new Set([...history, ...manifests.keys()])].filter((digest) => some.has(digest));
  return [
    ...tagged.map(([tag]) => `${name}:${tag}`),
    ...others.filter((digest) => !covered.has(digest)).map((digest) => `${name}@${digest}`),
  ];
}
