/** The store in an SQLite file, which several processes of one machine may share. */
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { HISTORY_SECONDS, SQLITE_BUSY_MS, SQLITE_POLL_MS } from '../../limits.ts';
import { Ages } from '../ages.ts';
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
import { Compaction } from './compaction.ts';
import { isBusy, storeFailure } from './failure.ts';
import { Feed } from './feed.ts';
import { openFile } from './file.ts';
import { GroupCommit } from './group.ts';
import { Journal } from './journal.ts';
import { WriteAheadLog } from './log.ts';
import { Reader } from './reader.ts';
import { Recent } from './recent.ts';
import { WalIndex } from './walindex.ts';
import { Writer } from './writer.ts';

export interface SqliteStoreOptions {
  /** Path of the file; it is made if it does not exist, its folder is not. */
  readonly file: string;
  /** Milliseconds, for the age of revisions; default Date.now. */
  readonly clock?: () => number;
  /** How long overwritten versions stay readable; 0 keeps them until `compact` is called. Default HISTORY_SECONDS. */
  readonly historySeconds?: number;
  /** The most that the file may grow to; a commit beyond fails with StoreFull. Default: as the disk allows. */
  readonly quotaBytes?: number;
  /** Milliseconds between two looks at what other processes have committed. Default SQLITE_POLL_MS. */
  readonly pollMs?: number;
  /** Milliseconds that a lock of another process is waited for. Default SQLITE_BUSY_MS. */
  readonly busyMs?: number;
  /** Hears of failures of the compaction that runs by itself; it is tried again. */
  readonly onCompactionFailure?: (error: StoreError) => void;
  readonly figures?: StoreFigures;
}

/** Milliseconds between tries for a lock. */
const RETRY_MS = 2;

/**
 * Opens the store.
 * @throws {StoreUnavailable} saying what to do, if the file cannot be opened, is damaged, or is not of this format.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { file } = options;
  const db = await untilFree(file, () => openFile(file, options.quotaBytes));
  try {
    return await untilFree(file, () => new SqliteStore(db, options));
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Tries again while another process holds a lock, up to SQLITE_BUSY_MS. */
async function untilFree<T>(file: string, work: () => T): Promise<T> {
  const until = performance.now() + SQLITE_BUSY_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw storeFailure(error, file);
    }
    await sleep(RETRY_MS);
  }
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #options: SqliteStoreOptions;
  readonly #reader: Reader;
  readonly #group: GroupCommit;
  readonly #feed: Feed;
  readonly #compaction: Compaction;
  readonly #log: WriteAheadLog;
  readonly #ageing: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(db: DatabaseSync, options: SqliteStoreOptions) {
    const { file, historySeconds = HISTORY_SECONDS, busyMs = SQLITE_BUSY_MS, pollMs = SQLITE_POLL_MS } = options;
    this.#db = db;
    this.#options = options;
    this.#reader = new Reader(db, new Recent(new WalIndex(file)));
    this.#feed = new Feed(file, this.#reader, new Journal(db, this.#reader), pollMs);
    const writer = new Writer(db, this.#reader);
    this.#log = new WriteAheadLog(db, file);
    this.#group = new GroupCommit({ file, busyMs }, writer, this.#log, (before, commits) =>
      this.#feed.published(before, commits),
    );
    this.#compaction = new Compaction(db, this.#reader, this.#log);
    this.#ageing = historySeconds > 0 ? this.#age(historySeconds * 1000) : undefined;
  }

  get(key: string, options?: ReadOptions): Awaitable<Entry | undefined> {
    return this.#read(() => this.#reader.get(key, options));
  }

  list(prefix: string, options?: ListOptions): Awaitable<Page> {
    return this.#read(() => this.#reader.list(prefix, options));
  }

  revision(): Awaitable<Revision> {
    return this.#read(() => this.#reader.revision());
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    if (this.#closing) throw this.#closed();
    return measured(this.#options.figures ?? UNHEARD, this.#group.commit(changes));
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    checkKey(prefix);
    if (this.#closing) return this.#feed.refuse(prefix, after, listener, this.#closed());
    return this.#feed.watch(prefix, after, listener);
  }

  async compact(before: Revision): Promise<void> {
    if (this.#closing) throw this.#closed();
    try {
      await this.#compaction.compact(before);
    } catch (error) {
      throw storeFailure(error, this.#options.file);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#ageing);
    await Promise.all([this.#group.settled(), this.#compaction.stop()]);
    this.#feed.close();
    await this.#log.close();
    this.#db.close();
  }

  #read<T>(read: () => T): Awaitable<T> {
    if (!this.#db.isOpen) throw this.#closed();
    try {
      return read();
    } catch (error) {
      if (!isBusy(error)) throw storeFailure(error, this.#options.file);
      return untilFree(this.#options.file, read);
    }
  }

  #closed(): StoreError {
    return new StoreUnavailable('the store is closed');
  }

  #age(keepMs: number): NodeJS.Timeout {
    const { clock = Date.now, onCompactionFailure } = this.#options;
    const ages = new Ages(keepMs);
    const note = async (): Promise<void> => {
      try {
        const old = ages.note(clock(), this.#reader.revision());
        if (old !== undefined) await this.#compaction.compact(old);
      } catch (error) {
        if (!isBusy(error)) onCompactionFailure?.(storeFailure(error, this.#options.file));
      }
    };
    void note();
    return setInterval(() => void note(), ages.everyMs).unref();
  }
}
