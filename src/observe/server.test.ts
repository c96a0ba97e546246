import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { makeAuthorizer } from '../access/authorizer.ts';
import { ANONYMOUS } from '../access/user.ts';
import { DomainError } from '../objects/errors.ts';
import { makeLogger } from './logs.ts';
import { makeMetrics } from './metrics.ts';
import { isObserved, observeHandler } from './server.ts';

const USERS: Readonly<Record<string, readonly string[]>> = { admin: ['system:masters'], bob: [] };

interface Site {
  readonly state: { draining: boolean; broken: boolean; registryOnly: boolean };
  readonly ask: (path: string, user?: string, method?: string) => Promise<Response>;
}

async function statusOf(res: Response): Promise<{ reason: string; message: string; code: number }> {
  return (await res.json()) as { reason: string; message: string; code: number };
}

async function site(t: TestContext): Promise<Site> {
  const state = { draining: false, broken: false, registryOnly: false };
  const handler = observeHandler({
    identify: ({ headers: { authorization: name } }) => {
      const groups = USERS[name ?? ''];
      if (name === undefined) return ANONYMOUS;
      if (!groups) throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
      return { name, groups };
    },
    authorizer: makeAuthorizer(),
    metrics: makeMetrics('1'),
    logger: makeLogger({ level: 'silent', format: 'json' }),
    checks: [{ name: 'store', check: () => (state.broken ? Promise.reject(new Error('broken')) : Promise.resolve()) }],
    isDraining: () => state.draining,
    isRegistryOnly: () => state.registryOnly,
    paths: ['/apis', '/api'],
  });
  const server = http.createServer((req, res) => void handler(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask: Site['ask'] = (path, user, method = 'GET') =>
    fetch(`http://127.0.0.1:${port}${path}`, { method, headers: user === undefined ? {} : { authorization: user } });
  return { state, ask };
}

test('the root lists paths as JSON, for those who may; where only the registry is, for everyone', async (t) => {
  const { ask, state } = await site(t);
  assert.equal((await ask('/')).status, 403);
  assert.equal((await ask('/', 'admin')).status, 200);
  state.registryOnly = true;
  const res = await ask('/');
  assert.equal(res.status, 200);
  assert.equal(res.headers.get('content-type'), 'application/json');
  assert.deepEqual(await res.json(), { paths: ['/api', '/apis', '/healthz', '/livez', '/metrics', '/readyz'] });
  const head = await ask('/', undefined, 'HEAD');
  assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, 'application/json', '']);
});

test('health can be asked by everyone but those with bad credentials', async (t) => {
  const { ask, state } = await site(t);
  for (const path of ['/healthz', '/livez', '/readyz', '/readyz/store', '/livez/ping']) {
    const res = await ask(path);
    assert.deepEqual([res.status, await res.text()], [200, 'ok'], path);
    assert.equal(res.headers.get('content-type'), 'text/plain; charset=utf-8');
  }
  assert.equal(await (await ask('/livez?verbose')).text(), '[+]ping ok\nlivez check passed\n');
  assert.equal((await ask('/livez/nothing')).status, 404);
  const bad = await ask('/healthz', 'eve');
  assert.equal(bad.status, 401);
  assert.equal((await statusOf(bad)).reason, 'Unauthorized');
  state.draining = true;
  assert.deepEqual([(await ask('/readyz')).status, (await ask('/healthz')).status], [500, 200]);
  state.broken = true;
  assert.deepEqual([(await ask('/healthz')).status, (await ask('/livez')).status], [500, 200]);
});

test('metrics are for those who may get them', async (t) => {
  const { ask } = await site(t);
  const res = await ask('/metrics', 'admin');
  assert.equal(res.status, 200);
  assert.match(res.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await res.text(), /^process_resident_memory_bytes /m);
  const [bob, nobody] = [await ask('/metrics', 'bob'), await ask('/metrics')];
  assert.deepEqual([bob.status, nobody.status], [403, 403]);
  assert.equal((await statusOf(bob)).message, 'forbidden: User "bob" cannot get path "/metrics"');
  assert.equal((await statusOf(nobody)).message, 'forbidden: User "system:anonymous" cannot get path "/metrics"');
});

test('other methods are refused', async (t) => {
  const { ask } = await site(t);
  const res = await ask('/healthz', undefined, 'POST');
  assert.deepEqual([res.status, res.headers.get('allow'), (await statusOf(res)).code], [405, 'GET, HEAD', 405]);
});

test('only its own paths are its own', () => {
  for (const path of ['/', '/metrics', '/healthz', '/readyz/store']) assert.ok(isObserved(path), path);
  for (const path of ['', '/healthzz', '/metrics/x', '/api', '//']) assert.ok(!isObserved(path), path);
});
