import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import type { KubeObject } from '../objects/object.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { findStream, imageStreams } from '../streams/imagestream.ts';
import { startCollector } from './collector.ts';
import { configMaps } from './configmaps.ts';

const RESOURCES = [imageStreams, configMaps];

async function family(finalizers: string[] = []) {
  const ctx = await testContext();
  const owner = await createObject(ctx, configMaps, 'default', { metadata: { name: 'owner' } });
  const { uid = '' } = owner.object.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
  await createObject(ctx, imageStreams, 'default', { metadata: { name: 'child', ownerReferences, finalizers } });
  await createObject(ctx, imageStreams, 'default', { metadata: { name: 'stranger' } });
  return ctx;
}

const isThere = async (ctx: Awaited<ReturnType<typeof family>>): Promise<boolean> =>
  (await ctx.store.get('/configmaps/default/owner')) !== undefined;

test('what is deleted in the foreground goes when its dependents are gone', async () => {
  const ctx = await family(['a.test/held']);
  const { object } = await deleteObject(ctx, configMaps, 'default', 'owner', { propagationPolicy: 'Foreground' });
  assert.deepEqual(object.metadata.finalizers, ['foregroundDeletion']);
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  while (!(await findStream(ctx, 'default', 'child'))?.metadata.deletionTimestamp) await sleep(2);
  assert.ok(await isThere(ctx));
  await updateObject(ctx, imageStreams, 'default', 'child', (old) => {
    delete (old as KubeObject).metadata.finalizers;
    return old;
  });
  while (await isThere(ctx)) await sleep(2);
  while ((await ctx.store.list('/collect')).entries.length > 0) await sleep(2);
  await collector.close();
  assert.equal(await findStream(ctx, 'default', 'child'), undefined);
  assert.ok(await findStream(ctx, 'default', 'stranger'));
});

test('what orphans its dependents goes when they no longer name it', async () => {
  const ctx = await family();
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  await deleteObject(ctx, configMaps, 'default', 'owner', { propagationPolicy: 'Orphan' });
  while (await isThere(ctx)) await sleep(2);
  await collector.close();
  assert.equal((await findStream(ctx, 'default', 'child'))?.metadata.ownerReferences, undefined);
});

test('what somebody else holds as well stays until they let go, and a policy that was taken back is forgotten', async () => {
  const ctx = await family();
  const held = await createObject(ctx, configMaps, 'default', { metadata: { name: 'held', finalizers: ['a.test/x'] } });
  assert.ok(held.created);
  await deleteObject(ctx, configMaps, 'default', 'held', { propagationPolicy: 'Foreground' });
  await deleteObject(ctx, configMaps, 'default', 'owner', { propagationPolicy: 'Orphan' });
  await deleteObject(ctx, configMaps, 'default', 'owner', { propagationPolicy: 'Background' });
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  while ((await ctx.store.list('/collect')).entries.length > 0) await sleep(2);
  await collector.close();
  const entry = await ctx.store.get('/configmaps/default/held');
  assert.deepEqual(JSON.parse(entry?.value.toString() ?? '{}').metadata.finalizers, ['a.test/x']);
});
