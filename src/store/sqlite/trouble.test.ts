import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SQLITE_PAGE_BYTES } from '../../limits.ts';
import { Recorder } from '../recorder.ts';
import { type Change, StoreFull, StoreUnavailable } from '../store.ts';
import { withStore } from './temporary.ts';

const put = (key: string, bytes = 10): Change => ({ op: 'put', key, value: Buffer.alloc(bytes, key) });

test('a full store changes nothing, and works again when there is room', () =>
  withStore({ quotaBytes: 40 * SQLITE_PAGE_BYTES }, async (store) => {
    const start = await store.commit([put('small')]);
    const recorder = new Recorder(store, '', start);
    await store.commit([put('big/1', 100_000)]);
    await store.commit([put('big/2', 100_000)]);
    const before = await store.list('');
    await assert.rejects(store.commit([put('small'), put('big/3', 200_000)]), StoreFull);
    assert.deepEqual(await store.list(''), before);
    await store.commit([{ op: 'deletePrefix', prefix: 'big/' }]);
    const last = await store.commit([put('small')]);
    await store.compact(last);
    const after = await store.commit([put('big/3', 200_000)]);
    assert.equal((await store.get('big/3'))?.value.length, 200_000);
    await recorder.reached(after);
    assert.equal(recorder.batches.length, 5);
  }));

test('a commit that does not fit does not take the others of its group with it', () =>
  withStore({ quotaBytes: 40 * SQLITE_PAGE_BYTES }, async (store) => {
    const outcomes = await Promise.allSettled([
      store.commit([put('a')]),
      store.commit([put('b'), put('big', 1_000_000)]),
      store.commit([put('c'), { op: 'check', key: 'a', expect: 0 }]),
      store.commit([put('d')]),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'made' : (outcome.reason as Error).name)),
      ['made', 'StoreFull', 'CommitConflict', 'made'],
    );
    assert.deepEqual(
      (await store.list('')).entries.map((entry) => entry.key),
      ['a', 'd'],
    );
  }));

test('another process that holds the lock is waited for, while reads go on', () =>
  withStore({}, async (store, file) => {
    await store.commit([put('a')]);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const waiting = store.commit([put('b')]);
    await sleep(60);
    assert.equal((await store.get('a'))?.key, 'a');
    assert.equal(await store.get('b'), undefined);
    other.exec('COMMIT');
    other.close();
    const revision = await waiting;
    assert.equal((await store.get('b'))?.revision, revision);
  }));

test('a lock that is never let go makes the store unavailable for that commit only', () =>
  withStore({ busyMs: 50 }, async (store, file) => {
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    await assert.rejects(store.commit([put('a')]), StoreUnavailable);
    other.exec('COMMIT');
    other.close();
    await store.commit([put('a')]);
    assert.deepEqual((await store.list('')).entries.length, 1);
  }));

test('a damaged file ends watches and refuses, saying what to do', () =>
  withStore({}, async (store, file) => {
    const recorder = new Recorder(store, '', await store.commit([put('a')]));
    const other = new DatabaseSync(file);
    other.exec('DROP TABLE version');
    other.close();
    await recorder.over();
    assert.ok(recorder.error instanceof StoreUnavailable);
    await assert.rejects(async () => store.get('a'), StoreUnavailable);
    await assert.rejects(store.commit([put('a')]), StoreUnavailable);
  }));
