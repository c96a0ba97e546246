/** Programs that speak HTTP/2, as client-go and kubectl do, share few connections among many watches. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { WATCH_BUFFER_BYTES } from '../../src/limits.ts';
import { ask } from '../http.ts';
import { startServer, type TestServer } from '../server.ts';

const CONNECTIONS = 4;
/** Watches of one connection: as many as a server of Kubernetes takes. */
const WATCHES = 250;
const MAPS = '/api/v1/namespaces/default/configmaps';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function connect(server: TestServer): ClientHttp2Session {
  return http2.connect(server.apiUrl, { ca: server.ca });
}

async function begin(session: ClientHttp2Session, server: TestServer, path: string): Promise<ClientHttp2Stream> {
  const stream = session.request({ ':path': path, authorization: `Bearer ${server.token}` });
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  assert.equal(headers[':status'], 200);
  return stream;
}

async function send(
  session: ClientHttp2Session,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return { status: Number(answered[':status']), headers: answered, body: Buffer.concat(pieces).toString() };
}

/** The first line that a watch tells. */
async function told(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) return text;
  }
  return assert.fail(`the watch has ended after ${JSON.stringify(text)}`);
}

test('a thousand watches over four connections hear of each change, and end when the server does', async () => {
  const server = await startServer();
  const sessions = Array.from({ length: CONNECTIONS }, () => connect(server));
  const streams = await Promise.all(
    sessions.flatMap((session) =>
      Array.from({ length: WATCHES }, () => begin(session, server, `${MAPS}?watch=1&labelSelector=told`)),
    ),
  );
  const lines = Promise.all(streams.map(told));
  const body = JSON.stringify({ metadata: { name: 'news', labels: { told: '' } } });
  const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
  assert.equal((await ask(server.apiUrl + MAPS, { method: 'POST', headers, body, ca: server.ca })).status, 201);
  for (const line of await lines) assert.match(line, /^\{"type":"ADDED","object":\{.*"name":"news"/);

  // Reading has been broken off, and so have the watches: their places are free for others.
  const [first] = sessions;
  assert.ok(first);
  const last = await begin(first, server, `${MAPS}?watch=1&labelSelector=told`);
  last.resume();
  const [code] = await Promise.all([server.stop(), once(last, 'end')]);
  assert.equal(code, 0);
  for (const session of sessions) session.destroy();
});

test('a watch that nobody reads is cut off; the one beside it on the same connection hears everything', async () => {
  await using server = await startServer();
  const session = connect(server);
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/merge-patch+json' };
  const made = JSON.stringify({ metadata: { name: 'large' } });
  assert.equal(
    (await send(session, 'POST', MAPS, { ...headers, 'content-type': 'application/json' }, made)).status,
    201,
  );
  const watch = `${MAPS}?watch=1&fieldSelector=metadata.name%3Dlarge`;
  const unread = await begin(session, server, watch);
  const cut = new Promise<number | undefined>((resolve) => {
    unread.on('error', () => undefined).once('close', () => resolve(unread.rstCode));
  });
  const read = await begin(session, server, watch);
  const lines = createInterface({ input: read })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.match(await next(), /^\{"type":"ADDED"/);
  let changes = 0;
  while (!unread.destroyed && changes < 60) {
    const data = { change: String(++changes), padding: 'x'.repeat(512 * 1024) };
    assert.equal((await send(session, 'PATCH', `${MAPS}/large`, headers, JSON.stringify({ data }))).status, 200);
    assert.ok((await next()).includes(`"change":"${changes}"`));
  }
  assert.equal(await cut, http2.constants.NGHTTP2_INTERNAL_ERROR);
  assert.ok(changes > WATCH_BUFFER_BYTES / (512 * 1024) - 2, `cut off after ${changes} changes already`);
  session.destroy();
});

test('an image is pushed, pulled and refused over HTTP/2 as over HTTP/1.1', async () => {
  await using server = await startServer();
  const session = connect(server);
  const authorization = `Bearer ${server.token}`;
  const layer = Buffer.alloc(5 * 1024 * 1024, 'layer ');
  const digest = digestOf(layer);
  const uploads = '/v2/default/app/blobs/uploads/';
  const started = await send(session, 'POST', uploads, { authorization }, '');
  assert.equal(started.status, 202);
  const location = new URL(String(started.headers.location), server.apiUrl);
  location.searchParams.set('digest', digest);
  const put = await send(session, 'PUT', location.pathname + location.search, { authorization }, layer);
  assert.equal(put.status, 201, put.body);
  const got = session.request({ ':path': `/v2/default/app/blobs/${digest}`, authorization });
  const pieces: Buffer[] = [];
  for await (const piece of got) pieces.push(piece as Buffer);
  assert.equal(digestOf(Buffer.concat(pieces)), digest);
  const head = await send(session, 'HEAD', `/v2/default/app/blobs/${digest}`, { authorization });
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, String(layer.length), '']);
  const refused = await send(session, 'PUT', '/v2/default/app/manifests/x', {}, layer);
  assert.equal(refused.status, 401);
  assert.match(String(refused.headers['www-authenticate']), /^Bearer realm="https:\/\/127\.0\.0\.1:\d+\//);
  session.destroy();
});

test('who asks for HTTP/2 where it is turned off gets no connection; others get HTTP/1.1', async () => {
  await using server = await startServer({ flags: ['--disable-http2-serving'] });
  const session = connect(server);
  const [error] = (await once(session, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  assert.equal((await ask(`${server.apiUrl}/livez`, { ca: server.ca })).status, 200);
});
