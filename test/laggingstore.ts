/** A store whose memory is behind, for tests of what is written on a guess. */
import { openMemoryStore } from '../src/store/memory/memory.ts';
import type { Store } from '../src/store/store.ts';

/**
 * A store in memory that answers reads of `own` freshness as they were some revisions ago.
 * @param lag How many, asked for each read.
 */
export function laggingStore(lag: () => number): Store {
  const store = openMemoryStore();
  return {
    guesses: true,
    async get(key, options = {}) {
      if (options.fresh !== 'own') return store.get(key, options);
      const exactly = Math.max(1, (await store.revision()) - lag());
      return store.get(key, { fresh: { exactly } });
    },
    list: (prefix, options) => store.list(prefix, options),
    commit: (changes) => store.commit(changes),
    watch: (prefix, after, listener) => store.watch(prefix, after, listener),
    compact: (before) => store.compact(before),
    revision: () => store.revision(),
    close: () => store.close(),
  };
}
