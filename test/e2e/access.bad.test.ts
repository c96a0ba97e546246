/** Whoever has no right, or pretends to have one, is refused with the right code, and the audit trail says so. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tokenObjectName } from '../../src/access/oauthtokens.ts';
import { newAccessToken } from '../../src/access/tokens.ts';
import { issueCertificate, newKey } from '../../src/access/x509.ts';
import type { AuditRecord } from '../../src/observe/audit.ts';
import { type Answer, type Ask, ask, json } from '../http.ts';
import { ownHome, succeed } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;

before(async () => {
  server = await startServer();
  const bin = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
  await succeed(process.execPath, [bin, 'user', 'add', 'victim', '--data', server.data], {
    input: 'not to be guessed\n',
  });
  kubectl = kubectlFor(server, ownHome());
  await kubectl('create', 'namespace', 'paint');
  await kubectl(
    'create',
    'rolebinding',
    'robot',
    '-n',
    'paint',
    '--clusterrole=edit',
    '--serviceaccount=paint:default',
  );
});
after(async () => {
  await server?.kill();
});

interface Try extends Ask {
  readonly token?: string;
}

const api = (path: string, { token, headers = {}, ...more }: Try = {}): Promise<Answer> =>
  ask(server.apiUrl + path, {
    headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
    ca: server.ca,
    ...more,
  });

/** The records that hold this text, as soon as there are so many. */
async function recorded(id: string, least = 1): Promise<AuditRecord[]> {
  for (let tries = 0; tries < 500; tries++) {
    const lines = readFileSync(join(server.data, 'audit.log'), 'utf8').split('\n');
    // The last one is still being written, or empty.
    lines.pop();
    const records = lines.filter((line) => line.includes(id)).map((line) => JSON.parse(line) as AuditRecord);
    if (records.length >= least) return records;
    await pause(20);
  }
  return [];
}

let count = 0;

/** Asks, and gives the status with what the audit trail says of it. */
async function tried(
  path: string,
  options: Try = {},
): Promise<{ status: number; record: AuditRecord | undefined; answer: Answer }> {
  const id = `bad-${process.pid}-${++count}-end`;
  const answer = await api(path, { ...options, headers: { 'Audit-ID': id, ...options.headers } });
  assert.equal(answer.headers['audit-id'], id);
  const [record] = await recorded(id);
  return { status: answer.status, record, answer };
}

const MAPS = '/api/v1/namespaces/paint/configmaps';
const jsonBody = (value: unknown) => ({ method: 'POST', body: JSON.stringify(value) });

async function accountToken(more: object = {}): Promise<string> {
  const path = '/api/v1/namespaces/paint/serviceaccounts/default/token';
  const request = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: more };
  const answer = await api(path, {
    token: server.token,
    ...jsonBody(request),
    headers: { 'Content-Type': 'application/json' },
  });
  return (json(answer) as { status: { token: string } }).status.token;
}

test('tokens that are malformed, unknown, forged or for others are 401', async () => {
  const good = await accountToken();
  assert.equal((await api(MAPS, { token: good })).status, 200);
  const foreign = await accountToken({ audiences: ['vault'] });
  const [head = '', body = '', signature = ''] = good.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
  const forged = `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'system:admin' })).toString('base64url')}.${signature}`;
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  const wrong = ['x', 'a.b.c', `sha256~${'A'.repeat(43)}`, `${server.token}x`, forged, none, foreign, 'anonymous'];
  for (const token of wrong) {
    const { status, record } = await tried(MAPS, { token });
    assert.equal(status, 401, token);
    assert.deepEqual([record?.code, record?.edge, record?.user], [401, 'kube', undefined], token);
    assert.ok(record?.from === '127.0.0.1' || record?.from === '::ffff:127.0.0.1');
  }
});

test('a token whose time is over is 401, and so is one of a user who is gone', async () => {
  const headers = { 'Content-Type': 'application/json' };
  const made = await api('/apis/user.openshift.io/v1/users', {
    token: server.token,
    headers,
    ...jsonBody({ metadata: { name: 'brief' } }),
  });
  const { uid } = (json(made) as { metadata: { uid: string } }).metadata;
  const tokenFor = async (expiresIn: number): Promise<string> => {
    const token = newAccessToken();
    const object = {
      metadata: { name: tokenObjectName(token) },
      clientName: 'headgate-cli',
      redirectURI: 'headgate:test',
      scopes: ['user:full'],
      userName: 'brief',
      userUID: uid,
      expiresIn,
    };
    const path = '/apis/oauth.openshift.io/v1/oauthaccesstokens';
    assert.equal((await api(path, { token: server.token, headers, ...jsonBody(object) })).status, 201);
    return token;
  };
  const [short, long] = [await tokenFor(5), await tokenFor(0)];
  assert.equal((await api('/version', { token: short })).status, 200);
  assert.equal((await api('/version', { token: long })).status, 200);
  await pause(5_100);
  assert.equal((await tried(MAPS, { token: short })).record?.code, 401);
  assert.equal((await api('/version', { token: long })).status, 200);
  await kubectl('delete', 'user', 'brief');
  assert.equal((await tried(MAPS, { token: long })).record?.code, 401);
});

test('a token that was revoked is 401 from then on, as that of an account that is gone', async () => {
  await kubectl('create', 'serviceaccount', 'brief', '-n', 'paint');
  const token = (await kubectl('create', 'token', 'brief', '-n', 'paint')).trim();
  assert.equal((await api('/version', { token })).status, 200);
  await kubectl('delete', 'serviceaccount', 'brief', '-n', 'paint');
  assert.equal((await tried('/api/v1/namespaces', { token })).record?.code, 401);
});

test('a token in the query is refused, however good it is', async () => {
  const { status, record, answer } = await tried(`${MAPS}?access_token=${server.token}`);
  assert.equal(status, 401);
  assert.match(answer.body.toString(), /token in the query is not accepted/);
  assert.ok(!JSON.stringify(record).includes(server.token.slice(12)), 'and is not written down');
  assert.ok(!server.output().includes(server.token.slice(12)));
});

test('headers that claim to be somebody count for nothing', async () => {
  for (const headers of [
    { 'X-Remote-User': 'system:admin', 'X-Remote-Group': 'system:masters' },
    { 'X-Forwarded-User': 'system:admin', 'X-WebAuth-User': 'admin' },
  ]) {
    const { status, record } = await tried(MAPS, { headers });
    assert.equal(status, 403);
    assert.equal(record?.user, 'system:anonymous');
  }
  const token = await accountToken();
  for (const headers of [
    { 'Impersonate-User': 'system:admin' },
    { 'Impersonate-User': 'x', 'Impersonate-Group': 'system:masters' },
  ]) {
    const { status, record } = await tried(MAPS, { token, headers });
    assert.equal(status, 403);
    assert.match(record?.reason ?? '', /User "system:serviceaccount:paint:default" cannot impersonate/);
  }
  const acting = await tried(MAPS, {
    token: server.token,
    headers: { 'Impersonate-User': 'ann', 'Content-Type': 'application/json' },
    ...jsonBody({ metadata: { name: 'x' } }),
  });
  assert.deepEqual([acting.status, acting.record?.user, acting.record?.impersonator], [403, 'ann', 'admin']);
});

test('a certificate of another authority, though it calls itself ours, is 401', async () => {
  const [key, issuerKey] = [newKey(), newKey()];
  const cert = await issueCertificate({
    subject: { commonName: 'system:admin', organizations: ['system:masters'] },
    publicKey: createPublicKey(key),
    issuer: { commonName: 'headgate-ca-00000000' },
    issuerKey,
    issuerPublicKey: createPublicKey(issuerKey),
    purpose: { is: 'client' },
    now: new Date(),
    days: 1,
  });
  const agent = new https.Agent({ cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), ca: server.ca });
  const { status, record } = await tried(MAPS, { agent });
  agent.destroy();
  assert.equal(status, 401);
  assert.equal(record?.code, 401);
});

test('nobody gives rights that one has not', async () => {
  const token = await accountToken();
  const headers = { 'Content-Type': 'application/json' };
  await kubectl(
    'create',
    'rolebinding',
    'robot-admin',
    '-n',
    'paint',
    '--clusterrole=admin',
    '--serviceaccount=paint:default',
  );
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace: 'paint' }];
  const binding = { metadata: { name: 'up' }, roleRef, subjects };
  const role = { metadata: { name: 'up' }, rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] };
  for (const [path, body] of [
    [`${rbac}/namespaces/paint/rolebindings`, binding],
    [`${rbac}/clusterrolebindings`, binding],
    [`${rbac}/namespaces/paint/roles`, role],
    [`${rbac}/clusterroles`, role],
    [
      '/apis/oauth.openshift.io/v1/oauthaccesstokens',
      { metadata: { name: `sha256~${'b'.repeat(43)}` }, userName: 'root' },
    ],
    ['/apis/user.openshift.io/v1/groups', { metadata: { name: 'system:masters' }, users: ['x'] }],
  ] as const) {
    const { status, record } = await tried(path, { token, headers, ...jsonBody(body) });
    assert.equal(status, 403, path);
    assert.deepEqual(
      [record?.user, record?.verb, record?.code],
      ['system:serviceaccount:paint:default', 'create', 403],
    );
  }
});

test('writes are recorded: who, what, where, how it ended; never what was in them', async () => {
  const secret = { metadata: { name: 'pass' }, stringData: { password: 'hunter2hunter2' } };
  const made = await tried('/api/v1/namespaces/paint/secrets', {
    token: server.token,
    headers: { 'Content-Type': 'application/json' },
    ...jsonBody(secret),
  });
  const { edge, user, verb, resource, namespace, code } = made.record ?? {};
  assert.deepEqual([edge, user, verb, resource, namespace, code], ['kube', 'admin', 'create', 'secrets', 'paint', 201]);
  const gone = await tried('/api/v1/namespaces/paint/secrets/pass', { token: server.token, method: 'DELETE' });
  assert.deepEqual([gone.record?.verb, gone.record?.name, gone.record?.code], ['delete', 'pass', 200]);
  const trail = readFileSync(join(server.data, 'audit.log'), 'utf8');
  for (const word of ['hunter2', server.token.slice(12)]) assert.ok(!trail.includes(word), word);
});

test('the registry records pushes and refusals too', async () => {
  const push = (token?: string) =>
    ask(`${server.registryUrl}/v2/paint/audited/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`, {
      method: 'POST',
      ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
    });
  await kubectl('create', 'serviceaccount', 'stranger', '-n', 'default');
  assert.equal((await push((await kubectl('create', 'token', 'stranger', '-n', 'default')).trim())).status, 403);
  assert.equal((await push('rubbish')).status, 401);
  const records = await recorded('paint/audited', 2);
  assert.ok(
    records.some(
      ({ code, user, verb }) => code === 403 && user === 'system:serviceaccount:default:stranger' && verb === 'push',
    ),
  );
  assert.ok(records.some(({ code, reason }) => code === 401 && reason === 'UNAUTHORIZED'));
  assert.ok(records.every(({ edge }) => edge === 'registry'));
});

test('ten thousand bad logins: all refused, all recorded, and the server stays quick', async () => {
  const path = `/oauth/authorize?client_id=openshift-challenging-client&response_type=token&redirect_uri=${encodeURIComponent(`${server.apiUrl}/oauth/token/implicit`)}`;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 16, ca: server.ca });
  const codes = new Map<number, number>();
  const attempt = async (index: number): Promise<void> => {
    const credentials = Buffer.from(`victim:guess-${index}`).toString('base64');
    const headers = { 'X-CSRF-Token': '1', Authorization: `Basic ${credentials}` };
    const { status } = await api(path, { headers, agent });
    codes.set(status, (codes.get(status) ?? 0) + 1);
  };
  for (let at = 0; at < 10_000; at += 50)
    await Promise.all(Array.from({ length: 50 }, (_, index) => attempt(at + index)));
  agent.destroy();
  assert.deepEqual(new Set(codes.keys()), new Set([401, 429]));
  assert.ok((codes.get(401) ?? 0) <= 40, `${codes.get(401)} passwords were looked at`);
  const records = await recorded('"user":"victim"', 10_000);
  assert.equal(records.length, 10_000);
  assert.ok(records.every(({ edge, verb }) => edge === 'login' && verb === 'login'));
  assert.equal((await api('/version', { token: server.token })).status, 200);
});
