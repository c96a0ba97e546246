import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { makeMetrics } from './metrics.ts';
import { trafficSince } from './traffic.ts';

test("the registry's metrics have the names and labels of OpenShift's, and nothing of other edges", async () => {
  const metrics = makeMetrics('1.2.3');
  metrics.begun('registry');
  metrics.begun('kube');
  metrics.ended('registry', 'get', '200', 0.5);
  metrics.moved('registry', { received: 100, sent: 2000 }, 0.5, 'ManifestService.Get');
  metrics.begun('registry');
  metrics.ended('registry', 'put', '201', 0.25);
  metrics.moved('registry', { received: 1000, sent: 20 }, 0.25, 'BlobWriter.Commit');
  metrics.ended('kube', 'get', '200', 1);
  metrics.moved('kube', { received: 7, sent: 7 }, 1, undefined);
  const { text } = await metrics.ofRegistry();
  const lines = text.trim().split('\n');
  for (const line of [
    'imageregistry_http_requests_total{method="get",code="200"} 1',
    'imageregistry_http_requests_total{method="put",code="201"} 1',
    'imageregistry_http_request_duration_seconds_count{method="get"} 1',
    'imageregistry_http_in_flight_requests 0',
    '# TYPE imageregistry_http_request_size_bytes summary',
    'imageregistry_http_request_size_bytes_sum 1100',
    'imageregistry_http_request_size_bytes_count 2',
    'imageregistry_http_response_size_bytes_sum 2020',
    'imageregistry_http_response_size_bytes_count 2',
    'imageregistry_request_duration_seconds_sum{operation="ManifestService.Get"} 0.5',
    'imageregistry_request_duration_seconds_count{operation="BlobWriter.Commit"} 1',
  ]) {
    assert.ok(lines.includes(line), `${line}\nis missing from\n${text}`);
  }
  assert.ok(lines.some((line) => line.startsWith('process_cpu_seconds_total ')));
  assert.doesNotMatch(text, /headgate_|kube/);
  const types = lines.filter((line) => line.startsWith('# TYPE'));
  assert.equal(new Set(types).size, types.length);
});

test('what went over a connection is told once', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  client.write('first');
  await once(socket, 'data');
  socket.write('answer');
  assert.deepEqual(trafficSince(socket), { received: 5, sent: 6 });
  client.write('next');
  await once(socket, 'data');
  assert.deepEqual(trafficSince(socket), { received: 4, sent: 0 });
  client.resume();
  client.end();
  socket.end();
  await once(client, 'close');
});
