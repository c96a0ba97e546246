import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { readObject } from '../objects/reads.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { namespaces } from './namespaces.ts';
import { keepPullSecrets } from './pullsecrets.ts';
import { type Secret, secrets } from './secrets.ts';
import { type ServiceAccount, serviceAccounts } from './serviceaccounts.ts';

function unexpected(error: unknown): void {
  assert.fail(String(error));
}

async function linkedAccount(ctx: Context, namespace: string, name: string): Promise<ServiceAccount> {
  for (;;) {
    const account = await readObject(ctx, serviceAccounts, namespace, name);
    if (account.imagePullSecrets) return account;
    await sleep(1);
  }
}

async function secretOf(ctx: Context, namespace: string, { imagePullSecrets = [] }: ServiceAccount): Promise<Secret> {
  return readObject(ctx, secrets, namespace, imagePullSecrets.at(-1)?.name ?? '');
}

/** The passwords by host. */
function passwords({ data = {} }: Secret): Record<string, string> {
  const content = JSON.parse(Buffer.from(data['.dockercfg'] ?? '', 'base64').toString()) as Record<
    string,
    { auth: string }
  >;
  return Object.fromEntries(
    Object.entries(content).map(([host, { auth }]) => {
      const [user, password = ''] = Buffer.from(auth, 'base64').toString().split(':');
      assert.equal(user, '<token>');
      return [host, password];
    }),
  );
}

suite('pull secrets', () => {
  test('are made for the accounts that every namespace has', async () => {
    const ctx = await testContext();
    const keeper = keepPullSecrets(ctx, unexpected);
    for (const name of ['builder', 'default', 'deployer']) {
      const account = await linkedAccount(ctx, 'default', name);
      const secret = await secretOf(ctx, 'default', account);
      const { name: secretName = '', ownerReferences } = secret.metadata;
      assert.match(secretName, new RegExp(`^${name}-dockercfg-[a-z0-9]{5}$`));
      assert.equal(secret.type, 'kubernetes.io/dockercfg');
      assert.deepEqual(account.secrets, [{ name: secretName }]);
      assert.equal(account.metadata.annotations?.['openshift.io/internal-registry-pull-secret-ref'], secretName);
      assert.deepEqual(
        ownerReferences?.map((owner) => [owner.kind, owner.name, owner.uid]),
        [['ServiceAccount', name, account.metadata.uid]],
      );
      const [[host, token] = []] = Object.entries(passwords(secret));
      assert.equal(host, 'registry.test:5000');
      assert.equal((await ctx.accountTokens.find(token ?? ''))?.name, `system:serviceaccount:default:${name}`);
    }
    await keeper.close();
  });

  test('are worth nothing once they are deleted, and are made anew', async () => {
    const ctx = await testContext();
    const keeper = keepPullSecrets(ctx, unexpected);
    const account = await linkedAccount(ctx, 'default', 'default');
    const first = await secretOf(ctx, 'default', account);
    const token = passwords(first)['registry.test:5000'] ?? '';
    await deleteObject(ctx, secrets, 'default', first.metadata.name ?? '', {});
    assert.equal(await ctx.accountTokens.find(token), undefined);
    let next: Secret;
    do {
      await sleep(1);
      next = await secretOf(ctx, 'default', account).catch(() => first);
    } while (next.metadata.uid === first.metadata.uid);
    assert.ok(await ctx.accountTokens.find(passwords(next)['registry.test:5000'] ?? ''));
    await deleteObject(ctx, serviceAccounts, 'default', 'default', {});
    assert.equal(await ctx.accountTokens.find(passwords(next)['registry.test:5000'] ?? ''), undefined);
    await keeper.close();
  });

  test('leave what an account has beside them, and other accounts outside of projects', async () => {
    const ctx = await testContext();
    const own = [{ name: 'mine' }];
    await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'robot' } });
    await updateObject(ctx, serviceAccounts, 'default', 'default', (old) => ({ ...old, imagePullSecrets: own }));
    const annotations = { 'openshift.io/requester': 'ann' };
    await createObject(ctx, namespaces, '', { metadata: { name: 'project', annotations } });
    await createObject(ctx, serviceAccounts, 'project', { metadata: { name: 'robot' } });
    const keeper = keepPullSecrets(ctx, unexpected);
    const long = 'r'.repeat(80);
    await createObject(ctx, serviceAccounts, 'project', { metadata: { name: long } });
    await linkedAccount(ctx, 'project', 'robot');
    const { metadata } = await secretOf(ctx, 'project', await linkedAccount(ctx, 'project', long));
    assert.equal(metadata.name?.length, 63);
    await keeper.idle;
    assert.equal((await readObject(ctx, serviceAccounts, 'default', 'robot')).imagePullSecrets, undefined);
    const { imagePullSecrets } = await readObject(ctx, serviceAccounts, 'default', 'default');
    assert.deepEqual([imagePullSecrets?.length, imagePullSecrets?.[0]], [2, { name: 'mine' }]);
    await keeper.close();
  });

  test('follow the name of the registry', async () => {
    const ctx = await testContext();
    const first = keepPullSecrets(ctx, unexpected);
    const before = await secretOf(ctx, 'default', await linkedAccount(ctx, 'default', 'builder'));
    await first.close();
    const settings = { ...ctx.settings, registryHost: 'new.test', publicRegistryHost: 'images.test' };
    const second = keepPullSecrets({ ...ctx, settings }, unexpected);
    let now = before;
    while (now.metadata.resourceVersion === before.metadata.resourceVersion) {
      await sleep(1);
      now = await readObject(ctx, secrets, 'default', before.metadata.name ?? '');
    }
    await second.close();
    assert.deepEqual(Object.keys(passwords(now)), ['new.test', 'images.test']);
    assert.equal(now.metadata.uid, before.metadata.uid);
  });

  test('do not take over a secret of somebody else', async () => {
    const ctx = await testContext();
    const keeper = keepPullSecrets(ctx, unexpected);
    const { name = '' } = (await secretOf(ctx, 'default', await linkedAccount(ctx, 'default', 'deployer'))).metadata;
    await keeper.close();
    await deleteObject(ctx, secrets, 'default', name, {});
    await createObject(ctx, secrets, 'default', { metadata: { name }, data: { k: '' } });
    await updateObject(ctx, serviceAccounts, 'default', 'deployer', ({ metadata, ...old }) => {
      const { annotations: _annotations, ...meta } = metadata;
      return { ...old, metadata: meta, secrets: [], imagePullSecrets: [] };
    });
    const again = keepPullSecrets(ctx, unexpected);
    await again.idle;
    await again.close();
    assert.equal((await readObject(ctx, serviceAccounts, 'default', 'deployer')).imagePullSecrets, undefined);
    assert.deepEqual(Object.keys((await readObject(ctx, secrets, 'default', name)).data ?? {}), ['k']);
  });
});
