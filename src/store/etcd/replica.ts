/** What one process knows of a store: its keys and values in memory, kept up to date by one watch, and its watches. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { ETCD_INDEX_SHARE, ETCD_KEY_BYTES, ETCD_PAGE_KEYS, ETCD_WATCH_PAUSE_MS } from '../../limits.ts';
import { Compacted, type Revision, type StoreError, StoreUnavailable } from '../store.ts';
import { commitsOf } from './events.ts';
import { isCompacted } from './failure.ts';
import { Feed } from './feed.ts';
import { Follower } from './follower.ts';
import type { History } from './history.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { Mirror } from './mirror.ts';
import type { Reader } from './reader.ts';
import type { WatchEvent } from './watchmessages.ts';

/** Keys that are kept at most: as memory allows (`--max-old-space-size` of Node). */
const MOST_KEYS = Math.floor((getHeapStatistics().heap_size_limit * ETCD_INDEX_SHARE) / ETCD_KEY_BYTES);

export interface ReplicaOptions {
  /** Bytes of values in memory. */
  readonly cacheBytes?: number | undefined;
  /** Hears, once a break, that the watch of etcd broke; it is tried again. */
  readonly broken?: ((error: StoreError) => void) | undefined;
}

/** Follows etcd for as long as it is open, and begins anew where it could not. */
export class Replica {
  readonly mirror: Mirror;
  readonly feed: Feed;
  readonly history: History;
  readonly #members: Members;
  readonly #layout: Layout;
  readonly #reader: Reader;
  readonly #follower: Follower;
  /** Counts how often memory was begun anew: a load that was overtaken stops. */
  #generation = 0;
  #closed = false;

  /** @param revision the latest: the watch begins after it. */
  constructor(
    members: Members,
    layout: Layout,
    reader: Reader,
    history: History,
    revision: Revision,
    options: ReplicaOptions,
  ) {
    this.#members = members;
    this.#layout = layout;
    this.#reader = reader;
    this.history = history;
    this.mirror = new Mirror(options.cacheBytes);
    this.feed = new Feed(members, layout, history, revision);
    let told = false;
    this.#follower = new Follower(members, layout, {
      events: (events) => {
        told = false;
        this.#take(events);
      },
      lost: (oldest) => this.#lost(oldest),
      broken: (error) => {
        if (!told) options.broken?.(error);
        told = true;
      },
    });
    this.#begin(revision);
  }

  /** Whether the watch stands, so that waiting for it makes sense. */
  get following(): boolean {
    return this.#follower.live;
  }

  /** The watch brings less than there is. */
  distrust(): void {
    this.#follower.distrust();
  }

  /** Whether what memory holds of a key (or of all keys with a prefix) is what it was at a revision. */
  unchangedSince(revision: Revision, key: string, prefix: boolean): boolean {
    if (revision > this.mirror.revision || revision < this.history.compacted) return false;
    if (revision === this.mirror.revision) return true;
    const commits = this.feed.since(revision);
    return (
      commits?.every(({ events }) =>
        events.every((event) => (prefix ? !event.key.startsWith(key) : event.key !== key)),
      ) ?? false
    );
  }

  /** etcd is at an earlier revision than before: it was restored from a backup, or made anew. */
  wentBack(revision: Revision): void {
    if (revision >= this.mirror.revision || this.#closed) return;
    const advice = 'clients must begin anew; restore with a revision bump (etcdutl snapshot restore --bump-revision)';
    const { where } = this.#members;
    this.feed.restart(
      revision,
      new StoreUnavailable(`${where} went back from revision ${this.mirror.revision} to ${revision}: ${advice}`),
    );
    this.#begin(revision);
  }

  close(): void {
    this.#closed = true;
    this.feed.close();
    this.#follower.close();
  }

  #begin(revision: Revision): void {
    this.#generation += 1;
    this.mirror.begin(revision);
    this.#follower.restart(revision);
    void this.#load(revision, this.#generation);
  }

  #take(events: readonly WatchEvent[]): void {
    const commits = commitsOf(this.#layout, events, (key, revision) => this.mirror.known(key, revision));
    for (const commit of commits) {
      if (commit.revision <= this.mirror.revision) continue;
      this.mirror.apply(commit);
      if (this.mirror.size > MOST_KEYS) this.mirror.abandon();
      this.feed.tell(commit);
    }
  }

  /** What happened meanwhile is gone: all that is known is forgotten, and all watches must begin anew. */
  async #lost(oldest: Revision): Promise<void> {
    while (!this.#closed) {
      try {
        const revision = await this.#reader.revision();
        this.feed.restart(revision, new Compacted(oldest));
        this.#begin(revision);
        return;
      } catch {
        await sleep(ETCD_WATCH_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  /** Brings the keys of a revision into memory; until that is done, reads go to etcd. */
  async #load(revision: Revision, generation: number): Promise<void> {
    const current = (): boolean => generation === this.#generation && !this.#closed;
    for (let last: string | undefined; current(); ) {
      try {
        await this.#reader.keys(revision, last, (sorted) => {
          if (!current()) return false;
          this.mirror.load(sorted);
          last = sorted.at(-1) ?? last;
          return this.mirror.size <= MOST_KEYS;
        });
        if (!current()) return;
        if (this.mirror.size > MOST_KEYS) return this.mirror.abandon();
        this.mirror.loaded();
        return await this.#warm(current);
      } catch (error) {
        if (this.mirror.complete) return;
        if (isCompacted(error)) return this.#reload(generation);
        await sleep(ETCD_WATCH_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  /** Brings values into memory as far as half of it goes, so that they are there when etcd is not. */
  async #warm(current: () => boolean): Promise<void> {
    for (let after = ''; current() && this.mirror.room; ) {
      const { keys, entries, revision } = this.mirror.list('', { after, limit: ETCD_PAGE_KEYS });
      const missing = keys.filter((_, index) => entries[index] === undefined);
      await this.mirror.filled(missing, () => this.#reader.some(missing, revision));
      const last = keys.at(-1);
      if (last === undefined) return;
      after = last;
      await sleep(1, undefined, { ref: false });
    }
  }

  /** The keys could not be read before history was forgotten: they are read as they are now. */
  async #reload(generation: number): Promise<void> {
    if (generation !== this.#generation || this.#closed) return;
    const { revision } = this.mirror;
    this.#generation += 1;
    this.mirror.begin(revision);
    await this.#load(revision, this.#generation);
  }
}
