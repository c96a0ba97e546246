/** Reads of a SQLite store. Each is short and of one snapshot. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { checkKey, compareKeys, keyAfter, prefixEnd } from '../key.ts';
import {
  Compacted,
  type Entry,
  type ListOptions,
  type Page,
  type ReadOptions,
  type Revision,
  RevisionAhead,
} from '../store.ts';
import { ENTRY_COLUMNS, type EntryRow, entryOf, Query } from './query.ts';
import type { Recent } from './recent.ts';

/** Greater than every key: SQLite orders any BLOB after all TEXT. */
const AFTER_ALL_TEXT = Buffer.of(0);

/** Without a limit, to SQLite. */
const ALL = -1;

/** The first key with a prefix (inclusive) and the end of such keys (exclusive), as SQLite compares them. */
export function rangeOf(prefix: string): readonly [from: string, to: SQLInputValue] {
  return [prefix, prefixEnd(prefix) ?? AFTER_ALL_TEXT];
}

/** `get`, `list` and the revisions of a store; throws SQLite's own errors. */
export class Reader {
  readonly #begin: Query<[]>;
  readonly #end: Query<[]>;
  readonly #revision: Query<[Revision]>;
  readonly #compacted: Query<[Revision]>;
  readonly #get: Query<EntryRow>;
  readonly #getAt: Query<EntryRow>;
  readonly #list: Query<EntryRow>;
  readonly #listAt: Query<EntryRow>;
  readonly #count: Query<[number]>;
  readonly #countAt: Query<[number]>;
  readonly #db: DatabaseSync;
  readonly #recent: Recent;
  /** A revision that the store has reached. */
  #seen: Revision = 0;

  /** @param recent What need not be read again; it is not asked inside of a transaction, which sees its own writes. */
  constructor(db: DatabaseSync, recent: Recent) {
    this.#db = db;
    this.#recent = recent;
    this.#begin = new Query(db, 'BEGIN');
    this.#end = new Query(db, 'COMMIT');
    // The rows of the newest revision are never taken away, so the counter needs no place of its own. As in etcd, an
    // empty store is at revision 1.
    this.#revision = new Query(db, 'SELECT ifnull(max(revision), 1) FROM version');
    this.#compacted = new Query(db, `SELECT value FROM meta WHERE name = 'compacted'`);
    const live = (where: string) => `FROM version WHERE ${where} AND superseded = 9e999`;
    const past = (where: string) =>
      `FROM version WHERE ${where} AND superseded > ?1 AND superseded < 9e999 AND revision <= ?1`;
    const at = (columns: string, where: string) =>
      `SELECT ${columns} ${live(where)} AND revision <= ?1 UNION ALL SELECT ${columns} ${past(where)}`;
    const range = 'key >= ?2 AND key < ?3';
    this.#get = new Query(db, `SELECT ${ENTRY_COLUMNS} ${live('key = ?1')}`);
    this.#getAt = new Query(db, at(ENTRY_COLUMNS, 'key = ?2'));
    this.#list = new Query(db, `SELECT ${ENTRY_COLUMNS} ${live('key >= ?1 AND key < ?2')} ORDER BY key LIMIT ?3`);
    this.#listAt = new Query(db, `${at(ENTRY_COLUMNS, range)} ORDER BY key LIMIT ?4`);
    this.#count = new Query(db, `SELECT count(*) ${live('key >= ?1 AND key < ?2')}`);
    this.#countAt = new Query(db, `SELECT sum(n) FROM (${at('count(*) AS n', range)})`);
  }

  /** The latest revision. */
  revision(): Revision {
    const read = (): Revision => this.#revision.one()?.[0] ?? 1;
    if (this.#db.isTransaction) return read();
    this.#seen = this.#recent.revision(read);
    return this.#seen;
  }

  /** Reads of revisions before this one fail. */
  compacted(): Revision {
    return this.#compacted.one()?.[0] ?? 0;
  }

  get(key: string, { fresh }: ReadOptions = {}): Entry | undefined {
    checkKey(key);
    const latest = (): Entry | undefined => entryOrNone(this.#get.one(key));
    // A store never goes back: what it has been seen to reach, every later read is not older than.
    const any = typeof fresh !== 'object' || ('notOlderThan' in fresh && fresh.notOlderThan <= this.#seen);
    if (any) return this.#db.isTransaction ? latest() : this.#recent.entry(key, latest);
    return this.snapshot(() => {
      const at = this.#readable(fresh);
      return at === undefined ? latest() : entryOrNone(this.#getAt.one(at, key));
    });
  }

  list(prefix: string, { fresh, after, limit, count }: ListOptions = {}): Page {
    checkKey(prefix);
    if (after !== undefined) checkKey(after);
    const [begin, to] = rangeOf(prefix);
    const from = after !== undefined && compareKeys(after, begin) >= 0 ? keyAfter(after) : begin;
    return this.snapshot(() => {
      const at = typeof fresh === 'object' ? this.#readable(fresh) : undefined;
      // One more than wanted says whether there are more.
      const most = limit === undefined ? ALL : limit + 1;
      const rows = at === undefined ? this.#list.all(from, to, most) : this.#listAt.all(at, from, to, most);
      const more = limit !== undefined && rows.length > limit;
      if (more) rows.length = limit;
      const entries = rows.map(entryOf);
      const revision = at ?? this.revision();
      if (!count) return { entries, revision, more };
      const last = entries.at(-1);
      return { entries, revision, more, remaining: more ? this.#rest(at, last ? keyAfter(last.key) : from, to) : 0 };
    });
  }

  /** Runs reads that must agree with each other. */
  snapshot<T>(read: () => T): T {
    this.#begin.run();
    try {
      return read();
    } finally {
      if (this.#db.isTransaction) this.#end.run();
    }
  }

  #rest(at: Revision | undefined, from: string, to: SQLInputValue): number {
    const row = at === undefined ? this.#count.one(from, to) : this.#countAt.one(at, from, to);
    return row?.[0] ?? 0;
  }

  /** The past revision that is asked for, undefined for the latest. */
  #readable(fresh: { readonly notOlderThan: Revision } | { readonly exactly: Revision }): Revision | undefined {
    const current = this.revision();
    const asked = 'exactly' in fresh ? fresh.exactly : fresh.notOlderThan;
    if (asked > current) throw new RevisionAhead(current);
    if ('notOlderThan' in fresh) return undefined;
    const compacted = this.compacted();
    if (asked < compacted) throw new Compacted(compacted);
    return asked === current ? undefined : asked;
  }
}

function entryOrNone(row: EntryRow | undefined): Entry | undefined {
  return row && entryOf(row);
}
