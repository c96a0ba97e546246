/** The commits that a SQLite file remembers, read back for watches. */
import type { DatabaseSync } from 'node:sqlite';
import { SQLITE_STEP_CHANGES } from '../../limits.ts';
import { Compacted, type Revision, type StoreEvent } from '../store.ts';
import type { Commit } from '../watchers.ts';
import { bufferOf, Query } from './query.ts';
import { type Reader, rangeOf } from './reader.ts';

type EventRow = readonly [
  key: string,
  revision: Revision,
  created: Revision,
  value: Uint8Array | null,
  previousRevision: Revision | null,
  previousCreated: Revision | null,
  previousValue: Uint8Array | null,
];

/** Commits of a part of the history. */
export interface JournalPage {
  readonly commits: readonly Commit[];
  /** All commits up to this revision are in this page or one before. */
  readonly upTo: Revision;
}

/** Reads commits in pages of whole commits; throws SQLite's own errors. */
export class Journal {
  readonly #reader: Reader;
  readonly #events: Query<EventRow>;
  readonly #stepEnd: Query<[Revision]>;

  constructor(db: DatabaseSync, reader: Reader) {
    this.#reader = reader;
    // + takes away the type, which `superseded` has not, so that the index is used.
    this.#events = new Query(
      db,
      `SELECT v.key, v.revision, v.created, v.value, p.revision, p.created, p.value
       FROM version AS v LEFT JOIN version AS p
       ON p.key = v.key AND p.superseded = +v.revision AND p.superseded < 9e999 AND p.id < v.id
       WHERE v.revision > ? AND v.revision <= ? AND v.key >= ? AND v.key < ? ORDER BY v.revision, v.key`,
    );
    this.#stepEnd = new Query(
      db,
      'SELECT revision FROM version WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT 1 OFFSET ?',
    );
  }

  /**
   * The commits after one revision and up to another that touch the prefix, but only as far as one step goes.
   * @throws {Compacted} if some of them are gone.
   */
  page(prefix: string, after: Revision, upTo: Revision): JournalPage {
    return this.#reader.snapshot(() => {
      const compacted = this.#reader.compacted();
      if (after < compacted) throw new Compacted(compacted);
      const end = this.#stepEnd.one(after, upTo, SQLITE_STEP_CHANGES)?.[0] ?? upTo;
      return { commits: commitsOf(this.#events.all(after, end, ...rangeOf(prefix))), upTo: end };
    });
  }
}

function commitsOf(rows: readonly EventRow[]): Commit[] {
  const commits: { revision: Revision; events: StoreEvent[] }[] = [];
  for (const row of rows) {
    const event = eventOf(row);
    const last = commits.at(-1);
    if (last?.revision === event.revision) last.events.push(event);
    else commits.push({ revision: event.revision, events: [event] });
  }
  return commits;
}

function eventOf([key, revision, created, value, wasRevision, wasCreated, was]: EventRow): StoreEvent {
  const known = wasRevision !== null && wasCreated !== null && was !== null;
  return {
    key,
    value: value === null ? undefined : bufferOf(value),
    revision,
    created,
    previous: known ? { key, value: bufferOf(was), revision: wasRevision, created: wasCreated } : undefined,
  };
}
