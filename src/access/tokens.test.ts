import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openMemoryStore } from '../store/memory/memory.ts';
import { type Store, StoreUnavailable } from '../store/store.ts';
import { ACCESS_TOKENS, AccessTokens, accessTokenKey, isAccessToken, newAccessToken } from './tokens.ts';

const ALICE = { user: 'alice', groups: ['developers'], created: '2026-03-01T12:00:00Z' };

interface Counted {
  readonly store: Store;
  reads: number;
}

/** A store that counts its reads. */
function counted(t: TestContext): Counted {
  const store = openMemoryStore();
  t.after(() => store.close());
  const read = store.get.bind(store);
  const it = { store, reads: 0 };
  store.get = (...args) => {
    it.reads++;
    return read(...args);
  };
  return it;
}

function tokensOf(t: TestContext, store: Store, now = () => new Date('2026-03-01T12:00:00Z')): AccessTokens {
  const tokens = new AccessTokens(store, now);
  t.after(() => tokens.close());
  return tokens;
}

test("a token has OpenShift's form, is never twice the same, and is stored as its hash", async (t) => {
  const { store } = counted(t);
  const token = newAccessToken();
  assert.match(token, /^sha256~[A-Za-z0-9_-]{43}$/);
  assert.ok(isAccessToken(token));
  assert.notEqual(newAccessToken(), token);
  await tokensOf(t, store).keep(token, ALICE);
  const { entries } = await store.list('');
  const name = createHash('sha256').update(token.slice(7)).digest('base64url');
  assert.deepEqual(
    entries.map(({ key }) => key),
    [`/accesstokens/${name}`],
  );
  assert.ok(!entries.some(({ key, value }) => (key + value.toString()).includes(token.slice(7))));
});

test('a token is found, and then without the store', async (t) => {
  const counting = counted(t);
  const { store } = counting;
  const tokens = tokensOf(t, store);
  const token = newAccessToken();
  await tokens.keep(token, ALICE);
  const user = { name: 'alice', groups: ['developers', 'system:authenticated'] };
  assert.deepEqual(await tokens.find(token), user);
  const found = tokens.find(token);
  assert.ok(!(found instanceof Promise), 'no waiting');
  assert.deepEqual(found, user);
  assert.equal(counting.reads, 1);
});

test('what is no token, or not one of ours, is nobody', async (t) => {
  const counting = counted(t);
  const tokens = tokensOf(t, counting.store);
  const token = newAccessToken();
  await tokens.keep(token, ALICE);
  for (const text of [
    '',
    'sha256~',
    token.slice(0, -1),
    `${token}A`,
    `${token} `,
    token.slice(7),
    `SHA256~${token.slice(7)}`,
  ]) {
    assert.equal(await tokens.find(text), undefined, text);
  }
  assert.equal(counting.reads, 0, 'refused by its form');
  assert.equal(await tokens.find(newAccessToken()), undefined);
  assert.equal(counting.reads, 1);
});

test('a token that another process revokes is not found any more, nor does it keep its old groups', async (t) => {
  const { store } = counted(t);
  const [here, there] = [tokensOf(t, store), tokensOf(t, store)];
  const token = newAccessToken();
  await here.keep(token, ALICE);
  assert.ok(await here.find(token));
  await there.keep(token, { ...ALICE, groups: [] });
  await setImmediate();
  assert.deepEqual((await here.find(token))?.groups, ['system:authenticated']);
  await there.revoke(token);
  assert.equal(await there.find(token), undefined);
  await setImmediate();
  assert.equal(await here.find(token), undefined);
});

test('a token that is revoked while it is read is not kept in memory', async (t) => {
  const { store } = counted(t);
  const tokens = tokensOf(t, store);
  const token = newAccessToken();
  await tokens.keep(token, ALICE);
  await tokens.find(newAccessToken());
  const read = store.get.bind(store);
  store.get = async (...args) => {
    const entry = await read(...args);
    await store.commit([{ op: 'delete', key: accessTokenKey(token) }]);
    return entry;
  };
  await tokens.find(token);
  store.get = read;
  await setImmediate();
  assert.equal(await tokens.find(token), undefined);
});

test('nothing is answered from memory once the watch has ended', async (t) => {
  const counting = counted(t);
  const { store } = counting;
  const watch = store.watch.bind(store);
  let end: (() => void) | undefined;
  store.watch = (prefix, after, listener) => {
    assert.equal(prefix, ACCESS_TOKENS);
    end = () => listener.ended(new StoreUnavailable('gone'));
    return watch(prefix, after, listener);
  };
  const tokens = tokensOf(t, store);
  const token = newAccessToken();
  await tokens.keep(token, ALICE);
  await tokens.find(token);
  assert.equal(counting.reads, 1);
  end?.();
  assert.ok(await tokens.find(token));
  assert.equal(counting.reads, 2);
  assert.ok(await tokens.find(token));
  assert.equal(counting.reads, 2, 'a new watch was begun');
});

test('a token expires, in memory too', async (t) => {
  const { store } = counted(t);
  let now = new Date('2026-03-01T12:00:00Z');
  const tokens = tokensOf(t, store, () => now);
  const token = newAccessToken();
  await tokens.keep(token, { ...ALICE, expires: '2026-03-01T13:00:00Z' });
  assert.ok(await tokens.find(token));
  now = new Date('2026-03-01T12:59:59Z');
  assert.ok(await tokens.find(token));
  now = new Date('2026-03-01T13:00:00Z');
  assert.equal(await tokens.find(token), undefined);
  assert.equal(await tokensOf(t, store, () => now).find(token), undefined);
});
