/** What people meet when etcd, S3 or a machine's clock is not as it should be: words that say what to do, and no harm. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/image/digest.ts';
import { type Api, askApi, streamPath } from '../api.ts';
import { startEtcd, type TestEtcd } from '../etcd.ts';
import { startFaultProxy } from '../faultproxy.ts';
import { json } from '../http.ts';
import { freePort } from '../ports.ts';
import { type Outcome, run, temporaryFolder } from '../program.ts';
import { askRegistry, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { S3_CREDENTIALS, startS3 } from '../s3server.ts';
import { startServer, type TestServer, untilSaid } from '../server.ts';
import { tinyImage } from '../tinyimage.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const MERGE = 'application/merge-patch+json';

let etcd: TestEtcd;
before(async () => {
  Object.assign(process.env, S3_CREDENTIALS);
  etcd = await startEtcd({ program: 'etcd-3.6' });
});
after(() => etcd?.[Symbol.asyncDispose]());

const apiOf = ({ apiUrl: url, token, ca }: TestServer): Api => ({ url, token, ca });
const registryOf = ({ registryUrl: url, token }: TestServer): Registry => ({ url, token });
const storeFlags = (prefix: string, at = etcd): string[] => ['--store', `etcd://${at.endpoints.join()}/${prefix}`];

async function push(server: TestServer, stream: string): Promise<string> {
  const image = tinyImage(stream);
  for (const blob of image.blobs) await uploadWhole(registryOf(server), `default/${stream}`, blob);
  await putManifest(registryOf(server), `default/${stream}`, 'latest', image.manifest, image.mediaType);
  return image.digest;
}

/** Starts a server that should end by itself. */
function serve(...flags: readonly string[]): Promise<Outcome> {
  const data = join(temporaryFolder(), 'data');
  const listen = ['--listen', '127.0.0.1:0', '--registry-listen', 'off'];
  return run(process.execPath, [BIN, 'serve', '--data', data, ...listen, ...flags], { timeoutMs: 20_000 });
}

/** Calls etcd's JSON gateway, as an administrator would use etcdctl. */
async function administer({ endpoints }: TestEtcd, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://${endpoints[0]}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
}

suite('a server that cannot be what it should', () => {
  test('ends, and says why, where waiting would not help', async () => {
    const put = (key: string, value: string) =>
      administer(etcd, 'kv/put', { key: base64Of(key), value: base64Of(value) });
    await put('/newer/format', '{"format":99}');
    await put('/foreign/registry/pods/x', 'x');
    const s3 = `s3://nowhere?endpoint=http://127.0.0.1:${await freePort()}`;
    await using real = await startS3();
    const missing = `s3://missing?endpoint=${real.endpoint}`;
    for (const [flags, words] of [
      [storeFlags('newer'), /written by a newer Headgate \(format 99/],
      [storeFlags('foreign'), /holds \/foreign\/registry\/pods\/x, which is no Headgate's: choose a prefix/],
      [
        ['--store', `etcd://${etcd.endpoints[0]}`.replace('etcd:', 'etcd3:')],
        /"etcd3:" is not supported: use sqlite: or etcd:/,
      ],
      [['--blobs', missing], /s3:\/\/missing.*no such bucket; create it/],
      [['--blobs', s3.replace('nowhere', 'NOT A BUCKET')], /--blobs/],
    ] as const) {
      const { code, stderr, stdout } = await serve(...flags);
      assert.ok(code === 1 || code === 2, stdout + stderr);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /^\s+at /m, 'no stack');
    }
  });
});

suite('a server whose etcd is out of space', () => {
  test('refuses writes, says what to do, and goes on when there is room', async () => {
    await using small = await startEtcd({ program: 'etcd-3.6', flags: ['--quota-backend-bytes', '8000000'] });
    await using server = await startServer({ flags: storeFlags('small', small) });
    const digest = await push(server, 'kept');
    const maps = '/api/v1/namespaces/default/configmaps';
    const filled = { metadata: { name: 'fill' }, data: {} };
    assert.equal((await askApi(apiOf(server), maps, { method: 'POST', body: filled })).status, 201);
    let refused = 0;
    // What is overwritten stays in etcd until it is compacted.
    for (let number = 0; refused === 0 && number < 40; number++) {
      const body = { data: { fill: String(number % 10).repeat(900_000) } };
      const answer = await askApi(apiOf(server), `${maps}/fill`, { method: 'PATCH', body, type: MERGE });
      if (answer.status === 200) continue;
      refused = answer.status;
      assert.ok(Number(answer.headers['retry-after']) > 0);
    }
    assert.ok(refused === 507 || refused === 503, `writes were answered ${refused}`);
    await untilSaid(server, /out of space|NOSPACE/);
    const path = streamPath('default', 'kept');
    assert.match((await askApi(apiOf(server), path)).body.toString(), new RegExp(digest));
    assert.equal((await askRegistry(registryOf(server), 'default/kept/manifests/latest')).status, 200);
    const { header } = await administer(small, 'kv/range', { key: base64Of('/small/last') });
    await administer(small, 'kv/compaction', { revision: (header as { revision: string }).revision });
    await administer(small, 'maintenance/defragment', {});
    const { alarms = [] } = (await administer(small, 'maintenance/alarm', { action: 'GET' })) as {
      alarms?: { memberID: string }[];
    };
    for (const { memberID } of alarms) {
      await administer(small, 'maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' });
    }
    const body = { metadata: { labels: { again: 'true' } } };
    assert.equal((await askApi(apiOf(server), path, { method: 'PATCH', body, type: MERGE })).status, 200);
  });
});

suite('a server whose bucket can only be read', () => {
  test('serves pulls and refuses pushes with words, in its log and to the client', async () => {
    await using real = await startS3();
    await real.makeBucket('images');
    await using proxy = await startFaultProxy(real.endpoint);
    const flags = [...storeFlags('readonly'), '--blobs', `s3://images/all?endpoint=${proxy.endpoint}`];
    await using server = await startServer({ flags });
    await push(server, 'pulled');
    proxy.follow(({ method }) =>
      method === 'GET' || method === 'HEAD' ? { kind: 'none' } : { kind: 'refuse', status: 403, code: 'AccessDenied' },
    );
    const begun = performance.now();
    const path = 'default/refused/blobs/uploads/?digest=';
    const [blob = Buffer.alloc(0)] = tinyImage('refused').blobs;
    const headers = { 'Content-Type': 'application/octet-stream' };
    const refused = await askRegistry(registryOf(server), path + digestOf(blob), {
      method: 'POST',
      headers,
      body: blob,
    });
    assert.equal(refused.status, 503, refused.body.toString());
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.ok(performance.now() - begun < 30_000, 'it was tried for ever');
    await untilSaid(server, /may not do this \(AccessDenied\); allow s3:GetObject/);
    assert.equal((await askRegistry(registryOf(server), 'default/pulled/manifests/latest')).status, 200);
  });
});

suite('servers whose clocks differ', () => {
  test('by less than a minute do what they should', async () => {
    const blobs = ['--blobs', `file:${join(temporaryFolder(), 'blobs')}`];
    const flags = [...storeFlags('clocks'), ...blobs, '--gc-interval', '1s', '--gc-grace', '0s'];
    await using right = await startServer({ flags });
    await using ahead = await startServer({ flags, clockSeconds: 25 });
    await using behind = await startServer({ flags, clockSeconds: -25 });
    for (const [writer, reader] of [
      [ahead, behind],
      [behind, right],
      [right, ahead],
    ] as const) {
      const name = `by-${writer.pid}`;
      const digest = await push(writer, name);
      assert.match((await askApi(apiOf(reader), streamPath('default', name))).body.toString(), new RegExp(digest));
      const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } };
      const made = json(await askApi(apiOf(writer), path, { method: 'POST', body })) as { status: { token: string } };
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const asked = await askApi(
        { ...apiOf(reader), token: made.status.token },
        '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        { method: 'POST', body: review },
      );
      assert.match(asked.body.toString(), /system:serviceaccount:default:default/);
    }
  });
});

function base64Of(text: string): string {
  return Buffer.from(text).toString('base64');
}
