/** Leaders that are put to sleep by SIGSTOP, and wake up when another leads: they can do nothing any more. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LEAD_ANSWER_SECONDS, LEAD_ASK_SECONDS } from '../../src/limits.work.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { Recorder } from '../../src/store/recorder.ts';
import type { Store } from '../../src/store/store.ts';
import { askApi } from '../api.ts';
import { startEtcd, type TestEtcd } from '../etcd.ts';
import { temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';

const LEADER = fileURLToPath(new URL('../leader.ts', import.meta.url));
/** Milliseconds after which something counts as never coming: several times what a silent leader is waited for. */
const PATIENCE_MS = 40_000;

let etcd: TestEtcd;
before(async () => {
  etcd = await startEtcd({ program: 'etcd-3.6' });
});
after(() => etcd[Symbol.asyncDispose]());

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !(await holds()); await sleep(20)) {
    assert.ok(performance.now() < end, `waited in vain: ${what}`);
  }
}

/** A process that leads and writes its name. */
function leader(url: string, name: string): ChildProcess {
  return fork(LEADER, [url, name]);
}

async function hears(child: ChildProcess, word: string): Promise<void> {
  while ((await once(child, 'message'))[0] !== word);
}

/** A sleeper is replaced; everything that is written from then on is its successor's. */
async function sleeperIsReplaced(store: Store, url: string): Promise<void> {
  const recorder = new Recorder(store, '/written', await store.revision());
  const sleeper = leader(url, 'sleeper');
  const children = [sleeper];
  try {
    await hears(sleeper, 'leads');
    const successor = leader(url, 'successor');
    children.push(successor);
    await until('the sleeper writes', () => recorder.batches.length > 10);
    const leads = hears(successor, 'leads');
    sleeper.kill('SIGSTOP');
    await leads;
    const seen = recorder.batches.length;
    await until('the successor writes', () => recorder.batches.length > seen + 10);
    const deposed = hears(sleeper, 'deposed');
    sleeper.kill('SIGCONT');
    await deposed;
    const then = recorder.batches.length;
    await until('the successor goes on', () => recorder.batches.length > then + 10);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
  const names = recorder.batches.map(({ events }) => events[0]?.value?.toString() ?? '');
  const first = names.indexOf('successor');
  assert.ok(first > 0);
  assert.deepEqual(new Set(names.slice(0, first)), new Set(['sleeper']));
  assert.deepEqual(new Set(names.slice(first)), new Set(['successor']), 'the sleeper has written after it woke up');
  recorder.watch.close();
}

describe('a leader that sleeps', () => {
  test('changes nothing after it wakes up', async () => {
    const location = etcd.location();
    const store = await openEtcdStore({ location });
    await sleeperIsReplaced(store, `etcd://${etcd.endpoints[0]}${location.prefix}`);
    await store.close();
  });

  test('is replaced among servers, and what waits for a leader goes on', async () => {
    const store = `etcd://${etcd.endpoints[0]}/servers`;
    const flags = ['--store', store, '--blobs', `file:${join(temporaryFolder(), 'blobs')}`];
    await using one = await startServer({ flags });
    await using other = await startServer({ flags });
    const location = { endpoints: etcd.endpoints, prefix: '/servers' };
    const seen = await openEtcdStore({ location });
    const leads = async (): Promise<number> => {
      const owner = (await seen.get('/leaders/upkeep/leader'))?.value.toString() ?? '';
      return Number(owner.split('-')[2]);
    };
    await until('a server leads', async () => [one.pid, other.pid].includes(await leads()));
    const [sleeper, awake] = (await leads()) === one.pid ? [one, other] : [other, one];
    process.kill(sleeper.pid, 'SIGSTOP');
    await makeAndDelete(awake);
    await until('the other server leads', async () => (await leads()) === awake.pid);
    await until('the namespace is gone', async () => (await statusOf(awake, '/api/v1/namespaces/doomed')) === 404);
    process.kill(sleeper.pid, 'SIGCONT');
    await until('the sleeper is ready', async () => (await statusOf(sleeper, '/readyz')) === 200);
    await makeAndDelete(sleeper);
    await until(
      'the namespace is gone again',
      async () => (await statusOf(sleeper, '/api/v1/namespaces/doomed')) === 404,
    );
    assert.equal(await leads(), awake.pid);
    // Whoever is stopped lets the other lead at once.
    const begun = performance.now();
    assert.equal(await awake.stop(), 0);
    await until('the woken server leads', async () => (await leads()) === sleeper.pid);
    const unasked = (LEAD_ASK_SECONDS + LEAD_ANSWER_SECONDS) * 1000;
    assert.ok(performance.now() - begun < unasked, 'it was waited for as one that is silent');
    await seen.close();
  });
});

async function statusOf({ apiUrl: url, token, ca }: TestServer, path: string): Promise<number> {
  return (await askApi({ url, token, ca }, path)).status;
}

async function makeAndDelete({ apiUrl: url, token, ca }: TestServer): Promise<void> {
  const api = { url, token, ca };
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'doomed' } };
  assert.equal((await askApi(api, '/api/v1/namespaces', { method: 'POST', body })).status, 201);
  assert.equal((await askApi(api, '/api/v1/namespaces/doomed', { method: 'DELETE' })).status, 200);
}
