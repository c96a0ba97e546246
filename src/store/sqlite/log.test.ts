import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SQLITE_PAGE_BYTES, SQLITE_WAL_CALM_PAGES, SQLITE_WAL_MOST_PAGES } from '../../limits.ts';
import { openSqliteStore } from './sqlite.ts';
import { temporaryFile } from './temporary.ts';

const MiB = 1024 * 1024;

/** Pages in the log, and how many of them have been moved to the file. */
function logOf(file: string): readonly [pages: number, moved: number] {
  const db = new DatabaseSync(file);
  const state = db.prepare('PRAGMA wal_checkpoint(NOOP)').get();
  db.close();
  return [Number(state?.log), Number(state?.checkpointed)];
}

test('the log is moved to the file while the store is used, begins anew and is gone at the end', async () => {
  const temporary = await temporaryFile();
  const { file } = temporary;
  const store = await openSqliteStore({ file });
  const value = Buffer.alloc(MiB, 'v');
  let written = 0;
  let longest = 0;
  // Until the log has begun anew once: it is shorter than it was.
  for (let anew = false; !anew; written++) {
    await store.commit([{ op: 'put', key: `key${written % 8}`, value }]);
    const [pages, moved] = logOf(file);
    anew = pages < longest;
    longest = Math.max(longest, pages);
    if (pages - moved > SQLITE_WAL_CALM_PAGES) await sleep(5);
    assert.ok(pages * SQLITE_PAGE_BYTES <= SQLITE_WAL_MOST_PAGES * SQLITE_PAGE_BYTES + 2 * MiB, `${pages} pages`);
  }
  await store.close();
  await assert.rejects(stat(`${file}-wal`), { code: 'ENOENT' });
  const db = new DatabaseSync(file);
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  assert.deepEqual({ ...db.prepare('SELECT count(*) AS n FROM version').get() }, { n: written });
  db.close();
  await temporary.discard();
});
