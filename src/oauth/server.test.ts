import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { type Answer, type Ask, ask, json } from '../../test/http.ts';
import { Membership } from '../access/membership.ts';
import { loggedInUser, OAuthTokens } from '../access/oauthtokens.ts';
import { oauthClients } from '../cluster/oauthclients.ts';
import { users } from '../cluster/users.ts';
import type { Context } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import { createObject } from '../objects/writes.ts';
import { oauthHandler } from './server.ts';

const ISSUER = 'https://headgate.test:8443';
const IMPLICIT = `${ISSUER}/oauth/token/implicit`;

interface Server {
  readonly ctx: Context;
  readonly faults: unknown[];
  readonly call: (path: string, options?: Ask) => Promise<Answer>;
  /** Whom a token stands for. */
  readonly owner: (token: string | null) => Promise<string | undefined>;
}

/** A server on which `ann` has the password `secret`, and `slow` must wait. */
async function setUp(t: TestContext): Promise<Server> {
  const ctx = await testContext();
  const ann = (await createObject(ctx, users, '', { metadata: { name: 'ann' } })).object;
  const faults: unknown[] = [];
  const handler = oauthHandler(ctx, {
    async login({ name, password }) {
      if (name === 'slow') throw new DomainError({ reason: 'TooManyRequests', message: 'wait', retryAfterSeconds: 7 });
      if (name === 'ann' && password === 'secret') return loggedInUser('ann', ann.metadata.uid ?? '', ['user:full']);
      throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
    },
    publicUrl: () => ISSUER,
    report: (error) => faults.push(error),
  });
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const membership = new Membership(ctx.store);
  const tokens = new OAuthTokens(ctx.store, () => ctx.now(), membership);
  t.after(() => {
    tokens.close();
    membership.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    ctx,
    faults,
    call: (path, options) => ask(`http://127.0.0.1:${port}${path}`, options),
    owner: async (token) => (await tokens.find(token ?? ''))?.name,
  };
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

function authorizePath(members: Readonly<Record<string, string>>): string {
  return `/oauth/authorize?${new URLSearchParams(members).toString()}`;
}

const CHALLENGING = { client_id: 'openshift-challenging-client', redirect_uri: IMPLICIT };

function pkce(): { verifier: string; members: { code_challenge: string; code_challenge_method: string } } {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return { verifier, members: { code_challenge: challenge, code_challenge_method: 'S256' } };
}

const form = (members: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Ask => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  body: new URLSearchParams(members).toString(),
});

const location = (answer: Answer): URL => new URL(answer.headers.location ?? '');

test('the metadata say where to log in, by the name by which the server was reached', async (t) => {
  const { call } = await setUp(t);
  const answer = await call('/.well-known/oauth-authorization-server');
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  const metadata = json(answer) as Record<string, unknown>;
  assert.equal(metadata.issuer, ISSUER);
  assert.equal(metadata.authorization_endpoint, `${ISSUER}/oauth/authorize`);
  assert.equal(metadata.token_endpoint, `${ISSUER}/oauth/token`);
  assert.ok((metadata.code_challenge_methods_supported as string[]).includes('S256'));
});

test('oc: challenge, Basic, code with PKCE, exchange', async (t) => {
  const { call, owner } = await setUp(t);
  const { verifier, members } = pkce();
  const path = authorizePath({ ...CHALLENGING, response_type: 'code', ...members });
  const challenged = await call(path, { headers: { 'X-CSRF-Token': '1' } });
  assert.deepEqual([challenged.status, challenged.headers['www-authenticate']], [401, 'Basic realm="openshift"']);
  const wrong = await call(path, { headers: { 'X-CSRF-Token': '1', Authorization: basic('ann', 'wrong') } });
  assert.deepEqual([wrong.status, wrong.headers['www-authenticate']], [401, 'Basic realm="openshift"']);
  const granted = await call(path, { headers: { 'X-CSRF-Token': '1', Authorization: basic('ann', 'secret') } });
  assert.equal(granted.status, 302);
  const code = location(granted).searchParams.get('code') ?? '';
  assert.ok(granted.headers.location?.startsWith(`${IMPLICIT}?code=`));
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: IMPLICIT, code_verifier: verifier };
  const client = { Authorization: basic('openshift-challenging-client', '') };
  const answer = await call('/oauth/token', form(exchange, client));
  assert.equal(answer.status, 200);
  const { access_token: token, expires_in: seconds, token_type: type, scope } = json(answer) as Record<string, string>;
  assert.deepEqual([seconds, type, scope], [86_400, 'Bearer', 'user:full']);
  assert.match(token ?? '', /^sha256~[A-Za-z0-9_-]{43}$/);
  assert.equal(await owner(token ?? ''), 'ann');
  const again = await call('/oauth/token', form(exchange, client));
  assert.deepEqual(
    [again.status, (json(again) as { error: string }).error],
    [400, 'invalid_grant'],
    'a code is for once',
  );
});

test('older clients: the token itself, in the fragment, with the state', async (t) => {
  const { call, owner } = await setUp(t);
  const path = authorizePath({ ...CHALLENGING, response_type: 'token', state: 'a b&c' });
  const answer = await call(path, { headers: { 'X-CSRF-Token': '1', Authorization: basic('ann', 'secret') } });
  const { hash, search } = location(answer);
  const members = new URLSearchParams(hash.slice(1));
  assert.equal(search, '');
  assert.deepEqual(
    [members.get('expires_in'), members.get('token_type'), members.get('scope')],
    ['86400', 'Bearer', 'user:full'],
  );
  assert.equal(members.get('state'), 'a b&c');
  assert.equal(await owner(members.get('access_token')), 'ann');
});

test('no browser is made to ask for a password that another site could use', async (t) => {
  const { call } = await setUp(t);
  const answer = await call(authorizePath({ ...CHALLENGING, response_type: 'token' }));
  assert.equal(answer.status, 401);
  assert.equal(answer.headers['www-authenticate'], undefined);
  assert.match(String(answer.headers.warning), /X-CSRF-Token/);
});

test('who guesses too often is told when to come again', async (t) => {
  const { call } = await setUp(t);
  const headers = { 'X-CSRF-Token': '1', Authorization: basic('slow', 'x') };
  const answer = await call(authorizePath({ ...CHALLENGING, response_type: 'code' }), { headers });
  assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '7']);
});

const CLI = {
  client_id: 'openshift-cli-client',
  redirect_uri: 'http://127.0.0.1:38291/callback',
  response_type: 'code',
};

test('oc login --web: a page with a form, then back to the command line', async (t) => {
  const { call, owner } = await setUp(t);
  const { verifier, members } = pkce();
  const path = authorizePath({ ...CLI, ...members, state: 's' });
  const page = await call(path);
  const html = page.body.toString();
  assert.equal(page.status, 200);
  assert.match(
    String(page.headers['content-security-policy']),
    /default-src 'none'.*form-action 'self' http:\/\/127\.0\.0\.1:38291$/,
  );
  assert.equal(page.headers['x-frame-options'], 'DENY');
  const cookie = String(page.headers['set-cookie']).split(';', 1)[0] ?? '';
  assert.match(
    String(page.headers['set-cookie']),
    /^__Host-headgate-csrf=.*; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
  );
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(html) ?? [];
  const login = { csrf, username: 'ann', password: 'secret' };
  assert.equal((await call(path, form(login))).status, 400, 'without the cookie');
  assert.equal((await call(path, form({ ...login, csrf: 'A'.repeat(43) }, { Cookie: cookie }))).status, 400);
  const wrong = await call(path, form({ ...login, password: 'x' }, { Cookie: cookie }));
  assert.equal(wrong.status, 401);
  assert.match(wrong.body.toString(), /Invalid name or password/);
  const done = await call(path, form(login, { Cookie: cookie }));
  assert.equal(done.status, 302);
  const back = location(done);
  assert.deepEqual([back.origin + back.pathname, back.searchParams.get('state')], [CLI.redirect_uri, 's']);
  const exchange = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: CLI.redirect_uri,
  };
  const client = { client_id: CLI.client_id };
  const bad = { ...exchange, ...client, code_verifier: 'x'.repeat(43) };
  assert.equal((await call('/oauth/token', form(bad))).status, 400, 'another verifier');
  const answer = await call('/oauth/token', form({ ...exchange, ...client, code_verifier: verifier }));
  assert.equal(await owner((json(answer) as { access_token: string }).access_token), 'ann');
});

test('whoever sees a code cannot use it without a secret', async (t) => {
  const { call } = await setUp(t);
  const path = authorizePath({ ...CHALLENGING, response_type: 'code' });
  const granted = await call(path, { headers: { 'X-CSRF-Token': '1', Authorization: basic('ann', 'secret') } });
  const code = location(granted).searchParams.get('code') ?? '';
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: IMPLICIT, client_id: CHALLENGING.client_id };
  assert.equal((await call('/oauth/token', form(exchange))).status, 400);
});

test('a browser shows a token to copy, but not to other sites', async (t) => {
  const { call, owner } = await setUp(t);
  const start = await call('/oauth/token/request');
  const to = location(start);
  assert.equal(to.origin, ISSUER);
  const page = await call(to.pathname + to.search);
  const cookie = String(page.headers['set-cookie']).split(';', 1)[0] ?? '';
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body.toString()) ?? [];
  const done = await call(
    to.pathname + to.search,
    form({ csrf, username: 'ann', password: 'secret' }, { Cookie: cookie }),
  );
  const display = location(done);
  assert.equal(display.pathname, '/oauth/token/display');
  const asked = await call(display.pathname + display.search, { headers: { Cookie: cookie } });
  assert.ok(!asked.body.toString().includes('sha256~') || asked.body.toString().includes('name="code"'));
  const code = display.searchParams.get('code') ?? '';
  assert.equal((await call(display.pathname, form({ csrf, code }))).status, 400, 'without the cookie');
  const shown = await call(display.pathname, form({ csrf, code }, { Cookie: cookie }));
  const [token = ''] = /sha256~[A-Za-z0-9_-]{43}/.exec(shown.body.toString()) ?? [];
  assert.equal(await owner(token), 'ann');
  assert.match(
    shown.body.toString(),
    /oc login --token=sha256~\S+ --server=https:&#47;|oc login --token=sha256~\S+ --server=https:\/\//,
  );
});

test('nobody is redirected to where the client is not at home', async (t) => {
  const { call } = await setUp(t);
  const evil: readonly Readonly<Record<string, string>>[] = [
    { ...CHALLENGING, redirect_uri: 'https://evil.test/oauth/token/implicit' },
    { ...CHALLENGING, redirect_uri: `${IMPLICIT}/../../../x` },
    { ...CHALLENGING, redirect_uri: `https://ann@headgate.test:8443/oauth/token/implicit` },
    { ...CHALLENGING, redirect_uri: 'https://headgate.test/oauth/token/implicit' },
    { ...CHALLENGING, redirect_uri: `${IMPLICIT}evil` },
    { ...CHALLENGING, redirect_uri: `${IMPLICIT}#x` },
    { ...CHALLENGING, redirect_uri: 'javascript:alert(1)' },
    { ...CLI, redirect_uri: 'http://127.0.0.1.evil.test/callback' },
    { ...CLI, redirect_uri: 'https://127.0.0.1:1/callback' },
    { ...CLI, redirect_uri: 'http://127.0.0.1:1/other' },
    { client_id: 'nobody', redirect_uri: 'https://evil.test/' },
    { redirect_uri: 'https://evil.test/' },
  ];
  for (const members of evil) {
    const headers = { 'X-CSRF-Token': '1', Authorization: basic('ann', 'secret') };
    const answer = await call(authorizePath({ response_type: 'token', ...members }), { headers });
    assert.equal(answer.status, 400, JSON.stringify(members));
    assert.equal(answer.headers.location, undefined);
  }
  const twice = `${authorizePath({ ...CHALLENGING, response_type: 'token' })}&redirect_uri=https%3A%2F%2Fevil.test`;
  assert.equal((await call(twice)).status, 400);
});

test('what else is wrong, the client is told', async (t) => {
  const { call, ctx } = await setUp(t);
  const error = async (members: Readonly<Record<string, string>>) => {
    const answer = await call(authorizePath({ ...CLI, ...members }));
    assert.equal(answer.status, 302, answer.body.toString());
    return location(answer).searchParams.get('error');
  };
  assert.equal(await error({ response_type: 'id_token' }), 'unsupported_response_type');
  assert.equal(await error({ scope: 'user:everything' }), 'invalid_scope');
  assert.equal(await error({ code_challenge: 'short', code_challenge_method: 'S256' }), 'invalid_request');
  assert.equal(await error({ code_challenge: 'x'.repeat(43), code_challenge_method: 'S512' }), 'invalid_request');
  assert.equal(await error({ state: 'x'.repeat(5000) }), 'invalid_request');
  await createObject(ctx, oauthClients, '', {
    metadata: { name: 'ci' },
    secret: 'shh',
    grantMethod: 'auto',
    redirectURIs: ['https://ci.test/'],
    scopeRestrictions: [{ literals: ['user:info'] }],
  });
  const ci = { client_id: 'ci', redirect_uri: 'https://ci.test/back' };
  assert.equal(await error({ ...ci, scope: 'user:full' }), 'invalid_scope');
  const wrongSecret = form({ grant_type: 'authorization_code', code: 'x' }, { Authorization: basic('ci', 'guess') });
  assert.equal((await call('/oauth/token', wrongSecret)).status, 401);
  assert.equal(
    (await call('/oauth/token', form({ grant_type: 'password', client_id: 'openshift-cli-client' }))).status,
    400,
  );
  assert.equal((await call('/oauth/token')).status, 405);
  assert.equal((await call('/oauth/nothing')).status, 404);
  assert.equal((await call('/oauth/token', { ...form({}), body: 'x'.repeat(100_000) })).status, 413);
});

test('what clients send stands in pages as text', async (t) => {
  const { call } = await setUp(t);
  const page = await call(authorizePath({ client_id: '<script>alert(1)</script>', redirect_uri: '"><b>' }));
  assert.ok(!page.body.toString().includes('<script>'));
  assert.match(page.body.toString(), /&#60;script&#62;/);
});
