import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { oauthAccessTokens, userOAuthAccessTokens } from './oauthaccesstokens.ts';
import { oauthAuthorizeTokens } from './oauthauthorizetokens.ts';
import { findClient, oauthClients, restrictionProblem } from './oauthclients.ts';
import { dropExpiredTokens } from './oauthexpiry.ts';

async function causes(work: Promise<unknown>): Promise<string[]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof DomainError && error.problem.reason === 'Invalid', String(error));
    return error.problem.causes.map(({ field, detail }) => `${field}: ${detail}`);
  }
  return [];
}

const NAME = `sha256~${'a'.repeat(43)}`;
const OTHER = `sha256~${'b'.repeat(43)}`;

function token(name: string, userName: string): Parameters<typeof createObject>[3] & { expiresIn: number } {
  return {
    metadata: { name },
    clientName: 'openshift-challenging-client',
    expiresIn: 86400,
    scopes: ['user:full'],
    redirectURI: 'https://localhost:8443/oauth/token/implicit',
    userName,
    userUID: '1',
  } as never;
}

const made = (ctx: Context, object: object) => createObject(ctx, oauthAccessTokens, '', object as never);

test('a token object says whose it is, of which client and for what', async () => {
  const ctx = await testContext();
  assert.deepEqual(await causes(made(ctx, token(NAME, 'ann'))), []);
  const { table } = oauthAccessTokens;
  const { object } = await made(ctx, token(OTHER, 'ann'));
  const row = Object.fromEntries(
    table.columns.map(({ name }, index) => [name, table.cells(object, new Date())[index]]),
  );
  assert.match(String(row.Expires), /^2026-01-02 00:00:\d\d \+0000 UTC$/);
  assert.deepEqual([row['User Name'], row.Scopes], ['ann', 'user:full']);
  const nothing = { metadata: { name: 'short' }, expiresIn: -1, clientName: 'nobody' };
  assert.deepEqual(await causes(made(ctx, nothing)), [
    'metadata.name: must be at least 32 characters long',
    'userName: ',
    'scopes: may not be empty',
    'userUID: ',
    'redirectURI: may not be empty',
    'expiresIn: cannot be a negative value',
    'clientName: oauthclients.oauth.openshift.io "nobody" not found',
  ]);
});

test('a token object does not become that of another', async () => {
  const ctx = await testContext();
  await made(ctx, token(NAME, 'ann'));
  const change = (next: object) =>
    causes(updateObject(ctx, oauthAccessTokens, '', NAME, (old) => ({ ...old, ...next })));
  assert.deepEqual(await change({ userName: 'root' }), ['[]: field is immutable']);
  assert.deepEqual(await change({ expiresIn: 0 }), ['[]: field is immutable']);
});

test('one sees and ends one’s own tokens, and hears nothing of those of others', async () => {
  const ctx = await testContext();
  await made(ctx, token(NAME, 'ann'));
  await made(ctx, token(OTHER, 'bob'));
  const ann = { ...ctx, user: { name: 'ann', groups: [] } };
  const own = userOAuthAccessTokens.computed;
  const all = { matchesLabels: () => true, matchesName: () => true };
  assert.deepEqual((await own?.list?.(ann, undefined, all))?.map(nameOf), [NAME]);
  assert.equal((await own?.get?.(ann, '', NAME))?.object().metadata.name, NAME);
  for (const act of [() => own?.get?.(ann, '', OTHER), () => own?.delete?.(ann, '', OTHER, {})]) {
    await assert.rejects(
      async () => act(),
      (error) => isProblem(error, 'NotFound'),
    );
  }
  await own?.delete?.(ann, '', NAME, {});
  assert.equal(await readKept(ctx.store, oauthAccessTokens, '', NAME), undefined);
  assert.ok(await readKept(ctx.store, oauthAccessTokens, '', OTHER));
});

test('a code needs an end, and a challenge that is one', async () => {
  const ctx = await testContext();
  const code = (more: object) =>
    causes(createObject(ctx, oauthAuthorizeTokens, '', { ...token(NAME, 'ann'), ...more } as never));
  assert.deepEqual(await code({ expiresIn: 0, codeChallenge: 'short', codeChallengeMethod: 'S512' }), [
    'codeChallenge: must be 43-128 characters [a-zA-Z0-9.~_-]',
    'codeChallengeMethod: supported values: "plain", "S256"',
    'expiresIn: must be greater than zero',
  ]);
  assert.deepEqual(await code({ codeChallengeMethod: 'S256' }), [
    'codeChallenge: required if codeChallengeMethod is specified',
  ]);
  assert.deepEqual(await code({ codeChallenge: 'x'.repeat(43), codeChallengeMethod: 'S256' }), []);
});

test('clients are found whether stored or always there, and ask for what they may', async () => {
  const ctx = await testContext();
  assert.equal((await findClient(ctx, 'openshift-challenging-client'))?.respondWithChallenges, true);
  assert.equal(await findClient(ctx, 'nobody'), undefined);
  assert.equal(await findClient(ctx, '../x'), undefined);
  const client = (more: object) => createObject(ctx, oauthClients, '', { metadata: { name: 'ci' }, ...more });
  const wrong = { redirectURIs: ['https://a/../b', ''], scopeRestrictions: [{}], accessTokenMaxAgeSeconds: -1 };
  assert.deepEqual(await causes(client(wrong)), [
    'redirectURIs[0]: may not contain a path segment of ..',
    'redirectURIs[1]: may not be empty',
    'scopeRestrictions[0]: exactly one of literals, clusterRole is required',
    'accessTokenMaxAgeSeconds: value cannot be negative',
    'grantMethod: must be auto or prompt',
  ]);
  const clusterRole = { roleNames: ['view'], namespaces: ['a'], allowEscalation: false };
  await client({ grantMethod: 'auto', scopeRestrictions: [{ literals: ['user:info'] }, { clusterRole }] });
  const found = await findClient(ctx, 'ci');
  assert.ok(found);
  assert.equal(restrictionProblem(found, ['user:info', 'role:view:a']), undefined);
  for (const scope of ['user:full', 'role:edit:a', 'role:view:b', 'role:view:a:!']) {
    assert.equal(restrictionProblem(found, ['user:info', scope]), `${scope} did not match any scope restriction`);
  }
});

test('tokens and codes whose time is over are cleared away, others stay', async () => {
  const ctx = await testContext();
  await made(ctx, { ...token(NAME, 'ann'), expiresIn: 60 });
  await made(ctx, { ...token(OTHER, 'ann'), expiresIn: 0 });
  await createObject(ctx, oauthAuthorizeTokens, '', { ...token(NAME, 'ann'), expiresIn: 60 });
  await dropExpiredTokens(ctx);
  assert.ok(await readKept(ctx.store, oauthAccessTokens, '', NAME));
  const later = new Date(ctx.now().getTime() + 120_000);
  await dropExpiredTokens({ ...ctx, now: () => later });
  assert.equal(await readKept(ctx.store, oauthAccessTokens, '', NAME), undefined);
  assert.equal(await readKept(ctx.store, oauthAuthorizeTokens, '', NAME), undefined);
  assert.ok(await readKept(ctx.store, oauthAccessTokens, '', OTHER), 'that one does not end');
});
