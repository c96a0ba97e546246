import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { freePort } from '../test/ports.ts';
import { type Config, parseConfig } from './config.ts';
import { START_PATIENCE_MS } from './limits.work.ts';
import { type Running, serve } from './main.ts';

function configOf(t: TestContext, ...args: readonly string[]): Config {
  const data = mkdtempSync(join(tmpdir(), 'headgate-main-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const free = ['--listen=127.0.0.1:0', '--registry-listen=127.0.0.1:0', '--log-level=silent'];
  return parseConfig(['--data', data, ...free, ...args], {});
}

interface Started extends Running {
  readonly data: string;
  readonly token: string;
}

async function start(t: TestContext, config: Config): Promise<Started> {
  const running = await serve(config);
  t.after(() => running.close());
  return { ...running, data: config.data, token: readFileSync(join(config.data, 'admin.token'), 'utf8').trim() };
}

/** Asks, and resolves once the head of the answer is there. */
async function request(started: Started, url: string, options: https.RequestOptions = {}): Promise<IncomingMessage> {
  const secure = url.startsWith('https:') && { ca: readFileSync(join(started.data, 'tls', 'ca.crt')) };
  const req = (secure ? https : http).request(url, { agent: false, ...secure, ...options });
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return res;
}

async function ask(
  started: Started,
  url: string,
  options: https.RequestOptions = {},
): Promise<{ code: number; body: string }> {
  const res = await request(started, url, options);
  return { code: res.statusCode ?? 0, body: (await res.toArray()).join('') };
}

function bearer(token: string): https.RequestOptions {
  return { headers: { authorization: `Bearer ${token}` } };
}

test('the API and the registry answer on HTTPS, the registry alone on plain HTTP', async (t) => {
  const started = await start(t, configOf(t));
  const { apiUrl, registryUrl, token } = started;
  const list = '/apis/image.openshift.io/v1/namespaces/default/imagestreams';
  const streams = await ask(started, apiUrl + list, bearer(token));
  assert.equal(streams.code, 200);
  assert.equal(JSON.parse(streams.body).kind, 'ImageStreamList');
  assert.equal((await ask(started, apiUrl + list)).code, 403);
  assert.equal((await ask(started, apiUrl + list, bearer(`${token}x`))).code, 401);
  for (const url of [apiUrl, registryUrl]) {
    assert.equal((await ask(started, `${url}/v2/`)).code, 401, url);
    assert.equal((await ask(started, `${url}/v2/`, { auth: `any:${token}` })).code, 200, url);
    assert.ok(JSON.parse((await ask(started, `${url}/`, bearer(token))).body).paths.includes('/v2/'));
    assert.deepEqual(await ask(started, `${url}/healthz`), { code: 200, body: 'ok' });
  }
  assert.deepEqual([(await ask(started, `${apiUrl}/`)).code, (await ask(started, `${registryUrl}/`)).code], [403, 200]);
  for (const path of [list, '/metrics', '/readyz', '/apis']) {
    const refused = await ask(started, registryUrl + path, bearer(token));
    assert.deepEqual([refused.code, /registry only/.test(refused.body)], [404, true], path);
  }
  assert.match(
    (await ask(started, `${apiUrl}/metrics`, bearer(token))).body,
    /^headgate_requests_total\{edge="kube",verb="list",code="200"\} 1$/m,
  );
});

test('the kubeconfig works with its token and with its client certificate', async (t) => {
  const started = await start(t, configOf(t));
  const config = parse(readFileSync(started.kubeconfig, 'utf8'));
  assert.equal(config.clusters[0].cluster.server, started.apiUrl);
  assert.equal(config.users[0].user.token, started.token);
  const decoded = (text: string): Buffer => Buffer.from(text, 'base64');
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[1].user;
  const ca = decoded(config.clusters[0].cluster['certificate-authority-data']);
  const url = `${started.apiUrl}/api/v1/namespaces/default`;
  assert.equal((await ask(started, url, { ca, cert: decoded(cert), key: decoded(key) })).code, 200);
  assert.equal((await ask(started, url, { ca, ...bearer(started.token) })).code, 200);
});

test('a start on the same data finds everything again', async (t) => {
  const config = configOf(t);
  const first = await start(t, config);
  const tls = readFileSync(join(config.data, 'tls', 'ca.crt'), 'utf8');
  const made = await request(first, `${first.apiUrl}/api/v1/namespaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.token}`, 'content-type': 'application/json', connection: 'close' },
  });
  made.resume();
  await first.close();
  const second = await start(t, config);
  assert.equal(second.token, first.token);
  assert.equal(readFileSync(join(config.data, 'tls', 'ca.crt'), 'utf8'), tls);
  assert.equal((await ask(second, `${second.apiUrl}/api/v1/namespaces/openshift`, bearer(second.token))).code, 200);
});

test('stopping ends watches cleanly and lets requests under way finish', async (t) => {
  const started = await start(t, configOf(t));
  const { apiUrl, token } = started;
  const watch = await request(started, `${apiUrl}/api/v1/namespaces?watch=1`, bearer(token));
  const watched = watch.toArray();
  const closed = started.close();
  await watched;
  assert.ok(watch.complete, 'the last chunk came');
  await closed;
  await assert.rejects(ask(started, `${apiUrl}/livez`), { code: 'ECONNREFUSED' });
});

test('who connects while it starts is answered when it has, and not turned away', async (t) => {
  const [port, config] = [await freePort(), configOf(t)];
  const began = performance.now();
  const starting = start(t, { ...config, registryListen: { host: '127.0.0.1', port } });
  const first = async (): Promise<number | undefined> => {
    const req = http.get({ host: '127.0.0.1', port, path: '/v2/', agent: false });
    try {
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      res.resume();
      return res.statusCode;
    } catch {
      return undefined;
    }
  };
  let status = await first();
  while (status === undefined) status = await first();
  // A machine that is very busy may not have it up by then.
  if (performance.now() - began < START_PATIENCE_MS) assert.equal(status, 401);
  assert.equal((await starting).registryUrl, `http://127.0.0.1:${port}`);
});

test('two servers may share one data folder', async (t) => {
  const config = configOf(t);
  const [first, second] = await Promise.all([start(t, config), start(t, config)]);
  assert.equal(first.token, second.token);
  for (const { apiUrl } of [first, second]) {
    assert.equal((await ask(first, `${apiUrl}/api/v1/namespaces/default`, bearer(first.token))).code, 200);
  }
});

test('a start that fails lets go of what it had taken', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const config = configOf(t, `--registry-listen=127.0.0.1:${port}`);
  await assert.rejects(serve(config), { code: 'EADDRINUSE', port });
  const started = await start(t, { ...config, registryListen: undefined });
  assert.equal(started.registryUrl, started.apiUrl);
});

test('a proxy may send the whole URL; what is neither that nor a path is refused', async (t) => {
  const started = await start(t, configOf(t));
  const { port } = new URL(started.registryUrl);
  const raw = async (target: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return (await socket.toArray()).join('').split('\r\n', 1)[0] ?? '';
  };
  assert.equal(await raw('http://registry.example.com/healthz'), 'HTTP/1.1 200 OK');
  assert.equal(await raw('HTTP://registry.example.com'), 'HTTP/1.1 200 OK');
  assert.equal(await raw('/healthz?x'), 'HTTP/1.1 200 OK');
  assert.equal(await raw('*'), 'HTTP/1.1 400 Bad Request');
});

test('the certificate covers what clients are told to use', async (t) => {
  const started = await start(t, configOf(t, '--tls-san=gate.example.com', '--registry-host=images.example.com:5000'));
  for (const servername of ['gate.example.com', 'images.example.com', 'localhost']) {
    assert.equal((await ask(started, `${started.apiUrl}/livez`, { servername })).code, 200, servername);
  }
  await assert.rejects(ask(started, `${started.apiUrl}/livez`, { servername: 'other.example.com' }), /altnames/);
});
