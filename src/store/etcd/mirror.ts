/**
 * What the watch of a process has brought: all keys, and as many values as memory is given for. It answers reads without
 * a call to etcd, and only as far as it can do so rightly.
 */
import { ETCD_ENTRY_BYTES, ETCD_VALUES_BYTES } from '../../limits.ts';
import { BoundedCache } from '../../objects/cache.ts';
import { compareKeys, keyAfter, prefixEnd } from '../key.ts';
import type { Entry, ListOptions, Revision } from '../store.ts';
import type { Commit } from '../watchers.ts';
import { KeySet } from './keyset.ts';

/** A page whose values may be missing. */
export interface Outline {
  readonly keys: readonly string[];
  /** In the order of `keys`; undefined where the value must be fetched. */
  readonly entries: readonly (Entry | undefined)[];
  /** The revision whose snapshot it is. */
  readonly revision: Revision;
  readonly more: boolean;
  readonly remaining: number | undefined;
}

/** Changes only by what the watch brings, in one step a commit, so that what it shows is always one snapshot. */
export class Mirror {
  readonly #keys = new KeySet();
  readonly #cacheBytes: number;
  #values: BoundedCache<Entry>;
  /** Keys whose values are being fetched, with whether they have been changed since. */
  readonly #fetched = new Map<string, { changed: boolean }>();
  /** While keys are loaded: those that were changed since, and whether they exist now. */
  #changed: Map<string, boolean> | undefined;
  #complete = false;
  #revision: Revision = 0;
  readonly #waiting = new Set<{ readonly revision: Revision; readonly resolve: (reached: boolean) => void }>();

  constructor(cacheBytes = ETCD_VALUES_BYTES) {
    this.#cacheBytes = cacheBytes;
    this.#values = new BoundedCache(cacheBytes);
  }

  /** Whether all keys are known. If not, it can tell nothing but what was changed lately. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The latest commit that is in it. */
  get revision(): Revision {
    return this.#revision;
  }

  /** Whether more than half of the memory for values is free. */
  get room(): boolean {
    return this.#values.cost < this.#cacheBytes / 2;
  }

  /** Bytes of values in memory, with what they cost besides. */
  get valueBytes(): number {
    return this.#values.cost;
  }

  /** How many keys are known. */
  get size(): number {
    return this.#keys.size;
  }

  /** Begins anew: from now on it hears of all commits after this revision, and `load` brings the keys that it had. */
  begin(revision: Revision): void {
    this.#complete = false;
    this.#keys.clear();
    this.#values = new BoundedCache(this.#cacheBytes);
    this.#changed = new Map();
    for (const fetch of this.#fetched.values()) fetch.changed = true;
    this.#advance(revision);
  }

  /** Brings keys of the revision with which it began, in order. */
  load(sorted: readonly string[]): void {
    this.#keys.append(sorted);
  }

  /** All keys have been brought. */
  loaded(): void {
    for (const [key, exists] of this.#changed ?? []) {
      if (exists) this.#keys.add(key);
      else this.#keys.delete(key);
    }
    this.#changed = undefined;
    this.#complete = true;
  }

  /** Gives up the keys: there are too many. Values of those that are read or changed stay known to nobody. */
  abandon(): void {
    this.#complete = false;
    this.#changed = undefined;
    this.#keys.clear();
    this.#values = new BoundedCache(this.#cacheBytes);
  }

  /** Takes the next commit in. */
  apply({ revision, events }: Commit): void {
    const following = this.#complete || this.#changed !== undefined;
    for (const event of following ? events : []) {
      const { key, value, created } = event;
      const fetch = this.#fetched.get(key);
      if (fetch) fetch.changed = true;
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, { key, value, revision: event.revision, created }, costOf(key, value));
      if (this.#changed) this.#changed.set(key, value !== undefined);
      else if (value === undefined) this.#keys.delete(key);
      else if (event.previous === undefined) this.#keys.add(key);
    }
    this.#advance(revision);
  }

  /** Resolves to true when it has come to a revision, to false if that takes longer than so many milliseconds. */
  reached(revision: Revision, withinMs: number): Promise<boolean> {
    if (this.#revision >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter = {
        revision,
        resolve: (reached: boolean): void => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          resolve(reached);
        },
      };
      const timer = setTimeout(() => waiter.resolve(false), withinMs);
      this.#waiting.add(waiter);
    });
  }

  /** The entry; undefined if there is none; or that its value must be fetched. */
  get(key: string): Entry | undefined | 'unknown' {
    const entry = this.#values.get(key);
    if (entry) return entry;
    return this.#keys.has(key) ? 'unknown' : undefined;
  }

  /** What it knows of a key's value, for those that are told the same. */
  known(key: string, revision: Revision): Entry | undefined {
    const entry = this.#values.get(key);
    return entry?.revision === revision ? entry : undefined;
  }

  /** A page of keys, with the values that are at hand. */
  list(prefix: string, { after, limit, count }: ListOptions): Outline {
    const to = prefixEnd(prefix);
    const from = after !== undefined && compareKeys(after, prefix) >= 0 ? keyAfter(after) : prefix;
    const keys = this.#keys.slice(from, to, limit === undefined ? Number.POSITIVE_INFINITY : limit + 1);
    const more = limit !== undefined && keys.length > limit;
    if (more) keys.length = limit;
    const last = keys.at(-1);
    const rest = (): number => (more ? this.#keys.count(last === undefined ? from : keyAfter(last), to) : 0);
    return {
      keys,
      entries: keys.map((key) => this.#values.get(key)),
      revision: this.#revision,
      more,
      remaining: count ? rest() : undefined,
    };
  }

  /**
   * Keeps what `fetch` brings, unless a key was changed meanwhile.
   * @param keys what may be among it.
   */
  async filled(keys: readonly string[], fetch: () => Promise<readonly Entry[]>): Promise<readonly Entry[]> {
    const asked = keys.filter((key) => !this.#fetched.has(key));
    const marks = new Map(asked.map((key) => [key, { changed: false }]));
    for (const [key, mark] of marks) this.#fetched.set(key, mark);
    try {
      const entries = await fetch();
      for (const entry of entries) {
        if (marks.get(entry.key)?.changed === false) {
          this.#values.set(entry.key, entry, costOf(entry.key, entry.value));
        }
      }
      return entries;
    } finally {
      for (const key of asked) this.#fetched.delete(key);
    }
  }

  #advance(revision: Revision): void {
    this.#revision = revision;
    for (const waiter of [...this.#waiting]) if (waiter.revision <= revision) waiter.resolve(true);
  }
}

function costOf(key: string, value: Buffer): number {
  return value.length + key.length + ETCD_ENTRY_BYTES;
}
