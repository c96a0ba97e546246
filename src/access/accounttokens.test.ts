import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { toValue } from '../objects/values.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Store } from '../store/store.ts';
import { ACCOUNT_TOKEN_ISSUER, AccountTokens, type TokenTerms } from './accounttokens.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const robot = { namespace: 'one', name: 'robot', uid: 'u1' };

function setUp(store: Store = openMemoryStore()) {
  const clock = { now: START };
  const tokens = new AccountTokens(store, () => new Date(clock.now), randomUUID);
  return { store, clock, tokens };
}

async function keep(store: Store, key: string, uid: string, more: { deletionTimestamp?: string } = {}): Promise<void> {
  await store.commit([{ op: 'put', key, value: toValue({ metadata: { name: 'x', uid, ...more } }) }]);
}

function terms(more: Partial<TokenTerms> = {}): TokenTerms {
  return { account: robot, audiences: [ACCOUNT_TOKEN_ISSUER], issued: new Date(START), seconds: 600, ...more };
}

suite('tokens of service accounts', () => {
  test('stand for the account until they expire', async () => {
    const { store, clock, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const token = await tokens.issue(terms());
    const user = await tokens.find(token);
    assert.equal(user?.name, 'system:serviceaccount:one:robot');
    assert.equal(user?.uid, 'u1');
    assert.deepEqual(user?.groups, ['system:serviceaccounts', 'system:serviceaccounts:one', 'system:authenticated']);
    assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^JTI=[0-9a-f-]{36}$/);
    clock.now = START + 599_999;
    assert.equal(await tokens.find(token), user);
    clock.now = START + 600_000;
    assert.equal(await tokens.find(token), undefined);
    const lasting = await tokens.issue({ account: robot, audiences: [ACCOUNT_TOKEN_ISSUER], issued: new Date(START) });
    clock.now = START + 1e12;
    assert.ok(await tokens.find(lasting));
  });

  test('are those of every replica, made before or after', async () => {
    const { store, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const other = setUp(store).tokens;
    const [first, second] = await Promise.all([tokens.issue(terms()), other.issue(terms())]);
    for (const token of [first, second]) {
      for (const replica of [tokens, other, setUp(store).tokens]) assert.ok(await replica.find(token));
    }
  });

  test('end with the account, and are not those of another that has its name', async () => {
    const { store, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const token = await tokens.issue(terms());
    assert.ok(await tokens.find(token));
    assert.ok(await tokens.find(token));
    await store.commit([{ op: 'delete', key: '/serviceaccounts/one/robot' }]);
    // The process hears of it through its watch.
    while (await tokens.find(token)) await sleep(1);
    await keep(store, '/serviceaccounts/one/robot', 'u2');
    assert.equal(await tokens.find(token), undefined);
    await keep(store, '/serviceaccounts/one/robot', 'u1', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    assert.equal(await tokens.find(token), undefined);
  });

  test('end with the object that they are bound to', async () => {
    const { store, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    await keep(store, '/secrets/one/holder', 's1');
    await keep(store, '/pods/one/holder', 'p1');
    const secret = await tokens.issue(terms({ bound: { kind: 'Secret', name: 'holder', uid: 's1' } }));
    const pod = await tokens.issue(terms({ bound: { kind: 'Pod', name: 'holder', uid: 'p1' } }));
    assert.ok(await tokens.find(secret));
    const user = await tokens.find(pod);
    assert.deepEqual(user?.extra?.['authentication.kubernetes.io/pod-name'], ['holder']);
    await keep(store, '/secrets/one/holder', 's2');
    await store.commit([{ op: 'delete', key: '/pods/one/holder' }]);
    assert.equal(await tokens.find(secret), undefined);
    assert.equal(await tokens.find(pod), undefined);
  });

  test('for others are not for this server', async () => {
    const { store, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const token = await tokens.issue(terms({ audiences: ['vault', 'other'] }));
    assert.equal(await tokens.find(token), undefined);
    assert.equal(await tokens.review(token, [ACCOUNT_TOKEN_ISSUER]), undefined);
    const reviewed = await tokens.review(token, ['other', 'third']);
    assert.deepEqual(reviewed?.audiences, ['other']);
    assert.equal(reviewed?.user.name, 'system:serviceaccount:one:robot');
  });

  test('count only with our signature', async () => {
    const { store, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const foreign = await setUp().tokens.issue(terms());
    assert.equal(await tokens.find(foreign), undefined, 'no key here');
    const own = await tokens.issue(terms());
    const [head = '', body = '', signature = ''] = own.split('.');
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const admin = part({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'system:admin' });
    const unsigned = part({ alg: 'none' });
    const symmetric = part({ alg: 'HS256' });
    for (const token of [
      foreign,
      `${head}.${admin}.${signature}`,
      `${unsigned}.${body}.`,
      `${unsigned}.${body}.${signature}`,
      `${symmetric}.${body}.${signature}`,
      `${head}.${body}`,
      `${head}.${body}.${signature}x`,
      'a.b.c',
      '',
      `${head}.${'x'.repeat(20_000)}.${signature}`,
    ]) {
      assert.equal(await tokens.find(token), undefined, token.slice(0, 40));
    }
    assert.ok(await tokens.find(own));
  });

  test('made by a clock that runs ahead are good, but not from the future', async () => {
    const { store, clock, tokens } = setUp();
    await keep(store, '/serviceaccounts/one/robot', 'u1');
    const token = await tokens.issue(terms({ issued: new Date(START + 60_000) }));
    assert.ok(await tokens.find(token));
    clock.now = START - 1000;
    assert.equal(await tokens.find(token), undefined);
  });
});
