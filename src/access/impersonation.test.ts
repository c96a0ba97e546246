import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { DomainError } from '../objects/errors.ts';
import { actingAs } from './impersonation.ts';
import type { Attributes, User } from './user.ts';

const CALLER: User = { name: 'caller', groups: ['system:authenticated'] };

function request(headers: Readonly<Record<string, string | readonly string[]>>): IncomingMessage {
  const distinct = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? [value] : [...value]]),
  );
  const joined = Object.fromEntries(Object.entries(distinct).map(([name, values]) => [name, values.join(', ')]));
  return { headers: joined, headersDistinct: distinct } as unknown as IncomingMessage;
}

/** Whom the headers make of CALLER, and what was asked; `refused` is a resource that may not be impersonated. */
async function acting(
  headers: Readonly<Record<string, string | readonly string[]>>,
  refused?: string,
): Promise<{ user: User; asked: Attributes[] }> {
  const asked: Attributes[] = [];
  const authorizer = {
    authorize: (user: User, attributes: Attributes) => {
      assert.equal(user, CALLER);
      asked.push(attributes);
      return { allowed: !('resource' in attributes && attributes.resource === refused), reason: '' };
    },
  };
  return { user: await actingAs(() => CALLER, authorizer)(request(headers)), asked };
}

const impersonate = (resource: string, name: string, more: object = {}) => ({
  verb: 'impersonate',
  group: '',
  resource,
  name,
  ...more,
});

test('without the headers a caller is who it is, and nothing is asked', async () => {
  assert.deepEqual(await acting({ 'user-agent': 'x' }), { user: CALLER, asked: [] });
});

test('a user, groups, uid and extra are taken on, each with a right of its own', async () => {
  const group = 'authentication.k8s.io';
  const { user, asked } = await acting({
    'impersonate-user': 'alice',
    'impersonate-group': ['a, b', 'c'],
    'impersonate-uid': '7',
    'impersonate-extra-acme.com%2fproject': ['x', 'y'],
  });
  assert.deepEqual(user, {
    name: 'alice',
    groups: ['a, b', 'c', 'system:authenticated'],
    uid: '7',
    extra: { 'acme.com/project': ['x', 'y'] },
  });
  assert.deepEqual(asked, [
    impersonate('users', 'alice'),
    impersonate('groups', 'a, b'),
    impersonate('groups', 'c'),
    impersonate('userextras', 'x', { group, subresource: 'acme.com/project' }),
    impersonate('userextras', 'y', { group, subresource: 'acme.com/project' }),
    impersonate('uids', '7', { group }),
  ]);
});

test('groups that are not given: those of a service account, of the authenticated, of nobody', async () => {
  const robot = await acting({ 'impersonate-user': 'system:serviceaccount:ns:robot' });
  assert.deepEqual(robot.user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
  assert.deepEqual(robot.asked, [impersonate('serviceaccounts', 'robot', { namespace: 'ns' })]);
  const odd = await acting({ 'impersonate-user': 'system:serviceaccount:NS:robot' });
  assert.deepEqual(odd.asked, [impersonate('users', 'system:serviceaccount:NS:robot')]);
  assert.deepEqual(odd.user.groups, ['system:authenticated']);
  assert.deepEqual((await acting({ 'impersonate-user': 'system:anonymous' })).user.groups, ['system:unauthenticated']);
  const nobody = await acting({ 'impersonate-user': 'x', 'impersonate-group': 'system:unauthenticated' });
  assert.deepEqual(nobody.user.groups, ['system:unauthenticated']);
});

test('names are UTF-8', async () => {
  const raw = Buffer.from('grün').toString('latin1');
  assert.equal((await acting({ 'impersonate-user': raw })).user.name, 'grün');
});

test('what the caller may not be is 403, a group without a user 400', async () => {
  await assert.rejects(acting({ 'impersonate-user': 'alice', 'impersonate-group': 'wheel' }, 'groups'), (error) => {
    assert.ok(error instanceof DomainError && error.problem.reason === 'Forbidden');
    assert.deepEqual(error.problem.resource, { group: '', resource: 'groups' });
    assert.equal(error.problem.name, 'wheel');
    assert.equal(
      error.message,
      'User "caller" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
    return true;
  });
  for (const headers of [
    { 'impersonate-group': 'g' },
    { 'impersonate-uid': '1', 'impersonate-user': '' },
    { 'impersonate-extra-k': 'v' },
  ]) {
    await assert.rejects(acting(headers), (error) => {
      assert.ok(error instanceof DomainError && error.problem.reason === 'BadRequest');
      assert.match(error.message, /^requested .* without impersonating a user$/);
      return true;
    });
  }
  assert.deepEqual((await acting({ 'impersonate-user': '' })).user, CALLER);
});
