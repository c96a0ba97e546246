import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { makeAuthorizer } from '../access/authorizer.ts';
import { Rbac } from '../access/rbac.ts';
import type { Context } from '../objects/context.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { createObject } from '../objects/writes.ts';
import { openshiftAccessReviews } from './accessreviews.openshift.ts';
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from './accessreviews.ts';
import { roleBindings } from './rolebindings.ts';
import { clusterRoles, roles } from './roles.ts';
import { selfSubjectReviews } from './selfsubjectreviews.ts';
import { users } from './users.ts';

/** A server where `ann` may read streams of the namespace default and ask what others may do there. */
async function setUp(): Promise<{ ann: Context; admin: Context; rbac: Rbac }> {
  const plain = await testContext();
  const rules = [
    { verbs: ['get', 'list'], apiGroups: ['image.openshift.io'], resources: ['imagestreams', 'imagestreams/layers'] },
    {
      verbs: ['create'],
      apiGroups: [''],
      resources: ['localsubjectaccessreviews', 'localresourceaccessreviews'],
    },
  ];
  await createObject(plain, roles, 'default', { metadata: { name: 'ann' }, rules });
  await createObject(plain, roleBindings, 'default', {
    metadata: { name: 'ann' },
    subjects: [
      { kind: 'User', name: 'ann' },
      { kind: 'Group', name: 'painters' },
    ],
    roleRef: { kind: 'Role', name: 'ann' },
  });
  const rbac = new Rbac(plain.store);
  const authorizer = makeAuthorizer(rbac);
  // The first question reads everything; the watch that is begun then is behind for a moment.
  await authorizer.authorize({ name: 'x', groups: [] }, { verb: 'get', path: '/' });
  await turn();
  const ann = { name: 'ann', groups: ['b', 'a'], uid: '7', extra: { k: ['v'] } };
  return { rbac, admin: { ...plain, authorizer }, ann: { ...plain, authorizer, user: ann } };
}

async function ask<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  body: object,
  namespace = '',
): Promise<KubeObject> {
  const made = await resource.computed?.create?.(ctx, namespace, { metadata: {}, ...body } as T);
  assert.ok(made && 'metadata' in made);
  return made;
}

const statusOf = (made: KubeObject): unknown => ('status' in made ? made.status : undefined);
const about = (verb: string, namespace = 'default', more: object = {}) => ({
  resourceAttributes: { verb, group: 'image.openshift.io', resource: 'imagestreams', namespace, ...more },
});
const ALLOWED = {
  allowed: true,
  reason: 'RBAC: allowed by RoleBinding "ann/default" of Role "ann" to User "ann"',
};

test('reviews say whether somebody may do something, and why', async () => {
  const { ann, admin, rbac } = await setUp();
  const self = async (spec: object) => statusOf(await ask(ann, selfSubjectAccessReviews, { spec }));
  assert.deepEqual(await self(about('get')), ALLOWED);
  assert.deepEqual(await self(about('get', 'default', { subresource: 'layers' })), ALLOWED);
  assert.deepEqual(await self(about('delete')), { allowed: false });
  assert.deepEqual(await self(about('get', 'other')), { allowed: false });
  assert.deepEqual(await self({ nonResourceAttributes: { path: '/x', verb: 'get' } }), { allowed: false });
  const other = async (spec: object) => statusOf(await ask(admin, subjectAccessReviews, { spec }));
  assert.deepEqual(await other({ ...about('list'), user: 'ann' }), ALLOWED);
  assert.deepEqual(await other({ ...about('list'), user: 'bob' }), { allowed: false });
  assert.deepEqual(await other({ ...about('list'), groups: ['system:masters'] }), { allowed: true });
  const local = await ask(admin, localSubjectAccessReviews, { spec: { ...about('list'), user: 'ann' } }, 'default');
  assert.deepEqual(statusOf(local), ALLOWED);
  rbac.close();
});

test('a question that cannot be answered is refused with its field', async () => {
  const { admin, rbac } = await setUp();
  const errors = async (resource: Resource, body: object): Promise<string[]> => {
    try {
      await ask(admin, resource, body, 'default');
      return [];
    } catch (error) {
      assert.ok(error instanceof DomainError && error.problem.reason === 'Invalid');
      return error.problem.causes.map((cause) => fieldErrorText(cause));
    }
  };
  const path = { nonResourceAttributes: { path: '/x', verb: 'get' } };
  const either = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  assert.deepEqual(await errors(selfSubjectAccessReviews, { spec: {} }), [`spec: Invalid value: null: ${either}`]);
  assert.deepEqual(await errors(selfSubjectAccessReviews, { spec: { ...about('get'), ...path } }), [
    `spec: Invalid value: {"path":"/x","verb":"get"}: ${either}`,
  ]);
  assert.deepEqual(await errors(subjectAccessReviews, { spec: about('get') }), [
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ]);
  assert.deepEqual(
    await errors(subjectAccessReviews, { metadata: { name: 'x' }, spec: { ...about('get'), user: 'u' } }),
    ['metadata: Invalid value: {"name":"x"}: must be empty'],
  );
  assert.deepEqual(await errors(localSubjectAccessReviews, { spec: { ...about('get', 'other'), user: 'u' } }), [
    'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
  ]);
  assert.deepEqual(await errors(localSubjectAccessReviews, { spec: { ...path, user: 'u' } }), [
    'spec.nonResourceAttributes: Invalid value: {"path":"/x","verb":"get"}: disallowed on this kind of request',
  ]);
  const selector = { fieldSelector: { rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'Exists' }] } };
  assert.deepEqual(await errors(selfSubjectAccessReviews, { spec: about('list', 'default', selector) }), [
    'spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
  ]);
  assert.deepEqual(await errors(selfSubjectAccessReviews, { spec: about('list', 'default', { labelSelector: {} }) }), [
    'spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required',
  ]);
  await assert.rejects(ask(admin, selfSubjectRulesReviews, { spec: {} }), (error) => isProblem(error, 'BadRequest'));
  rbac.close();
});

test('a rules review lists what the caller may do, and what could not be looked at', async () => {
  const { ann, admin, rbac } = await setUp();
  await createObject(admin, clusterRoles, '', {
    metadata: { name: 'paths' },
    rules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
  });
  for (const name of ['paths', 'gone']) {
    await createObject(admin, roleBindings, 'default', {
      metadata: { name },
      subjects: [{ kind: 'Group', name: 'a' }],
      roleRef: { kind: 'ClusterRole', name },
    });
  }
  const status = statusOf(await ask(ann, selfSubjectRulesReviews, { spec: { namespace: 'default' } }));
  assert.deepEqual(JSON.parse(JSON.stringify(status)), {
    resourceRules: [
      { verbs: ['get', 'list'], apiGroups: ['image.openshift.io'], resources: ['imagestreams', 'imagestreams/layers'] },
      { verbs: ['create'], apiGroups: [''], resources: ['localsubjectaccessreviews', 'localresourceaccessreviews'] },
    ],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
    incomplete: false,
    evaluationError: 'clusterrole.rbac.authorization.k8s.io "gone" not found',
  });
  const everything = statusOf(await ask(admin, selfSubjectRulesReviews, { spec: { namespace: 'other' } }));
  assert.deepEqual(JSON.parse(JSON.stringify(everything)), {
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  });
  rbac.close();
});

/** Asks one of OpenShift's reviews; gives the answer as JSON. */
async function openshift(ctx: Context, resource: string, body: object, namespace = ''): Promise<unknown> {
  const found = openshiftAccessReviews.find((one) => one.resource === resource);
  const made = await found?.computed?.create?.(ctx, namespace, { metadata: {}, ...body });
  return JSON.parse(JSON.stringify(made));
}

const QUESTION = { verb: 'get', resourceAPIGroup: 'image.openshift.io', resource: 'imagestreams' };
const apiVersion = 'authorization.openshift.io/v1';

test('who can: in a namespace whoever may ask there, in the cluster whoever may ask everywhere', async () => {
  const { ann, admin, rbac } = await setUp();
  const who = {
    kind: 'ResourceAccessReviewResponse',
    apiVersion,
    namespace: 'default',
    users: ['ann'],
    groups: ['painters', 'system:masters'],
    evalutionError: '',
  };
  assert.deepEqual(await openshift(ann, 'localresourceaccessreviews', QUESTION, 'default'), who);
  assert.deepEqual(await openshift(ann, 'resourceaccessreviews', { ...QUESTION, namespace: 'default' }), who);
  assert.deepEqual(await openshift(admin, 'resourceaccessreviews', QUESTION), {
    kind: 'ResourceAccessReviewResponse',
    apiVersion,
    users: [],
    groups: ['system:masters'],
    evalutionError: '',
  });
  const refused = (reason: 'Forbidden' | 'Invalid') => (error: unknown) => isProblem(error, reason);
  await assert.rejects(openshift(ann, 'resourceaccessreviews', QUESTION), refused('Forbidden'));
  await assert.rejects(openshift(ann, 'localresourceaccessreviews', { verb: 'get' }, 'default'), refused('Invalid'));
  const elsewhere = { ...QUESTION, namespace: 'x' };
  await assert.rejects(openshift(ann, 'localresourceaccessreviews', elsewhere, 'default'), refused('Invalid'));
  rbac.close();
});

test('can somebody: about others whoever may ask there, about oneself everybody', async () => {
  const { ann, admin, rbac } = await setUp();
  const can = { kind: 'SubjectAccessReviewResponse', apiVersion, namespace: 'default', ...ALLOWED };
  const here = { ...QUESTION, namespace: 'default' };
  assert.deepEqual(await openshift(admin, 'subjectaccessreviews', { ...here, user: 'ann' }), can);
  assert.deepEqual(await openshift(ann, 'localsubjectaccessreviews', { ...QUESTION, user: 'bob' }, 'default'), {
    kind: 'SubjectAccessReviewResponse',
    apiVersion,
    namespace: 'default',
    allowed: false,
  });
  await assert.rejects(openshift(ann, 'subjectaccessreviews', { ...QUESTION, user: 'bob' }), (error) =>
    isProblem(error, 'Forbidden'),
  );
  const self = { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews'] };
  await createObject(admin, roles, 'default', { metadata: { name: 'self' }, rules: [self] });
  await createObject(admin, roleBindings, 'default', {
    metadata: { name: 'self' },
    subjects: [{ kind: 'User', name: 'ann' }],
    roleRef: { kind: 'Role', name: 'self' },
  });
  await turn();
  assert.deepEqual(await openshift(ann, 'subjectaccessreviews', here), can);
  rbac.close();
});

test("all that somebody may do, in OpenShift's form", async () => {
  const { ann, admin, rbac } = await setUp();
  const rulesOf = async (ctx: Context, resource: string, spec: object): Promise<object[]> => {
    const { status } = (await openshift(ctx, resource, { spec }, 'default')) as { status: { rules: object[] } };
    return status.rules;
  };
  const rules = await rulesOf(ann, 'selfsubjectrulesreviews', {});
  assert.deepEqual(rules[1], {
    verbs: ['create'],
    attributeRestrictions: null,
    apiGroups: [''],
    resources: ['localsubjectaccessreviews', 'localresourceaccessreviews'],
  });
  assert.deepEqual(await rulesOf(admin, 'subjectrulesreviews', { user: 'x', groups: ['painters'] }), rules);
  await assert.rejects(rulesOf(admin, 'subjectrulesreviews', { user: '' }), (error) => isProblem(error, 'BadRequest'));
  rbac.close();
});

test('callers are told who they are', async () => {
  const { ann, rbac } = await setUp();
  assert.deepEqual(statusOf(await ask(ann, selfSubjectReviews, {})), {
    userInfo: { username: 'ann', uid: '7', groups: ['b', 'a'], extra: { k: ['v'] } },
  });
  const me = await users.kept?.virtual?.(ann, '~');
  assert.deepEqual(me, { metadata: { name: 'ann', uid: '7' }, groups: ['a', 'b'] });
  assert.equal(await users.kept?.virtual?.(ann, 'bob'), undefined);
  rbac.close();
});

test('scopes of a token are part of the question', async () => {
  const { ann, rbac } = await setUp();
  const allowed = async (scopes: string[] | null, more: object = {}) => {
    const answer = await openshift(ann, 'localsubjectaccessreviews', { ...QUESTION, scopes, ...more }, 'default');
    return (answer as { allowed: boolean; reason?: string }).allowed;
  };
  assert.equal(await allowed(null), true);
  assert.equal(await allowed(['user:full']), true);
  assert.equal(await allowed(['user:info']), false);
  assert.equal(await allowed(['user:info'], { user: 'ann', groups: [] }), false);
  const listed = async (scopes: string[] | null) => {
    const answer = await openshift(ann, 'selfsubjectrulesreviews', { spec: { scopes } }, 'default');
    return (answer as { status: { rules: { resources: string[] }[] } }).status.rules.flatMap(
      ({ resources }) => resources,
    );
  };
  assert.ok((await listed(null)).includes('imagestreams'));
  assert.deepEqual(await listed(['user:info']), []);
  rbac.close();
});
