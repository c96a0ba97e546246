import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import { type OidcProvider, startOidcProvider } from '../../test/oidcprovider.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import { Membership } from './membership.ts';
import { type OidcConfig, OidcTokens } from './oidc.ts';
import { GROUP_PREFIX } from './person.ts';

let provider: OidcProvider;
const claims = {
  groups: ['painters', 'system:masters'],
  email: 'ann@example.com',
  email_verified: true,
  hd: 'example.com',
};
before(async () => {
  provider = await startOidcProvider((account) => ({ ...claims, email_verified: account !== 'mallory' }));
});
after(() => provider[Symbol.asyncDispose]());

interface SetUp {
  readonly tokens: OidcTokens;
  readonly clock: { ahead: number };
  readonly warnings: string[];
}

async function setUp(t: TestContext, changes: Partial<OidcConfig> = {}): Promise<SetUp> {
  const store = openMemoryStore();
  const membership = new Membership(store);
  const group = { metadata: { name: 'local' }, users: ['ann@example.com'] };
  await store.commit([{ op: 'put', key: `${GROUP_PREFIX}local`, value: Buffer.from(JSON.stringify(group)) }]);
  t.after(() => {
    membership.close();
    return store.close();
  });
  const clock = { ahead: 0 };
  const warnings: string[] = [];
  const config: OidcConfig = {
    issuer: provider.issuer,
    clientId: 'headgate',
    usernameClaim: 'sub',
    usernamePrefix: undefined,
    groupsClaim: undefined,
    groupsPrefix: '',
    requiredClaims: new Map(),
    algorithms: ['RS256'],
    authorities: readFileSync(provider.caFile, 'utf8'),
    ...changes,
  };
  const now = (): Date => new Date(Date.now() + clock.ahead);
  return { tokens: new OidcTokens({ config, now, membership, warn: (text) => warnings.push(text) }), clock, warnings };
}

test('a token is a user, named as in kube-apiserver', async (t) => {
  const token = await provider.idToken('ann');
  const plain = await setUp(t);
  assert.deepEqual(await plain.tokens.find(token), {
    name: `${provider.issuer}#ann`,
    groups: ['system:authenticated'],
  });
  const again = plain.tokens.find(token);
  assert.ok(!(again instanceof Promise), 'once known, without waiting');
  const email = await setUp(t, { usernameClaim: 'email', groupsClaim: 'groups', groupsPrefix: 'oidc:' });
  assert.deepEqual(await email.tokens.find(token), {
    name: 'ann@example.com',
    groups: ['local', 'oidc:painters', 'oidc:system:masters', 'system:authenticated'],
  });
  const bare = await setUp(t, { usernamePrefix: '-', groupsClaim: 'groups' });
  const user = await bare.tokens.find(token);
  assert.deepEqual(user, { name: 'ann', groups: ['painters', 'system:authenticated'] }, 'nobody becomes master so');
});

test('tokens for others, of others, without what is required, or too late are refused', async (t) => {
  const { tokens, clock, warnings } = await setUp(t, { requiredClaims: new Map([['hd', 'example.com']]) });
  const token = await provider.idToken('ann');
  assert.ok(await tokens.find(token));
  assert.equal(await tokens.find(await provider.idToken('ann', 'other')), undefined, 'audience');
  assert.match(warnings.join(), /unexpected "aud" claim value/);
  const strict = await setUp(t, { requiredClaims: new Map([['hd', 'elsewhere.com']]) });
  assert.equal(await strict.tokens.find(token), undefined, 'required claim');
  const named = await setUp(t, { usernameClaim: 'email' });
  assert.equal(await named.tokens.find(await provider.idToken('mallory')), undefined, 'e-mail that is not verified');
  const signed = await setUp(t, { algorithms: ['ES256'] });
  assert.equal(await signed.tokens.find(token), undefined, 'algorithm');
  clock.ahead = 400_000;
  assert.equal(await tokens.find(token), undefined, 'expired, though it was good before');
});

test('what somebody else signed is worth nothing', async (t) => {
  const { tokens } = await setUp(t);
  const token = await provider.idToken('ann');
  const [head = '', body = '', signature = ''] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string };
  const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forged = await new SignJWT({ ...payload, sub: 'root' })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(privateKey);
  const shared = await new SignJWT({ ...payload, sub: 'root' })
    .setProtectedHeader({ alg: 'HS256', kid })
    .sign(Buffer.from('a secret that anybody may know, of 32 bytes'));
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  const other = Buffer.from(JSON.stringify({ ...payload, sub: 'root' })).toString('base64url');
  for (const wrong of [
    forged,
    shared,
    none,
    `${none}x`,
    `${head}.${other}.${signature}`,
    'a.b.c',
    '...',
    'x'.repeat(50_000),
  ]) {
    assert.equal(await tokens.find(wrong), undefined, wrong.slice(0, 80));
  }
});

test('keys are exchanged while the server runs: the new one counts, and the old one no longer', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { tokens } = await setUp(t);
  const before = await provider.idToken('ann');
  assert.ok(await tokens.find(before));
  provider.rotate();
  // Keys are not read anew for every token that names another, but after a while.
  t.mock.timers.tick(11_000);
  const token = await provider.idToken('ann');
  assert.ok(await tokens.find(token));
  t.mock.timers.tick(280_000);
  const later = await setUp(t);
  assert.ok(await later.tokens.find(token));
  assert.equal(await later.tokens.find(before), undefined, 'its key was taken back');
});

test('a provider that does not answer keeps nobody waiting for long, and is asked again', async (t) => {
  const { tokens, warnings } = await setUp(t, { authorities: undefined });
  const token = await provider.idToken('ann');
  assert.equal(await tokens.find(token), undefined);
  assert.match(warnings[0] ?? '', /was refused: .*certificate/);
  assert.equal(await tokens.find(token), undefined);
  assert.equal(warnings.length, 1, 'it is not told each time');
});
