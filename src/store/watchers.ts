/** Who watches which prefix of one process, and the telling of each commit to all of them. */
import type { Batch, Revision, StoreError, StoreEvent, Watch, WatchListener } from './store.ts';

/** The changes of one commit, to any keys. */
export interface Commit {
  readonly revision: Revision;
  /** In the order of their keys; at least one. */
  readonly events: readonly StoreEvent[];
}

/** One watch: first it catches up by itself, then it is told of new commits together with all others. */
export class Watcher implements Watch {
  readonly prefix: string;
  readonly #watchers: Watchers;
  readonly #listener: WatchListener;
  #given: Revision;
  #state: 'behind' | 'live' | 'ended' = 'behind';

  constructor(watchers: Watchers, prefix: string, after: Revision, listener: WatchListener) {
    this.#watchers = watchers;
    this.prefix = prefix;
    this.#given = after;
    this.#listener = listener;
  }

  get delivered(): Revision {
    return this.#state === 'live' ? Math.max(this.#given, this.#watchers.told) : this.#given;
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Tells the listener, unless the watch has ended or begins later. */
  give(batch: Batch): void {
    if (this.#state === 'ended' || batch.revision <= this.#given) return;
    this.#given = batch.revision;
    try {
      this.#listener.batch(batch);
    } catch (error) {
      raise(error);
    }
  }

  /** Records that nothing up to this revision is left to give. */
  passed(revision: Revision): void {
    this.#given = Math.max(this.#given, revision);
  }

  /** From now on told of every new commit. The caller has given it all that `Watchers.begun` covers. */
  join(): void {
    if (this.#state !== 'behind') return;
    this.#state = 'live';
    this.#watchers.enter(this);
  }

  close(): void {
    this.end(undefined);
  }

  end(error: StoreError | undefined): void {
    if (this.#state === 'ended') return;
    const told = this.delivered;
    this.#state = 'ended';
    this.#given = told;
    this.#watchers.leave(this);
    try {
      this.#listener.ended(error);
    } catch (thrown) {
      raise(thrown);
    }
  }
}

/** A listener that throws has a bug that must be seen, but neither the commit nor the other listeners may suffer. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/**
 * The watchers of one store. A commit finds its listeners by looking up those beginnings of its keys that have a length
 * some prefix has, so the work grows with the number of different lengths and not with that of the watches.
 */
export class Watchers {
  readonly #all = new Set<Watcher>();
  readonly #live = new Map<string, Set<Watcher>>();
  /** How many live prefixes have a length, in UTF-16 units. */
  readonly #lengths = new Map<number, number>();
  #begun: Revision;
  #told: Revision;

  /** @param revision the last commit that no watcher needs to be told of. */
  constructor(revision: Revision) {
    this.#begun = revision;
    this.#told = revision;
  }

  /** The last commit whose telling has begun: a watcher that knows all up to it may join. */
  get begun(): Revision {
    return this.#begun;
  }

  /** The last commit that all live watchers have been told of. */
  get told(): Revision {
    return this.#told;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Makes a watcher that is still behind. */
  add(prefix: string, after: Revision, listener: WatchListener): Watcher {
    const watcher = new Watcher(this, prefix, after, listener);
    this.#all.add(watcher);
    return watcher;
  }

  /** Tells a commit, the next after `begun`, to all live watchers: the same objects to all. */
  tell(commit: Commit): void {
    this.#begun = commit.revision;
    for (const [prefix, events] of this.#matches(commit.events)) {
      const batch = events.length === commit.events.length ? commit : { revision: commit.revision, events };
      for (const watcher of this.#live.get(prefix) ?? []) watcher.give(batch);
    }
    this.#told = commit.revision;
  }

  /** Says that there is nothing to tell up to this revision. */
  skip(revision: Revision): void {
    this.#begun = revision;
    this.#told = revision;
  }

  /** Ends those watches, or all. */
  end(error: StoreError | undefined, which: (watcher: Watcher) => boolean = () => true): void {
    for (const watcher of [...this.#all]) if (which(watcher)) watcher.end(error);
  }

  enter(watcher: Watcher): void {
    const { prefix } = watcher;
    const same = this.#live.get(prefix);
    if (same) {
      same.add(watcher);
      return;
    }
    this.#live.set(prefix, new Set([watcher]));
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
  }

  leave(watcher: Watcher): void {
    this.#all.delete(watcher);
    const { prefix } = watcher;
    const same = this.#live.get(prefix);
    if (!same?.delete(watcher) || same.size > 0) return;
    this.#live.delete(prefix);
    const left = (this.#lengths.get(prefix.length) ?? 0) - 1;
    if (left > 0) this.#lengths.set(prefix.length, left);
    else this.#lengths.delete(prefix.length);
  }

  #matches(events: readonly StoreEvent[]): Map<string, StoreEvent[]> {
    const matches = new Map<string, StoreEvent[]>();
    for (const event of events) {
      for (const length of this.#lengths.keys()) {
        if (length > event.key.length) continue;
        const prefix = event.key.slice(0, length);
        const found = matches.get(prefix);
        if (found) found.push(event);
        else if (this.#live.has(prefix)) matches.set(prefix, [event]);
      }
    }
    return matches;
  }
}
