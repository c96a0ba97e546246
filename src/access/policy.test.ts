import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Policy } from './policy.ts';
import {
  CLUSTER_ROLE_BINDING_PREFIX,
  CLUSTER_ROLE_PREFIX,
  type PolicyRule,
  ROLE_BINDING_PREFIX,
  ROLE_PREFIX,
  type RoleRef,
  type Subject,
} from './role.ts';
import type { Attributes, ResourceAttributes, User } from './user.ts';

const value = (object: object): Buffer => Buffer.from(JSON.stringify({ metadata: { resourceVersion: '' }, ...object }));
const roleOf = (...rules: PolicyRule[]): Buffer => value({ rules });
const bindingOf = (kind: 'Role' | 'ClusterRole', name: string, ...subjects: Subject[]): Buffer =>
  value({ subjects, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name } });
const user = (name: string, ...groups: string[]): User => ({ name, groups });
const get = (resource: string, more: Partial<ResourceAttributes> = {}): Attributes => ({
  verb: 'get',
  group: 'image.openshift.io',
  resource,
  namespace: 'a',
  ...more,
});

const READER: PolicyRule = {
  verbs: ['get', 'list'],
  apiGroups: ['', 'image.openshift.io'],
  resources: ['imagestreams'],
};

test('a binding gives its subjects what its role allows, in its namespace or everywhere', () => {
  const policy = new Policy();
  policy.set(`${CLUSTER_ROLE_PREFIX}reader`, roleOf(READER));
  policy.set(`${ROLE_PREFIX}a/local`, roleOf({ ...READER, verbs: ['delete'] }));
  const robot = { kind: 'ServiceAccount', name: 'robot' };
  policy.set(`${ROLE_BINDING_PREFIX}a/one`, bindingOf('ClusterRole', 'reader', { kind: 'User', name: 'u' }, robot));
  policy.set(`${ROLE_BINDING_PREFIX}a/two`, bindingOf('Role', 'local', { kind: 'Group', name: 'g' }));
  policy.set(
    `${CLUSTER_ROLE_BINDING_PREFIX}all`,
    bindingOf('ClusterRole', 'reader', { kind: 'Group', name: 'readers' }, robot, { ...robot, namespace: 'b' }),
  );

  const why = policy.allow(user('u'), get('imagestreams'));
  assert.equal(why, 'RBAC: allowed by RoleBinding "one/a" of ClusterRole "reader" to User "u"');
  assert.equal(policy.allow(user('u'), get('imagestreams', { namespace: 'b' })), undefined);
  assert.equal(policy.allow(user('u', 'g'), get('imagestreams', { verb: 'update' })), undefined);
  assert.equal(
    policy.allow(user('x', 'h', 'g'), get('imagestreams', { verb: 'delete' })),
    'RBAC: allowed by RoleBinding "two/a" of Role "local" to Group "g"',
  );
  assert.equal(
    policy.allow(user('system:serviceaccount:a:robot'), get('imagestreams')),
    'RBAC: allowed by RoleBinding "one/a" of ClusterRole "reader" to ServiceAccount "robot/a"',
  );
  const { namespace: _, ...everywhere } = { ...get('imagestreams') } as ResourceAttributes;
  assert.equal(
    policy.allow(user('x', 'readers'), everywhere),
    'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "reader" to Group "readers"',
  );
  // A service account without a namespace is nobody in the whole cluster.
  assert.equal(policy.allow(user('system:serviceaccount::robot'), everywhere), undefined);
  assert.ok(policy.allow(user('system:serviceaccount:b:robot'), everywhere));
  assert.deepEqual(policy.permittedTo(get('imagestreams')), {
    users: ['system:serviceaccount:b:robot', 'u', 'system:serviceaccount:a:robot'],
    groups: ['readers'],
  });
});

test('of several bindings always the same one is named', () => {
  const bind = (...names: string[]): string | undefined => {
    const policy = new Policy();
    policy.set(`${CLUSTER_ROLE_PREFIX}reader`, roleOf(READER));
    for (const name of names) {
      policy.set(
        `${CLUSTER_ROLE_BINDING_PREFIX}${name}`,
        bindingOf('ClusterRole', 'reader', { kind: 'User', name: 'u' }),
      );
    }
    return policy.allow(user('u'), get('imagestreams'));
  };
  const named = (name: string): string =>
    `RBAC: allowed by ClusterRoleBinding "${name}" of ClusterRole "reader" to User "u"`;
  for (const names of [
    ['b', 'a', 'c'],
    ['c', 'b', 'a'],
  ])
    assert.equal(bind(...names), named('a'));
  assert.equal(bind('a', 'system:y', 'z', 'system:x'), named('system:x'));
});

test('changes of roles and bindings count from then on, in whatever order they come', () => {
  const policy = new Policy();
  const key = `${ROLE_BINDING_PREFIX}a/one`;
  policy.set(key, bindingOf('Role', 'late', { kind: 'User', name: 'u' }));
  assert.equal(policy.allow(user('u'), get('imagestreams')), undefined);
  assert.equal(
    policy.obstacle(user('u'), get('imagestreams')),
    'RBAC: role.rbac.authorization.k8s.io "late" not found',
  );
  assert.equal(policy.obstacle(user('v'), get('imagestreams')), '');
  policy.set(`${ROLE_PREFIX}a/late`, roleOf(READER));
  assert.ok(policy.allow(user('u'), get('imagestreams')));
  assert.deepEqual(policy.rulesFor(user('u'), 'a'), { rules: [READER], obstacle: '' });
  policy.set(key, bindingOf('Role', 'late', { kind: 'User', name: 'v' }));
  assert.equal(policy.allow(user('u'), get('imagestreams')), undefined);
  assert.ok(policy.allow(user('v'), get('imagestreams')));
  policy.set(`${ROLE_PREFIX}a/late`, undefined);
  assert.equal(policy.allow(user('v'), get('imagestreams')), undefined);
  assert.notEqual(policy.obstacle(user('v'), get('imagestreams')), '');
  policy.set(key, undefined);
  assert.equal(policy.obstacle(user('v'), get('imagestreams')), '');
  assert.deepEqual(policy.rulesFor(user('v'), 'a'), { rules: [], obstacle: '' });
});

test('rules: names, subresources in either form, wildcards, paths', () => {
  const allows = (rule: PolicyRule, attributes: Attributes): boolean => {
    const policy = new Policy();
    policy.set(`${CLUSTER_ROLE_PREFIX}r`, roleOf(rule));
    policy.set(`${CLUSTER_ROLE_BINDING_PREFIX}b`, bindingOf('ClusterRole', 'r', { kind: 'User', name: 'u' }));
    return policy.allow(user('u'), attributes) !== undefined;
  };
  const layers = { ...READER, resources: ['imagestreams/layers'] };
  assert.ok(allows(layers, get('imagestreams/layers')));
  assert.ok(allows(layers, get('imagestreams', { subresource: 'layers' })));
  assert.ok(!allows(layers, get('imagestreams')));
  assert.ok(!allows(READER, get('imagestreams', { subresource: 'layers' })));
  assert.ok(allows({ ...READER, resources: ['*/layers'] }, get('imagestreams', { subresource: 'layers' })));
  assert.ok(!allows({ ...READER, resources: ['*/layers'] }, get('layers')));
  assert.ok(allows({ ...READER, resources: ['*'] }, get('imagestreams/layers')));
  const named = { ...READER, resourceNames: ['one', 'two'] };
  assert.ok(allows(named, get('imagestreams', { name: 'two' })));
  assert.ok(!allows(named, get('imagestreams', { name: 'three' })));
  assert.ok(!allows(named, get('imagestreams', { verb: 'list' })));
  assert.ok(allows({ ...READER, verbs: ['*'], apiGroups: ['*'] }, get('imagestreams', { verb: 'odd', group: 'x' })));
  assert.ok(!allows(READER, get('imagestreams', { verb: '*' })));
  const paths = { verbs: ['get'], nonResourceURLs: ['/healthz', '/debug/*'] };
  for (const [path, allowed] of [
    ['/healthz', true],
    ['/healthz/x', false],
    ['/debug/pprof', true],
    ['/debug/', true],
    ['/debug', false],
  ] as const) {
    assert.equal(allows(paths, { verb: 'get', path }), allowed, path);
  }
  assert.ok(!allows(paths, { verb: 'post', path: '/healthz' }));
  assert.ok(!allows({ ...READER, resources: ['*'], apiGroups: ['*'] }, { verb: 'get', path: '/healthz' }));
});

/** The same, as RBAC's documentation says it, with nothing compiled. */
function naive(rules: readonly PolicyRule[], asked: Attributes): boolean {
  const has = (words: readonly string[] | null | undefined, word: string): boolean =>
    words?.some((one) => one === '*' || one === word) ?? false;
  return rules.some(({ verbs, apiGroups, resources = [], resourceNames = [] }) => {
    if ('path' in asked || !has(verbs, asked.verb) || !has(apiGroups, asked.group)) return false;
    if (resourceNames.length > 0 && !resourceNames.includes(asked.name ?? '')) return false;
    const { resource, subresource } = asked;
    const full = subresource ? `${resource}/${subresource}` : resource;
    return resources.some((one) => one === '*' || one === full || (subresource && one === `*/${subresource}`));
  });
}

test('compiled rules decide as the plain ones, after any sequence of changes', () => {
  const word = (...words: string[]) => fc.constantFrom(...words);
  const some = (...words: string[]) => fc.subarray(words, { minLength: 1 });
  const rule: fc.Arbitrary<PolicyRule> = fc.record({
    verbs: some('get', 'list', '*'),
    apiGroups: some('', 'g', '*'),
    resources: some('r', 's', 'r/x', '*/x', '*'),
    resourceNames: fc.subarray(['n', 'm']),
  });
  const subject = fc.record({ kind: word('User', 'Group'), name: word('u', 'v') });
  const ref: fc.Arbitrary<RoleRef> = fc.record({ kind: word('Role', 'ClusterRole'), name: word('one', 'two') });
  const change = fc.oneof(
    fc.record({
      key: word(`${ROLE_PREFIX}a/one`, `${ROLE_PREFIX}a/two`, `${CLUSTER_ROLE_PREFIX}one`, `${CLUSTER_ROLE_PREFIX}two`),
      object: fc.option(fc.record({ rules: fc.array(rule, { maxLength: 3 }) })),
    }),
    fc.record({
      key: word(`${ROLE_BINDING_PREFIX}a/x`, `${ROLE_BINDING_PREFIX}b/x`, `${ROLE_BINDING_PREFIX}a/y`),
      object: fc.option(fc.record({ subjects: fc.array(subject, { maxLength: 3 }), roleRef: ref })),
    }),
    fc.record({
      key: word(`${CLUSTER_ROLE_BINDING_PREFIX}x`),
      object: fc.option(
        fc.record({
          subjects: fc.array(subject, { maxLength: 2 }),
          roleRef: fc.record({ kind: fc.constant('ClusterRole'), name: word('one', 'two') }),
        }),
      ),
    }),
  );
  const question = fc.record({
    verb: word('get', 'delete'),
    group: word('', 'g', 'h'),
    resource: word('r', 's'),
    subresource: word('', 'x', 'y'),
    namespace: word('a', 'b', ''),
    name: word('', 'n', 'o'),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.array(question, { maxLength: 8 }), (changes, questions) => {
      const policy = new Policy();
      const kept = new Map<string, object>();
      for (const { key, object } of changes) {
        policy.set(key, object ? value(object) : undefined);
        if (object) kept.set(key, object);
        else kept.delete(key);
      }
      for (const asked of questions) {
        const scopes = [
          CLUSTER_ROLE_BINDING_PREFIX,
          ...(asked.namespace ? [`${ROLE_BINDING_PREFIX}${asked.namespace}/`] : []),
        ];
        const held = [...kept].flatMap(([key, object]) => {
          const binding = object as { subjects?: Subject[]; roleRef?: RoleRef };
          if (!scopes.some((scope) => key.startsWith(scope))) return [];
          if (!binding.subjects?.some((one) => one.name === 'u')) return [];
          const { kind, name } = binding.roleRef ?? {};
          const home = kind === 'ClusterRole' ? CLUSTER_ROLE_PREFIX : `${ROLE_PREFIX}${asked.namespace}/`;
          return (kept.get(`${home}${name}`) as { rules?: PolicyRule[] } | undefined)?.rules ?? [];
        });
        assert.equal(policy.allow(user('u', 'u'), asked) !== undefined, naive(held, asked));
        const { users, groups } = policy.permittedTo(asked);
        assert.equal(users.includes('u') || groups.includes('u'), naive(held, asked));
      }
    }),
  );
});
