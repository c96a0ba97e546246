import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMIT_CHANGES } from '../limits.ts';
import { Deposed, fenced, Leadership, type Pace, whileLeading } from './leadership.ts';
import { openMemoryStore } from './memory/memory.ts';
import type { Change, Store } from './store.ts';

const put = (key: string): Change => ({ op: 'put', key, value: Buffer.from(key) });
const LEADER = '/leaders/work/leader';

/** A clock that stands still until it is moved. */
function pace(): Pace & { pass(ms: number): void } {
  let at = 0;
  return {
    askMs: 100,
    answerMs: 200,
    clock: () => at,
    pass: (ms) => {
      at += ms;
    },
  };
}

/** A leader that does not answer: its process is on another machine, or sleeps. */
async function silentLeader(store: Store): Promise<number> {
  return store.commit([{ op: 'put', key: LEADER, value: Buffer.from('elsewhere'), expect: 0 }]);
}

/** Lets all be done that only waits for its turn. */
async function turns(): Promise<void> {
  await sleep(5);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('one leads at a time, and another as soon as it ends', async () => {
  const store = openMemoryStore();
  const [one, two] = [new Leadership(store, 'work'), new Leadership(store, 'work')];
  assert.deepEqual([await one.take(), await one.take(), await two.take()], [true, true, false]);
  assert.throws(() => two.check, Deposed);
  await one.end();
  assert.equal(await two.take(), true);
  const other = new Leadership(store, 'other work');
  assert.equal(await other.take(), true);
  await store.close();
});

test('a leader that lives answers whoever asks, and goes on for ever', async () => {
  const store = openMemoryStore();
  const time = pace();
  const [one, two] = [new Leadership(store, 'work', time), new Leadership(store, 'work', time)];
  await one.take();
  const { check } = one;
  for (let looks = 0; looks < 10; looks++) {
    assert.equal(await two.take(), false);
    time.pass(150);
    await turns();
  }
  assert.equal(one.lost.aborted, false);
  assert.deepEqual(one.check, check);
  assert.equal((await store.list('/leaders/work/')).entries.length, 1, 'no question stays');
  await store.close();
});

test('a leader that nobody asks writes nothing', async () => {
  const store = openMemoryStore();
  const one = new Leadership(store, 'work');
  await one.take();
  const revision = await store.revision();
  await turns();
  await one.take();
  assert.equal(await store.revision(), revision);
  await store.close();
});

test('a silent leader is asked, waited for, and then replaced by one of those who wait', async () => {
  const store = openMemoryStore();
  const time = pace();
  await silentLeader(store);
  const [one, two] = [new Leadership(store, 'work', time), new Leadership(store, 'work', time)];
  const both = async () => [await one.take(), await two.take()];
  assert.deepEqual(await both(), [false, false]);
  const before = await store.revision();
  time.pass(99);
  assert.deepEqual(await both(), [false, false]);
  assert.equal(await store.revision(), before, 'not asked yet');
  time.pass(1);
  assert.deepEqual(await both(), [false, false]);
  assert.equal(await store.revision(), before + 1, 'asked once');
  assert.deepEqual(await both(), [false, false]);
  time.pass(199);
  assert.deepEqual(await both(), [false, false]);
  time.pass(1);
  assert.deepEqual(await both(), [true, false]);
  await store.close();
});

test('whoever has looked only just now does not take silence for long', async () => {
  const store = openMemoryStore();
  const time = pace();
  await silentLeader(store);
  const one = new Leadership(store, 'work', time);
  await one.take();
  time.pass(100);
  await one.take();
  time.pass(1_000);
  const late = new Leadership(store, 'work', time);
  assert.deepEqual([await late.take(), await one.take()], [false, true]);
  await store.close();
});

test('a leader of this machine that has died is not waited for', async () => {
  const store = openMemoryStore();
  const gone = new Leadership(store, 'work');
  await gone.take();
  const value = Buffer.from(gone.owner.replace(/^([0-9a-f]+-\d+)-\d+/, '$1-4194305'));
  await store.commit([{ op: 'put', key: LEADER, value }]);
  assert.equal(await new Leadership(store, 'work').take(), true);
  await store.close();
});

test('one that was replaced while it slept is told, and can do nothing any more', async () => {
  const store = openMemoryStore();
  const sleeper = new Leadership(store, 'work');
  await sleeper.take();
  const led = fenced(store, sleeper);
  await led.commit([put('/a')]);
  const full = Array.from({ length: COMMIT_CHANGES }, (_, index) => put(`/full/${index}`));
  await led.commit(full);
  // Nothing of the watch is heard yet, as after a sleep.
  const taking = store.commit([{ op: 'put', key: LEADER, value: Buffer.from('elsewhere') }]);
  await assert.rejects(led.commit([put('/b')]), Deposed);
  await taking;
  assert.equal(await store.get('/b'), undefined);
  assert.equal(sleeper.lost.aborted, true);
  await assert.rejects(led.commit([put('/b')]), Deposed);
  assert.throws(() => sleeper.check, Deposed);
  assert.equal(await sleeper.take(), false);
  await store.close();
});

test('a commit that was made though nobody heard of it is the own lead', async () => {
  const store = openMemoryStore();
  const one = new Leadership(store, 'work');
  const revision = await store.commit([{ op: 'put', key: LEADER, value: Buffer.from(one.owner) }]);
  assert.equal(await one.take(), true);
  assert.deepEqual(one.check, { op: 'check', key: LEADER, expect: revision });
  await store.close();
});

test('work goes on with one of many, and with the next when that one ends or is replaced', async () => {
  const store = openMemoryStore();
  const log: string[] = [];
  const failures: unknown[] = [];
  let fail = true;
  const candidate = (name: string) =>
    whileLeading(
      store,
      'work',
      async (led) => {
        if (fail) {
          fail = false;
          throw new Error('not yet');
        }
        await led.commit([put(`/led/${name}`)]);
        log.push(`${name} begins`);
        return {
          async close() {
            log.push(`${name} ends`);
          },
        };
      },
      (error) => failures.push(error),
    );
  const until = async (line: string): Promise<void> => {
    while (!log.includes(line)) await turns();
  };
  const one = candidate('one');
  await until('one begins');
  const two = candidate('two');
  await turns();
  await one.close();
  await until('two begins');
  await store.commit([{ op: 'put', key: LEADER, value: Buffer.from('elsewhere') }]);
  await until('two ends');
  await two.close();
  assert.deepEqual(log, ['one begins', 'one ends', 'two begins', 'two ends']);
  assert.match(String(failures), /not yet/);
  assert.equal((await store.get(LEADER))?.value.toString(), 'elsewhere', 'nobody ends what another leads');
  await store.close();
});
