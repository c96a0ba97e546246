import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { digestOf } from '../image/digest.ts';
import { COLLECTION_RETRY_SECONDS, COLLECTION_SOON_SECONDS } from '../limits.work.ts';
import { makeLogger } from '../observe/logs.ts';
import { deleteTag } from '../streams/deletion.ts';
import { expedite } from './grace.ts';
import { startCollecting } from './schedule.ts';
import { LEASE, made, openTrial, type Trial } from './trial.ts';

const APP = { namespace: 'dev', stream: 'app' };
const GRACE = 3600;
const MANY_TURNS = 10_000;

/** Lets the work of the background go on until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    assert.ok(turns < MANY_TURNS, 'it never came');
    await turn();
  }
}

/** Collecting that begins only when somebody asks for it; what `hold` gives holds each run up at its end. */
async function started(t: TestContext, trial: Trial, hold: () => Promise<void> = () => Promise.resolve()) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let runs = 0;
  trial.ctx.store.watch('/leaders/collection/leader', await trial.ctx.store.revision(), {
    batch({ events }) {
      runs += events.filter(({ value }) => value).length;
    },
    ended: () => undefined,
  });
  const services = {
    ...trial.ctx,
    blobs: new Proxy(trial.ctx.blobs, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const method = member.bind(target) as (...args: unknown[]) => unknown;
        return name === 'list' ? async (...args: unknown[]) => hold().then(() => method(...args)) : method;
      },
    }),
  };
  const logger = makeLogger({ level: 'silent', format: 'json' });
  const schedule = await startCollecting(services, { intervalSeconds: undefined, graceSeconds: GRACE, logger });
  return { schedule, runs: () => runs };
}

async function garbage(trial: Trial, name: string) {
  const image = made(name, [name]);
  await trial.push(APP, image, name);
  await deleteTag(trial.ctx, APP, name);
  trial.pass(LEASE + 1);
  return image;
}

test('without an interval nothing is collected until somebody asks for it; then that goes without its grace', async (t) => {
  const trial = openTrial();
  const image = await garbage(trial, 'pruned');
  const { schedule, runs } = await started(t, trial);
  t.mock.timers.tick(GRACE * 1000);
  assert.equal(runs(), 0);
  for (const digest of [image.digest, ...image.blobs.map((blob) => digestOf(blob))]) await expedite(trial.ctx, digest);
  await turn();
  t.mock.timers.tick(COLLECTION_SOON_SECONDS * 1000);
  await until(() => trial.content.blobs.size === 0);
  await schedule.close();
  assert.equal(runs(), 1, 'one run for all that were asked for together');
  await trial.close();
});

test('what was asked for is tried until it is done, also if that was asked of a process that died', async (t) => {
  const trial = openTrial();
  const image = await garbage(trial, 'owed');
  await expedite(trial.ctx, image.digest);
  let failures = 1;
  const { schedule, runs } = await started(t, trial, async () => {
    if (failures-- > 0) throw new Error('the disk is away');
  });
  t.mock.timers.tick(COLLECTION_SOON_SECONDS * 1000);
  await until(() => failures < 1 && runs() === 1);
  for (let turns = 0; turns < 100; turns++) await turn();
  assert.ok(trial.content.blobs.has(image.digest), 'the first run failed');
  t.mock.timers.tick(COLLECTION_RETRY_SECONDS * 1000);
  await until(() => !trial.content.blobs.has(image.digest));
  await schedule.close();
  assert.equal(runs(), 2);
  await trial.close();
});

test('what is asked for while a run is under way is seen to by another, after it', async (t) => {
  const trial = openTrial();
  const [first, second] = [await garbage(trial, 'first'), await garbage(trial, 'second')];
  const { promise, resolve } = Promise.withResolvers<void>();
  let held = false;
  const { schedule, runs } = await started(t, trial, () => {
    held = true;
    return promise;
  });
  await expedite(trial.ctx, first.digest);
  await turn();
  t.mock.timers.tick(COLLECTION_SOON_SECONDS * 1000);
  await until(() => held);
  await expedite(trial.ctx, second.digest);
  await turn();
  t.mock.timers.tick(10 * COLLECTION_SOON_SECONDS * 1000);
  assert.equal(runs(), 1, 'no second one beside it');
  resolve();
  await until(() => !trial.content.blobs.has(first.digest));
  for (let turns = 0; turns < 100; turns++) await turn();
  t.mock.timers.tick(COLLECTION_SOON_SECONDS * 1000);
  await until(() => !trial.content.blobs.has(second.digest));
  await schedule.close();
  assert.equal(runs(), 2);
  await trial.close();
});
