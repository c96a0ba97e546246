import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { ACCOUNT_TOKEN_ISSUER } from '../access/accounttokens.ts';
import { AccessTokens, newAccessToken } from '../access/tokens.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { createObject } from '../objects/writes.ts';
import { serviceAccounts } from './serviceaccounts.ts';
import { tokenReviews } from './tokenreviews.ts';

async function review(ctx: Context, token: string, audiences?: string[]): Promise<unknown> {
  const spec = { token, ...(audiences && { audiences }) };
  const made = await tokenReviews.computed?.create?.(ctx, '', { metadata: {}, spec });
  assert.ok(made && 'spec' in made);
  return made.status;
}

const REFUSED = { user: {}, error: 'invalid bearer token' };

test("a user's token is good for this server, until it expires", async () => {
  const plain = await testContext();
  const tokens = new AccessTokens(plain.store, () => plain.now());
  const ctx = { ...plain, userTokens: tokens };
  const token = newAccessToken();
  const value = { user: 'ann', groups: ['painters'], created: '2026-01-01T00:00:00Z' };
  await tokens.keep(token, value);
  const known = {
    authenticated: true,
    user: { username: 'ann', groups: ['painters', 'system:authenticated'] },
    audiences: [ACCOUNT_TOKEN_ISSUER],
  };
  assert.deepEqual(await review(ctx, token), known);
  assert.deepEqual(await review(ctx, token, ['vault', ACCOUNT_TOKEN_ISSUER]), known);
  assert.deepEqual(await review(ctx, token, ['vault']), REFUSED);
  await tokens.keep(token, { ...value, expires: '2026-01-01T00:00:00Z' });
  assert.deepEqual(await review(ctx, token), REFUSED);
  await tokens.revoke(token);
  assert.deepEqual(await review(ctx, token), REFUSED);
  assert.deepEqual(await review(ctx, 'rubbish'), REFUSED);
  await assert.rejects(review(ctx, ''), (error) => isProblem(error, 'BadRequest'));
  tokens.close();
});

test("a service account's token is good for the audiences that it was made for", async () => {
  const ctx = await testContext();
  const { object } = await createObject(ctx, serviceAccounts, 'default', { metadata: { name: 'robot' } });
  const { uid = '' } = object.metadata;
  const account = { namespace: 'default', name: nameOf(object), uid };
  const token = await ctx.accountTokens.issue({
    account,
    audiences: ['vault', 'other'],
    issued: ctx.now(),
    seconds: 600,
  });
  assert.deepEqual(await review(ctx, token), REFUSED);
  const found = (await review(ctx, token, ['other', 'third'])) as {
    user: { username: string; uid: string };
    audiences: string[];
  };
  assert.deepEqual(
    [found.user.username, found.user.uid, found.audiences],
    ['system:serviceaccount:default:robot', uid, ['other']],
  );
});
