import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BLOB_PIECE_BYTES, BLOB_PIECE_CHUNKS } from '../limits.ts';
import { Intake } from './intake.ts';

/** An endless source, and how many chunks it has given. */
function endless(bytes: number) {
  const given = { chunks: 0 };
  const source = new Readable({
    read() {
      given.chunks += 1;
      this.push(Buffer.alloc(bytes, given.chunks));
    },
  });
  return { source, given };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 1000; n += 1) await turn();
}

it('reads nothing before the first piece is wanted', async () => {
  const { source, given } = endless(64 * 1024);
  const intake = new Intake(source);
  await settle();
  assert.equal(given.chunks, 0);
  intake.release();
});

it('gathers 1 MiB without copying and holds the source back while one more piece waits', async () => {
  const { source, given } = endless(64 * 1024);
  const intake = new Intake(source);
  const first = await intake.next();
  assert.equal(first?.bytes, BLOB_PIECE_BYTES);
  await settle();
  const inSource = source.readableLength / (64 * 1024);
  assert.equal(given.chunks, 32 + inSource, 'one piece handed out, one waiting');
  assert.ok(inSource <= 2);
  const second = await intake.next();
  assert.deepEqual(
    second?.chunks.map((chunk) => chunk[0]),
    Array.from({ length: 16 }, (_, n) => n + 17),
  );
  intake.release();
  await settle();
  assert.equal(source.isPaused(), true);
  assert.equal(source.listenerCount('data') + source.listenerCount('error'), 0);
});

it('a piece of tiny chunks has a limit too', async () => {
  const intake = new Intake(endless(1).source);
  assert.equal((await intake.next())?.chunks.length, BLOB_PIECE_CHUNKS);
  intake.release();
});

it('hands out what had come before it was broken off', async () => {
  const source = new Readable({ read: () => undefined });
  const intake = new Intake(source);
  const next = intake.next();
  source.push('abc');
  await turn();
  const reason = new Error('enough');
  intake.break(reason);
  intake.break(new Error('too late'));
  assert.equal((await next)?.bytes, 3);
  assert.equal(await intake.next(), undefined);
  assert.equal(intake.broke?.reason, reason);
  assert.equal(source.destroyed, false);
  intake.release();
});

it('a client that goes away breaks its request off; a source of objects is refused', async () => {
  const taken: (number | undefined)[] = [];
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const client = request({ port, host: '127.0.0.1', method: 'PUT', headers: { 'content-length': 10 } });
  client.on('error', () => undefined);
  client.write('abc');
  const [req] = await once(server, 'request');
  assert.ok(req instanceof Readable);
  const intake = new Intake(req);
  const next = intake.next();
  await once(req, 'data');
  client.destroy();
  taken.push((await next)?.bytes, (await intake.next())?.bytes);
  assert.deepEqual(taken, [3, undefined]);
  assert.ok(intake.broke?.reason instanceof Error);
  intake.release();
  server.close();
  const objects = new Intake(Readable.from([{ not: 'bytes' }]));
  assert.equal(await objects.next(), undefined);
  assert.ok(objects.broke?.reason instanceof TypeError);
});
