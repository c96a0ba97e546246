import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isProblem } from '../objects/errors.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import { type Authenticator, makeAuthenticator } from './authenticator.ts';
import { type Authority, type KeyPair, openAuthority } from './authority.ts';
import { Membership } from './membership.ts';
import { AccessTokens, newAccessToken } from './tokens.ts';
import { ANONYMOUS, type User } from './user.ts';
import { issueCertificate, newKey, type Purpose } from './x509.ts';

const NOW = new Date();
const ALICE: User = { name: 'alice', groups: ['developers', 'system:authenticated'] };
const ADMIN: User = { name: 'system:admin', groups: ['system:masters', 'system:authenticated'] };

async function setUp(t: TestContext): Promise<{ authenticator: Authenticator; token: string; clock: { now: Date } }> {
  const store = openMemoryStore();
  const clock = { now: NOW };
  const tokens = new AccessTokens(store, () => clock.now);
  t.after(() => store.close());
  const token = newAccessToken();
  await tokens.keep(token, { user: 'alice', groups: ['developers'], created: NOW.toISOString() });
  return {
    authenticator: makeAuthenticator({ tokens, membership: new Membership(store), now: () => clock.now }),
    token,
    clock,
  };
}

/** A request without a connection. */
function request(authorization?: string, url = '/'): IncomingMessage {
  return { url, headers: { ...(authorization !== undefined && { authorization }) }, socket: {} } as IncomingMessage;
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

/** The user, or `refused`. */
async function outcome(
  identify: () => User | undefined | Promise<User | undefined>,
): Promise<User | undefined | 'refused'> {
  try {
    return await identify();
  } catch (error) {
    assert.ok(isProblem(error, 'Unauthorized'), String(error));
    return 'refused';
  }
}

test('the API takes bearer tokens; bad ones never become an anonymous caller', async (t) => {
  const { authenticator, token } = await setUp(t);
  const cases: readonly (readonly [string | undefined, User | undefined | 'refused'])[] = [
    [`Bearer ${token}`, ALICE],
    [`bearer ${token}`, ALICE],
    [`BEARER   ${token} `, ALICE],
    [undefined, ANONYMOUS],
    // As kube-apiserver: these count as no credentials.
    ['Bearer', ANONYMOUS],
    ['Bearer ', ANONYMOUS],
    [basic(`alice:${token}`), ANONYMOUS],
    [`Bearer ${newAccessToken()}`, 'refused'],
    [`Bearer ${token}x`, 'refused'],
    [`Bearer ${token} ${token}`, 'refused'],
    ['Bearer anonymous', 'refused'],
    [token, 'refused'],
    [`Token ${token}`, 'refused'],
    ['Negotiate abc', 'refused'],
  ];
  for (const [header, expected] of cases) {
    assert.deepEqual(await outcome(() => authenticator.identifyApi(request(header))), expected, String(header));
  }
});

test('the registry also takes a token as the password of any user', async (t) => {
  const { authenticator, token } = await setUp(t);
  const cases: readonly (readonly [string | undefined, User | undefined | 'refused'])[] = [
    [`Bearer ${token}`, ALICE],
    [basic(`anyone:${token}`), ALICE],
    [basic(`:${token}`), ALICE],
    [undefined, undefined],
    ['Bearer anonymous', undefined],
    ['Bearer', 'refused'],
    ['Basic', 'refused'],
    ['Basic !!!', 'refused'],
    [basic(token), 'refused'],
    [basic('alice:'), 'refused'],
    [basic('alice:anonymous'), 'refused'],
    [basic(`alice:${newAccessToken()}`), 'refused'],
    [basic(`alice:x:${token}`), 'refused'],
    [`Digest ${token}`, 'refused'],
  ];
  for (const [header, expected] of cases) {
    assert.deepEqual(await outcome(() => authenticator.identifyRegistry(request(header))), expected, String(header));
  }
});

test('a token in the query is refused, even a good one beside a good header', async (t) => {
  const { authenticator, token } = await setUp(t);
  for (const url of [`/api?access_token=${token}`, `/api?watch=1&access_token=${token}`]) {
    for (const identify of [authenticator.identifyApi, authenticator.identifyRegistry]) {
      assert.equal(await outcome(() => identify(request(`Bearer ${token}`, url))), 'refused');
    }
  }
  assert.deepEqual(await authenticator.identifyApi(request(`Bearer ${token}`, '/api?no_access_token=1')), ALICE);
});

test('an expired token is refused', async (t) => {
  const store = openMemoryStore();
  t.after(() => store.close());
  const tokens = new AccessTokens(store, () => NOW);
  const token = newAccessToken();
  const expires = new Date(NOW.getTime() - 1000).toISOString();
  await tokens.keep(token, { user: 'alice', groups: [], created: expires, expires });
  const authenticator = makeAuthenticator({ tokens, membership: new Membership(store), now: () => NOW });
  assert.equal(await outcome(() => authenticator.identifyApi(request(`Bearer ${token}`))), 'refused');
});

/** Certificates of an authority of its own, which calls itself as the first one does or not. */
async function stranger(purpose: Purpose, days = 1): Promise<KeyPair> {
  const [key, issuerKey] = [newKey(), newKey()];
  const certificate = await issueCertificate({
    subject: { commonName: 'system:admin', organizations: ['system:masters'] },
    publicKey: createPublicKey(key),
    issuer: { commonName: 'headgate-ca-00000000' },
    issuerKey,
    issuerPublicKey: createPublicKey(issuerKey),
    purpose,
    now: NOW,
    days,
  });
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

interface TlsServer {
  readonly authority: Authority;
  /** Calls with these credentials and resolves to who that was. */
  readonly ask: (options: { pair?: KeyPair; authorization?: string; agent?: https.Agent }) => Promise<unknown>;
}

async function tlsServer(t: TestContext, authenticator: Authenticator): Promise<TlsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-authenticator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = await openAuthority({ folder, names: ['localhost', '127.0.0.1'], now: NOW });
  const server = https.createServer(
    {
      key: authority.server.key,
      cert: authority.server.certificate,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (req, res) => {
      void outcome(() => authenticator.identifyApi(req)).then((user) => res.end(JSON.stringify(user)));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask: TlsServer['ask'] = async ({ pair, authorization, agent }) => {
    const req = https.get({
      host: '127.0.0.1',
      port,
      ca: authority.certificate,
      ...(pair && { cert: pair.certificate, key: pair.key }),
      ...(authorization && { headers: { authorization } }),
      ...(agent && { agent }),
    });
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    return JSON.parse((await res.toArray()).join(''));
  };
  return { authority, ask };
}

test('a client certificate of our authority names its user; others are refused', async (t) => {
  const { authenticator, token } = await setUp(t);
  const { authority, ask } = await tlsServer(t, authenticator);
  assert.deepEqual(await ask({}), ANONYMOUS);
  assert.deepEqual(await ask({ pair: authority.admin }), ADMIN);
  assert.deepEqual(await ask({ pair: authority.admin }), ADMIN, 'on a resumed TLS session');
  assert.deepEqual(await ask({ pair: authority.admin, authorization: `Bearer ${token}` }), ALICE, 'a token goes first');
  assert.equal(await ask({ pair: authority.admin, authorization: `Bearer ${newAccessToken()}` }), 'refused');
  assert.equal(await ask({ pair: authority.server }), 'refused', 'not a certificate for clients');
  assert.equal(await ask({ pair: await stranger({ is: 'client' }) }), 'refused');
});

test('a client certificate that expires during a connection is refused from then on', async (t) => {
  const { authenticator, clock } = await setUp(t);
  const { authority, ask } = await tlsServer(t, authenticator);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.deepEqual(await ask({ pair: authority.admin, agent }), ADMIN);
  assert.deepEqual(await ask({ pair: authority.admin, agent }), ADMIN);
  clock.now = new Date(NOW.getTime() + 366 * 86_400_000);
  assert.equal(await ask({ pair: authority.admin, agent }), 'refused');
});
