import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { makeAuthorizer } from '../access/authorizer.ts';
import { Rbac } from '../access/rbac.ts';
import type { Context } from '../objects/context.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { createObject } from '../objects/writes.ts';
import { ensureNamespaces } from './namespaces.ts';
import { projectRequests } from './projectrequests.ts';
import { type Project, projects } from './projects.ts';
import { roleBindings } from './rolebindings.ts';
import { seedAccess } from './seed.ts';

interface Server extends Disposable {
  readonly admin: Context;
  readonly as: (name: string, ...groups: string[]) => Context;
}

async function setUp(): Promise<Server> {
  const plain = await testContext();
  await ensureNamespaces(plain, ['one', 'two']);
  await seedAccess(plain);
  const rbac = new Rbac(plain.store);
  const authorizer = makeAuthorizer(rbac);
  await authorizer.authorize({ name: 'x', groups: [] }, { verb: 'get', path: '/' });
  await turn();
  return {
    admin: { ...plain, authorizer },
    as: (name, ...groups) => ({ ...plain, authorizer, user: { name, groups: ['system:authenticated', ...groups] } }),
    [Symbol.dispose]: () => rbac.close(),
  };
}

const OAUTH = 'system:authenticated:oauth';

async function listed(ctx: Context): Promise<string[]> {
  const all = await projects.computed?.list?.(ctx, undefined, { matchesLabels: () => true, matchesName: () => true });
  return (all ?? []).map(nameOf);
}

async function request(ctx: Context, name: string, more: object = {}): Promise<Project> {
  const made = await projectRequests.computed?.create?.(ctx, '', { metadata: { name }, ...more });
  assert.ok(made && 'metadata' in made);
  return made;
}

const refused =
  (reason: 'Forbidden' | 'AlreadyExists' | 'Invalid' | 'NotFound', resource?: string) => (error: unknown) => {
    assert.ok(isProblem(error, reason), String(error));
    if (resource !== undefined) {
      assert.ok(error instanceof DomainError && 'resource' in error.problem);
      assert.deepEqual(error.problem.resource, { group: 'project.openshift.io', resource });
    }
    return true;
  };

test('one sees the projects whose namespace one may get', async () => {
  using server = await setUp();
  assert.deepEqual(await listed(server.admin), ['default', 'one', 'two']);
  assert.deepEqual(await listed(server.as('ann')), []);
  await createObject(server.admin, roleBindings, 'two', {
    metadata: { name: 'ann' },
    subjects: [{ kind: 'User', name: 'ann' }],
    roleRef: { kind: 'ClusterRole', name: 'view' },
  });
  await turn();
  assert.deepEqual(await listed(server.as('ann')), ['two']);
});

test('a project that is asked for belongs to whoever asked', async () => {
  using server = await setUp();
  const ann = server.as('ann', OAUTH);
  await projectRequests.computed?.inquire?.(ann);
  const made = await request(ann, 'paint', { displayName: 'Paint', description: 'All colours' });
  assert.deepEqual([made.kind, made.apiVersion, made.status?.phase], ['Project', 'project.openshift.io/v1', 'Active']);
  assert.deepEqual(made.metadata.annotations, {
    'openshift.io/description': 'All colours',
    'openshift.io/display-name': 'Paint',
    'openshift.io/requester': 'ann',
  });
  await turn();
  assert.deepEqual(await listed(ann), ['paint']);
  const mayDelete = {
    verb: 'delete',
    group: 'project.openshift.io',
    resource: 'projects',
    namespace: 'paint',
    name: 'paint',
  };
  assert.equal((await ann.authorizer.authorize(ann.user, mayDelete)).allowed, true);
  await assert.rejects(request(ann, 'paint'), refused('AlreadyExists', 'project'));
  for (const name of ['openshift-x', 'kubernetes-x', 'kube']) {
    await assert.rejects(request(ann, name), refused('Forbidden', 'project'));
  }
  await assert.rejects(request(ann, 'x'), refused('Invalid'));
  await assert.rejects(request(ann, 'Paint'), refused('Invalid'));
  await assert.rejects(request(ann, 'lines', { displayName: 'a\nb' }), refused('Invalid'));
});

test('whoever may not ask for projects is told so before they try', async () => {
  using server = await setUp();
  await assert.rejects(
    async () => projectRequests.computed?.inquire?.(server.as('ben')),
    (error) => {
      refused('Forbidden', 'projectrequest')(error);
      assert.equal((error as Error).message, 'You may not request a new project via this API.');
      return true;
    },
  );
});

test('a project changes labels and annotations of its namespace, and deletes it', async () => {
  using server = await setUp();
  const { admin } = server;
  const { computed } = projects;
  const get = async (name: string): Promise<Project> => {
    const answer = await computed?.get?.(admin, '', name);
    assert.ok(answer);
    return answer.object();
  };
  const project = structuredClone(await get('one'));
  project.metadata.annotations = { 'openshift.io/display-name': 'One' };
  const updated = await computed?.update?.(admin, '', 'one', project);
  assert.equal(updated?.object.metadata.annotations?.['openshift.io/display-name'], 'One');
  assert.equal((await get('one')).metadata.uid, project.metadata.uid);
  const ended: Project = { ...structuredClone(await get('one')), status: { phase: 'Terminating' } };
  await assert.rejects(async () => computed?.update?.(admin, '', 'one', ended), refused('Invalid'));
  const made = await computed?.create?.(admin, '', { metadata: { name: 'three' } });
  assert.equal((made as KubeObject).metadata.name, 'three');
  await computed?.delete?.(admin, '', 'three', {});
  assert.equal((await get('three')).status?.phase, 'Terminating');
  await assert.rejects(get('none'), refused('NotFound', 'projects'));
  await assert.rejects(async () => computed?.delete?.(admin, '', 'default', {}), refused('Forbidden', 'projects'));
});
