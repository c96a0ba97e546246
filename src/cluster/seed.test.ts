import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { makeAuthorizer } from '../access/authorizer.ts';
import { Rbac } from '../access/rbac.ts';
import type { ClusterRole } from '../access/role.ts';
import type { Attributes, User } from '../access/user.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { startAggregation } from './clusterroleaggregation.ts';
import { ensureNamespaces } from './namespaces.ts';
import { clusterRoleBindings, roleBindings } from './rolebindings.ts';
import { clusterRoles } from './roles.ts';
import { restoreSeeds, SEED_VERSION, seedAccess } from './seed.ts';
import { seedHash } from './seedcontent.ts';

async function seeded(): Promise<Context> {
  const ctx = await testContext();
  await ensureNamespaces(ctx, ['kube-system', 'openshift', 'team']);
  await seedAccess(ctx);
  return ctx;
}

async function roleNamed(ctx: Context, name: string): Promise<ClusterRole> {
  const kept = await readKept(ctx.store, clusterRoles, '', name);
  assert.ok(kept, name);
  return parsed(clusterRoles, ctx.settings, kept);
}

const image = (verb: string, resource: string, namespace = 'team'): Attributes => {
  const [name = '', subresource] = resource.split('/');
  return { verb, group: 'image.openshift.io', resource: name, ...(subresource && { subresource }), namespace };
};

test('the version of the seeds is theirs', () => {
  assert.equal(SEED_VERSION, seedHash(), 'what is seeded has changed: set SEED_VERSION in seed.ts to its hash');
});

test('the seeds are valid objects', async () => {
  const ctx = await seeded();
  const { entries } = await ctx.store.list('/rbac/clusterroles/');
  assert.ok(entries.length > 30);
  for (const { key } of entries) {
    const role = await roleNamed(ctx, key.slice('/rbac/clusterroles/'.length));
    const errors = await clusterRoles.kept?.validate(ctx, role, undefined);
    assert.deepEqual(errors?.map(fieldErrorText), [], nameOf(role));
    assert.equal(role.metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true');
  }
});

test('the seeded roles allow what they allow in OpenShift', async () => {
  const ctx = await seeded();
  const rbac = new Rbac(ctx.store);
  const authorizer = makeAuthorizer(rbac);
  const bind = (role: string, name = role) =>
    createObject(ctx, roleBindings, 'team', {
      metadata: { name: `test-${role.replaceAll(':', '-')}` },
      subjects: [{ kind: 'User', name }],
      roleRef: { kind: 'ClusterRole', name: role },
    });
  for (const role of ['admin', 'edit', 'view', 'registry-viewer', 'system:image-puller', 'system:image-pusher']) {
    await bind(role);
  }
  const may = async (user: User, attributes: Attributes): Promise<boolean> =>
    (await authorizer.authorize(user, attributes)).allowed;
  const everybody = ['system:authenticated'];
  const table: readonly (readonly [string, string, string, boolean])[] = [
    ['admin', 'update', 'imagestreams/layers', true],
    ['admin', 'create', 'imagestreamimports', true],
    ['edit', 'delete', 'imagestreamtags', true],
    ['edit', 'update', 'imagestreams/status', false],
    ['edit', 'get', 'imagestreams/status', true],
    // Not from view itself: registry-viewer is aggregated into it.
    ['view', 'get', 'imagestreams/layers', true],
    ['view', 'update', 'imagestreams/layers', false],
    ['view', 'create', 'imagestreams', false],
    ['view', 'list', 'imagestreamtags', true],
    ['registry-viewer', 'watch', 'imagestreams', true],
    ['system:image-puller', 'get', 'imagestreams/layers', true],
    ['system:image-puller', 'get', 'imagestreams', false],
    ['system:image-puller', 'update', 'imagestreams/layers', false],
    ['system:image-pusher', 'update', 'imagestreams/layers', true],
  ];
  for (const [role, verb, resource, allowed] of table) {
    const user = { name: role, groups: everybody };
    assert.equal(await may(user, image(verb, resource)), allowed, `${role} ${verb} ${resource}`);
    assert.equal(await may(user, image(verb, resource, 'default')), false, `${role} elsewhere`);
  }
  const rbacRoles = { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'roles', namespace: 'team' };
  assert.ok(await may({ name: 'admin', groups: everybody }, rbacRoles));
  assert.ok(!(await may({ name: 'edit', groups: everybody }, rbacRoles)));
  assert.ok(
    !(await may({ name: 'view', groups: everybody }, { ...rbacRoles, group: '', resource: 'secrets', verb: 'get' })),
  );
  rbac.close();
});

test('what everybody, nobody and service accounts may do from the beginning', async () => {
  const ctx = await seeded();
  const rbac = new Rbac(ctx.store);
  const authorizer = makeAuthorizer(rbac);
  const may = async (user: User, attributes: Attributes): Promise<boolean> =>
    (await authorizer.authorize(user, attributes)).allowed;
  const everybody = ['system:authenticated'];
  const robot = (namespace: string, name: string) => ({
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, ...everybody],
  });
  assert.ok(await may(robot('team', 'default'), image('get', 'imagestreams/layers')));
  assert.ok(!(await may(robot('default', 'default'), image('get', 'imagestreams/layers'))));
  assert.ok(await may(robot('team', 'builder'), image('update', 'imagestreams/layers')));
  await ensureNamespaces(ctx, ['later']);
  await turn();
  assert.ok(await may(robot('later', 'default'), image('get', 'imagestreams/layers', 'later')));
  assert.ok(await may({ name: 'x', groups: everybody }, image('get', 'imagestreams/layers', 'openshift')));
  assert.ok(!(await may({ name: 'x', groups: everybody }, image('list', 'images', ''))));
  assert.ok(await may({ name: 'x', groups: ['system:cluster-readers'] }, image('list', 'images', '')));

  const anonymous = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  for (const [path, allowed] of [
    ['/healthz', true],
    ['/version', true],
    ['/api', false],
    ['/openapi/v3', false],
  ] as const) {
    assert.equal(await may(anonymous, { verb: 'get', path }), allowed, path);
    assert.ok(await may({ name: 'x', groups: everybody }, { verb: 'get', path }), path);
  }
  rbac.close();
});

test('a store that has its seeds is left alone at the next start', async () => {
  const ctx = await seeded();
  await deleteObject(ctx, clusterRoles, '', 'registry-viewer', {});
  const revision = await ctx.store.revision();
  const reads: string[] = [];
  const counting = Object.assign(Object.create(ctx.store) as Context['store'], {
    get: (key: string) => {
      reads.push(key);
      return ctx.store.get(key);
    },
  });
  await seedAccess({ ...ctx, store: counting });
  assert.equal(await ctx.store.revision(), revision);
  assert.equal(reads.length, 1);
});

test('what is missing is restored; what an administrator added stays, and what is protected is not touched', async () => {
  const ctx = await seeded();
  await deleteObject(ctx, clusterRoles, '', 'registry-viewer', {});
  const extra = { verbs: ['get'], apiGroups: ['x'], resources: ['y'] };
  await updateObject(ctx, clusterRoles, '', 'system:image-puller', (role) => ({ ...role, rules: [extra] }));
  await updateObject(ctx, clusterRoles, '', 'system:image-pusher', (role) => ({
    ...role,
    metadata: { ...role.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    rules: [],
  }));
  const viewer = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'guest' };
  await updateObject(ctx, clusterRoleBindings, '', 'cluster-readers', (old) => ({ ...old, subjects: [viewer] }));
  await deleteObject(ctx, clusterRoleBindings, '', 'basic-users', {});
  await createObject(ctx, clusterRoleBindings, '', {
    metadata: { name: 'basic-users' },
    roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
  });
  await restoreSeeds(ctx);
  await roleNamed(ctx, 'registry-viewer');
  const { rules = [] } = await roleNamed(ctx, 'system:image-puller');
  assert.deepEqual(rules?.[0], extra);
  assert.deepEqual(
    rules?.slice(1).map(({ apiGroups, resources }) => [apiGroups?.[0], resources?.[0]]),
    [
      ['', 'imagestreams/layers'],
      ['image.openshift.io', 'imagestreams/layers'],
    ],
  );
  assert.deepEqual((await roleNamed(ctx, 'system:image-pusher')).rules, []);
  const binding = async (name: string) => {
    const kept = await readKept(ctx.store, clusterRoleBindings, '', name);
    assert.ok(kept);
    return parsed(clusterRoleBindings, ctx.settings, kept);
  };
  assert.deepEqual(
    (await binding('cluster-readers')).subjects?.map(({ name }) => name),
    ['guest', 'system:cluster-readers'],
  );
  assert.equal((await binding('basic-users')).roleRef?.name, 'basic-user');
  const revision = await ctx.store.revision();
  await restoreSeeds(ctx);
  assert.equal(await ctx.store.revision(), revision);
});

test('an aggregated role follows the labels of others', async () => {
  const ctx = await seeded();
  const aggregation = startAggregation(ctx);
  const rule = { verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] };
  const holds = async (name: string): Promise<boolean> => {
    await turn();
    await aggregation.settled();
    return (await roleNamed(ctx, name)).rules?.some(({ apiGroups }) => apiGroups?.includes('example.com')) ?? false;
  };
  assert.equal(await holds('view'), false);
  const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
  await createObject(ctx, clusterRoles, '', { metadata: { name: 'widgets', labels }, rules: [rule] });
  for (const name of ['view', 'edit', 'admin', 'cluster-reader']) assert.equal(await holds(name), true, name);
  await updateObject(ctx, clusterRoles, '', 'view', (role) => ({ ...role, rules: [] }));
  assert.equal(await holds('view'), true);
  await deleteObject(ctx, clusterRoles, '', 'widgets', {});
  for (const name of ['view', 'edit', 'admin']) assert.equal(await holds(name), false, name);
  await aggregation.close();
});

test('roles that aggregate each other end up with the rules of all', async () => {
  const ctx = await testContext();
  const aggregation = startAggregation(ctx);
  const role = (name: string, into: string, from: string): ClusterRole => ({
    metadata: { name, labels: { into } },
    rules: [],
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { into: from } }] },
  });
  await createObject(ctx, clusterRoles, '', role('a', 'b', 'a'));
  await createObject(ctx, clusterRoles, '', role('b', 'a', 'b'));
  const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  await createObject(ctx, clusterRoles, '', { metadata: { name: 'c', labels: { into: 'b' } }, rules: [rule] });
  await turn();
  await aggregation.settled();
  for (const name of ['a', 'b']) assert.deepEqual((await roleNamed(ctx, name)).rules, [rule], name);
  await aggregation.close();
});
