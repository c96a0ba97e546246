import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { type Authority, openAuthority } from '../access/authority.ts';
import { certificateUser } from '../access/certificates.ts';
import { HTTP2_RESETS, HTTP2_STREAMS } from '../limits.ts';
import { drain, type Handler, type Handlers, listen, secureServer } from '../listener.ts';
import { serveHttp2 } from './http2server.ts';

let folder = '';
let authority: Authority;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-http2-'));
  authority = await openAuthority({ folder, names: ['127.0.0.1'], now: new Date() });
});
after(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly url: string;
  readonly session: ClientHttp2Session;
  /** Stops the server, as when a process ends. */
  readonly stop: (graceMs?: number) => Promise<void>;
}

/** A server, and a client of it that speaks HTTP/2. */
async function start(t: TestContext, handlers: Handler | Handlers, options?: { http2: boolean }): Promise<Started> {
  const all = typeof handlers === 'function' ? { request: handlers, expectant: handlers } : handlers;
  const server = secureServer(authority.server, authority.certificate, all, options);
  const url = `https://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`;
  const session = connect(url);
  t.after(async () => {
    session.destroy();
    await drain(server, 0);
  });
  return { url, session, stop: (graceMs = 60_000) => drain(server, graceMs) };
}

function connect(url: string, settings: http2.Settings = {}): ClientHttp2Session {
  const session = http2.connect(url, { ca: authority.certificate, settings });
  // A connection that a test breaks is what the test looks at.
  return session.on('error', () => undefined);
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function answered(stream: ClientHttp2Stream): Promise<Answer> {
  const [{ ':status': status, ...headers }] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return { status: Number(status), headers, body: Buffer.concat(pieces).toString() };
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined && headers[':method'] !== 'POST' });
  if (body !== undefined) stream.end(body);
  return answered(stream);
}

async function askHttp1(url: string, method: string, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const req = https.request(url, { method, headers, ca: authority.certificate, agent: false });
  req.end(body);
  const [res] = await once(req, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of res) pieces.push(piece as Buffer);
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(pieces).toString() };
}

/** Resolves when a stream or a session is no more, however it ended. */
async function closing(what: ClientHttp2Stream | ClientHttp2Session): Promise<void> {
  what.on('error', () => undefined);
  if (!what.destroyed) await new Promise<void>((resolve) => what.once('close', () => resolve()));
}

/** The code with which a stream is closed. */
async function codeOf(stream: ClientHttp2Stream): Promise<unknown> {
  await closing(stream.resume());
  return stream.rstCode;
}

const echo: Handler = (req, res) => {
  const pieces: Buffer[] = [];
  req.on('data', (piece: Buffer) => pieces.push(piece));
  req.on('end', () => {
    const { method, url, headers, headersDistinct, complete } = req;
    const { host, accept, cookie, 'content-length': length, 'transfer-encoding': encoding } = headers;
    const seen = { method, url, host, accept, cookie, length, encoding, distinct: headersDistinct.accept, complete };
    const body = JSON.stringify({ ...seen, body: Buffer.concat(pieces).toString() });
    const flat = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))];
    res.writeHead(url === '/teapot' ? 418 : 200, [...flat, 'Warning', '299 - "a"', 'Warning', '299 - "b"']);
    res.end(Buffer.from(body).toString('latin1'), 'latin1');
  });
};

test('a request is told alike, and answered alike, by both protocols', async (t) => {
  const { url, session } = await start(t, echo);
  const cases: readonly (readonly [string, string, OutgoingHttpHeaders, string?])[] = [
    ['GET', '/x?y=1', { accept: 'a/b' }],
    ['HEAD', '/x', {}],
    ['DELETE', '/teapot', { cookie: 'a=1; b=2' }],
    ['POST', '/x', { 'content-length': '5' }, 'hello'],
    ['PUT', '/ü'.replace('ü', '%C3%BC'), { 'transfer-encoding': 'chunked' }, 'of a length that nobody knows'],
  ];
  for (const [method, path, headers, body] of cases) {
    const first = await askHttp1(url + path, method, headers, body);
    const { 'transfer-encoding': _, ...allowed } = headers;
    const second = await ask(session, { ':method': method, ':path': path, ...allowed }, body);
    assert.deepEqual([second.status, second.body], [first.status, first.body], `${method} ${path}`);
    for (const name of ['content-type', 'content-length', 'warning']) {
      assert.equal(second.headers[name], first.headers[name], `${method} ${path}: ${name}`);
    }
  }
  assert.equal(session.alpnProtocol, 'h2');
});

test('headers about an HTTP/1.1 connection stay there', async (t) => {
  const { session } = await start(t, (_req, res) => {
    res.writeHead(200, {
      Connection: 'close',
      'Keep-Alive': 'timeout=5',
      'Transfer-Encoding': 'chunked',
      Allow: 'GET',
    });
    res.end('fine');
  });
  const { headers, body } = await ask(session, { ':path': '/' });
  assert.deepEqual(Object.keys(headers).sort(), ['allow', 'date']);
  assert.equal(body, 'fine');
});

test('answers without a body end with their headers', async (t) => {
  const { session } = await start(t, (req, res) => {
    res.writeHead(req.url === '/none' ? 204 : 304, { ETag: '"x"' });
    res.end('nobody sees this');
  });
  const none = await ask(session, { ':path': '/none' });
  const unchanged = await ask(session, { ':path': '/same' });
  assert.deepEqual([none.status, none.body, unchanged.status, unchanged.body], [204, '', 304, '']);
});

test('a client is told to go on with its body only when somebody will read it', async (t) => {
  const { session } = await start(t, {
    request: () => assert.fail('this client waits'),
    expectant: (req, res) => {
      if (req.url === '/no') {
        res.writeHead(403, { 'Content-Length': 2 });
        res.end('no');
        return;
      }
      res.writeContinue();
      echo(req, res);
    },
  });
  const asking = session.request({ ':method': 'PUT', ':path': '/yes', expect: '100-continue' });
  await once(asking, 'continue');
  const answer = answered(asking);
  asking.end('now');
  assert.equal(JSON.parse((await answer).body).body, 'now');
  const refused = session.request({ ':method': 'PUT', ':path': '/no', expect: '100-continue' });
  assert.equal((await answered(refused)).status, 403);
});

/** A frame as it goes over the wire (RFC 9113 §4.1). */
function frame(type: number, flags: number, stream: number, content: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

test('a body that breaks off is not taken for whole', async (t) => {
  const codes = [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR];
  for (const code of codes) {
    const came = Promise.withResolvers<void>();
    const over = Promise.withResolvers<string>();
    const gone = Promise.withResolvers<void>();
    const { url } = await start(t, (req, res) => {
      req.on('data', () => came.resolve());
      req.on('end', () => over.resolve('end'));
      req.on('error', () => over.resolve(`broken, complete: ${req.complete}`));
      res.on('close', () => gone.resolve());
    });
    // By hand: Node's client ends a body before it resets its stream.
    const { hostname: host, port } = new URL(url);
    const socket = tls.connect({ host, port: Number(port), ca: authority.certificate, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined).resume();
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    // POST https:///, all of it from HPACK's static table, with the host `a`.
    socket.write(frame(1, 4, 1, Buffer.of(0x83, 0x87, 0x84, 0x01, 1, 0x61)));
    socket.write(frame(0, 0, 1, Buffer.from('half of it')));
    await came.promise;
    socket.write(frame(3, 0, 1, Buffer.of(0, 0, 0, code)));
    assert.equal(await over.promise, 'broken, complete: false', `reset with ${code}`);
    await gone.promise;
    socket.destroy();
  }
});

test('an answer may end though the body has not; the connection goes on', async (t) => {
  const { session } = await start(t, (req, res) => {
    if (req.method === 'GET') {
      res.writeHead(200);
      res.end('still here');
      return;
    }
    // Some of it is read, and what follows is not.
    req.once('data', () => {
      req.pause();
      res.writeHead(413, { 'Content-Length': 9, Connection: 'close' });
      res.end('too large');
    });
  });
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  const answer = answered(stream);
  stream.on('error', () => undefined).write(Buffer.alloc(3 * 1024 * 1024));
  assert.equal((await answer).body, 'too large');
  assert.equal(await codeOf(stream), constants.NGHTTP2_NO_ERROR);
  assert.equal((await ask(session, { ':path': '/' })).body, 'still here');
});

test('an answer that is given up is broken off, and not taken for whole', async (t) => {
  const { session } = await start(t, (_req, res) => {
    res.writeHead(200);
    res.write('the beginning', () => res.destroy());
  });
  const stream = session.request({ ':path': '/' });
  assert.equal(await codeOf(stream), constants.NGHTTP2_INTERNAL_ERROR);
});

test('who goes away in the middle of an answer is noticed', async (t) => {
  for (const leave of [(stream: ClientHttp2Stream) => stream.close(8), () => undefined]) {
    const gone = Promise.withResolvers<void>();
    const { url } = await start(t, (_req, res) => {
      res.writeHead(200);
      res.flushHeaders();
      res.on('close', () => gone.resolve());
    });
    const session = connect(url);
    const stream = session.request({ ':path': '/' }).on('error', () => undefined);
    await once(stream, 'response');
    leave(stream);
    if (!stream.closed) session.destroy();
    await gone.promise;
    session.destroy();
  }
});

test('who does not read holds up its own answer only, and what waits for it is seen', async (t) => {
  const slow = Promise.withResolvers<number>();
  const { session } = await start(t, (req, res) => {
    res.writeHead(200);
    if (req.url !== '/slow') {
      res.end('quick');
      return;
    }
    for (let piece = 0; piece < 4; piece++) res.write(Buffer.alloc(1024 * 1024));
    slow.resolve(res.writableLength);
    res.once('drain', () => res.end());
  });
  const stream = session.request({ ':path': '/slow' });
  await once(stream, 'response');
  assert.equal(await slow.promise, 4 * 1024 * 1024);
  assert.equal((await ask(session, { ':path': '/quick' })).body, 'quick');
  let bytes = 0;
  for await (const piece of stream) bytes += (piece as Buffer).length;
  assert.equal(bytes, 4 * 1024 * 1024);
});

test('a client may have so many requests under way as in kube-apiserver; the next one waits', async (t) => {
  const waiting: (() => void)[] = [];
  const { session } = await start(t, (_req, res) => {
    res.writeHead(200);
    res.flushHeaders();
    waiting.push(() => res.end());
  });
  await once(session, 'remoteSettings');
  assert.equal(session.remoteSettings.maxConcurrentStreams, HTTP2_STREAMS);
  const streams = Array.from({ length: HTTP2_STREAMS + 1 }, () => session.request({ ':path': '/' }));
  const last = streams.pop();
  await Promise.all(streams.map((stream) => once(stream, 'response')));
  assert.equal(waiting.length, HTTP2_STREAMS);
  for (const end of waiting.splice(0)) end();
  assert.ok(last);
  await once(last, 'response');
});

test('a client that does nothing but break off its requests is shut out', async (t) => {
  const { session } = await start(t, () => undefined);
  await once(session, 'connect');
  let sent = 0;
  const over = closing(session);
  while (!session.destroyed && !session.closed && sent < 5 * HTTP2_RESETS) {
    session
      .request({ ':path': '/' })
      .on('error', () => undefined)
      .close(constants.NGHTTP2_CANCEL);
    // The connection is given the time to send it.
    await new Promise(setImmediate);
    sent++;
  }
  await over;
  assert.ok(sent > HTTP2_RESETS / 2, `already after ${sent}`);
});

test('a server that stops lets requests end, takes no more, and waits for nobody who is idle', async (t) => {
  const begun = Promise.withResolvers<() => void>();
  const { url, session, stop } = await start(t, (_req, res) => {
    res.writeHead(200);
    res.write('a');
    begun.resolve(() => res.end('b'));
  });
  const idle = connect(url);
  await once(idle, 'connect');
  const answer = ask(session, { ':path': '/' });
  const end = await begun.promise;
  const told = once(session, 'goaway');
  const stopped = stop();
  await told;
  assert.ok(session.closed, 'the client knows that it should go elsewhere');
  end();
  assert.equal((await answer).body, 'ab');
  await stopped;
  idle.destroy();
});

test('a server that stops breaks off in the end what does not', async (t) => {
  const { session, stop } = await start(t, (_req, res) => {
    res.writeHead(200);
    res.flushHeaders();
  });
  const stream = session.request({ ':path': '/' });
  await once(stream, 'response');
  await Promise.all([stop(50), closing(stream.resume())]);
});

test('a connection that its client ends is closed here too', async (t) => {
  const { certificate: cert, key } = authority.server;
  const gone = Promise.withResolvers<void>();
  const server = tls.createServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('close', () => gone.resolve());
    serveHttp2(socket, { request: echo, expectant: echo });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const session = connect(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.equal((await ask(session, { ':path': '/' })).status, 200);
  session.close();
  await gone.promise;
});

test('a client certificate says who calls, request after request', async (t) => {
  const { url } = await start(t, (req, res) => {
    const { socket } = req;
    const user = socket instanceof tls.TLSSocket ? certificateUser(socket, new Date())?.name : undefined;
    res.writeHead(200);
    res.end(JSON.stringify({ user, from: socket.remoteAddress }));
  });
  const { certificate: cert, key } = authority.admin;
  const session = http2.connect(url, { ca: authority.certificate, cert, key });
  for (let count = 0; count < 2; count++) {
    const { body } = await ask(session, { ':path': '/' });
    assert.deepEqual(JSON.parse(body), { user: 'system:admin', from: '127.0.0.1' });
  }
  session.destroy();
});

test('HTTP/2 can be turned off: clients that offer both take HTTP/1.1', async (t) => {
  const { url, session } = await start(t, echo, { http2: false });
  await closing(session);
  const answer = await askHttp1(`${url}/x`, 'GET', {});
  assert.equal(answer.status, 200);
});
