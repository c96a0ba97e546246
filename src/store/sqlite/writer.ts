/** Commits of a SQLite store: many in one transaction, each with a revision and an outcome of its own. */
import type { DatabaseSync } from 'node:sqlite';
import { compareKeys } from '../key.ts';
import { type Change, CommitConflict, type Revision, type StoreError, type StoreEvent } from '../store.ts';
import type { Commit } from '../watchers.ts';
import { ENTRY_COLUMNS, type EntryRow, entryOf, Query } from './query.ts';
import { type Reader, rangeOf } from './reader.ts';

/** What became of one commit of a group. `commit` is undefined if there was nothing to change. */
export type Outcome =
  | { readonly revision: Revision; readonly commit: Commit | undefined }
  | { readonly conflict: StoreError };

export interface GroupOutcome {
  /** The revision before the group: other processes may have made some since this one last looked. */
  readonly before: Revision;
  /** In the order of the commits. */
  readonly outcomes: readonly Outcome[];
}

type LiveRow = readonly [...EntryRow, id: number];

/** What a commit is going to do to a key. */
interface Step {
  readonly key: string;
  readonly value: Buffer | undefined;
  readonly live: LiveRow | undefined;
}

/** Writes groups of commits; throws SQLite's own errors, and then nothing of the group was made. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #reader: Reader;
  readonly #begin: Query<[]>;
  readonly #commit: Query<[]>;
  readonly #live: Query<LiveRow>;
  readonly #liveRevision: Query<[Revision]>;
  readonly #liveRange: Query<LiveRow>;
  readonly #supersede: Query<[]>;
  readonly #put: Query<[]>;
  readonly #bury: Query<[]>;

  constructor(db: DatabaseSync, reader: Reader) {
    this.#db = db;
    this.#reader = reader;
    this.#begin = new Query(db, 'BEGIN IMMEDIATE');
    this.#commit = new Query(db, 'COMMIT');
    const live = `SELECT ${ENTRY_COLUMNS}, id FROM version WHERE superseded = 9e999 AND`;
    this.#live = new Query(db, `${live} key = ?`);
    this.#liveRevision = new Query(db, 'SELECT revision FROM version WHERE superseded = 9e999 AND key = ?');
    this.#liveRange = new Query(db, `${live} key >= ? AND key < ? ORDER BY key`);
    this.#supersede = new Query(db, 'UPDATE version SET superseded = ? WHERE id = ?');
    this.#put = new Query(db, 'INSERT INTO version (key, revision, created, value) VALUES (?, ?, ?, ?)');
    this.#bury = new Query(db, 'INSERT INTO version (key, revision, created, superseded) VALUES (?1, ?2, ?3, ?2)');
  }

  /** Makes the commits in their order. When it returns, they survive a crash. */
  write(group: readonly (readonly Change[])[]): GroupOutcome {
    this.#begin.run();
    try {
      const before = this.#reader.revision();
      let revision = before;
      const outcomes = group.map((changes): Outcome => {
        const steps = this.#plan(changes);
        if (steps instanceof CommitConflict) return { conflict: steps };
        if (steps.length === 0) return { revision, commit: undefined };
        revision += 1;
        return { revision, commit: { revision, events: steps.map((step) => this.#take(step, revision)) } };
      });
      this.#commit.run();
      return { before, outcomes };
    } finally {
      // SQLite ends the transaction itself on some errors, a full disk among them.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
  }

  /** Looks at everything before anything is written, so that a conflict leaves nothing to undo. */
  #plan(changes: readonly Change[]): Step[] | CommitConflict {
    const steps = new Map<string, Step>();
    for (const change of changes) {
      if (change.op === 'deletePrefix') {
        for (const live of this.#liveRange.all(...rangeOf(change.prefix))) {
          steps.set(live[0], { key: live[0], value: undefined, live });
        }
        continue;
      }
      const { key, expect } = change;
      const live = change.op === 'check' ? undefined : this.#live.one(key);
      const actual = (change.op === 'check' ? this.#liveRevision.one(key)?.[0] : live?.[1]) ?? 0;
      if (expect !== undefined && expect !== actual) return new CommitConflict(key, actual);
      if (change.op === 'put') steps.set(key, { key, value: change.value, live });
      if (change.op === 'delete' && live) steps.set(key, { key, value: undefined, live });
    }
    return [...steps.values()].sort((a, b) => compareKeys(a.key, b.key));
  }

  #take({ key, value, live }: Step, revision: Revision): StoreEvent {
    const created = live?.[2] ?? revision;
    if (live) this.#supersede.run(revision, live[4]);
    if (value) this.#put.run(key, revision, created, value);
    else this.#bury.run(key, revision, created);
    const previous = live && entryOf([live[0], live[1], live[2], live[3]]);
    return { key, value, revision, created, previous };
  }
}
