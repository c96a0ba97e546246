/** Turns that the writes of one process take, so that they wait for each other instead of colliding in the store. */
import type { Store } from '../store/store.ts';

/** Per store and key the last of those that take turns. */
const turns = new WeakMap<Store, Map<string, Promise<unknown>>>();

/**
 * Runs work after all work that was given before it for the same store and key has ended, however it ended. Work must not
 * take a turn of its own key. Gives, or throws, what the work does.
 */
export async function inTurn<T>(store: Store, key: string, work: () => Promise<T>): Promise<T> {
  let last = turns.get(store);
  if (!last) {
    last = new Map();
    turns.set(store, last);
  }
  const mine = (last.get(key) ?? Promise.resolve()).then(work);
  const settled = mine.catch(() => undefined);
  last.set(key, settled);
  try {
    return await mine;
  } finally {
    if (last.get(key) === settled) last.delete(key);
  }
}
