import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { type ConfigMap, configMaps } from './configmaps.ts';
import { keepNamespaces } from './namespacecontents.ts';
import { namespaces } from './namespaces.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { services } from './services.ts';

const settings = { registryHost: 'registry.test', autoNamespaces: true, rootCertificates: 'PEM' };

async function certificate(ctx: Context, namespace: string): Promise<string | undefined> {
  const kept = await readKept(ctx.store, configMaps, namespace, 'kube-root-ca.crt');
  const map: ConfigMap | undefined = kept && parsed(configMaps, ctx.settings, kept);
  return map?.data?.['ca.crt'];
}

async function hasAccount(ctx: Context, namespace: string, name: string): Promise<boolean> {
  return (await readKept(ctx.store, serviceAccounts, namespace, name)) !== undefined;
}

async function hasService(ctx: Context, namespace: string): Promise<boolean> {
  return (await readKept(ctx.store, services, namespace, 'kubernetes')) !== undefined;
}

function unexpected(error: unknown): void {
  assert.fail(String(error));
}

suite('what every namespace has', () => {
  test('is there from the commit on that makes it', async () => {
    const ctx = await testContext({ settings });
    await createObject(ctx, namespaces, '', { metadata: { name: 'new' } });
    for (const name of ['builder', 'default', 'deployer']) assert.ok(await hasAccount(ctx, 'new', name), name);
    assert.equal(await certificate(ctx, 'new'), 'PEM');
    assert.deepEqual([await hasService(ctx, 'default'), await hasService(ctx, 'new')], [true, false]);
  });

  test('is added to namespaces that were made without it, and brought up to date', async () => {
    const old = await testContext();
    await createObject(old, namespaces, '', { metadata: { name: 'old' } });
    await deleteObject(old, serviceAccounts, 'old', 'builder', {});
    assert.equal(await certificate(old, 'old'), undefined);
    const ctx = { ...old, settings };
    const first = keepNamespaces(ctx, unexpected);
    await first.idle;
    await first.close();
    assert.ok(await hasAccount(ctx, 'old', 'builder'));
    assert.equal(await certificate(ctx, 'old'), 'PEM');
    const renewed = { ...old, settings: { ...settings, rootCertificates: 'PEM 2' } };
    const second = keepNamespaces(renewed, unexpected);
    await second.idle;
    await second.close();
    assert.equal(await certificate(ctx, 'old'), 'PEM 2');
  });

  test('is put back when somebody deletes or changes it, but not into a namespace that is being deleted', async () => {
    const ctx = await testContext({ settings });
    const keeping = keepNamespaces(ctx, unexpected);
    await keeping.idle;
    await createObject(ctx, namespaces, '', { metadata: { name: 'going' } });
    await deleteObject(ctx, namespaces, '', 'going', {});
    await deleteObject(ctx, serviceAccounts, 'going', 'default', {});
    await deleteObject(ctx, serviceAccounts, 'default', 'default', {});
    await updateObject(ctx, configMaps, 'default', 'kube-root-ca.crt', (old) => ({ ...old, data: {} }));
    while (!(await hasAccount(ctx, 'default', 'default'))) await sleep(1);
    while ((await certificate(ctx, 'default')) !== 'PEM') await sleep(1);
    await deleteObject(ctx, services, 'default', 'kubernetes', {});
    while (!(await hasService(ctx, 'default'))) await sleep(1);
    await keeping.close();
    assert.ok(!(await hasAccount(ctx, 'going', 'default')));
  });
});
