/** The write-ahead log of a SQLite file, and the moving of its pages into the file ("checkpoint"). */
import type { DatabaseSync } from 'node:sqlite';
import { SQLITE_WAL_CALM_PAGES, SQLITE_WAL_MOST_PAGES, SQLITE_WAL_PAGES } from '../../limits.ts';
import { Checkpointer } from './checkpointer.ts';
import { Query } from './query.ts';

/** What `wal_checkpoint` says: pages in the log, and how many of them have been moved. */
type State = readonly [busy: number, pages: number, moved: number];

/**
 * Keeps the log short without keeping others waiting: a thread of its own moves most pages, in whatever time the disk
 * takes. It cannot catch up with a writer that never pauses, and only a log that was moved whole begins anew; so the
 * writer itself moves the few that are left when the log has become long.
 */
export class WriteAheadLog {
  readonly #db: DatabaseSync;
  readonly #state: Query<State>;
  readonly #move: Query<State>;
  readonly #checkpointer: Checkpointer;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#state = new Query(db, 'PRAGMA wal_checkpoint(NOOP)');
    this.#move = new Query(db, 'PRAGMA wal_checkpoint(PASSIVE)');
    this.#checkpointer = new Checkpointer(file);
  }

  /** To be called after each transaction. */
  keepShort(): void {
    try {
      const [, pages, moved] = this.#state.one() ?? [0, 0, 0];
      const left = pages - moved;
      if (left > SQLITE_WAL_CALM_PAGES) this.#checkpointer.start();
      // Other processes that read all the time keep the log from beginning anew unless it waits for them.
      if (pages > SQLITE_WAL_MOST_PAGES) this.#db.exec('PRAGMA wal_checkpoint(RESTART)');
      else if (pages > SQLITE_WAL_PAGES && left > 0 && left <= SQLITE_WAL_CALM_PAGES) this.#move.one();
    } catch {
      // What was committed is safe in the log; the next transaction tries again.
    }
  }

  /** Moves what is left, if no other process is in the way. The store is about to close. */
  async close(): Promise<void> {
    await this.#checkpointer.close();
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Whoever opens the file next reads the log.
    }
  }
}
