import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import type { KubeObject } from '../objects/object.ts';
import { COLLECT_PREFIX } from '../objects/owners.ts';
import { eachKept, readObject } from '../objects/reads.ts';
import { nameOfKey } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { findStream, imageStreams } from '../streams/imagestream.ts';
import { startCollector } from './collector.ts';
import { configMaps } from './configmaps.ts';
import { ensureNamespaces } from './namespaces.ts';

const RESOURCES = [imageStreams, configMaps];

async function family(finalizers: string[] = []) {
  const ctx = await testContext();
  const owner = await createObject(ctx, configMaps, 'default', { metadata: { name: 'owner' } });
  const { uid = '' } = owner.object.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, blockOwnerDeletion: true }];
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
  while ((await ctx.store.list(COLLECT_PREFIX)).entries.length > 0) await sleep(2);
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
  while ((await ctx.store.list(COLLECT_PREFIX)).entries.length > 0) await sleep(2);
  await collector.close();
  const entry = await ctx.store.get('/configmaps/default/held');
  assert.deepEqual(JSON.parse(entry?.value.toString() ?? '{}').metadata.finalizers, ['a.test/x']);
});

async function configMap(ctx: Context, name: string, ...owners: KubeObject[]): Promise<KubeObject> {
  const ownerReferences = owners.map(({ metadata }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
  }));
  return (await createObject(ctx, configMaps, 'default', { metadata: { name, ownerReferences } })).object;
}

async function names(ctx: Context): Promise<string[]> {
  const found: string[] = [];
  await eachKept(ctx.store, configMaps, 'default', ({ head }) => found.push(nameOfKey(configMaps, head.key).name));
  return found;
}

async function settled(ctx: Context): Promise<void> {
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  while ((await ctx.store.list(COLLECT_PREFIX)).entries.length > 0) await sleep(2);
  await collector.close();
}

test('what is left of something that is gone goes as well, with all that it owns in turn', async () => {
  const ctx = await testContext();
  const grandmother = await configMap(ctx, 'a-grandmother');
  const mother = await configMap(ctx, 'b-mother', grandmother);
  await configMap(ctx, 'c-child', mother);
  await configMap(ctx, 'd-stranger');
  await deleteObject(ctx, configMaps, 'default', 'a-grandmother', { propagationPolicy: 'Background' });
  await settled(ctx);
  assert.deepEqual(await names(ctx), ['d-stranger']);
  assert.deepEqual((await ctx.store.list('/owned/')).entries, []);
});

test('what has another owner stays, and names that one only', async () => {
  const ctx = await testContext();
  const [gone, other] = [await configMap(ctx, 'gone'), await configMap(ctx, 'other')];
  await configMap(ctx, 'shared', gone, other);
  for (const policy of ['Background', 'Foreground'] as const) {
    await deleteObject(ctx, configMaps, 'default', 'gone', { propagationPolicy: policy });
    await settled(ctx);
    assert.deepEqual(await names(ctx), ['other', 'shared']);
    const { metadata } = await readObject(ctx, configMaps, 'default', 'shared');
    assert.deepEqual(
      metadata.ownerReferences?.map(({ name }) => name),
      ['other'],
    );
    const again = await configMap(ctx, 'gone');
    await updateObject(ctx, configMaps, 'default', 'shared', (old) => {
      old.metadata.ownerReferences?.push({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: 'gone',
        uid: again.metadata.uid ?? '',
      });
      return old;
    });
  }
});

test('an owner that is deleted in the foreground does not wait for what does not block it', async () => {
  const ctx = await testContext();
  const owner = await configMap(ctx, 'owner');
  await configMap(ctx, 'child', owner);
  await updateObject(ctx, configMaps, 'default', 'child', (old) => {
    old.metadata.finalizers = ['a.test/held'];
    return old;
  });
  await deleteObject(ctx, configMaps, 'default', 'owner', { propagationPolicy: 'Foreground' });
  await settled(ctx);
  assert.deepEqual(await names(ctx), ['child']);
  assert.ok((await readObject(ctx, configMaps, 'default', 'child')).metadata.deletionTimestamp);
});

test('what a dependent owns in turn is gone before an owner that waits', async () => {
  const ctx = await testContext();
  const owner = await configMap(ctx, 'a-owner');
  const child = await configMap(ctx, 'b-child', owner);
  await configMap(ctx, 'c-grandchild', child);
  for (const name of ['b-child', 'c-grandchild']) {
    await updateObject(ctx, configMaps, 'default', name, (old) => {
      for (const reference of old.metadata.ownerReferences ?? []) reference.blockOwnerDeletion = true;
      if (name === 'c-grandchild') old.metadata.finalizers = ['a.test/held'];
      return old;
    });
  }
  await deleteObject(ctx, configMaps, 'default', 'a-owner', { propagationPolicy: 'Foreground' });
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  while (!(await readObject(ctx, configMaps, 'default', 'c-grandchild')).metadata.deletionTimestamp) await sleep(2);
  await sleep(20);
  assert.deepEqual(await names(ctx), ['a-owner', 'b-child', 'c-grandchild']);
  await updateObject(ctx, configMaps, 'default', 'c-grandchild', (old) => {
    delete old.metadata.finalizers;
    return old;
  });
  while ((await names(ctx)).length > 0) await sleep(2);
  await collector.close();
});

test('what owns itself through others is deleted in the foreground with all of them', async () => {
  const ctx = await testContext();
  const first = await configMap(ctx, 'first');
  const second = await configMap(ctx, 'second', first);
  const third = await configMap(ctx, 'third', second);
  const { uid = '' } = third.metadata;
  await updateObject(ctx, configMaps, 'default', 'first', (old) => {
    old.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'third', uid }];
    return old;
  });
  for (const name of ['first', 'second', 'third']) {
    await updateObject(ctx, configMaps, 'default', name, (old) => {
      for (const reference of old.metadata.ownerReferences ?? []) reference.blockOwnerDeletion = true;
      return old;
    });
  }
  await deleteObject(ctx, configMaps, 'default', 'first', { propagationPolicy: 'Foreground' });
  const collector = await startCollector(ctx, RESOURCES, 0.001);
  while ((await names(ctx)).length > 0) await sleep(2);
  await collector.close();
});

test('what only claims to be owned, by what is in another namespace or no longer its owner, stays', async () => {
  const ctx = await testContext();
  const owner = await configMap(ctx, 'owner');
  await ensureNamespaces(ctx, ['other']);
  const { uid = '' } = owner.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
  await createObject(ctx, configMaps, 'other', { metadata: { name: 'afar', ownerReferences } });
  await configMap(ctx, 'released', owner);
  await updateObject(ctx, configMaps, 'default', 'released', (old) => {
    delete old.metadata.ownerReferences;
    return old;
  });
  await deleteObject(ctx, configMaps, 'default', 'owner', {});
  await settled(ctx);
  assert.deepEqual(await names(ctx), ['released']);
  assert.ok(await readObject(ctx, configMaps, 'other', 'afar'));
});
