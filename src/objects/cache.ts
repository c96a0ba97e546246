/** How full a cache is after room was made in it. */
const KEPT_SHARE = 0.95;

/** A bounded cache: the entry that was not used for longest goes first. What is in it can always be made again. */
export class BoundedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly cost: number }>();
  readonly #limit: number;
  #cost = 0;

  /** @param limit How much the costs of all entries may come to, in the unit of `set`. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What all entries cost together. */
  get cost(): number {
    return this.#cost;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, cost: number): void {
    this.delete(key);
    if (cost > this.#limit) return;
    this.#entries.set(key, { value, cost });
    this.#cost += cost;
    if (this.#cost <= this.#limit) return;
    // Several at once: a Map walks over all that was taken from its front before it comes to the first that is left.
    const kept = this.#limit * KEPT_SHARE;
    for (const [oldest, entry] of this.#entries) {
      if (this.#cost <= kept || oldest === key) break;
      this.#entries.delete(oldest);
      this.#cost -= entry.cost;
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#cost -= entry.cost;
  }
}

/**
 * A cache of its own for each owner, such as a store: made when it is first asked for, and gone with its owner. `limit` is
 * that of each.
 */
export function cacheOfEach<O extends WeakKey, V>(limit: number): (owner: O) => BoundedCache<V> {
  const caches = new WeakMap<O, BoundedCache<V>>();
  return (owner) => {
    let cache = caches.get(owner);
    if (!cache) {
      cache = new BoundedCache(limit);
      caches.set(owner, cache);
    }
    return cache;
  };
}
