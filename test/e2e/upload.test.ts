/** Uploads that break off, and large ones, over raw connections. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/image/digest.ts';
import { answerTo } from '../http.ts';
import { appendTo, askRegistry, beginUpload, expectStatus, finishUpload, type Registry } from '../registry.ts';
import { peakMemoryMiB, startServer, type TestServer } from '../server.ts';

const MiB = 1024 * 1024;

let server: TestServer;
let registry: Registry;

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
});
after(async () => {
  await server?.kill();
});

/** Sends the beginning of a PATCH and closes the connection, as a client that is cut off does. */
async function breakOff(location: string, announced: number, sent: Buffer): Promise<void> {
  const { hostname, port } = new URL(server.registryUrl);
  const { pathname, search } = new URL(location, server.registryUrl);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  // A socket whose answer nobody reads never closes.
  socket.resume();
  socket.write(
    `PATCH ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${server.token}\r\n` +
      `Content-Type: application/octet-stream\r\nContent-Length: ${announced}\r\n\r\n`,
  );
  await new Promise<void>((resolve, reject) => socket.write(sent, (error) => (error ? reject(error) : resolve())));
  socket.end();
  await once(socket, 'close');
}

/** How many bytes an upload holds; asks again while the server is still busy with what broke off. */
async function held(location: string): Promise<number> {
  for (;;) {
    const { status, headers } = await askRegistry(registry, location);
    if (status === 204) return Number(/^0-(\d+)$/.exec(String(headers.range))?.[1]) + 1;
    assert.equal(status, 409);
    await sleep(20);
  }
}

/** Waits until an upload holds a number of bytes: those that were sent may still be on their way. */
async function untilHeld(location: string, bytes: number): Promise<void> {
  while ((await held(location)) !== bytes) await sleep(20);
}

suite('an upload that stops half-way', { timeout: 60_000 }, () => {
  test('leaves nothing that can be pulled, and goes on where it stopped', async () => {
    const bytes = randomBytes(2 * MiB);
    const digest = digestOf(bytes);
    const location = await beginUpload(registry, 'demo/broken');
    await breakOff(location, bytes.length, bytes.subarray(0, 700_000));
    await untilHeld(location, 700_000);
    assert.equal((await askRegistry(registry, `demo/broken/blobs/${digest}`, { method: 'HEAD' })).status, 404);
    assert.equal((await askRegistry(registry, 'demo/broken/tags/list')).status, 404);
    const next = await appendTo(registry, location, 700_000, bytes.subarray(700_000));
    await finishUpload(registry, next, digest);
    const pulled = await askRegistry(registry, `demo/broken/blobs/${digest}`);
    assert.ok(pulled.body.equals(bytes));
  });

  test('refuses a piece that does not fit, and is still there', async () => {
    const bytes = randomBytes(100_000);
    const location = await beginUpload(registry, 'demo/gap');
    await appendTo(registry, location, 0, bytes.subarray(0, 50_000));
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': '60000-99999' };
    const refused = await askRegistry(registry, location, { method: 'PATCH', headers, body: bytes.subarray(60_000) });
    assert.equal(refused.status, 416);
    assert.equal(await held(location), 50_000);
    await finishUpload(registry, await appendTo(registry, location, 50_000, bytes.subarray(50_000)), digestOf(bytes));
  });

  test('survives a stop and a start of the server', async () => {
    const first = await startServer();
    const bytes = randomBytes(MiB);
    const before = { url: first.registryUrl, token: first.token };
    const location = await appendTo(before, await beginUpload(before, 'demo/kept'), 0, bytes.subarray(0, 300_000));
    assert.equal(await first.stop(), 0);
    await using second = await startServer({ data: first.data });
    const again = { url: second.registryUrl, token: second.token };
    const { pathname, search } = new URL(location, first.registryUrl);
    const state = await askRegistry(again, pathname + search);
    assert.equal(state.headers.range, '0-299999');
    await finishUpload(
      again,
      await appendTo(again, pathname + search, 300_000, bytes.subarray(300_000)),
      digestOf(bytes),
    );
  });

  test('does not keep the server from stopping', async () => {
    const stopping = await startServer();
    const before = { url: stopping.registryUrl, token: stopping.token };
    const location = await beginUpload(before, 'demo/cut');
    const { hostname, port } = new URL(stopping.registryUrl);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `PATCH ${new URL(location, stopping.registryUrl).pathname} HTTP/1.1\r\nHost: ${hostname}\r\n` +
        `Authorization: Bearer ${stopping.token}\r\nContent-Length: 1000\r\n\r\nonly this`,
    );
    await sleep(100);
    const stopped = stopping.stop();
    await sleep(100);
    socket.destroy();
    assert.equal(await stopped, 0);
  });
});

suite('a large blob', () => {
  const SIZE_MIB = 300;
  const MEMORY_MIB = 250;

  test(`of ${SIZE_MIB} MiB goes in and out while the server holds less than ${MEMORY_MIB} MiB`, async () => {
    const piece = randomBytes(MiB);
    const hash = createHash('sha256');
    function* pieces(): Generator<Buffer> {
      for (let index = 0; index < SIZE_MIB; index += 1) {
        const next = Buffer.from(piece);
        next.writeUInt32BE(index);
        hash.update(next);
        yield next;
      }
    }
    const location = await beginUpload(registry, 'demo/large');
    const headers = { 'Content-Type': 'application/octet-stream' };
    const body = Readable.from(pieces(), { objectMode: false, highWaterMark: MiB });
    const sent = expectStatus(await askRegistry(registry, location, { method: 'PATCH', headers, body }), 202);
    const digest = `sha256:${hash.digest('hex')}`;
    await finishUpload(registry, String(sent.headers.location), digest);

    const pulled = await answerTo(`${registry.url}/v2/demo/large/blobs/${digest}`, {
      headers: { Authorization: `Bearer ${registry.token}` },
    });
    const received = createHash('sha256');
    for await (const chunk of pulled) received.update(chunk as Buffer);
    assert.equal(`sha256:${received.digest('hex')}`, digest);
    const peak = peakMemoryMiB(server.pid);
    assert.ok(peak < MEMORY_MIB, `the server held ${Math.round(peak)} MiB`);
  });
});

test('10,000 uploads that were begun and left: others still push, and any of them may be cancelled', {
  timeout: 120_000,
}, async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const many = { ...registry, agent };
  const locations: string[] = [];
  const lane = async (): Promise<void> => {
    while (locations.length < 10_000) locations.push(await beginUpload(many, 'many/open'));
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  const bytes = randomBytes(100_000);
  const location = await beginUpload(many, 'many/open');
  await finishUpload(many, await appendTo(many, location, 0, bytes), digestOf(bytes));
  for (const left of [locations[0], locations.at(-1)]) {
    expectStatus(await askRegistry(many, left ?? '', { method: 'DELETE' }), 204);
    expectStatus(await askRegistry(many, left ?? ''), 404);
  }
  assert.ok(peakMemoryMiB(server.pid) < 400, `${peakMemoryMiB(server.pid)} MiB`);
  agent.destroy();
});
