import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openFile } from './file.ts';
import { temporaryFile } from './temporary.ts';
import { WalIndex } from './walindex.ts';

async function withFile(body: (file: string) => void): Promise<void> {
  const temporary = await temporaryFile();
  try {
    body(temporary.file);
  } finally {
    await temporary.discard();
  }
}

const PUT = `INSERT INTO meta VALUES ('a', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1`;

test('says once that something was committed, whoever did it', () =>
  withFile((file) => {
    const mine = openFile(file);
    const other = openFile(file);
    const index = new WalIndex(file);
    const seen = (): boolean[] => [index.changed(), index.changed()];
    assert.deepEqual(seen(), [true, false]);
    mine.exec(PUT);
    assert.deepEqual(seen(), [true, false]);
    other.exec(PUT);
    assert.deepEqual(seen(), [true, false]);
    const script = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(file)}).exec(${JSON.stringify(PUT)})`;
    execFileSync(process.execPath, ['-e', script]);
    assert.deepEqual(seen(), [true, false]);
    other.close();
    mine.close();
  }));

test('reads and what is taken back are no change', () =>
  withFile((file) => {
    const db = openFile(file);
    const other = openFile(file);
    const index = new WalIndex(file);
    other.exec(PUT);
    index.changed();
    db.prepare('SELECT * FROM meta').all();
    other.exec(`BEGIN; ${PUT}; ROLLBACK`);
    assert.equal(index.changed(), false);
    other.close();
    db.close();
  }));

test('a log that begins anew hides no commit', () =>
  withFile((file) => {
    const db = openFile(file);
    const index = new WalIndex(file);
    index.changed();
    for (let round = 0; round < 50; round++) {
      db.exec(`${PUT}; PRAGMA wal_checkpoint(TRUNCATE)`);
      assert.equal(index.changed(), true);
      // The same bytes at the same place of a new log.
      db.exec(`UPDATE meta SET value = 0 WHERE name = 'a'; PRAGMA wal_checkpoint(TRUNCATE)`);
      assert.equal(index.changed(), true);
    }
    db.close();
  }));

test('without shared memory beside the file it says so', () =>
  withFile((file) => {
    new DatabaseSync(file).close();
    assert.throws(() => new WalIndex(file), { code: 'ENOENT' });
  }));
