import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject } from '../objects/writes.ts';
import { type Secret, secrets } from './secrets.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { keepTokenSecrets } from './tokensecrets.ts';

const type = 'kubernetes.io/service-account-token';
const annotations = { 'kubernetes.io/service-account.name': 'robot' };

async function dataOf(ctx: Context, name: string): Promise<Secret['data']> {
  const kept = await readKept(ctx.store, secrets, 'default', name);
  return kept && parsed(secrets, ctx.settings, kept).data;
}

function text(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString();
}

function unexpected(error: unknown): void {
  assert.fail(String(error));
}

suite('secrets of tokens', () => {
  test('are filled with a token that lasts as long as the secret', async () => {
    const settings = { registryHost: 'registry.test', autoNamespaces: true, rootCertificates: 'PEM' };
    const ctx = await testContext({ settings });
    await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'robot' } });
    await createObject(ctx, secrets, 'default', { metadata: { name: 'before', annotations }, type });
    const keeper = keepTokenSecrets(ctx, unexpected);
    await createObject(ctx, secrets, 'default', { metadata: { name: 'after', annotations }, type });
    for (const name of ['before', 'after']) {
      while (!(await dataOf(ctx, name))?.token) await sleep(1);
      const data = await dataOf(ctx, name);
      assert.deepEqual([text(data?.namespace), text(data?.['ca.crt'])], ['default', 'PEM']);
      const user = await ctx.accountTokens.find(text(data?.token));
      assert.equal(user?.name, 'system:serviceaccount:default:robot');
      await deleteObject(ctx, secrets, 'default', name, {});
      assert.equal(await ctx.accountTokens.find(text(data?.token)), undefined);
    }
    const early = { 'kubernetes.io/service-account.name': 'late' };
    await createObject(ctx, secrets, 'default', { metadata: { name: 'early', annotations: early }, type });
    await keeper.idle;
    await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'late' } });
    while (!(await dataOf(ctx, 'early'))?.token) await sleep(1);
    await keeper.close();
  });

  test('stay empty if there is no such account, or another than was meant', async () => {
    const ctx = await testContext();
    await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'robot' } });
    const other = { ...annotations, 'kubernetes.io/service-account.uid': 'another' };
    const nobody = { 'kubernetes.io/service-account.name': 'nobody' };
    await createObject(ctx, secrets, 'default', { metadata: { name: 'other', annotations: other }, type });
    await createObject(ctx, secrets, 'default', { metadata: { name: 'nobody', annotations: nobody }, type });
    await createObject(ctx, secrets, 'default', { metadata: { name: 'z', annotations }, type });
    const keeper = keepTokenSecrets(ctx, unexpected);
    while (!(await dataOf(ctx, 'z'))?.token) await sleep(1);
    await keeper.close();
    assert.equal(await dataOf(ctx, 'other'), undefined);
    assert.equal(await dataOf(ctx, 'nobody'), undefined);
  });
});
