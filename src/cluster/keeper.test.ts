import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMemoryStore } from '../store/memory/memory.ts';
import { type Store, StoreUnavailable, type WatchListener } from '../store/store.ts';
import { Keeper } from './keeper.ts';

const VALUE = Buffer.from('{}');

test('goes on when the store was away: everything is looked at again, and what changes then is heard of', async () => {
  const store = openMemoryStore();
  const listeners: WatchListener[] = [];
  let away = 0;
  const shaky: Pick<Store, 'revision' | 'watch'> = {
    revision() {
      if (away-- > 0) throw new StoreUnavailable('away');
      return store.revision();
    },
    watch(prefix, after, listener) {
      listeners.push(listener);
      return store.watch(prefix, after, listener);
    },
  };
  const done: string[] = [];
  const failures: unknown[] = [];
  const keeper = new Keeper({
    store: shaky,
    changed: {
      '/a/':
        ({ key }) =>
        async () =>
          void done.push(key),
      '/b/': ({ value }) => (value ? undefined : async () => Promise.reject(new Error('broken'))),
    },
    all: async () => void done.push('all'),
    failed: (error) => failures.push(error),
    retrySeconds: 0.001,
  });
  while (done.length < 1) await sleep(1);
  await store.commit([{ op: 'put', key: '/a/1', value: VALUE }]);
  while (done.length < 2) await sleep(1);
  // The store ends a watch, and is away for a while after that.
  away = 3;
  listeners[0]?.ended(new StoreUnavailable('away'));
  while (done.length < 3) await sleep(1);
  assert.equal(away, -1);
  await store.commit([
    { op: 'put', key: '/a/2', value: VALUE },
    { op: 'put', key: '/b/1', value: VALUE },
  ]);
  await store.commit([{ op: 'delete', key: '/b/1' }]);
  while (failures.length < 1) await sleep(1);
  keeper.run(() => Promise.reject(new StoreUnavailable('away')));
  while (done.length < 5) await sleep(1);
  await keeper.close();
  await store.commit([{ op: 'put', key: '/a/3', value: VALUE }]);
  await sleep(5);
  assert.deepEqual(done, ['all', '/a/1', 'all', '/a/2', 'all']);
  assert.deepEqual(failures.map(String), ['Error: broken']);
  // Two watches each time: none is left over.
  assert.equal(listeners.length, 6);
});
