/** A thousand programs wait for something, each with a watch; others go on meanwhile, and everybody hears of what happens. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { ask } from '../http.ts';
import { startServer, type TestServer } from '../server.ts';

const WATCHES = 1_000;
/** Handshakes at the same time. */
const DIALS = 50;
const MAPS = '/api/v1/namespaces/default/configmaps';

function get(server: TestServer, agent: Agent, path: string): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${server.token}` };
  const asked = request(server.apiUrl + path, { agent, headers }).end();
  return once(asked, 'response').then(([response]: IncomingMessage[]) => response ?? assert.fail('no response'));
}

/** The lines that a watch has told, once there are so many. */
async function told(stream: IncomingMessage, count: number): Promise<string[]> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.split('\n').length > count) return text.trimEnd().split('\n');
  }
  return assert.fail(`the watch has ended after ${JSON.stringify(text)}`);
}

test('a thousand idle watches hold up nobody, hear of each change, and end when the server does', async () => {
  const server = await startServer();
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ca: server.ca });
  const one = new Agent({ keepAlive: true, maxSockets: 1, ca: server.ca });
  const streams: IncomingMessage[] = [];
  while (streams.length < WATCHES) {
    const dialled = Array.from({ length: DIALS }, () => get(server, agent, `${MAPS}?watch=1&labelSelector=told`));
    streams.push(...(await Promise.all(dialled)));
  }
  assert.ok(streams.every(({ statusCode }) => statusCode === 200));

  const ports = new Set<number | undefined>();
  for (let count = 0; count < 20; count++) {
    const response = await get(server, one, '/api/v1/namespaces/default');
    ports.add(response.socket.localPort);
    response.resume();
    await once(response, 'end');
  }
  assert.equal(ports.size, 1, 'a connection that is kept is used again and again');

  const lines = Promise.all(streams.map((stream) => told(stream, 1)));
  const body = JSON.stringify({ metadata: { name: 'news', labels: { told: '' } } });
  const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
  assert.equal((await ask(server.apiUrl + MAPS, { method: 'POST', headers, body, ca: server.ca })).status, 201);
  for (const [line = ''] of await lines) assert.match(line, /^\{"type":"ADDED","object":\{.*"name":"news"/);

  // A watch that is under way ends as if its time were over; none keeps the server from stopping.
  const last = await get(server, agent, `${MAPS}?watch=1&labelSelector=told`);
  last.resume();
  const [code] = await Promise.all([server.stop(), once(last, 'end')]);
  assert.equal(code, 0);
  agent.destroy();
  one.destroy();
});
