import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { testContext } from '../../test/context.ts';
import { limitRanges } from '../cluster/limitranges.ts';
import { ensureNamespaces } from '../cluster/namespaces.ts';
import { startQuotaCounts } from '../cluster/quotacounts.ts';
import { resourceQuotas } from '../cluster/resourcequotas.ts';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';
import type { Store } from '../store/store.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { quotaNames, type ResourceQuota } from './charges.ts';
import type { Context } from './context.ts';
import { deleteObject } from './deletes.ts';
import { isProblem } from './errors.ts';
import { countKept, readKept } from './reads.ts';
import { parsed } from './values.ts';
import { createObject, updateObject } from './writes.ts';

const STREAMS = 'openshift.io/imagestreams';

async function makeQuota(ctx: Context, hard: Record<string, string>, name = 'q', more = {}): Promise<void> {
  await createObject(ctx, resourceQuotas, 'default', { metadata: { name }, spec: { hard, ...more } });
}

async function makeStream(ctx: Context, name: string): Promise<void> {
  await createObject(ctx, imageStreams, 'default', { metadata: { name } });
}

async function dropStream(ctx: Context, name: string): Promise<void> {
  await deleteObject(ctx, imageStreams, 'default', name, {});
}

async function statusOf(ctx: Context, name = 'q'): Promise<ResourceQuota['status']> {
  const kept = await readKept(ctx.store, resourceQuotas, 'default', name);
  assert.ok(kept);
  return parsed(resourceQuotas, ctx.settings, kept).status;
}

/** The refusal of something by a quota: its message. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isProblem(error, 'Forbidden') && 'message' in error.problem) return error.problem.message;
    throw error;
  }
  throw new Error('it was allowed');
}

test('a quota counts objects by the names that Kubernetes and OpenShift know', () => {
  const names = (group: string, resource: string): string[] => quotaNames({ group, resource });
  assert.deepEqual(names('', 'configmaps'), ['count/configmaps', 'configmaps']);
  assert.deepEqual(names('', 'limitranges'), ['count/limitranges']);
  assert.deepEqual(names('apps', 'deployments'), ['count/deployments.apps']);
  assert.deepEqual(names('image.openshift.io', 'imagestreams'), ['count/imagestreams.image.openshift.io', STREAMS]);
  assert.deepEqual(names('', 'events'), []);
});

test('a quota that is made after the objects counts them, and refuses the one too many', async () => {
  const ctx = await testContext();
  for (const name of ['a', 'b']) await makeStream(ctx, name);
  await makeQuota(ctx, { [STREAMS]: '3' });
  assert.deepEqual(await statusOf(ctx), {});
  await makeStream(ctx, 'c');
  assert.deepEqual(await statusOf(ctx), { hard: { [STREAMS]: '3' }, used: { [STREAMS]: '3' } });
  assert.equal(
    await refusal(makeStream(ctx, 'd')),
    `exceeded quota: q, requested: ${STREAMS}=1, used: ${STREAMS}=3, limited: ${STREAMS}=3`,
  );
  assert.equal(await countKept(ctx.store, imageStreams, 'default'), 3);
  await dropStream(ctx, 'a');
  assert.deepEqual((await statusOf(ctx))?.used, { [STREAMS]: '2' });
  await makeStream(ctx, 'd');
});

test('a deletion counts as well when it is the first that meets the quota', async () => {
  const ctx = await testContext();
  for (const name of ['a', 'b']) await makeStream(ctx, name);
  await makeQuota(ctx, { [STREAMS]: '3' });
  await dropStream(ctx, 'a');
  assert.deepEqual((await statusOf(ctx))?.used, { [STREAMS]: '1' });
});

test('several names and quotas are charged at once; the refusal names all that is exceeded', async () => {
  const ctx = await testContext();
  const count = 'count/imagestreams.image.openshift.io';
  await makeQuota(ctx, { [STREAMS]: '1', [count]: '1', 'requests.cpu': '1' }, 'a');
  await makeQuota(ctx, { [count]: '5' }, 'b');
  await makeQuota(ctx, { [count]: '0' }, 'scoped', { scopes: ['BestEffort'] });
  await makeStream(ctx, 'x');
  assert.deepEqual((await statusOf(ctx, 'a'))?.used, { [count]: '1', [STREAMS]: '1' });
  assert.deepEqual((await statusOf(ctx, 'b'))?.used, { [count]: '1' });
  assert.equal(
    await refusal(makeStream(ctx, 'y')),
    `exceeded quota: a, requested: ${count}=1,${STREAMS}=1, used: ${count}=1,${STREAMS}=1, limited: ${count}=1,${STREAMS}=1`,
  );
  assert.deepEqual((await statusOf(ctx, 'b'))?.used, { [count]: '1' });
});

test('a dry run is refused as the real thing would be, and charges nothing', async () => {
  const ctx = await testContext();
  await makeQuota(ctx, { [STREAMS]: '1' });
  const dry = { ...ctx, dryRun: true };
  await makeStream(dry, 'a');
  assert.deepEqual(await statusOf(ctx), {});
  await makeStream(ctx, 'a');
  await refusal(makeStream(dry, 'b'));
});

test('quotas count each other, and not themselves when they go', async () => {
  const ctx = await testContext();
  await makeQuota(ctx, { resourcequotas: '2' });
  await makeQuota(ctx, { resourcequotas: '9' }, 'second');
  assert.deepEqual((await statusOf(ctx))?.used, { resourcequotas: '2' });
  assert.match(await refusal(makeQuota(ctx, {}, 'third')), /^exceeded quota: q/);
  await deleteObject(ctx, resourceQuotas, 'default', 'second', {});
  assert.deepEqual((await statusOf(ctx))?.used, { resourcequotas: '1' });
  await deleteObject(ctx, resourceQuotas, 'default', 'q', {});
  assert.equal(await ctx.store.get('/restrictions/default'), undefined);
  await makeQuota(ctx, {}, 'third');
});

test('a new name in a quota is counted, a name that was away is counted again', async () => {
  const ctx = await testContext();
  const set = (hard: Record<string, string>) =>
    updateObject(ctx, resourceQuotas, 'default', 'q', (old) => ({ ...old, spec: { hard } }), { retry: true });
  await makeQuota(ctx, { [STREAMS]: '9' });
  await makeStream(ctx, 'a');
  await set({ 'count/limitranges': '9' });
  assert.deepEqual((await statusOf(ctx))?.used, undefined);
  await makeStream(ctx, 'b');
  await set({ [STREAMS]: '2' });
  await refusal(makeStream(ctx, 'c'));
  assert.equal(await countKept(ctx.store, imageStreams, 'default'), 2);
});

test('what nobody has counted yet is counted in the background', async () => {
  const ctx = await testContext();
  const resources = [imageStreams, limitRanges, resourceQuotas];
  await makeStream(ctx, 'a');
  await makeQuota(ctx, { [STREAMS]: '9', pods: '3', 'count/limitranges': '1k' }, 'early');
  const counts = startQuotaCounts(ctx, resources);
  await makeQuota(ctx, { 'count/limitranges': '2' }, 'late');
  const isCounted = async (name: string): Promise<boolean> => (await statusOf(ctx, name))?.hard !== undefined;
  while (!((await isCounted('early')) && (await isCounted('late')))) await new Promise((done) => setImmediate(done));
  await counts.close();
  // What is not enforced here does not stand in the status.
  assert.deepEqual(await statusOf(ctx, 'early'), {
    hard: { 'count/limitranges': '1k', [STREAMS]: '9' },
    used: { 'count/limitranges': '0', [STREAMS]: '1' },
  });
  assert.deepEqual(await statusOf(ctx, 'late'), {
    hard: { 'count/limitranges': '2' },
    used: { 'count/limitranges': '0' },
  });
});

type Step = { readonly do: 'make' | 'drop' | 'quota' | 'limit'; readonly which: number };

/** Runs all at once, each a few turns later than the one before. */
async function runAll(contexts: readonly Context[], steps: readonly Step[], limit: number): Promise<void> {
  const run = async ({ do: what, which }: Step, index: number): Promise<void> => {
    const ctx = contexts[index % contexts.length];
    if (!ctx) return;
    try {
      if (what === 'make') await makeStream(ctx, `s${which}`);
      else if (what === 'drop') await dropStream(ctx, `s${which}`);
      else if (what === 'quota') await makeQuota(ctx, { [STREAMS]: String(limit) });
      else await createObject(ctx, limitRanges, 'default', { metadata: { generateName: 'l' }, spec: { limits: [] } });
    } catch (error) {
      const told = ['Forbidden', 'AlreadyExists', 'NotFound', 'Conflict'] as const;
      if (!told.some((reason) => isProblem(error, reason))) throw error;
    }
  };
  await Promise.all(steps.map(run));
}

const steps = fc.array(
  fc.record({ do: fc.constantFrom<Step['do']>('make', 'make', 'make', 'drop', 'quota', 'limit'), which: fc.nat(7) }),
  { maxLength: 30 },
);

/** The count of a quota is right, and no creation went beyond the limit once the quota was there. */
async function checkCount(ctx: Context, before: number, limit: number): Promise<void> {
  const count = await countKept(ctx.store, imageStreams, 'default');
  assert.ok(count <= Math.max(before, limit), `${count} streams, limit ${limit}`);
  const used = (await statusOf(ctx))?.used?.[STREAMS];
  if (used !== undefined) assert.equal(used, String(count));
}

test('however writes meet, the count is right and never beyond the limit', async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, fc.nat(5), async (first, second, limit) => {
      const ctx = await testContext();
      await runAll([ctx], first, limit);
      if (!(await readKept(ctx.store, resourceQuotas, 'default', 'q')))
        await makeQuota(ctx, { [STREAMS]: String(limit) });
      const before = await countKept(ctx.store, imageStreams, 'default');
      await runAll([ctx], second, limit);
      await checkCount(ctx, before, limit);
    }),
    { numRuns: 60 },
  );
});

test('the same holds for processes that share a store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-charges-'));
  after(() => rm(folder, { recursive: true, force: true }));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(9), async (writes, limit) => {
      const file = join(folder, `${run++}.db`);
      const stores: Store[] = [await openSqliteStore({ file }), await openSqliteStore({ file })];
      const contexts = await Promise.all(stores.map((store) => testContext({ store })));
      const [one, other] = contexts;
      assert.ok(one && other);
      await ensureNamespaces(one, ['default']);
      // Each process has looked before anything restricts the namespace.
      for (const [index, ctx] of contexts.entries()) await makeStream(ctx, `first${index}`);
      await makeQuota(one, { [STREAMS]: String(limit) });
      const before = 2;
      await runAll(contexts, writes, limit);
      await checkCount(other, before, limit);
      await Promise.all(stores.map((store) => store.close()));
    }),
    { numRuns: 20 },
  );
});
