/** The names of a repository's tags, kept as long as no tag of it moves. */
import { TAG_NAMES_CHARACTERS, TAG_NAMES_KEPT, TAGS_PAGE } from '../limits.ts';
import { cacheOfEach } from '../objects/cache.ts';
import type { Services } from '../objects/context.ts';
import type { Revision, Store } from '../store/store.ts';
import { newestImage } from './history.ts';
import { streamKey, tagPart } from './imagestream.ts';
import { type NamesOptions, type RepositoryName, repositoryExists } from './repository.ts';

/** All names, as of a revision of the stream's head, which is written with every tag that moves. */
interface Known {
  readonly revision: Revision;
  readonly tags: readonly string[];
}

/** What a name costs beside its characters; an estimate. */
const NAME_CHARACTERS = 32;

const cacheOf = cacheOfEach<Store, Known>(TAG_NAMES_CHARACTERS);

/** Tags that point to an image, in byte order; undefined if there is no such repository. */
export async function tagNames(
  services: Services,
  repo: RepositoryName,
  options: NamesOptions,
): Promise<{ readonly tags: readonly string[]; readonly more: boolean } | undefined> {
  const { store } = services;
  const key = streamKey(repo.namespace, repo.stream);
  const revision = (await store.get(key))?.revision;
  const known = cacheOf(store).get(key);
  if (known && known.revision === revision) return cut(known.tags, options);
  // Whoever wants many will come again for the rest, or for all of them.
  const many = options.limit >= TAGS_PAGE && options.after === undefined;
  const wanted = many ? { limit: TAG_NAMES_KEPT } : options;
  const { tags, more } = await readNames(store, key + tagPart(''), wanted);
  if (tags.length === 0 && !(await repositoryExists(services, repo))) return undefined;
  const all = options.after === undefined && !more;
  if (all && revision !== undefined && (await store.get(key))?.revision === revision) {
    const cost = tags.reduce((sum, { length }) => sum + length + NAME_CHARACTERS, 0);
    cacheOf(store).set(key, { revision, tags }, cost);
  }
  return many ? cut(tags, options) : { tags, more };
}

function cut(tags: readonly string[], { after, limit }: NamesOptions): { tags: readonly string[]; more: boolean } {
  const start = after === undefined ? 0 : firstAfter(tags, after);
  const end = start + limit;
  return { tags: start === 0 && end >= tags.length ? tags : tags.slice(start, end), more: end < tags.length };
}

function firstAfter(tags: readonly string[], after: string): number {
  let [low, high] = [0, tags.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((tags[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function readNames(
  store: Store,
  prefix: string,
  { after, limit }: NamesOptions,
): Promise<{ readonly tags: string[]; readonly more: boolean }> {
  const tags: string[] = [];
  let last = after === undefined ? undefined : prefix + after;
  for (;;) {
    const page = await store.list(prefix, {
      limit: limit - tags.length + 1,
      ...(last !== undefined && { after: last }),
    });
    for (const entry of page.entries) {
      if (!newestImage(entry.value)) continue;
      if (tags.length === limit) return { tags, more: true };
      tags.push(entry.key.slice(prefix.length));
    }
    if (!page.more) return { tags, more: false };
    last = page.entries.at(-1)?.key;
  }
}
