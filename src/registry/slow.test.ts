/** Clients that send slowly, or not at all: their connections are given up, and what they sent is kept where it counts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial({ pace: { bodySeconds: 0.1, idleSeconds: 0.1, lingerSeconds: 0.1 } });
});
after(() => trial.stop());

const HOST = 'Host: registry.test\r\n';
const HEAD = `${HOST}Authorization: Bearer admin-token\r\n`;

async function send(text: string): Promise<Socket> {
  const socket = connect(trial.port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** All that is answered until the server closes the connection. */
async function answered(socket: Socket): Promise<string> {
  let said = '';
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(socket, 'close');
  return said;
}

test('a manifest that does not come is 408, and its connection is closed', async () => {
  const socket = await send(`PUT /v2/dev/app/manifests/slow HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\n{`);
  const said = await answered(socket);
  assert.match(said, /^HTTP\/1\.1 408 /);
  assert.match(said, /the body did not come within 0\.1 seconds; send it again/);
});

test('neither do drops of it help, nor chunks', async () => {
  const socket = await send(`PUT /v2/dev/app/manifests/slow HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
  const drops = setInterval(() => socket.write('1\r\n \r\n'), 10);
  assert.match(await answered(socket), /^HTTP\/1\.1 408 /);
  clearInterval(drops);
});

test('nobody need log in to be slow: the form of the token endpoint', async () => {
  const socket = await send(`POST /openshift/token HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\ngrant_type=`);
  assert.match(await answered(socket), /^HTTP\/1\.1 408 /);
});

test('a body that was refused, or that nobody asked for, is not waited for either', async () => {
  for (const [line, status] of [
    [`PUT /v2/dev/app/manifests/v1 HTTP/1.1\r\n${HOST}`, 401],
    [`PUT /v2/dev/a/b/c/manifests/v1 HTTP/1.1\r\n${HEAD}`, 400],
    [`GET /v2/ HTTP/1.1\r\n${HEAD}`, 200],
    [`DELETE /v2/dev/app/manifests/v1 HTTP/1.1\r\n${HEAD}`, 404],
  ] as const) {
    const said = await answered(await send(`${line}Content-Length: 1000\r\n\r\n`));
    assert.match(said, new RegExp(`^HTTP/1\\.1 ${status} `), line);
  }
});

test('an upload that falls silent loses its connection, not its bytes', async () => {
  const begun = await trial.call('POST', '/v2/dev/app/blobs/uploads/');
  const location = String(begun.headers.location);
  const socket = await send(`PATCH ${location} HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\nfirst`);
  assert.equal(await answered(socket), '');
  const held = await trial.call('GET', location);
  assert.equal(held.headers.range, '0-4');
  const digest = digestOf('first and second');
  const done = await trial.call('PUT', `${location}&digest=${digest}`, { body: ' and second' });
  assert.equal(done.status, 201);
});

test('a client that waits for 100 Continue and then sends nothing is not waited for', async () => {
  const expect = 'Expect: 100-continue\r\nContent-Length: 10\r\n';
  const socket = await send(`PUT /v2/dev/app/manifests/slow HTTP/1.1\r\n${HEAD}${expect}\r\n`);
  const said = await answered(socket);
  assert.match(said, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 408 /);
});

test('the server serves on, and none of this was its fault', async () => {
  await trial.pushImage('dev/app', 'v1');
  assert.deepEqual(trial.faults, []);
});
