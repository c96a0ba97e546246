import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { makeLogger } from './logs.ts';
import { makeMetrics } from './metrics.ts';
import { makeFollow, TimedServerResponse, verbOf } from './requests.ts';

test("the Kubernetes API's requests are counted under its verbs", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['GET', '/apis/image.openshift.io/v1/imagestreams', 'list'],
    ['GET', '/apis/image.openshift.io/v1/namespaces/default/imagestreams?limit=500', 'list'],
    ['GET', '/apis/image.openshift.io/v1/namespaces/default/imagestreams?watch=true', 'watch'],
    ['GET', '/apis/image.openshift.io/v1/namespaces/default/imagestreams?a=1&watch=1', 'watch'],
    ['GET', '/apis/image.openshift.io/v1/namespaces/default/imagestreams/x', 'get'],
    ['GET', '/apis/image.openshift.io/v1/namespaces/default/imagestreams/x/layers', 'get'],
    ['GET', '/api/v1/namespaces', 'list'],
    ['GET', '/api/v1/namespaces/default', 'get'],
    ['GET', '/apis', 'get'],
    ['GET', '/apis/image.openshift.io/v1', 'get'],
    ['GET', '/openapi/v3/apis/image.openshift.io/v1', 'get'],
    ['DELETE', '/api/v1/namespaces/default/secrets/x', 'delete'],
    ['DELETE', '/api/v1/namespaces/default/secrets', 'deletecollection'],
    ['POST', '/api/v1/namespaces', 'create'],
    ['PUT', '/api/v1/namespaces/default', 'update'],
    ['PATCH', '/api/v1/namespaces/default', 'patch'],
    ['HEAD', '/api', 'head'],
    ['PROPFIND', '/api', 'other'],
  ];
  for (const [method, url, verb] of cases) assert.equal(verbOf('kube', method, url), verb, `${method} ${url}`);
  assert.equal(verbOf('registry', 'PUT', '/v2/a/b/manifests/c'), 'put');
});

test('requests are counted, and logged without their query', async (t) => {
  const lines: string[] = [];
  const metrics = makeMetrics('1.2.3');
  const follow = makeFollow(
    metrics,
    makeLogger({ level: 'debug', format: 'json' }, { write: (line: string) => lines.push(line) }),
  );
  const server = http.createServer<typeof http.IncomingMessage, typeof TimedServerResponse>(
    { ServerResponse: TimedServerResponse },
    (req, res) => {
      follow(res, 'registry');
      res.statusCode = req.url?.startsWith('/bad') ? 503 : 200;
      res.end();
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const path of ['/v2/?secret=GEHEIM', '/v2/', '/bad'])
    await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  server.closeAllConnections();
  const text = await metrics.text();
  assert.match(text, /^headgate_requests_total\{edge="registry",verb="get",code="200"\} 2$/m);
  assert.match(text, /^headgate_requests_total\{edge="registry",verb="get",code="503"\} 1$/m);
  assert.match(text, /^headgate_request_duration_seconds_count\{edge="registry",verb="get"\} 3$/m);
  assert.match(text, /^headgate_requests_in_flight\{edge="registry"\} 0$/m);
  assert.match(text, /^headgate_build_info\{version="1\.2\.3",node="[\d.]+"\} 1$/m);
  assert.match(text, /^process_cpu_seconds_total /m);
  const entries = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    entries.map(({ level, path, code, msg }) => ({ level, path, code, msg })),
    [
      { level: 20, path: '/v2/', code: '200', msg: 'request' },
      { level: 20, path: '/v2/', code: '200', msg: 'request' },
      { level: 40, path: '/bad', code: '503', msg: 'request failed' },
    ],
  );
  assert.ok(!lines.join('').includes('GEHEIM'));
});
