/** Forgetting the past of a SQLite store, little by little. */
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { SQLITE_BUSY_MS, SQLITE_STEP_CHANGES } from '../../limits.ts';
import { type Revision, RevisionAhead } from '../store.ts';
import { isBusy } from './failure.ts';
import type { WriteAheadLog } from './log.ts';
import { Query } from './query.ts';
import type { Reader } from './reader.ts';

/** Milliseconds between two steps, so that reads and commits go on at their pace. */
const PAUSE_MS = 1;

/**
 * `compacted` (in the file) moves at once and rules what can be read; `swept` follows as the rows are deleted. Each step
 * is a transaction that begins where the last one ended, so it may stop anywhere and several processes may do it at once.
 */
export class Compaction {
  readonly #db: DatabaseSync;
  readonly #reader: Reader;
  readonly #log: WriteAheadLog;
  readonly #begin: Query<[]>;
  readonly #swept: Query<[Revision]>;
  readonly #stepEnd: Query<[Revision]>;
  readonly #mark: Query<[]>;
  readonly #sweepOverwritten: Query<[]>;
  readonly #sweepDeletions: Query<[]>;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(db: DatabaseSync, reader: Reader, log: WriteAheadLog) {
    this.#db = db;
    this.#log = log;
    this.#reader = reader;
    this.#begin = new Query(db, 'BEGIN IMMEDIATE');
    this.#mark = new Query(db, 'UPDATE meta SET value = max(value, ?) WHERE name = ?');
    this.#swept = new Query(db, `SELECT value FROM meta WHERE name = 'swept'`);
    this.#stepEnd = new Query(
      db,
      'SELECT revision FROM version WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT 1 OFFSET ?',
    );
    // A commit leads to the versions that it superseded. The deletions themselves go last: without them their
    // predecessors would not be found. (+ takes away the type, which the index has not, so that the index is used.)
    this.#sweepOverwritten = new Query(
      db,
      `DELETE FROM version WHERE id IN (
         SELECT p.id FROM version AS v CROSS JOIN version AS p
         ON p.key = v.key AND p.superseded = +v.revision AND p.superseded < 9e999 AND p.id < v.id
         WHERE v.revision > ? AND v.revision <= ? LIMIT ?)`,
    );
    this.#sweepDeletions = new Query(
      db,
      `DELETE FROM version WHERE id IN (
         SELECT id FROM version WHERE revision > ? AND revision <= ? AND superseded = revision LIMIT ?)`,
    );
  }

  /** @see Store.compact; throws SQLite's own errors. */
  async compact(before: Revision): Promise<void> {
    await this.#patiently(() => {
      const current = this.#reader.revision();
      if (before > current) throw new RevisionAhead(current);
      if (before > this.#reader.compacted()) this.#write(() => this.#mark.run(before, 'compacted'));
    });
    const previous = this.#running;
    this.#running = previous ? previous.catch(() => undefined).then(() => this.#sweep()) : this.#sweep();
    await this.#running;
  }

  /** Ends after the step under way; the rest is done by the next compaction. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  async #sweep(): Promise<void> {
    while (!this.#stopped && !(await this.#patiently(() => this.#write(() => this.#step())))) await sleep(PAUSE_MS);
  }

  /** Deletes the next few rows; whether all is done. */
  #step(): boolean {
    const swept = this.#swept.one()?.[0] ?? 0;
    // The rows of the newest revision stay whatever they are: they are what remembers it.
    const target = Math.min(this.#reader.compacted(), this.#reader.revision() - 1);
    if (swept >= target) return true;
    const end = this.#stepEnd.one(swept, target, SQLITE_STEP_CHANGES)?.[0] ?? target;
    if (this.#sweepOverwritten.run(swept, end, SQLITE_STEP_CHANGES) === SQLITE_STEP_CHANGES) return false;
    if (this.#sweepDeletions.run(swept, end, SQLITE_STEP_CHANGES) === SQLITE_STEP_CHANGES) return false;
    this.#mark.run(end, 'swept');
    return end === target;
  }

  /** A transaction that need not be on disk when it returns: if it is lost, the same is done again. */
  #write<T>(work: () => T): T {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#begin.run();
      const result = work();
      this.#db.exec('COMMIT');
      this.#log.keepShort();
      return result;
    } finally {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  async #patiently<T>(work: () => T): Promise<T> {
    const until = performance.now() + SQLITE_BUSY_MS;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || this.#stopped || performance.now() > until) throw error;
      }
      await sleep(PAUSE_MS);
    }
  }
}
