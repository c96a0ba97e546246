import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Recorder } from '../recorder.ts';
import { type Change, Compacted } from '../store.ts';
import { openSqliteStore } from './sqlite.ts';
import { temporaryFile, withStore } from './temporary.ts';

const put = (key: string, bytes = 10): Change => ({ op: 'put', key, value: Buffer.alloc(bytes, 'v') });

/** Whoever else has the file open, it is not this process: these connections come and go between the store's calls. */
function rowsOf(file: string): unknown {
  const db = new DatabaseSync(file, { readOnly: true });
  const row = db.prepare('SELECT count(*) AS n FROM version').get();
  db.close();
  return row?.n;
}

test('a compacted file holds what lives and the newest commit', () =>
  withStore({ historySeconds: 0 }, async (store, file) => {
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => store.commit([put(`k${index}`), put(`r${round}-${index}`)])),
      );
    }
    await store.commit([{ op: 'deletePrefix', prefix: 'r' }]);
    const last = await store.commit([put('last')]);
    assert.equal(rowsOf(file), 20 * 30 * 2 + 600 + 1);
    await Promise.all([store.compact(last), store.compact(last), store.compact(last - 5)]);
    assert.equal(rowsOf(file), 31);
    assert.equal((await store.list('')).entries.length, 31);
  }));

test('overwriting for ever does not make the file grow for ever', () =>
  withStore({ historySeconds: 0 }, async (store, file) => {
    const sizes: number[] = [];
    for (let round = 0; round < 6; round++) {
      for (let turn = 0; turn < 20; turn++) {
        await Promise.all(Array.from({ length: 20 }, (_, index) => store.commit([put(`k${index}`, 3000)])));
      }
      await store.compact(await store.revision());
      const db = new DatabaseSync(file);
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      db.close();
      sizes.push((await stat(file)).size);
    }
    assert.ok((sizes[5] ?? 0) <= (sizes[1] ?? 0) * 1.1, sizes.join());
  }));

test('history is forgotten by itself when it is old', () => {
  let now = 0;
  return withStore({ historySeconds: 0.1, clock: () => now }, async (store) => {
    const first = await store.commit([put('a')]);
    await store.commit([put('a')]);
    await sleep(30);
    assert.ok(await store.get('a', { fresh: { exactly: first } }));
    now = 1000;
    for (let gone = false; !gone; ) {
      await sleep(5);
      try {
        await store.get('a', { fresh: { exactly: first } });
        now += 1000;
      } catch (error) {
        assert.ok(error instanceof Compacted);
        gone = true;
      }
    }
    assert.ok(await store.get('a'));
  });
});

test('a store opened again goes on with a compaction that was cut off', async () => {
  const temporary = await temporaryFile();
  const { file } = temporary;
  const store = await openSqliteStore({ file, historySeconds: 0 });
  for (let turn = 0; turn < 30; turn++) await Promise.all(Array.from({ length: 30 }, () => store.commit([put('a')])));
  const cutOff = store.compact(await store.revision());
  await store.close();
  await cutOff;
  assert.ok(Number(rowsOf(file)) > 2);
  const next = await openSqliteStore({ file, historySeconds: 0 });
  await next.compact((await next.revision()) - 1);
  await next.commit([put('b')]);
  await next.compact(await next.revision());
  assert.equal(rowsOf(file), 2);
  await next.close();
  await temporary.discard();
});

test('a watch that is overtaken by a compaction is told so, and nothing out of order', () =>
  withStore({ historySeconds: 0 }, async (store) => {
    const start = await store.revision();
    for (let turn = 0; turn < 40; turn++) await Promise.all(Array.from({ length: 30 }, () => store.commit([put('a')])));
    const recorder = new Recorder(store, '', start);
    await sleep(1);
    const last = await store.revision();
    await store.compact(last);
    await recorder.over();
    assert.ok(recorder.error instanceof Compacted);
    const seen = recorder.batches.map((batch) => batch.revision);
    assert.deepEqual(
      seen,
      Array.from(seen, (_, index) => start + 1 + index),
    );
  }));

test('a deletion of very many keys is one commit for watches and compaction', () =>
  withStore({ historySeconds: 0 }, async (store, file) => {
    const start = await store.revision();
    for (let turn = 0; turn < 20; turn++) {
      await store.commit(Array.from({ length: 100 }, (_, index) => put(`k/${turn}/${index}`)));
    }
    const live = new Recorder(store, 'k/', await store.revision());
    const deleted = await store.commit([{ op: 'deletePrefix', prefix: 'k/' }]);
    const replay = new Recorder(store, 'k/', start);
    for (const recorder of [live, replay]) {
      await recorder.reached(deleted);
      assert.equal(recorder.batches.at(-1)?.events.length, 2000);
    }
    assert.deepEqual(replay.batches.at(-1), live.batches[0]);
    await store.compact(await store.commit([put('b')]));
    assert.equal(rowsOf(file), 1);
  }));
