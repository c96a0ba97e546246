/** What the etcd store does when members, connections and history go away beneath it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import type { EtcdLocation } from '../../src/store/etcd/location.ts';
import { Recorder } from '../../src/store/recorder.ts';
import { type Change, Compacted, type Store, StoreUnavailable } from '../../src/store/store.ts';
import { startEtcd, type TestEtcd } from '../etcd.ts';
import { startProxy, type TcpProxy } from '../tcpproxy.ts';

const put = (key: string, value = key): Change => ({ op: 'put', key, value: Buffer.from(value) });

/** Milliseconds after which an answer counts as never coming: a server takes 10 s at most, and this machine may be busy. */
const ANSWER_MS = 30_000;
/** Milliseconds in which all must be well again after a break. */
const RECOVERY_MS = 60_000;

/** Adds to counters on several stores at once, through whatever happens; tells which revisions were acknowledged. */
class Traffic {
  readonly acknowledged: number[] = [];
  /** The last acknowledged value of each counter. */
  readonly values = new Map<string, number>();
  failures = 0;
  slowest = 0;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(stores: readonly Store[]) {
    this.#running = Promise.all(stores.map((store, index) => this.#count(store, `/counters/${index}`))).then(() => {});
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #count(store: Store, key: string): Promise<void> {
    for (let value = 1; !this.#stopped; value++) {
      const begun = performance.now();
      try {
        this.acknowledged.push(await store.commit([put(key, `${value}`)]));
        this.values.set(key, value);
        const entry = await store.get(key);
        assert.ok(Number(entry?.value.toString()) >= value, `${key} is ${entry?.value.toString()} after ${value}`);
      } catch (error) {
        assert.ok(error instanceof StoreUnavailable, String(error));
        this.failures += 1;
      }
      this.slowest = Math.max(this.slowest, performance.now() - begun);
      await sleep(2);
    }
  }
}

/** Every acknowledged commit was told, and all that was told came once and in order. */
function checkTold(recorder: Recorder, acknowledged: readonly number[]): void {
  const told = recorder.batches.map(({ revision }) => revision);
  assert.deepEqual(
    told,
    [...new Set(told)].sort((a, b) => a - b),
  );
  const known = new Set(told);
  assert.deepEqual(
    acknowledged.filter((revision) => !known.has(revision)),
    [],
  );
  for (const { events, revision } of recorder.batches) {
    for (const { previous, created } of events) assert.ok(created <= revision && (previous?.revision ?? 0) < revision);
  }
}

async function soon(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const until = performance.now() + RECOVERY_MS; ; await sleep(50)) {
    if (await holds().catch(() => false)) return;
    if (performance.now() > until) throw new Error(`waited in vain: ${what}`);
  }
}

function works(store: Store): Promise<void> {
  return soon('the store works again', async () => {
    const revision = await store.commit([put('/works')]);
    return (await store.get('/works'))?.revision === revision;
  });
}

function open(location: EtcdLocation): Promise<Store> {
  return openEtcdStore({ location, historySeconds: 0 });
}

describe('a connection that breaks', () => {
  let etcd: TestEtcd;
  let proxy: TcpProxy;
  before(async () => {
    etcd = await startEtcd();
    proxy = await startProxy(etcd.endpoints[0] ?? '');
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  test('loses nothing and tells nothing twice', async () => {
    const location = etcd.location();
    const [direct, proxied] = [await open(location), await open({ ...location, endpoints: [proxy.endpoint] })];
    const recorders = [direct, proxied].map((store) => new Recorder(store, '/', 0));
    const traffic = new Traffic([direct, proxied, direct]);
    for (let round = 0; round < 15; round++) {
      await sleep(100);
      proxy.cut();
    }
    await traffic.stop();
    await works(proxied);
    const last = await direct.revision();
    for (const recorder of recorders) {
      await soon('the watch has come to the end', async () => recorder.watch.delivered >= last);
      checkTold(recorder, traffic.acknowledged);
      assert.equal(recorder.endings, 0);
    }
    assert.deepEqual(recorders[0]?.batches, recorders[1]?.batches);
    assert.ok(traffic.acknowledged.length > 50);
    await Promise.all([direct.close(), proxied.close()]);
  });

  test('that is only silent does not make a read of the present stale', async () => {
    const location = etcd.location();
    const endpoints = [proxy.endpoint, ...location.endpoints];
    const [direct, proxied] = [await open(location), await open({ ...location, endpoints })];
    const first = await direct.commit([put('/a', 'one')]);
    assert.equal((await proxied.get('/a'))?.revision, first);
    // Etcd itself may have answered, and the watch may not have brought it yet.
    const remembered = async () => (await proxied.get('/a', { fresh: 'any' }))?.revision;
    await soon('the watch has brought it', async () => (await remembered()) === first);
    proxy.pause();
    const second = await direct.commit([put('/a', 'two')]);
    const begun = performance.now();
    assert.equal(await remembered(), first);
    assert.equal((await proxied.get('/a'))?.revision, second);
    assert.equal((await proxied.list('/')).revision, second);
    assert.ok(performance.now() - begun < ANSWER_MS);
    await soon('the watch is on another member', async () => (await remembered()) === second);
    proxy.resume();
    await Promise.all([direct.close(), proxied.close()]);
  });

  test('during a compaction ends those watches that would miss something, and all else goes on', async () => {
    const location = etcd.location();
    const [direct, proxied] = [await open(location), await open({ ...location, endpoints: [proxy.endpoint] })];
    await direct.commit([put('/kept'), put('/deleted'), put('/changed', 'old')]);
    const recorder = new Recorder(proxied, '/', await proxied.revision());
    proxy.pause();
    await direct.commit([put('/new'), { op: 'delete', key: '/deleted' }, put('/changed')]);
    for (let count = 0; count < 5; count++) await direct.commit([put('/other')]);
    await direct.compact(await direct.revision());
    proxy.cut();
    proxy.resume();
    await soon('the watch has ended', async () => recorder.endings === 1);
    assert.ok(recorder.error instanceof Compacted);
    await works(proxied);
    const seen = async (store: Store) => (await store.list('/')).entries;
    assert.deepEqual(await seen(proxied), await seen(direct));
    const again = new Recorder(proxied, '/', await proxied.revision());
    const last = await direct.commit([put('/kept', 'again')]);
    await again.reached(last);
    assert.equal(again.batches.length, 1);
    await Promise.all([direct.close(), proxied.close()]);
  });
});

describe('a cluster of three', () => {
  let etcd: TestEtcd;
  before(async () => {
    etcd = await startEtcd({ members: 3, program: 'etcd-3.6' });
  });
  after(() => etcd[Symbol.asyncDispose]());

  /** Stores whose first endpoint is another one each. */
  async function openEach(): Promise<readonly Store[]> {
    const { endpoints, ...rest } = etcd.location();
    const turned = endpoints.map((_, index) => [...endpoints.slice(index), ...endpoints.slice(0, index)]);
    return Promise.all(turned.map((each) => open({ ...rest, endpoints: each })));
  }

  test('goes on when a member is killed, stopped, and comes back', async () => {
    const stores = await openEach();
    const recorders = stores.map((store) => new Recorder(store, '/', 0));
    const traffic = new Traffic(stores);
    for (const member of [0, 1, 2]) {
      await sleep(500);
      etcd.signal(member, 'SIGKILL');
      await sleep(2_000);
      await etcd.restart(member);
      await sleep(500);
      etcd.signal(member, 'SIGSTOP');
      await sleep(4_000);
      etcd.signal(member, 'SIGCONT');
    }
    await traffic.stop();
    for (const store of stores) await works(store);
    const last = await stores[0]?.revision();
    for (const recorder of recorders) {
      await soon('the watch has come to the end', async () => recorder.watch.delivered >= (last ?? 0));
      checkTold(recorder, traffic.acknowledged);
    }
    assert.deepEqual(recorders[0]?.batches, recorders[1]?.batches);
    assert.ok(traffic.slowest < ANSWER_MS, `an answer took ${traffic.slowest} ms`);
    for (const store of stores) await store.close();
  });

  test('without a quorum refuses in time, serves what it remembers, and recovers by itself', async () => {
    const stores = await openEach();
    const [store] = stores;
    assert.ok(store);
    const revision = await store.commit([put('/a')]);
    const remembered = async () => (await store.get('/a', { fresh: 'any' }))?.revision;
    await soon('the watch has brought it', async () => (await remembered()) === revision);
    const recorder = new Recorder(store, '/', revision);
    for (const member of [1, 2]) etcd.signal(member, 'SIGSTOP');
    for (let round = 0; round < 3; round++) {
      const begun = performance.now();
      await assert.rejects(store.commit([put('/b')]), StoreUnavailable);
      await assert.rejects(async () => store.get('/a'), StoreUnavailable);
      await assert.rejects(async () => store.revision(), StoreUnavailable);
      assert.ok(performance.now() - begun < ANSWER_MS);
      assert.equal(await remembered(), revision);
      assert.equal((await store.list('/a', { fresh: { notOlderThan: revision } })).entries.length, 1);
    }
    for (const member of [1, 2]) etcd.signal(member, 'SIGCONT');
    await works(store);
    const last = await store.commit([put('/c')]);
    await soon('the watch goes on', async () => recorder.watch.delivered >= last);
    assert.equal(recorder.endings, 0);
    for (const each of stores) await each.close();
  });
});
