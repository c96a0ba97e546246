import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAuthorizer, refusalOf } from './authorizer.ts';

const LIST = { verb: 'list', group: 'image.openshift.io', resource: 'imagestreams', namespace: 'default' };
const BOB = { name: 'bob', groups: ['system:authenticated'] };
const MASTER = { name: 'system:admin', groups: ['system:masters'] };

test('masters may do everything, others what a rule allows, nobody anything else', async () => {
  const none = makeAuthorizer();
  assert.deepEqual(await none.authorize(MASTER, LIST), { allowed: true, reason: '' });
  assert.deepEqual(await none.authorize(BOB, LIST), { allowed: false, reason: '' });
  assert.deepEqual(await none.authorize(BOB, { verb: 'get', path: '/metrics' }), { allowed: false, reason: '' });
  const some = makeAuthorizer(
    { allow: () => undefined },
    { allow: async (user) => (user === BOB ? 'because' : undefined) },
  );
  assert.deepEqual(await some.authorize(BOB, LIST), { allowed: true, reason: 'because' });
  assert.deepEqual(await some.authorize({ ...BOB }, LIST), { allowed: false, reason: '' });
});

test("a refusal has kube-apiserver's words", () => {
  const denied = { allowed: false, reason: '' };
  assert.equal(
    refusalOf(BOB, LIST, denied),
    'User "bob" cannot list resource "imagestreams" in API group "image.openshift.io" in the namespace "default"',
  );
  const { namespace: _, ...cluster } = { ...LIST, subresource: 'layers' };
  assert.equal(
    refusalOf(BOB, cluster, denied),
    'User "bob" cannot list resource "imagestreams/layers" in API group "image.openshift.io" at the cluster scope',
  );
  assert.equal(
    refusalOf(BOB, { verb: 'get', path: '/metrics' }, { ...denied, reason: 'no' }),
    'User "bob" cannot get path "/metrics": no',
  );
});
