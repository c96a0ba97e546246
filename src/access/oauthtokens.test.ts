import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Store } from '../store/store.ts';
import { Membership } from './membership.ts';
import { OAUTH_TOKEN_PREFIX, OAuthTokens, tokenObjectName } from './oauthtokens.ts';
import { GROUP_PREFIX, USER_PREFIX } from './person.ts';
import { newAccessToken } from './tokens.ts';

const START = Date.parse('2026-03-01T12:00:00Z');

interface SetUp {
  readonly store: Store;
  readonly tokens: OAuthTokens;
  readonly clock: { now: number };
  readonly put: (key: string, object: unknown) => Promise<void>;
  readonly token: string;
  readonly reads: () => number;
}

/** A store with the user ann, and a token of hers that is good for an hour. */
async function setUp(t: TestContext): Promise<SetUp> {
  const store = openMemoryStore();
  const get = store.get.bind(store);
  let reads = 0;
  store.get = (...args) => {
    reads++;
    return get(...args);
  };
  const clock = { now: START };
  const membership = new Membership(store);
  const tokens = new OAuthTokens(store, () => new Date(clock.now), membership);
  t.after(() => {
    tokens.close();
    membership.close();
    return store.close();
  });
  const put = async (key: string, object: unknown): Promise<void> => {
    await store.commit([{ op: 'put', key, value: Buffer.from(JSON.stringify(object)) }]);
    await turn();
  };
  const token = newAccessToken();
  await put(`${USER_PREFIX}ann`, { metadata: { name: 'ann', uid: 'u1' } });
  await put(OAUTH_TOKEN_PREFIX + tokenObjectName(token), {
    metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
    userName: 'ann',
    userUID: 'u1',
    expiresIn: 3600,
    scopes: ['user:full'],
  });
  return { store, tokens, clock, put, token, reads: () => reads };
}

const ANN = {
  name: 'ann',
  uid: 'u1',
  groups: ['system:authenticated:oauth', 'system:authenticated'],
  extra: { 'scopes.authorization.openshift.io': ['user:full'] },
};

test('a token stands for its user, and once it is known, without the store and without waiting', async (t) => {
  const { tokens, token, reads } = await setUp(t);
  assert.deepEqual(await tokens.find(token), ANN);
  const before = reads();
  const again = tokens.find(token);
  assert.ok(!(again instanceof Promise));
  assert.deepEqual(again, ANN);
  assert.equal(reads(), before);
});

test('what is no token costs the store one look at most', async (t) => {
  const { tokens, reads } = await setUp(t);
  const wrong = newAccessToken();
  assert.equal(await tokens.find(wrong), undefined);
  const before = reads();
  assert.equal(await tokens.find(wrong), undefined);
  assert.equal(await tokens.find('rubbish'), undefined);
  assert.equal(reads(), before);
});

test('a token that is made after it was asked for is found', async (t) => {
  const { tokens, put } = await setUp(t);
  const token = newAccessToken();
  assert.equal(await tokens.find(token), undefined);
  await put(OAUTH_TOKEN_PREFIX + tokenObjectName(token), { metadata: {}, userName: 'ann', userUID: 'u1' });
  assert.equal((await tokens.find(token))?.name, 'ann');
});

test('a token ends when its time is over', async (t) => {
  const { tokens, token, clock } = await setUp(t);
  clock.now = START + 3_599_000;
  assert.ok(await tokens.find(token));
  clock.now = START + 3_600_000;
  assert.equal(await tokens.find(token), undefined);
});

test('a token ends when it is deleted, or its user is, or another has the name', async (t) => {
  const { store, tokens, token, put } = await setUp(t);
  assert.ok(await tokens.find(token));
  await put(`${USER_PREFIX}ann`, { metadata: { name: 'ann', uid: 'u2' } });
  assert.equal(await tokens.find(token), undefined, 'another ann');
  await put(`${USER_PREFIX}ann`, { metadata: { name: 'ann', uid: 'u1' } });
  assert.ok(await tokens.find(token));
  await store.commit([{ op: 'delete', key: `${USER_PREFIX}ann` }]);
  await turn();
  assert.equal(await tokens.find(token), undefined, 'no ann');
  await put(`${USER_PREFIX}ann`, { metadata: { name: 'ann', uid: 'u1' } });
  await store.commit([{ op: 'delete', key: OAUTH_TOKEN_PREFIX + tokenObjectName(token) }]);
  await turn();
  assert.equal(await tokens.find(token), undefined, 'no token');
});

test('groups that name the user count at once, and no longer when they do not', async (t) => {
  const { store, tokens, token, put } = await setUp(t);
  assert.deepEqual((await tokens.find(token))?.groups, ANN.groups);
  await put(`${GROUP_PREFIX}painters`, { metadata: { name: 'painters' }, users: ['ann', 'bob'] });
  await put(`${GROUP_PREFIX}cooks`, { metadata: { name: 'cooks' }, users: ['ann'] });
  assert.deepEqual((await tokens.find(token))?.groups, ['cooks', 'painters', ...ANN.groups]);
  await put(`${GROUP_PREFIX}cooks`, { metadata: { name: 'cooks' }, users: null });
  await store.commit([{ op: 'delete', key: `${GROUP_PREFIX}painters` }]);
  await turn();
  assert.deepEqual((await tokens.find(token))?.groups, ANN.groups);
});
