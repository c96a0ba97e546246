import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { StoreUnavailable } from '../store.ts';
import { openSqliteStore } from './sqlite.ts';
import { temporaryFile } from './temporary.ts';

async function inFolder(body: (file: string) => Promise<void>): Promise<void> {
  const temporary = await temporaryFile();
  try {
    await body(temporary.file);
  } finally {
    await temporary.discard();
  }
}

async function refused(file: string, message: RegExp): Promise<void> {
  await assert.rejects(openSqliteStore({ file }), (error: unknown) => {
    assert.ok(error instanceof StoreUnavailable);
    assert.match(error.message, message);
    assert.ok(error.message.includes(file));
    return true;
  });
}

const changes = [{ op: 'put', key: 'a', value: Buffer.from('a') }] as const;

test('only the owner may read the files, also those that were made carelessly', () =>
  inFolder(async (file) => {
    for (let round = 0; round < 2; round++) {
      const store = await openSqliteStore({ file });
      await store.commit(changes);
      for (const path of [file, `${file}-wal`, `${file}-shm`]) assert.equal((await stat(path)).mode & 0o777, 0o600);
      await store.close();
      await chmod(file, 0o644);
    }
  }));

test('a closed store leaves one file without a log', () =>
  inFolder(async (file) => {
    const store = await openSqliteStore({ file });
    await store.commit(changes);
    await store.close();
    await store.close();
    await assert.rejects(stat(`${file}-wal`), { code: 'ENOENT' });
  }));

test('what is not a store is left alone, with advice', () =>
  inFolder(async (file) => {
    await writeFile(file, 'This is a letter and no database at all.\n'.repeat(100));
    await refused(file, /damaged or not a Headgate store.*backup/);
    assert.match(await readFile(file, 'utf8'), /^This is a letter/);
    const other = `${file}.other`;
    const db = new DatabaseSync(other);
    db.exec('CREATE TABLE theirs (x)');
    db.close();
    await refused(other, /another program: name another file/);
    await refused(`${file}-folder/store.db`, /cannot be made/);
  }));

test('a newer format is refused, with advice', () =>
  inFolder(async (file) => {
    await (await openSqliteStore({ file })).close();
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await refused(file, /has format 99; this version reads format 1: use the version/);
  }));

test('a file cut short is noticed', () =>
  inFolder(async (file) => {
    const store = await openSqliteStore({ file });
    for (let index = 0; index < 50; index++) {
      await store.commit([{ op: 'put', key: `key${index}`, value: Buffer.alloc(10_000) }]);
    }
    await store.close();
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length / 2));
    await refused(file, /damaged/);
  }));
