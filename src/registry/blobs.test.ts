import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { memoryContent, openMemoryBlobs } from '../blobs/memory/memory.ts';
import { isVerified } from '../blobs/verified.ts';
import { forgetLease, leaseKey } from '../collecting/leases.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { linkBlob } from '../streams/repository.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

const BYTES = randomBytes(3 * 1024 * 1024 + 17);
let trial: Trial;
let digest: Digest;
let path: string;
before(async () => {
  trial = await startTrial();
  digest = await trial.pushBlob('dev/app', BYTES);
  path = `/v2/dev/app/blobs/${digest}`;
});
after(() => trial.stop());

test('GET and HEAD say digest, length and entity tag; HEAD has no body', async () => {
  for (const method of ['GET', 'HEAD']) {
    const reply = await trial.call(method, path, { headers: { 'Accept-Encoding': 'gzip, zstd' } });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['docker-content-digest'], digest);
    assert.equal(reply.headers['content-length'], String(BYTES.length));
    assert.equal(reply.headers['content-type'], 'application/octet-stream');
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.equal(reply.headers.etag, `"${digest}"`);
    assert.equal(reply.headers['accept-ranges'], 'bytes');
    assert.ok(reply.body.equals(method === 'GET' ? BYTES : Buffer.alloc(0)));
  }
});

test('If-None-Match with the tag is 304, with another 200', async () => {
  for (const tag of [`"${digest}"`, '*', `"x", W/"${digest}"`]) {
    const reply = await trial.call('GET', path, { headers: { 'If-None-Match': tag } });
    assert.equal(reply.status, 304, tag);
    assert.equal(reply.body.length, 0);
  }
  assert.equal((await trial.call('GET', path, { headers: { 'If-None-Match': '"x"' } })).status, 200);
});

function range(text: string, more: Record<string, string> = {}): Promise<Reply> {
  return trial.call('GET', path, { headers: { Range: text, ...more } });
}

test('one range is 206 with exactly that', async () => {
  const size = BYTES.length;
  const cases: readonly (readonly [string, number, number])[] = [
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, size - 1],
    ['bytes=-500', size - 500, size - 1],
    ['bytes=0-0', 0, 0],
    [`bytes=100-${size * 2}`, 100, size - 1],
  ];
  for (const [header, start, end] of cases) {
    const reply = await range(header);
    assert.equal(reply.status, 206, header);
    assert.equal(reply.headers['content-range'], `bytes ${start}-${end}/${size}`, header);
    assert.equal(reply.headers['content-length'], String(end - start + 1), header);
    assert.ok(reply.body.equals(BYTES.subarray(start, end + 1)), header);
  }
});

test('a range that cannot be had is 416 with the size', async () => {
  for (const header of ['bytes=500-0', `bytes=${BYTES.length}-`, 'bytes=-0']) {
    const reply = await range(header);
    assert.equal(reply.status, 416, header);
    assert.equal(reply.headers['content-range'], `bytes */${BYTES.length}`, header);
    assert.equal(reply.code, 'RANGE_INVALID', header);
  }
});

test('If-Range with another entity tag gets the whole', async () => {
  assert.equal((await range('bytes=0-9', { 'If-Range': `"${digest}"` })).status, 206);
  assert.equal((await range('bytes=0-9', { 'If-Range': '"x"' })).status, 200);
});

test('several ranges are multipart/byteranges: one part for each, in the order asked for', async () => {
  const asked = [
    [2_000_000, 3_100_000],
    [0, 4],
    [3, 3],
    [100_000, 100_099],
  ] as const;
  const reply = await range(`bytes=${asked.map(([start, end]) => `${start}-${end}`).join(',')}`);
  assert.equal(reply.status, 206);
  const [, boundary = ''] = /^multipart\/byteranges; boundary=(\S+)$/.exec(reply.headers['content-type'] ?? '') ?? [];
  assert.equal(reply.headers['content-length'], String(reply.body.length));
  let at = 0;
  for (const [start, end] of asked) {
    const headEnd = reply.body.indexOf('\r\n\r\n', at);
    const head = reply.body.subarray(at, headEnd).toString().trim().split('\r\n');
    assert.equal(head[0], `--${boundary}`);
    assert.ok(head.includes(`Content-Range: bytes ${start}-${end}/${BYTES.length}`));
    at = headEnd + 4 + (end - start + 1);
    assert.ok(reply.body.subarray(headEnd + 4, at).equals(BYTES.subarray(start, end + 1)));
  }
  assert.equal(reply.body.subarray(at).toString(), `\r\n--${boundary}--\r\n`);
});

test('more ranges than are served are 400, so that the client asks for fewer', async () => {
  const many = Array.from({ length: 1025 }, (_, index) => `${index}-${index}`).join(',');
  assert.equal((await range(`bytes=${many}`)).status, 400);
});

test('a blob that is not there, or only elsewhere, is 404 BLOB_UNKNOWN', async () => {
  const other = await trial.pushBlob('elsewhere/app', 'only here');
  for (const unknown of [digestOf('never'), other]) {
    assert.equal((await trial.call('GET', `/v2/dev/app/blobs/${unknown}`)).code, 'BLOB_UNKNOWN');
    const head = await trial.call('HEAD', `/v2/dev/app/blobs/${unknown}`);
    assert.equal(head.status, 404);
    assert.equal(head.body.length, 0);
  }
  for (const text of ['sha256:abc', 'latest', `md5:${'0'.repeat(32)}`, `sha256:${'A'.repeat(64)}`]) {
    const reply = await trial.call('GET', `/v2/dev/app/blobs/${text}`);
    assert.equal(reply.status, 400, text);
    assert.equal(reply.code, 'DIGEST_INVALID', text);
  }
});

test('DELETE is 202, and then the blob is gone from this repository only', async () => {
  const gone = await trial.pushBlob('dev/app', 'to be deleted');
  await trial.pushBlob('dev/other', 'to be deleted');
  assert.equal((await trial.call('DELETE', `/v2/dev/app/blobs/${gone}`)).status, 202);
  assert.equal((await trial.call('HEAD', `/v2/dev/app/blobs/${gone}`)).status, 404);
  assert.equal((await trial.call('DELETE', `/v2/dev/app/blobs/${gone}`)).code, 'BLOB_UNKNOWN');
  assert.equal((await trial.call('HEAD', `/v2/dev/other/blobs/${gone}`)).status, 200);
});

test('whoever only pulls writes nothing by looking; whoever may push is promised what they were told of', async () => {
  const { digest: image } = await trial.pushImage('dev/looked', 'v1');
  const blob = await trial.pushBlob('dev/looked', 'looked at');
  const { store } = trial.services;
  for (const each of [image, blob]) await store.commit([{ op: 'delete', key: leaseKey(each) }]);
  for (const each of [image, blob]) forgetLease(store, each);
  const look = (token: string): Promise<Reply[]> =>
    Promise.all([
      trial.call('HEAD', `/v2/dev/looked/blobs/${blob}`, { token }),
      trial.call('HEAD', `/v2/dev/looked/manifests/${image}`, { token }),
    ]);
  const before = await store.revision();
  for (const { status } of await look('reader-token')) assert.equal(status, 200);
  assert.equal(await store.revision(), before);
  for (const { status } of await look('admin-token')) assert.equal(status, 200);
  for (const each of [image, blob]) assert.ok(await store.get(leaseKey(each)));
});

test('a client that closes while it is being sent a blob is no fault', async () => {
  for (const header of ['', 'Range: bytes=0-2000000,5-9\r\n']) {
    const socket = connect(trial.port, '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n${header}\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
  }
  await wait(20);
  assert.deepEqual(trial.faults, []);
});

test('content that the disk has changed is never served as whole, small or large; what is read once is known', async () => {
  const ground = memoryContent();
  const other = await startTrial({ blobs: openMemoryBlobs(ground) });
  const ctx = { ...other.services, user: { name: 'x', groups: [] }, dryRun: false, warn: () => undefined };
  const get = (blob: Digest): Promise<Reply> => other.call('GET', `/v2/dev/app/blobs/${blob}`);
  for (const size of [100, 3_000_000]) {
    const bytes = randomBytes(size);
    const blob = digestOf(bytes);
    const wrong = Buffer.from(bytes);
    wrong[size - 50] = (wrong[size - 50] ?? 0) ^ 1;
    ground.blobs.set(blob, wrong);
    await linkBlob(ctx, { namespace: 'dev', stream: 'app' }, blob, size);
    if (size > 1_000) await assert.rejects(get(blob), /aborted|socket hang up/);
    else {
      const reply = await get(blob);
      assert.equal(reply.status, 500);
      assert.match(reply.body.toString(), /is damaged and is set aside; pushing the image again mends it/);
    }
    assert.equal(other.faults.length, 1, 'whoever runs the server is told');
    while (ground.blobs.has(blob)) await wait(5);
    assert.equal((await other.call('HEAD', `/v2/dev/app/blobs/${blob}`)).status, 404, 'a client brings it again');
    other.faults.length = 0;
    const well = digestOf(wrong);
    ground.blobs.set(well, wrong);
    await linkBlob(ctx, { namespace: 'dev', stream: 'app' }, well, size);
    for (let times = 0; times < 2; times += 1) assert.ok((await get(well)).body.equals(wrong));
    assert.equal(isVerified(other.services.blobs, well, undefined), size > 1_000, 'few bytes are looked at each time');
  }
  await other.stop();
});
