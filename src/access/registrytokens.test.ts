import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Htpasswd } from './htpasswd.ts';
import { Membership } from './membership.ts';
import { loggedInUser, OAuthTokens } from './oauthtokens.ts';
import { USER_PREFIX } from './person.ts';
import { RegistryTokens } from './registrytokens.ts';

async function setUp(t: TestContext) {
  const store = openMemoryStore();
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const now = (): Date => new Date(clock.now);
  const passwords = new Map([['ann', 'hash one']]);
  const htpasswd = { hashOf: (name: string) => passwords.get(name) } as Htpasswd;
  const membership = new Membership(store);
  const users = new OAuthTokens(store, now, membership);
  t.after(() => {
    users.close();
    membership.close();
    return store.close();
  });
  const put = async (uid: string): Promise<void> => {
    const value = Buffer.from(JSON.stringify({ metadata: { name: 'ann', uid } }));
    await store.commit([{ op: 'put', key: `${USER_PREFIX}ann`, value }]);
    await turn();
  };
  await put('u1');
  const tokens = (): RegistryTokens => new RegistryTokens({ store, now, htpasswd, users });
  return { store, clock, passwords, put, tokens };
}

const ANN = loggedInUser('ann', 'u1', ['user:full']);

test('a token stands for its user on every replica, and once known without waiting', async (t) => {
  const { tokens } = await setUp(t);
  const [here, there] = [tokens(), tokens()];
  const token = await here.issue(ANN);
  assert.deepEqual(await there.find(token), ANN);
  const again = there.find(token);
  assert.ok(!(again instanceof Promise));
  assert.deepEqual(again, ANN);
});

test('a token ends: with its time, the password, the user', async (t) => {
  const { tokens, clock, passwords, put } = await setUp(t);
  const it = tokens();
  const token = await it.issue(ANN);
  assert.ok(await it.find(token));
  clock.now += 900_000;
  assert.equal(await it.find(token), undefined, 'time');
  clock.now -= 900_000;
  passwords.set('ann', 'hash two');
  assert.equal(await it.find(token), undefined, 'password');
  passwords.set('ann', 'hash one');
  assert.ok(await it.find(token));
  await put('u2');
  assert.equal(await it.find(token), undefined, 'user');
});

test('what nobody signed is no token', async (t) => {
  const { tokens } = await setUp(t);
  const it = tokens();
  const token = await it.issue(ANN);
  const [, body = '', signature = ''] = /^registry~(.*)\.(.*)$/.exec(token) ?? [];
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
  const forged = Buffer.from(JSON.stringify({ ...claims, name: 'root' })).toString('base64url');
  for (const wrong of [
    `registry~${forged}.${signature}`,
    `registry~${body}.${'A'.repeat(43)}`,
    'registry~',
    'registry~a.b',
    body,
  ]) {
    assert.equal(await it.find(wrong), undefined, wrong);
  }
});
