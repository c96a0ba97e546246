/** Bad input: what is sent by mistake, or by someone who looks for a hole. Nothing of it may be served, kept or fatal. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../image/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../image/mediatype.ts';
import { startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial();
  await trial.pushImage('dev/app', 'v1');
});
after(() => trial.stop());

/** Sends bytes as they are and resolves to all that is answered until the server closes, or a word is seen. */
async function raw(text: string | Buffer, until?: RegExp): Promise<string> {
  const socket = connect(trial.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(text);
  return heard(socket, until);
}

async function heard(socket: Socket, until?: RegExp): Promise<string> {
  let said = '';
  socket.on('error', () => undefined);
  try {
    for await (const chunk of socket) {
      said += String(chunk);
      if (until?.test(said)) break;
    }
  } catch (error) {
    if (said === '') throw error;
  }
  socket.destroy();
  return said;
}

const HEAD = 'Host: registry.test\r\nAuthorization: Bearer admin-token\r\n';
const stillServes = async (): Promise<void> => {
  assert.equal((await trial.call('GET', '/v2/dev/app/manifests/v1')).status, 200);
};

test('paths that climb out, however they are written, lead nowhere', async () => {
  const climbs = ['..', '%2e%2e', '%2E%2E%2F', '..%2f..', '..%5c..', '%252e%252e', '.%00.', '%c0%ae%c0%ae'];
  for (const climb of climbs) {
    for (const path of [
      `/v2/${climb}/${climb}/etc/passwd/manifests/v1`,
      `/v2/dev/${climb}/manifests/v1`,
      `/v2/dev/app/manifests/${climb}`,
      `/v2/dev/app/blobs/sha256:${climb}`,
      `/v2/dev/app/blobs/uploads/${climb}`,
      `/v2/dev/app/referrers/${climb}`,
      `/extensions/v2/dev/${climb}/signatures/${climb}`,
      `/admin/blobs/${climb}`,
    ]) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await raw(`${method} ${path} HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${method} ${path}: ${answer.slice(0, 60)}`);
      }
    }
  }
  await stillServes();
});

test('no name, tag or digest but one that follows the grammar is taken', async () => {
  const text = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }).map(encodeURIComponent);
  await fc.assert(
    fc.asyncProperty(text, text, async (name, reference) => {
      const body = JSON.stringify({ schemaVersion: 2 });
      const reply = await trial.call('PUT', `/v2/dev/${name}/manifests/${reference}`, { body });
      assert.ok(reply.status >= 400 && reply.status < 500, `${name} ${reference}: ${reply.status}`);
    }),
    { numRuns: 200 },
  );
  assert.deepEqual(trial.faults, []);
});

test('digests in other clothes are refused: case, length, another algorithm, blanks, a second colon', async () => {
  const hex = digestOf('x').slice('sha256:'.length);
  const tricks = [
    `SHA256:${hex}`,
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex.slice(1)}`,
    `sha256:${hex}0`,
    `sha512:${hex}`,
    `md5:${hex.slice(0, 32)}`,
    `sha256:${hex.slice(0, 62)}%2e.`,
    `sha256:sha256:${hex}`,
    `sha256:%20${hex.slice(1)}`,
    `sha256:${hex}%0a`,
    `sha256+b64:${hex}`,
  ];
  for (const trick of tricks) {
    for (const path of [`blobs/${trick}`, `manifests/${trick}`, `referrers/${trick}`]) {
      const { status, code } = await trial.call('GET', `/v2/dev/app/${path}`);
      assert.deepEqual([status, code], [400, 'DIGEST_INVALID'], path);
    }
    const upload = await trial.call('POST', `/v2/dev/app/blobs/uploads/?digest=${trick}`, { body: 'x' });
    assert.equal(upload.code, 'DIGEST_INVALID', trick);
    const layer = { mediaType: 'application/x', digest: decodeURIComponent(trick), size: 1 };
    const body = JSON.stringify({ schemaVersion: 2, config: layer, layers: [layer] });
    const manifest = await trial.call('PUT', '/v2/dev/app/manifests/x', {
      headers: { 'Content-Type': OCI_MANIFEST },
      body,
    });
    assert.equal(manifest.code, 'MANIFEST_INVALID', trick);
  }
});

test('requests that hide another one are refused, and the hidden one is not answered', async () => {
  const hidden = `GET /v2/dev/app/tags/list HTTP/1.1\r\n${HEAD}\r\n`;
  const start = `POST /v2/dev/app/blobs/uploads/ HTTP/1.1\r\n${HEAD}`;
  const smuggled = [
    `${start}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Content-Length: +0\r\n\r\n${hidden}`,
    `${start}X: a\nContent-Length: 5\r\n\r\n${hidden}`,
    `${start}X: a\r\n Content-Length: 5\r\n\r\n${hidden}`,
  ];
  for (const text of smuggled) {
    const answer = await raw(text, /"tags":/);
    assert.doesNotMatch(answer, /"tags":/, text);
  }
  await stillServes();
});

test('requests that come all at once, before any answer, are answered in their order, refused bodies among them', async () => {
  const get = (tag: string): string => `GET /v2/dev/app/manifests/${tag} HTTP/1.1\r\n${HEAD}\r\n`;
  const put = (path: string, body: string): string =>
    `PUT /v2/${path} HTTP/1.1\r\n${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
  const upload = (body: string): string =>
    `POST /v2/dev/app/blobs/uploads/?digest=${digestOf(body)} HTTP/1.1\r\n${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
  const round = [
    get('v1'),
    get('none'),
    put('DEV/app/manifests/x', 'a body'),
    upload('one'),
    put('dev/app/manifests/x', '{'),
  ];
  const last = `GET /v2/ HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
  const said = await raw(round.join('').repeat(20) + last);
  const statuses = [...said.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
  const expected = Array.from({ length: 20 }, () => [200, 404, 400, 201, 400]).flat();
  assert.deepEqual(statuses, [...expected, 200]);
});

test('a Content-Length that lies: the rest is waited for, or left, and nothing false is kept', async () => {
  const begun = await trial.call('POST', '/v2/dev/app/blobs/uploads/');
  const location = String(begun.headers.location);
  const socket = connect(trial.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`PATCH ${location} HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\nshort`);
  socket.end();
  await heard(socket);
  const digest = digestOf('short');
  const wrong = digestOf('short'.padEnd(100));
  assert.equal((await trial.call('HEAD', `/v2/dev/app/blobs/${wrong}`)).status, 404);
  // What came is held; whoever goes on says what it should be.
  const done = await trial.call('PUT', `${location}&digest=${digest}`, { headers: { 'Content-Length': 0 } });
  assert.ok(done.status === 201 || done.status === 400, String(done.status));
  const manifest = await raw(
    `PUT /v2/dev/app/manifests/x HTTP/1.1\r\n${HEAD}Content-Length: 99999999999\r\n\r\n{`,
    /\r\n\r\n/,
  );
  assert.match(manifest, /^HTTP\/1\.1 413 /);
  assert.equal((await trial.call('GET', '/v2/dev/app/manifests/x')).status, 404);
});

test('a body that comes drop by drop holds nobody else up', async () => {
  const begun = await trial.call('POST', '/v2/dev/app/blobs/uploads/');
  const sockets = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(trial.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`PUT /v2/dev/app/manifests/slow HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\n{`);
      return socket;
    }),
  );
  const slow = connect(trial.port, '127.0.0.1');
  await once(slow, 'connect');
  slow.write(`PATCH ${begun.headers.location} HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\na`);
  await stillServes();
  for (const socket of [...sockets, slow]) socket.destroy();
  await stillServes();
});

test('JSON that is deep, long or many is refused, and says why', async () => {
  const deep = `{"schemaVersion":2,"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const config = { mediaType: 'application/x', digest: digestOf('x'), size: 1 };
  const many = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: Array.from({ length: 513 }, () => config) };
  const children = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: Array.from({ length: 257 }, () => config) };
  const bodies: readonly (readonly [string, RegExp])[] = [
    [deep, /deep|nest/i],
    [JSON.stringify(many), /513 entries, at most 512/],
    [JSON.stringify(children), /257 entries, at most 256/],
    ['{"schemaVersion":2,"schemaVersion":3}', /schemaVersion/],
    ['{"schemaVersion":2,"config":{},"manifests":[]}', /cannot stand beside/],
    [JSON.stringify({ schemaVersion: 2, config: { ...config, size: -1 }, layers: [] }), /negative/],
    [JSON.stringify({ schemaVersion: 2, config: { ...config, size: 1e300 }, layers: [] }), /whole number/],
    [`{"schemaVersion":2,"__proto__":{"config":1},"layers":[]}`, /config/],
  ];
  for (const [body, why] of bodies) {
    const reply = await trial.call('PUT', '/v2/dev/app/manifests/bad', { body });
    assert.equal(reply.status, 400, body.slice(0, 80));
    assert.equal(reply.code, 'MANIFEST_INVALID', body.slice(0, 80));
    assert.match(reply.body.toString(), why, body.slice(0, 80));
  }
  await stillServes();
});

test('one digest with two meanings: the type in the manifest must be the type that it is pushed as', async () => {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  const reply = await trial.call('PUT', '/v2/dev/app/manifests/two', {
    headers: { 'Content-Type': OCI_MANIFEST },
    body,
  });
  assert.equal(reply.code, 'MANIFEST_INVALID');
});

test('headers of more than 64 KiB are refused', async () => {
  const answer = await raw(`GET /v2/ HTTP/1.1\r\n${HEAD}X-Long: ${'x'.repeat(70_000)}\r\n\r\n`, /\r\n\r\n/);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  await stillServes();
});

test('ranges that abuse: no answer is longer than the blob, and none is a fault', async () => {
  const bytes = Buffer.alloc(100_000, 'range');
  const digest = await trial.pushBlob('dev/app', bytes);
  const get = (range: string) => trial.call('GET', `/v2/dev/app/blobs/${digest}`, { headers: { Range: range } });
  const huge = '9'.repeat(400);
  for (const range of [
    `bytes=${huge}-`,
    `bytes=-${huge}`,
    `bytes=0-${huge}`,
    'bytes=18446744073709551615-18446744073709551616',
    'bytes=-0',
    'bytes=--1',
    'bytes=0-0-0',
    'bytes=0x0-0x10',
    'bytes=,,,,',
    'bytes=1-0',
    `bytes=${','.repeat(30_000)}`,
    'bytes=\t0\t-\t10\t',
    'bytes',
    '=',
  ]) {
    const { status, body } = await get(range);
    assert.ok([200, 206, 416].includes(status), `${range.slice(0, 40)}: ${status}`);
    assert.ok(status === 416 || body.length <= bytes.length, range.slice(0, 40));
  }
  // The whole blob a thousand times would be 100 MB.
  const repeated = await get(`bytes=${Array.from({ length: 1000 }, () => '0-').join(',')}`);
  assert.deepEqual([repeated.status, repeated.body.length], [200, bytes.length]);
  const same = await get(`bytes=${Array.from({ length: 1000 }, () => '0-9').join(',')}`);
  assert.equal(same.status, 206);
  assert.deepEqual(trial.faults, []);
});

test('names that mean something to JavaScript are names like others', async () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '_', 'null', 'undefined'];
  const annotations = JSON.parse('{"__proto__":"own","constructor":"own"}') as object;
  for (const tag of names) {
    const { bytes } = await trial.pushImage('dev/names', tag, { annotations });
    assert.ok((await trial.call('GET', `/v2/dev/names/manifests/${tag}`)).body.equals(bytes), tag);
  }
  await trial.pushImage('dev/constructor', 'v1');
  assert.equal((await trial.call('GET', '/v2/dev/valueof/tags/list')).status, 404);
  const list = await trial.call('GET', '/v2/dev/names/tags/list');
  assert.deepEqual(JSON.parse(list.body.toString()).tags, [...names].sort());
  for (const tag of names) assert.equal((await trial.call('DELETE', `/v2/dev/names/manifests/${tag}`)).status, 202);
  for (const name of names) {
    assert.equal((await trial.call('GET', `/v2/dev/app/manifests/${name}`)).code, 'MANIFEST_UNKNOWN', name);
    const query = `?${name}=1&mount=${name}&from=${name}&digest-algorithm=sha256`;
    assert.equal((await trial.call('POST', `/v2/dev/app/blobs/uploads/${query}`)).status, 202, name);
  }
});

test('nothing that a client sends becomes a header of its own in an answer', async () => {
  const evil = '%0d%0aX-Evil:%20yes';
  for (const [method, path] of [
    ['GET', `/v2/dev/app/tags/list?n=1&last=${evil}`],
    ['GET', `/v2/_catalog?n=1&last=${evil}`],
    ['GET', `/v2/dev/app/referrers/${digestOf('x')}?artifactType=${evil}&last=${evil}&n=1`],
    ['POST', `/v2/dev/app/blobs/uploads/?mount=${evil}&from=${evil}`],
    ['PUT', `/v2/dev/app/manifests/${evil}`],
    ['GET', `/v2/dev/${evil}/manifests/v1`],
    ['GET', `/openshift/token?service=${evil}&scope=repository:${evil}:pull&account=${evil}`],
  ] as const) {
    const { headers } = await trial.call(method, path);
    assert.equal(headers['x-evil'], undefined, path);
  }
  assert.deepEqual(trial.faults, []);
});

test('methods, versions and upgrades that are not spoken here are refused', async () => {
  const lines: readonly (readonly [string, RegExp])[] = [
    [`TRACE /v2/ HTTP/1.1\r\n${HEAD}`, /^HTTP\/1\.1 405 /],
    [`PROPFIND /v2/dev/app/tags/list HTTP/1.1\r\n${HEAD}`, /^HTTP\/1\.1 405 /],
    [`GET /v2/ HTTP/9.9\r\n${HEAD}`, /^HTTP\/1\.1 (?:400|505) /],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n', /^HTTP\/1\.1 4\d\d /],
    [`GET /v2/ HTTP/1.1\r\n${HEAD}Upgrade: h2c\r\nConnection: Upgrade\r\n`, /^HTTP\/1\.1 200 /],
    [`GET /v2/dev/app/tags/list HTTP/1.1\r\n${HEAD}Expect: the-unexpected\r\n`, /^HTTP\/1\.1 417 /],
    ['GET /v2/ HTTP/1.1\r\n', /^HTTP\/1\.1 400 /],
  ];
  for (const [line, expected] of lines) {
    assert.match(await raw(`${line}\r\n`, /\r\n\r\n/), expected, line);
  }
  const tunnel = connect(trial.port, '127.0.0.1');
  await once(tunnel, 'connect');
  tunnel.write(`CONNECT evil.test:443 HTTP/1.1\r\n${HEAD}\r\n`);
  assert.equal(await heard(tunnel), '');
  await stillServes();
});
