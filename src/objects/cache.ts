/** How full a cache is after room was made in it. */
const KEPT_SHARE = 0.95;

interface Kept<V> {
  value: V;
  cost: number;
  /** Whether it was asked for since it was last looked at to make room. */
  used: boolean;
}

/**
 * A bounded cache: room is made by those that nobody has asked for since room was last made. What is in it can always be made
 * again. A look changes nothing but a mark: to put what was used last behind all others, as a Map could, costs as much as what
 * small requests do besides.
 */
export class BoundedCache<V> {
  /** In the order in which they were put in, or last spared. */
  readonly #entries = new Map<string, Kept<V>>();
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
    entry.used = true;
    return entry.value;
  }

  set(key: string, value: V, cost: number): void {
    if (cost > this.#limit) {
      this.delete(key);
      return;
    }
    const entry = this.#entries.get(key);
    this.#cost += cost - (entry?.cost ?? 0);
    if (entry) {
      entry.value = value;
      entry.cost = cost;
      entry.used = true;
    } else this.#entries.set(key, { value, cost, used: false });
    if (this.#cost > this.#limit) this.#makeRoom(key);
  }

  /** For several at once: a Map walks over all that was taken from its front before it comes to the first that is left. */
  #makeRoom(spared: string): void {
    const kept = this.#limit * KEPT_SHARE;
    // Whoever is spared comes to the end, where the walk finds it again.
    for (const [oldest, entry] of this.#entries) {
      if (this.#cost <= kept) break;
      if (entry.used || oldest === spared) {
        entry.used = false;
        if (oldest === spared && this.#entries.size === 1) break;
        this.#entries.delete(oldest);
        this.#entries.set(oldest, entry);
        continue;
      }
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
