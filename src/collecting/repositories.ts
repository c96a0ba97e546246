/** What the repositories hold, read from one snapshot of the store: histories of tags, and links. */
import type { Digest } from '../image/digest.ts';
import { LIST_PAGE_OBJECTS } from '../limits.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import type { Change, Entry, Page, Revision, Store } from '../store/store.ts';
import { LINKS, type ManifestLink, withoutRoot } from '../streams/links.ts';
import type { NamedTagEventList } from '../streams/types.ts';
import { Pauses } from './pauses.ts';

/** An entry of the store, as far as deleting it goes. */
export interface Key {
  readonly key: string;
  readonly revision: Revision;
}

export interface Manifest extends Key {
  /** It was pushed by its digest, and stays until it is deleted or something else takes it over. */
  readonly root: boolean;
  /** The change that takes that from it. */
  readonly adoption: Change;
}

/** One repository: `namespace/stream`. */
export interface Repository {
  readonly name: string;
  /** Whether its namespace exists. */
  housed: boolean;
  /** Where each tag points to now. */
  readonly tags: Map<string, Digest>;
  /** Images that a tag points to or has pointed to. */
  readonly history: Set<Digest>;
  readonly blobs: Map<Digest, Key>;
  readonly manifests: Map<Digest, Manifest>;
  /** By subject: the manifests that refer to it, each with the key that says so. */
  readonly referrers: Map<Digest, Map<Digest, Key>>;
}

/** Every entry below a prefix at a revision, page by page. Throws as `Store.list`. */
export async function* entriesAt(store: Store, prefix: string, at: Revision): AsyncGenerator<Entry> {
  const pauses = new Pauses();
  let after: string | undefined;
  for (;;) {
    const options = {
      fresh: { exactly: at },
      limit: LIST_PAGE_OBJECTS,
      ...(after !== undefined && { after }),
    } as const;
    const page: Page = await store.list(prefix, options);
    await pauses.take();
    for (const entry of page.entries) {
      yield entry;
      await pauses.take();
    }
    if (!page.more) return;
    after = page.entries.at(-1)?.key;
  }
}

/** All repositories by name. */
export async function readRepositories(store: Store, streams: string, at: Revision): Promise<Map<string, Repository>> {
  const found = new Map<string, Repository>();
  const repository = (name: string): Repository => {
    let known = found.get(name);
    if (!known) {
      known = {
        name,
        housed: false,
        tags: new Map(),
        history: new Set(),
        blobs: new Map(),
        manifests: new Map(),
        referrers: new Map(),
      };
      found.set(name, known);
    }
    return known;
  };
  for await (const { key, value } of entriesAt(store, streams, at)) {
    const mark = key.indexOf('#');
    if (mark < 0 || mark === key.length - 1) continue;
    const { history, tags } = repository(key.slice(streams.length, mark));
    const { tag, items } = JSON.parse(value.toString()) as NamedTagEventList;
    for (const { image } of items ?? []) if (image !== '') history.add(image as Digest);
    const [newest] = items ?? [];
    if (newest?.image) tags.set(tag, newest.image as Digest);
  }
  for await (const entry of entriesAt(store, LINKS, at)) readLink(repository, entry);
  const namespaces = new Set<string>();
  for await (const { key } of entriesAt(store, NAMESPACE_PREFIX, at))
    namespaces.add(key.slice(NAMESPACE_PREFIX.length));
  for (const each of found.values()) each.housed = namespaces.has(each.name.slice(0, each.name.indexOf('/')));
  return found;
}

/** `<LINKS>namespace/stream/kind/digest[/digest]` */
function readLink(repository: (name: string) => Repository, entry: Entry): void {
  const [namespace, stream, kind, digest, referrer] = entry.key.slice(LINKS.length).split('/') as [
    string,
    string,
    string,
    Digest,
    Digest | undefined,
  ];
  const { blobs, manifests, referrers } = repository(`${namespace}/${stream}`);
  const key: Key = { key: entry.key, revision: entry.revision };
  if (kind === 'blobs') blobs.set(digest, key);
  else if (kind === 'manifests') {
    const link = JSON.parse(entry.value.toString()) as ManifestLink;
    const adoption: Change = { op: 'put', key: entry.key, value: withoutRoot(link), expect: entry.revision };
    manifests.set(digest, { ...key, root: link.root === true, adoption });
  } else if (kind === 'referrers' && referrer !== undefined) {
    const all = referrers.get(digest) ?? new Map<Digest, Key>();
    referrers.set(digest, all.set(referrer, key));
  }
}
