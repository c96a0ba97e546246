/** The SQLite file of a store: how it is made, opened and recognised. */
import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { SQLITE_CACHE_BYTES, SQLITE_PAGE_BYTES, SQLITE_WAL_PAGES } from '../../limits.ts';
import { StoreUnavailable } from '../store.ts';
import { damaged, isDamaged } from './failure.ts';

/** `PRAGMA application_id` of our files: "HdGt". */
const APPLICATION = 0x48644774;
/** `PRAGMA user_version`: the format that this version reads and writes. */
const FORMAT = 1;

/**
 * One row for each version of a key. `superseded` is the revision that overwrote or deleted it, infinity (9e999) while
 * it lives; a deletion is a row without a value that is superseded by itself. The column has no type so that SQLite
 * keeps it as a float of always 8 bytes: then changing it does not move the value, which may be large, to new pages.
 * Each row is in exactly one of the first two indexes, so a write of a new key touches few pages; `history` leads
 * watches and compaction.
 */
const SCHEMA = `
  CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    superseded NOT NULL DEFAULT 9e999,
    value BLOB
  );
  CREATE UNIQUE INDEX live ON version (key) WHERE superseded = 9e999;
  CREATE INDEX past ON version (key, superseded) WHERE superseded < 9e999;
  CREATE INDEX history ON version (revision);
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  INSERT INTO meta VALUES ('compacted', 0), ('swept', 0);
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${FORMAT};
`;

/**
 * Opens the file, making it (mode 0600) if there is none.
 * @throws {StoreUnavailable} saying what to do, if the file is damaged, another program's or a newer version's. An error
 *   of SQLite (busy) is thrown as it is.
 */
export function openFile(file: string, quotaBytes?: number): DatabaseSync {
  makePrivate(file);
  // A lock that another process holds is not waited for here, which would stop all else: whoever calls tries again.
  const db = new DatabaseSync(file);
  try {
    recognise(db, file);
    const [mode] = db.prepare('PRAGMA journal_mode = WAL').all();
    if (mode?.journal_mode !== 'wal') {
      throw new StoreUnavailable(`${file} is on a file system without shared memory: use a local disk`);
    }
    db.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -${SQLITE_CACHE_BYTES / 1024};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${SQLITE_WAL_PAGES * SQLITE_PAGE_BYTES};
    `);
    // For this connection only; SQLite does not remember it.
    if (quotaBytes !== undefined) db.exec(`PRAGMA max_page_count = ${Math.ceil(quotaBytes / SQLITE_PAGE_BYTES)}`);
    return db;
  } catch (error) {
    db.close();
    throw isDamaged(error) ? damaged(file, error) : error;
  }
}

/**
 * SQLite gives its -wal and -shm files the mode of the file itself. An existing file is never opened here: closing it
 * would drop the locks that SQLite holds for this process (POSIX locks belong to a process, not to a descriptor).
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!existsSync(file)) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StoreUnavailable(`${file} cannot be made: ${reason}`, { cause: error });
    }
  }
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    const status = statSync(path, { throwIfNoEntry: false });
    // Another user's file is that user's to protect.
    if (status && (status.mode & 0o077) !== 0 && status.uid === process.getuid?.()) chmodSync(path, 0o600);
  }
}

function recognise(db: DatabaseSync, file: string): void {
  if (isEmpty(db)) {
    // Has no effect but on an empty file, and must come before the journal mode, which writes the first page.
    db.exec(`PRAGMA page_size = ${SQLITE_PAGE_BYTES}; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE`);
    try {
      // Another process may have been quicker.
      if (isEmpty(db)) db.exec(SCHEMA);
      db.exec('COMMIT');
    } finally {
      if (db.isTransaction) db.exec('ROLLBACK');
    }
  }
  const application = pragma(db, 'application_id');
  if (application !== APPLICATION) {
    throw new StoreUnavailable(`${file} is an SQLite file of another program: name another file`);
  }
  const format = pragma(db, 'user_version');
  if (format !== FORMAT) {
    const advice = 'use the version of Headgate that wrote it, or a newer one, or restore a backup of an older file';
    throw new StoreUnavailable(`${file} has format ${String(format)}; this version reads format ${FORMAT}: ${advice}`);
  }
  // Reads the newest row and the cursors: much damage shows here and not in the middle of a day.
  db.prepare('SELECT key, created, superseded, value FROM version ORDER BY id DESC LIMIT 1').all();
  db.prepare('SELECT name, value FROM meta').all();
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name];
}
