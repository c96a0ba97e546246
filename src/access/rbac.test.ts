import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openMemoryStore } from '../store/memory/memory.ts';
import { type Store, StoreUnavailable, type WatchListener } from '../store/store.ts';
import { makeAuthorizer } from './authorizer.ts';
import { Rbac } from './rbac.ts';
import { CLUSTER_ROLE_BINDING_PREFIX, CLUSTER_ROLE_PREFIX, ROLE_BINDING_PREFIX } from './role.ts';

const BOB = { name: 'bob', groups: ['system:authenticated'] };
const GET = { verb: 'get', group: '', resource: 'things', namespace: 'a' };
const ROLE = { metadata: { resourceVersion: '' }, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['things'] }] };
const BINDING = {
  metadata: { resourceVersion: '' },
  subjects: [{ kind: 'User', name: 'bob' }],
  roleRef: { kind: 'ClusterRole', name: 'r' },
};

function put(store: Store, key: string, object: object): Promise<number> {
  return store.commit([{ op: 'put', key, value: Buffer.from(JSON.stringify(object)) }]);
}

test('what the store holds counts at once, and is answered without waiting', async () => {
  const store = openMemoryStore();
  await put(store, `${CLUSTER_ROLE_PREFIX}r`, ROLE);
  const rbac = new Rbac(store);
  const authorizer = makeAuthorizer(rbac);
  assert.deepEqual(await authorizer.authorize(BOB, GET), { allowed: false, reason: '' });
  // The watch catches up first; from then on it is told of commits as they are made.
  await turn();
  await put(store, `${ROLE_BINDING_PREFIX}a/b`, BINDING);
  const decision = authorizer.authorize(BOB, GET);
  assert.ok(!(decision instanceof Promise));
  assert.equal(decision.reason, 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to User "bob"');
  assert.deepEqual(await authorizer.permittedTo?.(GET), { users: ['bob'], groups: ['system:masters'] });
  assert.deepEqual((await authorizer.rulesFor?.(BOB, 'a'))?.rules, ROLE.rules);
  await store.commit([{ op: 'delete', key: `${CLUSTER_ROLE_PREFIX}r` }]);
  assert.deepEqual(await authorizer.authorize(BOB, GET), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
  });
  rbac.close();
  await store.close();
});

test('more roles and bindings than one page are read', async () => {
  const store = openMemoryStore();
  for (let at = 0; at < 600; at++)
    await put(store, `${CLUSTER_ROLE_BINDING_PREFIX}b${at}`, { ...BINDING, subjects: [] });
  await put(store, `${CLUSTER_ROLE_PREFIX}r`, ROLE);
  await put(store, `${ROLE_BINDING_PREFIX}a/b`, BINDING);
  const rbac = new Rbac(store);
  assert.ok(await rbac.allow(BOB, GET));
  rbac.close();
  await store.close();
});

test('when the store ends the watch nothing old is answered; everything is read again', async () => {
  const store = openMemoryStore();
  await put(store, `${CLUSTER_ROLE_PREFIX}r`, ROLE);
  await put(store, `${ROLE_BINDING_PREFIX}a/b`, BINDING);
  const listeners: WatchListener[] = [];
  let away = false;
  const fragile: Store = Object.assign(Object.create(store) as Store, {
    watch: (prefix: string, after: number, listener: WatchListener) => {
      listeners.push(listener);
      return store.watch(prefix, after, { batch: () => undefined, ended: () => undefined });
    },
    list: (...args: Parameters<Store['list']>) => {
      if (away) throw new StoreUnavailable('the store is away');
      return store.list(...args);
    },
  });
  const rbac = new Rbac(fragile);
  assert.ok(await rbac.allow(BOB, GET));
  await store.commit([{ op: 'delete', key: `${ROLE_BINDING_PREFIX}a/b` }]);
  away = true;
  listeners[0]?.ended(new StoreUnavailable('gone'));
  await assert.rejects(async () => rbac.allow(BOB, GET), StoreUnavailable);
  away = false;
  assert.equal(await rbac.allow(BOB, GET), undefined);
  assert.equal(listeners.length, 2);
  rbac.close();
  await store.close();
});
