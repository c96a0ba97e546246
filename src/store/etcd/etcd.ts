/** The store on etcd 3.4 or newer: any number of processes share it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ETCD_START_PAUSE_MS, HISTORY_SECONDS } from '../../limits.ts';
import { measured, type StoreFigures, UNHEARD } from '../figures.ts';
import { checkKey } from '../key.ts';
import {
  type Awaitable,
  type Change,
  type Entry,
  type ListOptions,
  type Page,
  type ReadOptions,
  type Revision,
  type Store,
  type StoreError,
  StoreUnavailable,
  type Watch,
  type WatchListener,
} from '../store.ts';
import { Committer } from './committer.ts';
import { Compactor } from './compactor.ts';
import { EtcdAway } from './failure.ts';
import { type Found, findStore } from './format.ts';
import { History } from './history.ts';
import { Layout } from './layout.ts';
import type { EtcdLocation } from './location.ts';
import { Members } from './members.ts';
import { Reader } from './reader.ts';
import { Reads } from './reads.ts';
import { Replica } from './replica.ts';

export interface EtcdStoreOptions {
  readonly location: EtcdLocation;
  /** Milliseconds, for the age of revisions; default Date.now. */
  readonly clock?: () => number;
  /** How long overwritten versions stay readable; 0 keeps them until `compact` is called. Default HISTORY_SECONDS. */
  readonly historySeconds?: number;
  /** Ends the wait for an etcd that does not answer. */
  readonly signal?: AbortSignal;
  /** Hears what is amiss, and is tried again or worked around by the store itself. */
  readonly warn?: (text: string) => void;
  readonly figures?: StoreFigures;
}

/**
 * Opens the store; waits for etcd for as long as it does not answer.
 * @throws {StoreUnavailable} saying what to do, if etcd refuses, the prefix holds something else, or `signal` is aborted.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const members = new Members(options.location, options.figures);
  const layout = new Layout(options.location.prefix);
  try {
    return new EtcdStore(members, layout, await untilFound(members, layout, options), options);
  } catch (error) {
    members.close();
    throw error;
  }
}

async function untilFound(members: Members, layout: Layout, options: EtcdStoreOptions): Promise<Found> {
  const { signal, warn = () => undefined } = options;
  for (let told = ''; ; ) {
    try {
      return await findStore(members, layout, warn);
    } catch (error) {
      if (!(error instanceof EtcdAway)) throw error;
      if (error.message !== told) warn(`waiting for etcd: ${error.message}`);
      told = error.message;
      if (!signal?.aborted)
        await sleep(ETCD_START_PAUSE_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (signal?.aborted) throw new StoreUnavailable(`stopped while waiting for etcd: ${error.message}`);
    }
  }
}

class EtcdStore implements Store {
  readonly #members: Members;
  readonly #figures: StoreFigures;
  readonly #history: History;
  readonly #replica: Replica;
  readonly #reads: Reads;
  readonly #committer: Committer;
  readonly #compactor: Compactor | undefined;
  /** The latest commit of this process. */
  #made: Revision = 0;
  #closing: Promise<void> | undefined;

  constructor(members: Members, layout: Layout, { birth, revision }: Found, options: EtcdStoreOptions) {
    const { location, historySeconds = HISTORY_SECONDS, clock = Date.now, warn, figures = UNHEARD } = options;
    this.#figures = figures;
    this.#members = members;
    this.#history = new History(members, layout, birth);
    const reader = new Reader(members, layout);
    this.#replica = new Replica(members, layout, reader, this.#history, revision, {
      cacheBytes: location.cacheBytes,
      broken: (error) => warn?.(`the watch of etcd broke and is opened again: ${error.message}`),
    });
    this.#reads = new Reads(members, reader, this.#replica, figures);
    tellLevels(figures, this.#replica, this.#reads);
    this.#committer = new Committer(members, layout, (made) => {
      this.#made = Math.max(this.#made, made);
    });
    if (historySeconds > 0) {
      const failed = (error: StoreError): void => warn?.(`etcd is not compacted for now: ${error.message}`);
      this.#compactor = new Compactor(members, layout, this.#history, { historySeconds, clock, failed });
    }
  }

  get(key: string, options?: ReadOptions): Awaitable<Entry | undefined> {
    if (this.#closing) throw closed();
    return this.#reads.get(key, options);
  }

  list(prefix: string, options?: ListOptions): Awaitable<Page> {
    if (this.#closing) throw closed();
    return this.#reads.list(prefix, options);
  }

  revision(): Awaitable<Revision> {
    if (this.#closing) throw closed();
    return this.#reads.revision();
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    if (this.#closing) throw closed();
    return measured(this.#figures, this.#committer.commit(changes));
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    checkKey(prefix);
    if (this.#closing) return this.#replica.feed.refuse(prefix, after, listener, closed());
    return this.#replica.feed.watch(prefix, after, listener);
  }

  async compact(before: Revision): Promise<void> {
    if (this.#closing) throw closed();
    await this.#history.compact(before, await this.#reads.revision());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#committer.settled(), this.#compactor?.stop()]);
    // Watches are told what this process has been acknowledged.
    if (this.#replica.following) await this.#reads.settled(this.#made);
    this.#replica.close();
    this.#members.close();
  }
}

function tellLevels(figures: StoreFigures, replica: Replica, reads: Reads): void {
  figures.level('mirror_keys', () => replica.mirror.size);
  figures.level('mirror_value_bytes', () => replica.mirror.valueBytes);
  figures.level('watch_lag_revisions', () => Math.max(0, reads.known - replica.mirror.revision));
  figures.level('watch_up', () => (replica.following ? 1 : 0));
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('the store is closed');
}
