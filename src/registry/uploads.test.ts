import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Digest, digestOf } from '../image/digest.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial();
});
after(() => trial.stop());

const UPLOADS = '/v2/dev/app/blobs/uploads/';

async function begin(path = UPLOADS): Promise<string> {
  const reply = await trial.call('POST', path);
  assert.equal(reply.status, 202);
  return location(reply);
}

function location(reply: Reply): string {
  const text = reply.headers.location ?? '';
  assert.match(text, /^\/v2\/.+\/blobs\/uploads\/[0-9a-f]{32}\?/);
  return text;
}

function chunk(start: number, body: Buffer): { headers: Record<string, string>; body: Buffer } {
  return { headers: { 'Content-Range': `${start}-${start + body.length - 1}` }, body };
}

async function held(session: string): Promise<string | undefined> {
  const reply = await trial.call('GET', session);
  assert.equal(reply.status, 204);
  return reply.headers.range;
}

async function assertBlob(digest: Digest, bytes: Buffer): Promise<void> {
  const reply = await trial.call('GET', `/v2/dev/app/blobs/${digest}`);
  assert.equal(reply.status, 200);
  assert.ok(reply.body.equals(bytes));
}

test('POST begins a session: 202 with a relative Location that has a query, Range and Docker-Upload-UUID', async () => {
  const reply = await trial.call('POST', UPLOADS, { headers: { 'Content-Length': 0 } });
  assert.equal(reply.status, 202);
  assert.equal(reply.headers.range, '0-0');
  assert.equal(reply.headers['content-length'], '0');
  assert.ok(location(reply).includes(String(reply.headers['docker-upload-uuid'])));
  assert.equal((await trial.call('POST', '/v2/dev/app/blobs/uploads?digest-algorithm=sha512')).status, 202);
  assert.equal((await trial.call('POST', `${UPLOADS}?digest-algorithm=md5`)).code, 'DIGEST_INVALID');
});

test('POST, PATCH without Content-Range, empty PUT: as docker and podman push', async () => {
  const bytes = randomBytes(3000);
  const digest = digestOf(bytes);
  const patched = await trial.call('PATCH', await begin(), { body: bytes });
  assert.equal(patched.status, 202);
  assert.equal(patched.headers.range, '0-2999');
  const put = await trial.call('PUT', `${location(patched)}&digest=${digest}`, { headers: { 'Content-Length': 0 } });
  assert.equal(put.status, 201);
  assert.equal(put.headers['docker-content-digest'], digest);
  assert.equal(put.headers.location, `/v2/dev/app/blobs/${digest}`);
  await assertBlob(digest, bytes);
  assert.equal((await trial.call('GET', location(patched))).code, 'BLOB_UPLOAD_UNKNOWN');
});

test('PATCH with chunked transfer encoding appends what comes', async () => {
  const session = await begin();
  for (const part of ['one', 'two']) {
    const reply = await trial.call('PATCH', session, { headers: { 'Transfer-Encoding': 'chunked' }, body: part });
    assert.equal(reply.status, 202);
  }
  assert.equal(await held(session), '0-5');
});

test('chunks with Content-Range, the last with the PUT', async () => {
  const bytes = randomBytes(250);
  let session = await begin();
  session = location(await trial.call('PATCH', session, chunk(0, bytes.subarray(0, 100))));
  session = location(await trial.call('PATCH', session, chunk(100, bytes.subarray(100, 200))));
  const put = await trial.call('PUT', `${session}&digest=${digestOf(bytes)}`, chunk(200, bytes.subarray(200)));
  assert.equal(put.status, 201);
  await assertBlob(digestOf(bytes), bytes);
});

test('PUT with the whole body and no PATCH before', async () => {
  const bytes = randomBytes(99);
  const put = await trial.call('PUT', `${await begin()}&digest=${digestOf(bytes)}`, { body: bytes });
  assert.equal(put.status, 201);
  await assertBlob(digestOf(bytes), bytes);
});

test('POST with ?digest= takes the whole blob in one request, an empty one too', async () => {
  for (const bytes of [randomBytes(70_000), Buffer.alloc(0)]) {
    const digest = digestOf(bytes);
    const reply = await trial.call('POST', `${UPLOADS}?digest=${digest}`, { body: bytes });
    assert.equal(reply.status, 201);
    assert.equal(reply.headers['docker-content-digest'], digest);
    await assertBlob(digest, bytes);
  }
});

test('sha512 needs no hint', async () => {
  const bytes = randomBytes(5000);
  const digest = digestOf(bytes, 'sha512');
  const session = location(await trial.call('PATCH', await begin(), chunk(0, bytes)));
  const put = await trial.call('PUT', `${session}&digest=${digest}`);
  assert.equal(put.status, 201);
  assert.equal(put.headers['docker-content-digest'], digest);
  const head = await trial.call('HEAD', `/v2/dev/app/blobs/${digest}`);
  assert.equal(head.headers['docker-content-digest'], digest);
});

test('PATCH with a Content-Range that does not start where the upload ends is 416 and the session lives', async () => {
  const bytes = randomBytes(300);
  const session = await begin();
  const early = await trial.call('PATCH', session, chunk(100, bytes.subarray(100, 200)));
  assert.equal(early.status, 416);
  assert.equal(early.headers.range, '0-0');
  location(early);
  assert.equal(early.code, 'RANGE_INVALID');
  assert.equal((await trial.call('PATCH', session, chunk(0, bytes.subarray(0, 100)))).status, 202);
  const again = await trial.call('PATCH', session, chunk(0, bytes.subarray(0, 100)));
  assert.equal(again.status, 416);
  assert.equal(again.headers.range, '0-99');
  const closing = `${session}&digest=${digestOf(bytes)}`;
  assert.equal((await trial.call('PUT', closing, chunk(200, bytes.subarray(200)))).status, 416);
  assert.equal(await held(closing), '0-99');
  assert.equal((await trial.call('PUT', closing, chunk(100, bytes.subarray(100)))).status, 201);
});

test('a Content-Range that is malformed is 416, one that does not fit the length 400 SIZE_INVALID; nothing is lost', async () => {
  const session = await begin();
  await trial.call('PATCH', session, chunk(0, Buffer.from('abc')));
  for (const range of ['3', '9-3', 'x-y', '']) {
    const reply = await trial.call('PATCH', session, { headers: { 'Content-Range': range }, body: 'def' });
    assert.equal(reply.status, 416, range);
  }
  const size = await trial.call('PATCH', session, { headers: { 'Content-Range': '3-9' }, body: 'def' });
  assert.equal(size.status, 400);
  assert.equal(size.code, 'SIZE_INVALID');
  assert.equal(await held(session), '0-2');
  assert.equal((await trial.call('PATCH', session, chunk(3, Buffer.from('def')))).status, 202);
});

test('content that is not what the digest says is 400 DIGEST_INVALID and is not kept', async () => {
  const digest = digestOf('something else');
  const session = location(await trial.call('PATCH', await begin(), { body: 'abc' }));
  const put = await trial.call('PUT', `${session}&digest=${digest}`);
  assert.equal(put.status, 400);
  assert.equal(put.code, 'DIGEST_INVALID');
  const whole = await trial.call('POST', `${UPLOADS}?digest=${digest}`, { body: 'abc' });
  assert.equal(whole.code, 'DIGEST_INVALID');
  assert.equal((await trial.call('HEAD', `/v2/dev/app/blobs/${digest}`)).status, 404);
  assert.equal((await trial.call('GET', session)).status, 404);
});

test('a digest that is missing or malformed is 400 DIGEST_INVALID and the session lives', async () => {
  const session = await begin();
  for (const query of ['', '&digest=', '&digest=sha256:abc', '&digest=md5:d41d8cd98f00b204e9800998ecf8427e']) {
    const reply = await trial.call('PUT', session + query, { body: 'abc' });
    assert.equal(reply.status, 400, query);
    assert.equal(reply.code, 'DIGEST_INVALID', query);
  }
  assert.equal(await held(session), '0-0');
});

test('DELETE cancels: 204, then the session is unknown', async () => {
  const session = await begin();
  assert.equal((await trial.call('DELETE', session)).status, 204);
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const reply = await trial.call(method, session, method === 'PATCH' ? { body: 'abc' } : {});
    assert.equal(reply.status, 404, method);
    assert.equal(reply.code, 'BLOB_UPLOAD_UNKNOWN', method);
  }
});

test('a session of another repository, or with an id that is none, is unknown', async () => {
  const session = await begin();
  assert.equal((await trial.call('GET', session.replace('/dev/app/', '/dev/other/'))).code, 'BLOB_UPLOAD_UNKNOWN');
  for (const id of ['x', '..', 'f'.repeat(32), `%00${'f'.repeat(31)}`]) {
    assert.equal((await trial.call('GET', UPLOADS + id)).status, 404, id);
  }
});

test('a body that stops half-way leaves the session at what arrived', async () => {
  const session = await begin();
  const socket = connect(trial.port, '127.0.0.1');
  const auth = 'Authorization: Bearer admin-token';
  socket.end(`PATCH ${session} HTTP/1.1\r\nHost: x\r\n${auth}\r\nContent-Length: 1000\r\n\r\n${'a'.repeat(400)}`);
  let range = await held(session);
  for (let tries = 0; range !== '0-399' && tries < 200; tries++) {
    await wait(10);
    range = await held(session);
  }
  assert.equal(range, '0-399');
  assert.equal((await trial.call('PATCH', session, chunk(400, Buffer.alloc(100)))).status, 202);
  assert.deepEqual(trial.faults, []);
});

test('while one request adds to a session another is 409, and may try again', async () => {
  const session = await begin();
  const socket = connect(trial.port, '127.0.0.1');
  const auth = 'Authorization: Bearer admin-token';
  const expect = 'Expect: 100-continue\r\nContent-Length: 6';
  socket.write(`PATCH ${session} HTTP/1.1\r\nHost: x\r\n${auth}\r\n${expect}\r\n\r\n`);
  // "100 Continue": from now on that request is the one that adds.
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write('abc');
  const reply = await trial.call('PUT', `${session}&digest=${digestOf('abcdef')}`);
  assert.equal(reply.status, 409);
  assert.equal(reply.headers['retry-after'], '1');
  socket.write('def');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  assert.equal(await held(session), '0-5');
});

function expecting(path: string, headers: Record<string, string>): Promise<{ continued: boolean; status: number }> {
  return new Promise((resolve, reject) => {
    const all = { Authorization: 'Bearer admin-token', Expect: '100-continue', 'Content-Length': '3', ...headers };
    const req = request({ host: '127.0.0.1', port: trial.port, method: 'PATCH', path, headers: all });
    let continued = false;
    req.on('continue', () => {
      continued = true;
      req.end('abc');
    });
    req.on('response', (res) => {
      res.resume();
      resolve({ continued, status: res.statusCode ?? 0 });
      req.destroy();
    });
    req.on('error', (error) => reject(error));
    req.flushHeaders();
  });
}

test('Expect: 100-continue is answered only when the chunk will be taken', async () => {
  const session = await begin();
  assert.deepEqual(await expecting(session, { 'Content-Range': '5-7' }), { continued: false, status: 416 });
  assert.deepEqual(await expecting(session, { 'Content-Range': '0-2' }), { continued: true, status: 202 });
});

test('a large chunk that is refused does not have to be sent: the answer comes first and can be read', async () => {
  const session = await begin();
  const body = Buffer.alloc(8 * 1024 * 1024);
  for (let round = 0; round < 5; round++) {
    const reply = await trial.call('PATCH', session, chunk(1, body));
    assert.equal(reply.status, 416);
    assert.equal(reply.headers.connection, 'close');
  }
  assert.equal((await trial.call('PATCH', session, chunk(0, body))).status, 202);
});

test('a mount from a repository that may be read is 201; without from the neighbours are looked through', async () => {
  const digest = await trial.pushBlob('dev/source', 'to be mounted');
  const mounted = await trial.call('POST', `/v2/dev/target/blobs/uploads/?mount=${digest}&from=dev/source`);
  assert.equal(mounted.status, 201);
  assert.equal(mounted.headers['docker-content-digest'], digest);
  assert.equal(mounted.headers.location, `/v2/dev/target/blobs/${digest}`);
  assert.equal((await trial.call('GET', `/v2/dev/target/blobs/${digest}`)).body.toString(), 'to be mounted');
  await trial.pushImage('dev/third', 'v1');
  const layer = digestOf('a layer of dev/third');
  assert.equal((await trial.call('POST', `/v2/dev/fourth/blobs/uploads/?mount=${layer}`)).status, 201);
  assert.equal((await trial.call('POST', `/v2/other/app/blobs/uploads/?mount=${layer}`)).status, 202);
});

test('a mount that cannot be made, for whatever reason, is a session', async () => {
  const digest = await trial.pushBlob('secret/source', 'a secret');
  const absent = digestOf('never pushed');
  const queries = [
    `mount=${absent}&from=dev/source`,
    `mount=${digest}&from=dev/nowhere`,
    'mount=rubbish&from=dev/source',
  ];
  for (const query of [...queries, `mount=${digest}&from=a/b/c/d`, `mount=${absent}`]) {
    location(await trial.call('POST', `/v2/dev/target/blobs/uploads/?${query}`));
  }
  const path = `/v2/dev/target/blobs/uploads/?mount=${digest}&from=secret/source`;
  assert.equal((await trial.call('POST', path, { token: 'dev-token' })).status, 202);
});
