/** Writes on a guess (src/store/guess.ts), on a real etcd: they ask nothing, and are never wrong. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import type { EtcdLocation } from '../../src/store/etcd/location.ts';
import { UNHEARD } from '../../src/store/figures.ts';
import { guessing } from '../../src/store/guess.ts';
import { CommitConflict, type Store } from '../../src/store/store.ts';
import { put } from '../../src/store/suite-subject.ts';
import { ETCDS, startEtcd, type TestEtcd } from '../etcd.ts';

/** A store that knows all keys, and the names of the calls to etcd that it makes. */
async function opened(location: EtcdLocation): Promise<{ readonly store: Store; readonly calls: string[] }> {
  const calls: string[] = [];
  const figures = { ...UNHEARD, called: (method: string) => void calls.push(method) };
  const store = await openEtcdStore({ location, historySeconds: 0, figures });
  while (!store.guesses) await sleep(2);
  calls.length = 0;
  return { store, calls };
}

/** Adds one to what a key counts; does it again, as domain code does, where another was faster. Throws if there is no such key. */
async function count(store: Store, key: string): Promise<void> {
  for (;;) {
    try {
      await guessing(store, async (seen) => {
        const entry = await seen.get(key);
        if (!entry) throw new Error(`there is no ${key}`);
        const value = Buffer.from(String(Number(entry.value.toString()) + 1));
        await seen.commit([{ op: 'put', key, value, expect: entry.revision }]);
      });
      return;
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}

for (const program of ETCDS) {
  describe(`writes on a guess, ${program}`, () => {
    let etcd: TestEtcd;
    before(async () => {
      etcd = await startEtcd({ program });
    });
    after(async () => {
      await etcd[Symbol.asyncDispose]();
    });

    test('where nobody else writes, each is one call', async () => {
      const { store, calls } = await opened(etcd.location());
      await store.commit([put('/n', '0')]);
      // On a machine that stands still for a second, a read may take the watch for late and ask.
      let made = 0;
      for (const end = performance.now() + 60_000; calls.includes('Range') || made === 0; ) {
        assert.ok(performance.now() < end, `ten writes made these calls: ${calls.join()}`);
        calls.length = 0;
        for (let time = 0; time < 10; time++, made++) await count(store, '/n');
      }
      assert.deepEqual(calls, Array(10).fill('Txn'));
      assert.equal((await store.get('/n'))?.value.toString(), String(made));
      await store.close();
    });

    test('what another process has just made is never missed', async () => {
      const location = etcd.location();
      const [one, other] = [await opened(location), await opened(location)];
      for (let time = 0; time < 50; time++) {
        const [maker, user] = time % 2 === 0 ? [one, other] : [other, one];
        await maker.store.commit([put(`/k${time}`, '0')]);
        await count(user.store, `/k${time}`);
        await maker.store.commit([{ op: 'delete', key: `/k${time}` }]);
        await assert.rejects(count(user.store, `/k${time}`), /there is no/);
      }
      await Promise.all([one.store.close(), other.store.close()]);
    });

    test('many at once, from two processes, lose nothing', async () => {
      const location = etcd.location();
      const [one, other] = [await opened(location), await opened(location)];
      const keys = ['/a', '/b', '/c'];
      await one.store.commit(keys.map((key) => put(key, '0')));
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        const { store } = writer % 2 === 0 ? one : other;
        for (let time = 0; time < 15; time++) await count(store, keys[(writer + time) % 3] ?? '');
      });
      await Promise.all(writers);
      const found = await Promise.all(keys.map(async (key) => Number((await other.store.get(key))?.value.toString())));
      assert.deepEqual(found, [40, 40, 40]);
      await Promise.all([one.store.close(), other.store.close()]);
    });
  });
}
