import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Download, Downloads } from './download.ts';

const content = randomBytes(1_500_000);
const NEVER = new AbortController().signal;

interface Server extends AsyncDisposable {
  readonly url: URL;
  /** Connections so far. */
  connections(): number;
  stop(): Promise<void>;
}

async function serve(answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<Server> {
  let connections = 0;
  const server = http.createServer(answer);
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return {
    url: new URL(`http://127.0.0.1:${port}/images/x?signed=1`),
    connections: () => connections,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Answers with the range that was asked for. */
function giveRange(req: IncomingMessage, res: ServerResponse): void {
  const [, start = '', end = ''] = /^bytes=(\d+)-(\d+)$/.exec(String(req.headers.range)) ?? [];
  const bytes = content.subarray(Number(start), Number(end) + 1);
  res.writeHead(206, { 'Content-Length': bytes.length, 'Content-Range': `bytes ${start}-${end}/${content.length}` });
  res.end(bytes);
}

async function bytesOf({ body, length }: Download, pieces: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += pieces) {
    let came = 0;
    const target = bytes.subarray(at, Math.min(length, at + pieces));
    await body.fill(target, 5_000, (count) => {
      came += count;
    });
    assert.equal(came, target.length);
  }
  return bytes;
}

test('any range comes whole, in pieces of any size, over one connection', async () => {
  await using server = await serve(giveRange);
  const downloads = new Downloads(undefined);
  const position = fc.nat(content.length - 1);
  await fc.assert(
    fc.asyncProperty(position, position, fc.integer({ min: 20_000, max: 700_000 }), async (a, b, pieces) => {
      const range = { start: Math.min(a, b), end: Math.max(a, b) };
      const download = await downloads.open(server.url, range, NEVER);
      assert.ok(download);
      assert.equal(download.size, content.length);
      assert.ok((await bytesOf(download, pieces)).equals(content.subarray(range.start, range.end + 1)));
    }),
    { numRuns: 25 },
  );
  assert.equal(server.connections(), 1);
  downloads.close();
});

test('a body that was given back does not touch the next one on its connection', async () => {
  await using server = await serve(giveRange);
  const downloads = new Downloads(undefined);
  const range = { start: 0, end: 299_999 };
  const first = await downloads.open(server.url, range, NEVER);
  assert.ok(first);
  await bytesOf(first, 100_000);
  const second = await downloads.open(server.url, range, NEVER);
  assert.ok(second);
  first.body.close();
  assert.ok((await bytesOf(second, 100_000)).equals(content.subarray(0, 300_000)));
  assert.equal(server.connections(), 1);
  const third = await downloads.open(server.url, range, NEVER);
  third?.body.close();
  await bytesOf((await downloads.open(server.url, range, NEVER)) ?? assert.fail(), 300_000);
  assert.equal(server.connections(), 2, 'one that was not read to its end is of no more use');
  downloads.close();
});

test('an answer of another kind is left to others', async () => {
  const kinds: readonly ((res: ServerResponse) => void)[] = [
    (res) => res.writeHead(200, { 'Content-Length': 10 }).end('0123456789'),
    (res) => res.writeHead(404, { 'Content-Length': 5 }).end('<xml>'),
    (res) => res.writeHead(307, { Location: 'http://elsewhere/' }).end(),
    (res) => res.writeHead(206, { 'Content-Range': 'bytes 0-9/100' }).end('0123456789'.repeat(9_000)),
    (res) => res.writeHead(206, { 'Content-Length': 5, 'Content-Range': 'bytes 0-4/100' }).end('01234'),
  ];
  for (const kind of kinds) {
    await using server = await serve((_, res) => kind(res));
    const downloads = new Downloads(undefined);
    assert.equal(await downloads.open(server.url, { start: 0, end: 9 }, NEVER), undefined);
    downloads.close();
  }
});

test('what breaks off is told, with the bytes that came before', async () => {
  await using server = await serve((_, res) => {
    res.writeHead(206, { 'Content-Length': 100_000, 'Content-Range': 'bytes 0-99999/100000' });
    res.write(content.subarray(0, 40_000), () => setImmediate(() => res.destroy()));
  });
  const downloads = new Downloads(undefined);
  const download = await downloads.open(server.url, { start: 0, end: 99_999 }, NEVER);
  assert.ok(download);
  let came = 0;
  const target = Buffer.alloc(100_000);
  const fill = download.body.fill(target, 5_000, (count) => {
    came += count;
  });
  await assert.rejects(fill, { name: 'CutShort' });
  assert.equal(came, 40_000);
  assert.ok(target.subarray(0, came).equals(content.subarray(0, came)));
  downloads.close();
});

test('silence ends when the caller gives up, before the head and after it', async () => {
  await using silent = await serve(() => undefined);
  const downloads = new Downloads(undefined);
  const controller = new AbortController();
  const opening = assert.rejects(downloads.open(silent.url, { start: 0, end: 9 }, controller.signal), {
    name: 'TimeoutError',
  });
  setImmediate(() => controller.abort());
  await opening;
  await using halting = await serve((_, res) => {
    res.writeHead(206, { 'Content-Length': 100_000, 'Content-Range': 'bytes 0-99999/100000' });
    res.write('x');
  });
  const download = await downloads.open(halting.url, { start: 0, end: 99_999 }, NEVER);
  assert.ok(download);
  await assert.rejects(
    download.body.fill(Buffer.alloc(100_000), 20, () => undefined),
    /a piece did not come in 20 ms/,
  );
  downloads.close();
});

test('a connection that was closed while it waited is no failure', async () => {
  const sockets: IncomingMessage['socket'][] = [];
  await using server = await serve((req, res) => {
    sockets.push(req.socket);
    giveRange(req, res);
  });
  const downloads = new Downloads(undefined);
  const range = { start: 0, end: 99_999 };
  await bytesOf((await downloads.open(server.url, range, NEVER)) ?? assert.fail(), 100_000);
  for (const socket of sockets) socket.destroy();
  const again = (await downloads.open(server.url, range, NEVER)) ?? assert.fail();
  assert.ok((await bytesOf(again, 100_000)).equals(content.subarray(0, 100_000)));
  downloads.close();
});

test('nobody there is an error of the system, and closing breaks off what is under way', async () => {
  const server = await serve(() => undefined);
  const downloads = new Downloads(undefined);
  const opening = assert.rejects(downloads.open(server.url, { start: 0, end: 9 }, NEVER), { name: 'BlobsUnavailable' });
  downloads.close();
  await opening;
  await server.stop();
  await assert.rejects(downloads.open(server.url, { start: 0, end: 9 }, NEVER), { code: 'ECONNREFUSED' });
});
