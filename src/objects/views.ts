/**
 * Answers that were composed from several objects, as the bytes that are served. One is right as long as nothing at all
 * has been written since it was made or last looked at, or else as long as what it was made of stands as it was.
 */
import { COMPOSED_CACHE_BYTES } from '../limits.ts';
import type { Revision, Store } from '../store/store.ts';
import { cacheOfEach } from './cache.ts';

/**
 * An object that a view was made of. Its revision changes with everything that the view shows of it; 0 stands for one
 * that did not exist.
 */
export interface Source {
  readonly key: string;
  readonly revision: Revision;
}

interface View {
  readonly bytes: Buffer;
  readonly sources: readonly Source[];
  /** The store's revision when it was known to be right. */
  checked: Revision;
}

const cacheOf = cacheOfEach<Store, View>(COMPOSED_CACHE_BYTES);

/** What `make` gives: the bytes, and what they were made of. */
export interface Made {
  readonly bytes: Buffer;
  readonly sources: readonly Source[];
}

/** The view of that name as it is now: kept, or made afresh. Throws what `make` throws. */
export async function view(store: Store, name: string, make: () => Promise<Made>): Promise<Buffer> {
  const cache = cacheOf(store);
  const kept = cache.get(name);
  const revision = await store.revision();
  if (kept && (kept.checked === revision || (await stand(store, kept.sources, revision)))) {
    kept.checked = Math.max(kept.checked, revision);
    return kept.bytes;
  }
  const { bytes, sources } = await make();
  cache.set(name, { bytes, sources, checked: revision }, bytes.length);
  return bytes;
}

/** Whether the sources are what they were, at the revision that was just found to be the latest, or later. */
async function stand(store: Store, sources: readonly Source[], latest: Revision): Promise<boolean> {
  for (const { key, revision } of sources) {
    const entry = await store.get(key, { fresh: { notOlderThan: latest } });
    if ((entry?.revision ?? 0) !== revision) return false;
  }
  return true;
}
