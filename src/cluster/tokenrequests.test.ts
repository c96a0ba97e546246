import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { canonical } from '../objects/canonical.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { createObject } from '../objects/writes.ts';
import { pods } from './pods.ts';
import { secrets } from './secrets.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { type TokenRequest, tokenRequestSchema } from './tokenrequests.ts';

type Spec = NonNullable<TokenRequest['spec']>;

/** Posts a request as a client does: decoded by the schema first. */
async function ask(ctx: Context, spec: object, name = 'robot', metadata: object = {}): Promise<TokenRequest> {
  const token = serviceAccounts.subresources?.find((sub) => sub.name === 'token');
  const { value } = canonical(tokenRequestSchema, { metadata, spec });
  const made = await token?.create?.(ctx, 'default', name, value);
  assert.ok(made);
  return made;
}

async function setUp(): Promise<{ ctx: Context; uid: string | undefined }> {
  const ctx = await testContext();
  const made = await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'robot' } });
  return { ctx, uid: made.object.metadata.uid };
}

suite('token requests', () => {
  test('are answered with a token that the server knows, for an hour if nothing else is said', async () => {
    const { ctx, uid } = await setUp();
    const { metadata, spec, status } = await ask(ctx, {});
    assert.deepEqual(spec, {
      audiences: ['https://kubernetes.default.svc'],
      expirationSeconds: 3600,
      boundObjectRef: null,
    });
    assert.equal(metadata.name, 'robot');
    assert.equal(metadata.uid, uid);
    const lifetime = Date.parse(status?.expirationTimestamp ?? '') - Date.parse(metadata.creationTimestamp ?? '');
    assert.equal(lifetime, 3_600_000);
    const user = await ctx.accountTokens.find(status?.token ?? '');
    assert.equal(user?.name, 'system:serviceaccount:default:robot');
    assert.equal(user.uid, uid);
  });

  test('for others are not for this server', async () => {
    const { ctx } = await setUp();
    const { status } = await ask(ctx, { audiences: ['vault'] });
    assert.equal(await ctx.accountTokens.find(status?.token ?? ''), undefined);
  });

  test('are refused for times that are too short or too long, for others and for nobody', async () => {
    const { ctx } = await setUp();
    const causes = (error: unknown): string[] => {
      assert.ok(isProblem(error, 'Invalid') && error.problem.reason === 'Invalid');
      return error.problem.causes.map(fieldErrorText);
    };
    const refused = (spec: Spec, metadata?: object): Promise<string[]> =>
      ask(ctx, spec, 'robot', metadata).then(() => [], causes);
    assert.deepEqual(await refused({ expirationSeconds: 599 }), [
      'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ]);
    assert.deepEqual(await refused({ expirationSeconds: 2 ** 32 + 1 }), [
      'spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ]);
    assert.deepEqual(await refused({ expirationSeconds: 2 ** 32 }), []);
    assert.deepEqual(await refused({}, { name: 'other' }), [
      'metadata.name: Invalid value: "other": must match the service account name if specified',
    ]);
    await assert.rejects(ask(ctx, {}, 'nobody'), (error) => isProblem(error, 'NotFound'));
  });

  test('may bind the token to a secret, which must be the one that is meant', async () => {
    const { ctx } = await setUp();
    const { object } = await createObject(ctx, secrets, 'default', { metadata: { name: 'holder' } });
    const bind = (more: object) =>
      ask(ctx, { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'holder', ...more } });
    const { status } = await bind({ uid: object.metadata.uid });
    const find = () => ctx.accountTokens.find(status?.token ?? '');
    assert.ok(await find());
    await deleteObject(ctx, secrets, 'default', 'holder', {});
    assert.equal(await find(), undefined);
    await createObject(ctx, secrets, 'default', { metadata: { name: 'holder' } });
    assert.equal(await find(), undefined);
    await assert.rejects(bind({ uid: object.metadata.uid }), (error) => isProblem(error, 'Conflict'));
    await assert.rejects(bind({ name: 'none' }), (error) => isProblem(error, 'NotFound'));
    await assert.rejects(bind({ kind: 'ConfigMap' }), {
      message: 'cannot bind token to object of type /v1, Kind=ConfigMap',
    });
  });

  test('may bind the token to a pod that runs as the account', async () => {
    const { ctx } = await setUp();
    const containers = [{ name: 'a', image: 'x' }];
    await createObject(ctx, pods, 'default', {
      metadata: { name: 'own' },
      spec: { containers, serviceAccountName: 'robot' },
    });
    await createObject(ctx, pods, 'default', { metadata: { name: 'foreign' }, spec: { containers } });
    const bind = (name: string) => ask(ctx, { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name } });
    const { status } = await bind('own');
    const user = await ctx.accountTokens.find(status?.token ?? '');
    assert.deepEqual(user?.extra?.['authentication.kubernetes.io/pod-name'], ['own']);
    await deleteObject(ctx, pods, 'default', 'own', {});
    assert.equal(await ctx.accountTokens.find(status?.token ?? ''), undefined);
    await assert.rejects(bind('foreign'), (error) => isProblem(error, 'BadRequest'));
    await assert.rejects(bind('none'), (error) => isProblem(error, 'NotFound'));
  });
});
