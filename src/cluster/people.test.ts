import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import { readObject } from '../objects/reads.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { groups } from './groups.ts';
import { identities } from './identities.ts';
import { userIdentityMappings } from './useridentitymappings.ts';
import { users } from './users.ts';

/** The fields that are refused, each with its reason. */
async function causes(work: Promise<unknown> | undefined): Promise<string[]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof DomainError && error.problem.reason === 'Invalid', String(error));
    return error.problem.causes.map(({ field, detail }) => `${field}: ${detail}`);
  }
  return [];
}

const user = (ctx: Context, name: string, more: object = {}) =>
  createObject(ctx, users, '', { metadata: { name }, ...more });

const identity = (ctx: Context, providerName: string, providerUserName: string, more: object = {}) =>
  createObject(ctx, identities, '', { metadata: {}, providerName, providerUserName, ...more });

const mapping = (name: string, of: string, more: object = {}) => ({
  metadata: { name, ...more },
  identity: { name },
  user: { name: of },
});

test('names of users and groups are those that OpenShift takes', async () => {
  const ctx = await testContext();
  assert.deepEqual(await causes(user(ctx, 'a:b')), [
    'metadata.name: usernames that contain ":" must begin with "b64:"',
  ]);
  assert.deepEqual(await causes(user(ctx, '~')), ['metadata.name: may not equal "~"']);
  assert.deepEqual(await causes(user(ctx, 'a/b')), ["metadata.name: may not contain '/'"]);
  for (const name of ['Ann Smith', 'ann@example.com', 'b64:YQ==', 'Änn'])
    assert.deepEqual(await causes(user(ctx, name)), []);
  const group = (name: string, members: string[]) =>
    createObject(ctx, groups, '', { metadata: { name }, users: members });
  assert.deepEqual(await causes(group('a:b', [])), ['metadata.name: may not contain ":"']);
  assert.deepEqual(await causes(group('g', ['ann', '', 'a:b'])), [
    'user[1]: may not be empty',
    'user[2]: usernames that contain ":" must begin with "b64:"',
  ]);
});

test('a user is kept without groups; the caller is shown with them', async () => {
  const ctx = await testContext();
  const made = await user(ctx, 'ann', { fullName: 'Ann', groups: ['admins'] });
  assert.equal(made.object.groups, null);
  const uid = made.object.metadata.uid;
  const ann = { ...ctx, user: { name: 'ann', groups: ['b', 'a', 'a'], ...(uid !== undefined && { uid }) } };
  const shown = await users.kept?.virtual?.(ann, '~');
  assert.deepEqual([shown?.fullName, shown?.groups, shown?.metadata.uid], ['Ann', ['a', 'b'], uid]);
  assert.deepEqual(await causes(Promise.resolve().then(() => users.kept?.virtual?.(ann, 'a:b'))), [
    'metadata.name: usernames that contain ":" must begin with "b64:"',
  ]);
});

test('users, groups and identities are changed only by who says which version', async () => {
  const ctx = await testContext();
  await user(ctx, 'ann');
  const change = updateObject(ctx, users, '', 'ann', () => ({ metadata: { name: 'ann' }, fullName: 'A' }));
  assert.deepEqual(await causes(change), ['metadata.resourceVersion: must be specified for an update']);
});

test('an identity is named by its provider and its name there', async () => {
  const ctx = await testContext();
  const made = await identity(ctx, 'htpasswd', 'ann');
  assert.equal(made.object.metadata.name, 'htpasswd:ann');
  assert.deepEqual(await causes(identity(ctx, 'ht:passwd', 'ann')), [
    'metadata.name: must be in the format <providerName>:<providerUserName>',
    'providerName: may not contain ":"',
  ]);
  const named = await causes(identity(ctx, 'htpasswd', 'bob', { user: { name: 'bob' } }));
  assert.deepEqual(named, ['user.uid: uid is required when username is provided']);
  const change = updateObject(ctx, identities, '', 'htpasswd:ann', (old) => ({ ...old, providerUserName: 'bob' }));
  assert.deepEqual(await causes(change), [
    'metadata.name: must be htpasswd:bob',
    'providerUserName: may not change providerUserName',
  ]);
});

test('a mapping makes identity and user name each other, in one commit', async () => {
  const ctx = await testContext();
  await user(ctx, 'ann');
  await user(ctx, 'bob');
  await identity(ctx, 'htpasswd', 'ann');
  const verbs = userIdentityMappings.computed;
  await assert.rejects(
    async () => verbs?.get?.(ctx, '', 'htpasswd:ann'),
    (error) => isProblem(error, 'NotFound'),
  );
  const before = await ctx.store.revision();
  const made = (await verbs?.create?.(ctx, '', mapping('htpasswd:ann', 'ann'))) as KubeObject & {
    user: { uid: string };
  };
  assert.equal(await ctx.store.revision(), before + 1);
  const ann = await readObject(ctx, users, '', 'ann');
  assert.deepEqual(ann.identities, ['htpasswd:ann']);
  assert.equal(made.user.uid, ann.metadata.uid);
  assert.deepEqual((await readObject(ctx, identities, '', 'htpasswd:ann')).user, {
    name: 'ann',
    uid: ann.metadata.uid,
  });
  await assert.rejects(
    async () => verbs?.create?.(ctx, '', mapping('htpasswd:ann', 'bob')),
    (error) => isProblem(error, 'AlreadyExists'),
  );
  const shown = (await verbs?.get?.(ctx, '', 'htpasswd:ann'))?.object();
  assert.equal(shown?.metadata.resourceVersion, made.metadata.resourceVersion);

  const moved = await verbs?.update?.(ctx, '', 'htpasswd:ann', mapping('htpasswd:ann', 'bob'));
  assert.equal(moved?.created, false);
  assert.equal((await readObject(ctx, users, '', 'ann')).identities, undefined);
  assert.deepEqual((await readObject(ctx, users, '', 'bob')).identities, ['htpasswd:ann']);

  await verbs?.delete?.(ctx, '', 'htpasswd:ann', {});
  assert.equal((await readObject(ctx, users, '', 'bob')).identities, undefined);
  assert.deepEqual((await readObject(ctx, identities, '', 'htpasswd:ann')).user, {});
});

test('a mapping of what does not exist is refused', async () => {
  const ctx = await testContext();
  const create = async (name: string, of: string) =>
    userIdentityMappings.computed?.create?.(ctx, '', mapping(name, of));
  assert.deepEqual(await causes(create('htpasswd:ann', 'ann')), ['identity.name: referenced identity does not exist']);
  await identity(ctx, 'htpasswd', 'ann');
  assert.deepEqual(await causes(create('htpasswd:ann', 'ann')), ['user.name: referenced user does not exist']);
  assert.deepEqual(await causes(create('ann', '')), [
    'metadata.name: must be in the format <providerName>:<providerUserName>',
    'user.name: ',
  ]);
});
