import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { BlobsFull, BlobsUnavailable } from '../blobs/blobs.ts';
import { openMemoryBlobs } from '../blobs/memory/memory.ts';
import { digestOf } from '../image/digest.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import { StoreFull, StoreUnavailable } from '../store/store.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial();
  await trial.pushImage('dev/app', 'v1');
  await trial.pushImage('public/app', 'v1');
});
after(() => trial.stop());

const DIGEST = digestOf('x');

function challengeOf(reply: Reply): Record<string, string> {
  assert.equal(reply.status, 401);
  assert.equal(reply.code ?? 'UNAUTHORIZED', 'UNAUTHORIZED');
  assert.equal(reply.headers['docker-distribution-api-version'], 'registry/2.0');
  const text = reply.headers['www-authenticate'] ?? '';
  assert.match(text, /^Bearer /);
  return Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]));
}

function basic(user: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

test('/v2/ is 200 {} for a user, by Bearer and by Basic with any user name', async () => {
  const calls = [{}, { token: null, headers: basic('whoever', 'dev-token') }, { token: 'anonymous' }];
  for (const call of calls) {
    for (const path of ['/v2/', '/v2']) {
      const reply = await trial.call('GET', path, call);
      assert.equal(reply.status, 200);
      assert.equal(reply.body.toString(), '{}');
      assert.equal(reply.headers['docker-distribution-api-version'], 'registry/2.0');
    }
  }
});

test('without a credential 401 says where to get a token on this very host, and for what', async () => {
  const ping = challengeOf(await trial.call('GET', '/v2/', { token: null }));
  assert.equal(ping.realm, `http://127.0.0.1:${trial.port}/openshift/token`);
  assert.ok(ping.service);
  assert.equal(ping.scope, undefined);
  const scope = async (method: string, path: string) =>
    challengeOf(await trial.call(method, path, { token: null })).scope;
  assert.equal(await scope('GET', '/v2/dev/app/manifests/v1'), 'repository:dev/app:pull');
  assert.equal(await scope('PUT', '/v2/dev/app/manifests/v1'), 'repository:dev/app:pull,push');
  assert.equal(await scope('POST', '/v2/dev/app/blobs/uploads/'), 'repository:dev/app:pull,push');
  assert.equal(await scope('DELETE', '/v2/dev/app/manifests/v1'), 'repository:dev/app:delete');
  assert.equal(await scope('GET', '/v2/_catalog'), 'registry:catalog:*');
});

test('a bad credential is 401 with error="invalid_token"', async () => {
  for (const call of [{ token: 'wrong' }, { token: null, headers: basic('admin', 'wrong') }]) {
    assert.equal(challengeOf(await trial.call('GET', '/v2/', call)).error, 'invalid_token');
    assert.equal(challengeOf(await trial.call('GET', '/v2/public/app/manifests/v1', call)).error, 'invalid_token');
  }
});

test('GET of the token endpoint gives the API token for Basic, the token of nobody for nothing', async () => {
  const path = '/openshift/token?service=headgate&scope=repository:dev/app:pull';
  const reply = await trial.call('GET', path, { token: null, headers: basic('x', 'dev-token') });
  const body = JSON.parse(reply.body.toString());
  assert.equal(body.token, 'dev-token');
  assert.equal(body.access_token, 'dev-token');
  assert.ok(body.expires_in >= 60);
  assert.ok(!Number.isNaN(Date.parse(body.issued_at)));
  const nobody = await trial.call('GET', path, { token: null });
  assert.equal(JSON.parse(nobody.body.toString()).token, 'anonymous');
  for (const headers of [
    basic('x', 'wrong'),
    basic('x', ''),
    basic('x', 'anonymous'),
    { Authorization: 'Basic ???' },
  ]) {
    const refused = await trial.call('GET', path, { token: null, headers });
    assert.equal(refused.status, 401);
    assert.match(refused.headers['www-authenticate'] ?? '', /^Basic /);
  }
});

test('POST of the token endpoint takes a form with a password or a refresh token', async () => {
  const post = (body: string) => trial.call('POST', '/openshift/token', { token: null, body });
  const granted = await post('grant_type=password&username=x&password=dev-token&scope=a&access_type=offline');
  const body = JSON.parse(granted.body.toString());
  assert.equal(body.access_token, 'dev-token');
  assert.equal(body.refresh_token, 'dev-token');
  const again = await post('grant_type=refresh_token&refresh_token=dev-token&service=x');
  assert.equal(JSON.parse(again.body.toString()).access_token, 'dev-token');
  assert.equal((await post('grant_type=password&username=x&password=wrong')).status, 401);
  assert.equal((await post('grant_type=password&username=x&password=a%0Ab')).status, 401);
  assert.equal((await post('rubbish')).status, 400);
  assert.equal((await post(`x=${'y'.repeat(100_000)}`)).status, 413);
  assert.equal((await trial.call('PUT', '/openshift/token')).status, 405);
});

test('what a user may not do is 403 DENIED, what nobody may do 401; anonymous pull follows the rules', async () => {
  const upload = '/v2/dev/app/blobs/uploads/';
  assert.equal((await trial.call('GET', '/v2/dev/app/manifests/v1', { token: 'reader-token' })).status, 200);
  assert.equal((await trial.call('POST', upload, { token: 'reader-token' })).code, 'DENIED');
  assert.equal((await trial.call('HEAD', `/v2/secret/x/blobs/${DIGEST}`, { token: 'dev-token' })).status, 404);
  assert.equal((await trial.call('GET', `/v2/secret/x/blobs/${DIGEST}`, { token: 'dev-token' })).status, 403);
  assert.equal((await trial.call('DELETE', '/v2/dev/app/manifests/v1', { token: 'reader-token' })).status, 403);
  assert.equal((await trial.call('DELETE', `/v2/dev/app/blobs/${DIGEST}`, { token: 'reader-token' })).status, 403);
  assert.equal((await trial.call('GET', '/v2/secret/x/manifests/v1', { token: 'dev-token' })).status, 403);
  assert.equal((await trial.call('DELETE', '/v2/dev/app/manifests/none', { token: 'dev-token' })).status, 404);
  for (const token of [null, 'anonymous']) {
    assert.equal((await trial.call('GET', '/v2/public/app/manifests/v1', { token })).status, 200);
    challengeOf(await trial.call('GET', '/v2/dev/app/manifests/v1', { token }));
    challengeOf(await trial.call('HEAD', '/v2/dev/app/manifests/v1', { token }));
    challengeOf(await trial.call('POST', '/v2/public/app/blobs/uploads/', { token }));
  }
});

test('names that are none are 400 NAME_INVALID and say why', async () => {
  for (const name of ['a/b/c', 'A/b', 'a/-b', 'a//b', 'dev/a__b', `${'n'.repeat(64)}/x`]) {
    const reply = await trial.call('POST', `/v2/${name}/blobs/uploads/`);
    assert.equal(reply.status, 400, name);
    assert.equal(reply.code, 'NAME_INVALID', name);
  }
});

test('a name that is too long for a reference is refused before the first byte of a push, not after the last', async () => {
  const host = 'registry.test:5000/dev/';
  const longest = 'n'.repeat(255 - host.length);
  await trial.pushImage(`dev/${longest}`, 'v1');
  for (const [method, path] of [
    ['POST', 'blobs/uploads/'],
    ['PUT', 'manifests/v1'],
  ] as const) {
    const reply = await trial.call(method, `/v2/dev/${longest}n/${path}`);
    assert.deepEqual([reply.status, reply.code], [400, 'NAME_INVALID'], method);
    assert.match(reply.body.toString(), /has 256 characters; with the registry's host/);
  }
});

test('paths that are no end of the API are 404, methods that are not offered 405 with Allow', async () => {
  for (const path of ['/v2/dev/app', '/v2/x/tags/other', '/v2/%ff/tags/list', '/v2/dev/app/_oci/ext/discover']) {
    assert.equal((await trial.call('GET', path)).status, 404, path);
  }
  for (const path of ['/v2/', '/v2/dev/app/tags/list', '/v2/dev/app/manifests/v1', `/v2/dev/app/blobs/${DIGEST}`]) {
    const reply = await trial.call('POST', path, { body: 'abc' });
    assert.equal(reply.status, 405, path);
    assert.equal(reply.code, 'UNSUPPORTED', path);
    assert.match(String(reply.headers.allow), /GET, HEAD/);
  }
});

test('a connection goes on after every kind of refusal, also with a body that nobody wanted', async () => {
  const calls: readonly (readonly [string, string, object])[] = [
    ['GET', '/v2/', { token: null, body: 'abc' }],
    ['PATCH', '/v2/dev/app/blobs/uploads/nothing', { body: Buffer.alloc(200_000) }],
    ['PUT', '/v2/A/b/manifests/v1', { body: Buffer.alloc(200_000) }],
    ['HEAD', '/v2/dev/app/manifests/nothing', {}],
    ['POST', '/v2/dev/app/blobs/uploads/', { body: 'unasked for' }],
    ['DELETE', `/v2/dev/app/blobs/${DIGEST}`, { body: 'abc' }],
  ];
  const ports = new Set<number | undefined>();
  trial.agent.on('free', (socket) => ports.add(socket.localPort));
  for (const [method, path, call] of calls) {
    const reply = await trial.call(method, path, call);
    assert.notEqual(reply.headers.connection, 'close', path);
    const length = Number(reply.headers['content-length'] ?? 0);
    assert.equal(reply.body.length, method === 'HEAD' ? 0 : length, path);
  }
  assert.equal((await trial.call('GET', '/v2/')).status, 200);
  assert.ok(ports.size <= 1);
});

test('a Host that would break out of the challenge does not', async () => {
  const socket = connect(trial.port, '127.0.0.1');
  socket.write('GET /v2/ HTTP/1.1\r\nHost: a",evil="b\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.match(text, /realm="http:\/\/a,evil=b\/openshift\/token"/);
});

test('a namespace that neither exists nor is made by a push is NAME_UNKNOWN', async () => {
  const strict = await startTrial({ autoNamespaces: false });
  const reply = await strict.call('POST', '/v2/nowhere/app/blobs/uploads/');
  assert.equal(reply.status, 404);
  assert.equal(reply.code, 'NAME_UNKNOWN');
  await strict.stop();
});

test('a full disk is 507, what cannot be reached 503, both with Retry-After; what is a bug is 500; faults are reported', async () => {
  const path = '/v2/dev/app/blobs/uploads/';
  const cases: readonly (readonly [Error, number])[] = [
    [new StoreFull('disk'), 507],
    [new StoreUnavailable('gone'), 503],
    [new TypeError('secret detail'), 500],
  ];
  for (const [error, status] of cases) {
    const broken = await startTrial({
      store: Object.assign(openMemoryStore(), { commit: () => Promise.reject(error) }),
    });
    await assertBroken(broken, path, { status, reported: status === 500 });
  }
  for (const [error, status] of [
    [new BlobsFull('disk'), 507],
    [new BlobsUnavailable('gone'), 503],
  ] as const) {
    const broken = await startTrial({
      blobs: Object.assign(openMemoryBlobs(), { begin: () => Promise.reject(error) }),
    });
    await assertBroken(broken, path, { status, reported: true });
  }
});

async function assertBroken(
  broken: Trial,
  path: string,
  { status, reported }: { readonly status: number; readonly reported: boolean },
): Promise<void> {
  const reply = await broken.call('POST', path);
  assert.equal(reply.status, status);
  assert.equal(reply.headers['retry-after'] !== undefined, status !== 500);
  assert.ok(!reply.body.includes('secret'));
  assert.equal(broken.faults.length, reported ? 1 : 0);
  await broken.stop();
}
