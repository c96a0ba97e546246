import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { makeAuthorizer } from '../access/authorizer.ts';
import { Rbac } from '../access/rbac.ts';
import { type PolicyRule, RBAC_GROUP, type RoleBinding, type Subject } from '../access/role.ts';
import type { Context } from '../objects/context.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { clusterRoleBindings, roleBindings } from './rolebindings.ts';
import { clusterRoles, roles } from './roles.ts';

const READ_PODS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };

/** What is wrong, with the paths; creates nothing. */
async function errorsOf<T extends KubeObject>(resource: Resource<T>, object: T): Promise<string[]> {
  const ctx = { ...(await testContext()), dryRun: true };
  try {
    await createObject(ctx, resource, resource.namespaced ? 'default' : '', object);
    return [];
  } catch (error) {
    if (error instanceof DomainError && error.problem.reason === 'Invalid') {
      return error.problem.causes.map(fieldErrorText);
    }
    throw error;
  }
}

const named = <T extends object>(object: T): T & { metadata: { name: string } } => ({
  metadata: { name: 'x' },
  ...object,
});

test('rules of roles must say what is allowed on what', async () => {
  const role = (rule: PolicyRule) => errorsOf(roles, named({ rules: [rule] }));
  assert.deepEqual(await role(READ_PODS), []);
  assert.deepEqual(await role({ ...READ_PODS, verbs: [] }), ['rules[0].verbs: Required value']);
  assert.deepEqual(await role({ ...READ_PODS, apiGroups: [], resources: [] }), [
    'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    'rules[0].resources: Required value: resource rules must supply at least one resource',
  ]);
  assert.deepEqual(await role({ ...READ_PODS, nonResourceURLs: ['/x'] }), [
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
  ]);
  assert.deepEqual(await errorsOf(clusterRoles, named({ rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] })), []);
  assert.deepEqual(await errorsOf(clusterRoles, named({ rules: [], aggregationRule: {} })), [
    'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
  ]);
  const selectors = [{ matchExpressions: [{ key: 'a', operator: 'Odd' }] }];
  assert.deepEqual(await errorsOf(clusterRoles, named({ aggregationRule: { clusterRoleSelectors: selectors } })), [
    'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator',
    'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
  ]);
});

test('bindings name a role and subjects that can be', async () => {
  const roleRef = { kind: 'ClusterRole', name: 'view' };
  const binding = (subject: Subject) => errorsOf(roleBindings, named({ roleRef, subjects: [subject] }));
  assert.deepEqual(await binding({ kind: 'ServiceAccount', name: 'robot' }), []);
  assert.deepEqual(await binding({ kind: 'Robot', name: 'x' }), [
    'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
  ]);
  assert.deepEqual(await binding({ kind: 'ServiceAccount', apiGroup: RBAC_GROUP, name: 'x' }), [
    `subjects[0].apiGroup: Unsupported value: "${RBAC_GROUP}": supported values: ""`,
  ]);
  const inCluster = (more: Partial<RoleBinding>) => errorsOf(clusterRoleBindings, named({ roleRef, ...more }));
  assert.deepEqual(await inCluster({ subjects: [{ kind: 'ServiceAccount', name: 'x' }] }), [
    'subjects[0].namespace: Required value',
  ]);
  assert.deepEqual(await inCluster({ roleRef: { kind: 'Role', name: 'a/b' } }), [
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    `roleRef.name: Invalid value: "a/b": may not contain '/'`,
  ]);
});

test('what a binding leaves out of API groups is filled in; its role cannot be changed', async () => {
  const ctx = await testContext();
  const subjects = [
    { kind: 'User', name: 'u' },
    { kind: 'ServiceAccount', name: 'r', namespace: 'n' },
  ];
  const made = await createObject(
    ctx,
    roleBindings,
    'default',
    named({ subjects, roleRef: { kind: 'Role', name: 'r' } }),
  );
  assert.deepEqual(made.object.subjects, [{ kind: 'User', apiGroup: RBAC_GROUP, name: 'u' }, subjects[1]]);
  assert.deepEqual(made.object.roleRef, { apiGroup: RBAC_GROUP, kind: 'Role', name: 'r' });
  const change = (old: RoleBinding): RoleBinding => ({ ...old, roleRef: { kind: 'Role', name: 'other' } });
  await assert.rejects(updateObject(ctx, roleBindings, 'default', 'x', change), (error) => {
    assert.ok(error instanceof DomainError && error.problem.reason === 'Invalid');
    assert.deepEqual(
      error.problem.causes.map(({ field, detail }) => [field, detail]),
      [['roleRef', 'field is immutable']],
    );
    return true;
  });
});

/** A server where `bob` may write roles and bindings of the namespace default, read pods there, and no more. */
async function limited(...more: PolicyRule[]): Promise<{ admin: Context; bob: Context; rbac: Rbac }> {
  const admin = await testContext();
  const rbac = new Rbac(admin.store);
  const write = { verbs: ['*'], apiGroups: [RBAC_GROUP], resources: ['roles', 'rolebindings'] };
  await createObject(admin, roles, 'default', named({ metadata: { name: 'bob' }, rules: [write, READ_PODS, ...more] }));
  // Verbs * would hold escalate and bind.
  write.verbs = ['create', 'update'];
  await updateObject(admin, roles, 'default', 'bob', (old) => ({ ...old, rules: [write, READ_PODS, ...more] }));
  await createObject(admin, roleBindings, 'default', {
    metadata: { name: 'bob' },
    subjects: [{ kind: 'User', name: 'bob' }],
    roleRef: { kind: 'Role', name: 'bob' },
  });
  const user = { name: 'bob', groups: ['system:authenticated'] };
  return { admin, rbac, bob: { ...admin, user, authorizer: makeAuthorizer(rbac) } };
}

const refusedWith = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof DomainError && error.problem.reason === 'Forbidden', String(error));
  assert.match(error.message, words);
  return true;
};

test('nobody writes a role that holds more than they do, unless they may escalate', async () => {
  const { admin, bob, rbac } = await limited();
  const role = (name: string, rule: PolicyRule) => ({ metadata: { name }, rules: [rule] });
  await createObject(bob, roles, 'default', role('fine', READ_PODS));
  const more = { ...READ_PODS, verbs: ['get', 'delete'] };
  await assert.rejects(
    createObject(bob, roles, 'default', role('more', more)),
    refusedWith(
      /^user "bob" \(groups=\["system:authenticated"\]\) is .*:\n\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["delete"\]\}$/,
    ),
  );
  // Even a label of a role that holds more is not theirs to change.
  await createObject(admin, roles, 'default', role('more', more));
  const label = (old: KubeObject) => ({ ...old, metadata: { ...old.metadata, labels: { a: 'b' } } });
  await assert.rejects(updateObject(bob, roles, 'default', 'more', label), refusedWith(/not currently held/));
  const release = (old: KubeObject) => ({ ...old, metadata: { ...old.metadata, finalizers: ['example.com/x'] } });
  await updateObject(bob, roles, 'default', 'more', release);
  await assert.rejects(
    createObject(bob, clusterRoles, '', {
      metadata: { name: 'all' },
      rules: [],
      aggregationRule: { clusterRoleSelectors: [{}] },
    }),
    refusedWith(/APIGroups:\["\*"\]/),
  );
  rbac.close();
  const escalating = await limited({ verbs: ['escalate'], apiGroups: [RBAC_GROUP], resources: ['roles'] });
  await createObject(escalating.bob, roles, 'default', role('more', more));
  escalating.rbac.close();
});

test('nobody binds a role that holds more than they do, unless they may bind it', async () => {
  const { admin, bob, rbac } = await limited({
    verbs: ['bind'],
    apiGroups: [RBAC_GROUP],
    resources: ['clusterroles'],
    resourceNames: ['given'],
  });
  const rules = [{ ...READ_PODS, verbs: ['delete'] }];
  for (const name of ['given', 'strong']) await createObject(admin, clusterRoles, '', { metadata: { name }, rules });
  await createObject(admin, clusterRoles, '', { metadata: { name: 'weak' }, rules: [READ_PODS] });
  const bind = (name: string) =>
    createObject(bob, roleBindings, 'default', { metadata: { name }, roleRef: { kind: 'ClusterRole', name } });
  await bind('weak');
  await bind('given');
  await assert.rejects(bind('strong'), refusedWith(/Verbs:\["delete"\]/));
  await assert.rejects(bind('missing'), (error) => isProblem(error, 'NotFound'));
  await createObject(admin, roleBindings, 'default', {
    metadata: { name: 'missing' },
    roleRef: { kind: 'ClusterRole', name: 'missing' },
  });
  rbac.close();
});

test('tables show who holds which role', () => {
  const binding: RoleBinding = {
    metadata: { name: 'b', creationTimestamp: '2026-01-01T00:00:00Z' },
    subjects: [
      { kind: 'User', name: 'u' },
      { kind: 'User', name: 'v' },
      { kind: 'Group', name: 'g' },
      { kind: 'ServiceAccount', name: 's', namespace: 'n' },
    ],
    roleRef: { kind: 'ClusterRole', name: 'view' },
  };
  assert.deepEqual(
    roleBindings.table.columns.map(({ name }) => name),
    ['Name', 'Role', 'Age', 'Users', 'Groups', 'ServiceAccounts'],
  );
  assert.deepEqual(roleBindings.table.cells(binding, new Date('2026-01-01T01:00:00Z')), [
    'b',
    'ClusterRole/view',
    '60m',
    'u, v',
    'g',
    'n/s',
  ]);
  assert.deepEqual(
    roles.table.cells({ metadata: { name: 'r', creationTimestamp: '2026-01-01T00:00:00Z' } }, new Date()),
    ['r', '2026-01-01T00:00:00Z'],
  );
});
