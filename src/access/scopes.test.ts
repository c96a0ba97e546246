import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAuthorizer } from './authorizer.ts';
import type { PolicyRule } from './role.ts';
import { SCOPES, scopeProblem } from './scopes.ts';
import type { Attributes, User } from './user.ts';

const EDIT: readonly PolicyRule[] = [
  { verbs: ['get', 'create'], apiGroups: [''], resources: ['configmaps', 'secrets'] },
  { verbs: ['*'], apiGroups: ['apps'], resources: ['deployments'] },
  {
    verbs: ['update'],
    apiGroups: ['', 'image.openshift.io'],
    resources: ['imagestreams/layers', 'imagestreams/secrets'],
  },
];

/** Everybody may do everything that the scopes leave. */
const authorizer = makeAuthorizer({
  allow: () => 'yes',
  clusterRole: (name) => (name === 'edit' || name === 'team:edit' ? EDIT : undefined),
});

async function allowed(scopes: readonly string[], attributes: Attributes, groups: string[] = []): Promise<boolean> {
  const user: User = { name: 'ann', groups, extra: { [SCOPES]: scopes } };
  return (await authorizer.authorize(user, attributes)).allowed;
}

const SELF = { verb: 'get', group: 'user.openshift.io', resource: 'users', name: '~' };
const maps = (verb: string, namespace: string) => ({ verb, group: '', resource: 'configmaps', namespace });

test('user:full is no limit, and neither is a token without scopes', async () => {
  assert.ok(await allowed(['user:full'], maps('delete', 'a')));
  assert.ok(await allowed([], maps('delete', 'a')));
  assert.ok(await allowed(['user:info', 'user:full'], { verb: 'post', path: '/anything' }));
});

test('user:info shows oneself, and nothing else', async () => {
  assert.ok(await allowed(['user:info'], SELF));
  assert.ok(!(await allowed(['user:info'], { ...SELF, name: 'bob' })));
  assert.ok(!(await allowed(['user:info'], maps('get', 'a'))));
  assert.ok(await allowed(['user:info'], { verb: 'get', path: '/apis/apps/v1' }), 'discovery is always there');
  assert.ok(!(await allowed(['user:info'], { verb: 'get', path: '/metrics' })));
});

test('user:check-access and the lists of projects are what they say', async () => {
  const review = { verb: 'create', group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' };
  assert.ok(await allowed(['user:check-access'], review));
  assert.ok(!(await allowed(['user:check-access'], { ...review, resource: 'subjectaccessreviews' })));
  const projects = { verb: 'list', group: 'project.openshift.io', resource: 'projects' };
  const namespace = { verb: 'get', group: '', resource: 'namespaces', namespace: 'a', name: 'a' };
  assert.ok(await allowed(['user:list-projects'], projects));
  assert.ok(await allowed(['user:list-projects'], namespace));
  assert.ok(await allowed(['user:list-scoped-projects'], projects));
  assert.ok(!(await allowed(['user:list-scoped-projects'], namespace)));
});

test('role: is what a role allows in a namespace, without what gives more rights', async () => {
  const scope = ['role:edit:a'];
  assert.ok(await allowed(scope, maps('create', 'a')));
  assert.ok(!(await allowed(scope, maps('delete', 'a'))), 'not in the role');
  assert.ok(!(await allowed(scope, maps('create', 'b'))), 'another namespace');
  assert.ok(await allowed(['role:edit:*'], maps('create', 'b')));
  assert.ok(!(await allowed(scope, { ...maps('get', 'a'), resource: 'secrets' })), 'secrets escalate');
  assert.ok(await allowed(['role:edit:a:!'], { ...maps('get', 'a'), resource: 'secrets' }));
  const layers = { verb: 'update', group: 'image.openshift.io', resource: 'imagestreams', namespace: 'a' };
  assert.ok(await allowed(scope, { ...layers, subresource: 'layers' }));
  assert.ok(!(await allowed(scope, { ...layers, subresource: 'secrets' })));
  const deployment = { verb: 'get', group: 'apps', resource: 'deployments', namespace: 'a' };
  assert.ok(!(await allowed(scope, deployment)), 'rules with * count only with :!');
  assert.ok(await allowed(['role:edit:a:!'], deployment));
  assert.ok(await allowed(['role:team:edit:a'], maps('create', 'a')), 'names of roles may hold colons');
  assert.ok(!(await allowed(['role:gone:a'], maps('create', 'a'))));
});

test('scopes bind masters too, and the refusal names them', async () => {
  const user: User = { name: 'root', groups: ['system:masters'], extra: { [SCOPES]: ['user:info', 'role:edit:a'] } };
  const decision = await authorizer.authorize(user, maps('delete', 'a'));
  assert.deepEqual(decision, { allowed: false, reason: 'scopes [user:info role:edit:a] prevent this action' });
});

test('rules that are listed are what rules and scopes both allow', async () => {
  const rules: PolicyRule[] = [
    { verbs: ['get', 'list', 'create'], apiGroups: [''], resources: ['configmaps', 'secrets'] },
  ];
  const limited = makeAuthorizer({
    allow: () => undefined,
    rulesFor: () => ({ rules, obstacle: '' }),
    clusterRole: () => EDIT,
  });
  const rulesOf = async (groups: string[], ...scopes: string[]) => {
    const held = await limited.rulesFor?.({ name: 'ann', groups, extra: { [SCOPES]: scopes } }, 'a');
    return held?.rules;
  };
  assert.deepEqual(await rulesOf([], 'user:full'), rules);
  assert.deepEqual(await rulesOf([], 'role:edit:a'), [
    { verbs: ['get', 'create'], apiGroups: [''], resources: ['configmaps'] },
  ]);
  assert.deepEqual(await rulesOf([], 'role:edit:b'), []);
  const master = await rulesOf(['system:masters'], 'user:info');
  assert.ok(master?.some(({ resources, resourceNames }) => resources?.[0] === 'users' && resourceNames?.[0] === '~'));
  assert.ok(!master?.some(({ resources }) => resources?.includes('*')));
});

test('only what is a scope is accepted as one', () => {
  for (const scope of ['user:full', 'user:info', 'role:edit:a', 'role:a:b:c', 'role:edit:*:!']) {
    assert.equal(scopeProblem(scope), undefined, scope);
  }
  assert.equal(scopeProblem('user:all'), 'no scope handler found');
  assert.equal(scopeProblem('role:edit'), 'bad format for scope role:edit');
  assert.equal(scopeProblem('role:edit:'), 'bad format for scope role:edit:');
  assert.equal(scopeProblem('a "quoted" one'), '32 not allowed');
});
