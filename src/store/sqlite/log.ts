/** The write-ahead log of a SQLite file. */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { SQLITE_WAL_BYTES } from '../../limits.ts';

/** Groups of commits between two looks at the size of the log. */
const LOOK_EVERY = 64;

/**
 * SQLite moves the log's pages to the file by itself, but begins the log anew only if a write meets a moment without
 * readers. When other processes read all the time it must be made to wait for one.
 */
export class WriteAheadLog {
  readonly #db: DatabaseSync;
  readonly #file: string;
  #writes = 0;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = `${file}-wal`;
  }

  /** To be called after each group of commits. */
  keepShort(): void {
    this.#writes += 1;
    if (this.#writes % LOOK_EVERY !== 0) return;
    // By its name only: opening and closing the file here would drop SQLite's locks on it.
    const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= SQLITE_WAL_BYTES) return;
    try {
      this.#db.exec('PRAGMA wal_checkpoint(RESTART)');
    } catch {
      // The commits are safe in the log; the next look tries again.
    }
  }
}
