/** Reading kept objects: one, or a page of a list, whole and from one snapshot. */
import { LIST_PAGE_OBJECTS, WHOLE_CACHE_BYTES } from '../limits.ts';
import type { Entry, Freshness, Page, Revision, Store } from '../store/store.ts';
import { cacheOfEach } from './cache.ts';
import type { Services } from './context.ts';
import { notFound } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import { type KeptObject, keptOf, keyOf, parsed, whole } from './values.ts';

/**
 * The object of that name, or undefined. Throws as `Store.get`.
 */
export async function readKept<T extends KubeObject>(
  store: Store,
  resource: Resource<T>,
  namespace: string,
  name: string,
  fresh: Freshness = 'latest',
): Promise<KeptObject | undefined> {
  const key = keyOf(resource, namespace, name);
  if (!keptOf(resource).composition) {
    const entry = await store.get(key, { fresh });
    return entry && whole(entry);
  }
  const remembered = typeof fresh === 'object' && 'exactly' in fresh ? undefined : wholeOf(store).get(key);
  if (remembered) {
    const head = await store.get(key, { fresh });
    if (!head) return undefined;
    if (head.revision === remembered.head.revision) return remembered;
  }
  const page = await store.list(key, { fresh });
  const kept = page.entries[0] ? group(page.entries)[0] : undefined;
  if (kept) remember(store, kept);
  return kept;
}

/** What an entry costs in memory beside its value, about. */
const ENTRY_BYTES = 300;

/**
 * Composed objects by the keys of their heads, as they were read or written last. A part is written only together with
 * its head, whose revision so says whether what is remembered still stands.
 */
const wholeOf = cacheOfEach<Store, KeptObject>(WHOLE_CACHE_BYTES);

/** Spares the next read of a composed object that was just read or written whole. */
export function remember(store: Store, kept: KeptObject): void {
  const bytes = [kept.head, ...kept.parts].reduce((sum, { value }) => sum + value.length + ENTRY_BYTES, 0);
  wholeOf(store).set(kept.head.key, kept, bytes);
}

/** The object of that name as it is now. @throws {DomainError} NotFound; as `Store.get`. */
export async function readObject<T extends KubeObject>(
  { store, settings }: Pick<Services, 'store' | 'settings'>,
  resource: Resource<T>,
  namespace: string,
  name: string,
): Promise<T> {
  const kept = await readKept(store, resource, namespace, name);
  if (!kept) throw notFound(resource, name);
  return parsed(resource, settings, kept);
}

export interface KeptPage {
  /** In the order of namespace and name. */
  readonly objects: readonly KeptObject[];
  /** Of the snapshot; the list's resourceVersion. */
  readonly revision: Revision;
  /** Where the next page starts (`after`); undefined at the end. */
  readonly next: string | undefined;
  /** How many objects follow, where the store can tell. */
  readonly remaining: number | undefined;
}

export interface KeptPageOptions {
  readonly fresh?: Freshness;
  /** What an earlier page gave as `next`. */
  readonly after?: string;
  /** At most so many objects. */
  readonly limit?: number;
  readonly count?: boolean;
}

/** A page of the objects of a namespace, or of all namespaces (''). Throws as `Store.list`. */
export async function pageKept<T extends KubeObject>(
  store: Store,
  resource: Resource<T>,
  namespace: string,
  options: KeptPageOptions,
): Promise<KeptPage> {
  const { prefix, composition } = keptOf(resource);
  const scope = resource.namespaced && namespace ? `${prefix}${namespace}/` : prefix;
  const limit = options.limit ?? LIST_PAGE_OBJECTS;
  if (composition) return composedPage(store, scope, limit, options);
  const page = await store.list(scope, {
    limit,
    fresh: options.fresh ?? 'latest',
    ...(options.after !== undefined && { after: options.after }),
    ...(options.count && { count: true }),
  });
  return {
    objects: page.entries.map(whole),
    revision: page.revision,
    next: page.more ? page.entries.at(-1)?.key : undefined,
    remaining: page.remaining,
  };
}

/** Rows are read until `limit` objects have all their parts, which shows when the next head (or the end) is seen. */
async function composedPage(store: Store, scope: string, limit: number, options: KeptPageOptions): Promise<KeptPage> {
  const rows: Entry[] = [];
  let heads = 0;
  let fresh = options.fresh ?? 'latest';
  let after = options.after;
  for (;;) {
    const page: Page = await store.list(scope, {
      limit: 3 * (limit - heads) + 8,
      fresh,
      ...(after !== undefined && { after }),
    });
    for (const row of page.entries) {
      if (row.key.endsWith('#') && isHead(row.key) && ++heads > limit) {
        return { objects: group(rows), revision: page.revision, next: rows.at(-1)?.key, remaining: undefined };
      }
      rows.push(row);
    }
    if (!page.more) return { objects: group(rows), revision: page.revision, next: undefined, remaining: undefined };
    after = page.entries.at(-1)?.key;
    fresh = { exactly: page.revision };
  }
}

/** A part's own name may hold and end with `#`; a head's first one is its last character. */
function isHead(key: string): boolean {
  return key.indexOf('#') === key.length - 1;
}

function group(rows: readonly Entry[]): KeptObject[] {
  const objects: { head: Entry; parts: Entry[] }[] = [];
  for (const row of rows) {
    if (isHead(row.key)) objects.push({ head: row, parts: [] });
    else objects.at(-1)?.parts.push(row);
  }
  return objects;
}

/**
 * Calls a function with every object of a namespace, or of all (''), in order, all of one snapshot. Throws as
 * `Store.list`.
 */
export async function eachKept<T extends KubeObject>(
  store: Store,
  resource: Resource<T>,
  namespace: string,
  use: (kept: KeptObject) => void,
  fresh: Freshness = 'latest',
): Promise<Revision> {
  let page = await pageKept(store, resource, namespace, { fresh });
  for (;;) {
    for (const kept of page.objects) use(kept);
    if (page.next === undefined) return page.revision;
    page = await pageKept(store, resource, namespace, { fresh: { exactly: page.revision }, after: page.next });
  }
}

/** How many objects of a resource a namespace has. Throws as `Store.list`. */
export async function countKept<T extends KubeObject>(
  store: Store,
  resource: Resource<T>,
  namespace: string,
): Promise<number> {
  const { prefix, composition } = keptOf(resource);
  if (!composition) {
    const page = await store.list(`${prefix}${namespace}/`, { limit: 1, count: true });
    return page.entries.length + (page.remaining ?? 0);
  }
  let count = 0;
  await eachKept(store, resource, namespace, () => {
    count++;
  });
  return count;
}
