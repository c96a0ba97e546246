import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limitRanges } from '../cluster/limitranges.ts';
import { ensureNamespaces } from '../cluster/namespaces.ts';
import { resourceQuotas } from '../cluster/resourcequotas.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../image/mediatype.ts';
import { createObject } from '../objects/writes.ts';
import { startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial();
});
after(() => trial.stop());

const MANIFESTS = '/v2/dev/app/manifests/';

function put(reference: string, body: Buffer | string, type = OCI_MANIFEST) {
  return trial.call('PUT', MANIFESTS + reference, { headers: { 'Content-Type': type }, body });
}

test('a manifest is answered as it was pushed, by tag and by digest', async () => {
  const { digest, bytes } = await trial.pushImage('dev/app', 'v1', { annotations: { 'org.example/x': 'ü' } });
  for (const reference of ['v1', digest, digest.replace(':', '%3A')]) {
    for (const method of ['GET', 'HEAD']) {
      const reply = await trial.call(method, MANIFESTS + reference, { headers: { Accept: 'text/plain' } });
      assert.equal(reply.status, 200);
      assert.equal(reply.headers['content-type'], OCI_MANIFEST);
      assert.equal(reply.headers['content-length'], String(bytes.length));
      assert.equal(reply.headers['docker-content-digest'], digest);
      assert.equal(reply.headers.etag, `"${digest}"`);
      assert.ok(reply.body.equals(method === 'GET' ? bytes : Buffer.alloc(0)));
    }
  }
  const unchanged = await trial.call('GET', `${MANIFESTS}v1`, { headers: { 'If-None-Match': `"${digest}"` } });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers['docker-content-digest'], digest);
});

test('PUT is 201 with Location and digest; a one-part name is an image stream of the namespace default', async () => {
  const { digest, bytes } = await trial.pushImage('single', 'v1');
  const reply = await trial.call('PUT', '/v2/single/manifests/v2', {
    headers: { 'Content-Type': `${OCI_MANIFEST}; charset=utf-8` },
    body: bytes,
  });
  assert.equal(reply.status, 201);
  assert.equal(reply.headers.location, `/v2/single/manifests/${digest}`);
  assert.equal(reply.headers['docker-content-digest'], digest);
  const same = await trial.call('GET', '/v2/default/single/manifests/v2');
  assert.equal(same.headers['content-type'], OCI_MANIFEST);
});

test('PUT by digest is kept without a tag; ?tag= sets tags, which answer the digest as pushed', async () => {
  const { bytes } = await trial.pushImage('dev/app', 'v1');
  const digest = digestOf(bytes, 'sha512');
  const plain = await put(digest, bytes);
  assert.equal(plain.status, 201);
  assert.equal(plain.headers['oci-tag'], undefined);
  const tagged = await put(`${digest}?tag=a&tag=b&tag=a`, bytes);
  assert.equal(tagged.status, 201);
  assert.equal(tagged.headers['oci-tag'], 'a, b');
  for (const tag of ['a', 'b']) {
    const reply = await trial.call('HEAD', MANIFESTS + tag);
    assert.equal(reply.headers['docker-content-digest'], digest);
  }
});

test('?tag= has limits: 10 tags are set, 11 are 414, a bad one is 400, and it needs a digest', async () => {
  const { digest, bytes } = await trial.pushImage('dev/app', 'v1');
  const query = (count: number) => Array.from({ length: count }, (_, at) => `tag=many-${at}`).join('&');
  assert.equal((await put(`${digest}?${query(10)}`, bytes)).status, 201);
  assert.equal((await put(`${digest}?${query(11)}`, bytes)).status, 414);
  assert.equal((await put(`${digest}?tag=.bad`, bytes)).code, 'TAG_INVALID');
  assert.equal((await put('v1?tag=x', bytes)).status, 400);
  assert.equal((await trial.call('HEAD', `${MANIFESTS}x`)).status, 404);
});

test('a digest that is not that of the body is 400 DIGEST_INVALID', async () => {
  const { bytes } = await trial.pushImage('dev/app', 'v1');
  const wrong = await put(digestOf('other'), bytes);
  assert.equal(wrong.status, 400);
  assert.equal(wrong.code, 'DIGEST_INVALID');
  for (const method of ['PUT', 'GET', 'HEAD', 'DELETE']) {
    const reply = await trial.call(
      method,
      `${MANIFESTS}sha256:baddigeststring`,
      method === 'PUT' ? { body: bytes } : {},
    );
    assert.equal(reply.status, 400, method);
  }
});

test('a tag that cannot be one is TAG_INVALID to PUT, and just not there to others', async () => {
  const { bytes } = await trial.pushImage('dev/app', 'v1');
  for (const tag of ['.INVALID', '-x', 'x'.repeat(129), 'a%20b']) {
    assert.equal((await put(tag, bytes)).code, 'TAG_INVALID', tag);
    assert.equal((await trial.call('GET', MANIFESTS + tag)).code, 'MANIFEST_UNKNOWN', tag);
    assert.equal((await trial.call('DELETE', MANIFESTS + tag)).status, 404, tag);
  }
});

test('what is missing is MANIFEST_BLOB_UNKNOWN with each digest', async () => {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('no config'), size: 9 };
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf('no layer'), size: 8 };
  const reply = await put('broken', JSON.stringify({ schemaVersion: 2, config, layers: [layer] }));
  assert.equal(reply.status, 400);
  const { errors } = JSON.parse(reply.body.toString());
  assert.deepEqual(
    errors.map((error: { code: string; detail: unknown }) => [error.code, error.detail]),
    [config, layer].map(({ digest }) => ['MANIFEST_BLOB_UNKNOWN', { digest }]),
  );
  assert.equal((await trial.call('GET', `${MANIFESTS}broken`)).status, 404);
});

test('what is no manifest is MANIFEST_INVALID and says where and why', async () => {
  const bodies = ['', '{', '[]', 'null', '{"schemaVersion":2}', '{"schemaVersion":3,"config":{}}', '\u0000'];
  for (const body of [
    ...bodies,
    '{"schemaVersion":2,"config":{"mediaType":"x","digest":"y","size":"z"},"layers":[]}',
  ]) {
    const reply = await put('bad', body);
    assert.equal(reply.status, 400, body);
    assert.equal(reply.code, 'MANIFEST_INVALID', body);
  }
  const { bytes } = await trial.pushImage('dev/app', 'v1');
  assert.equal((await put('bad', bytes, OCI_INDEX)).code, 'MANIFEST_INVALID');
});

test('a manifest that is too large is 413, declared or not, and the next request works', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, ' ');
  assert.equal((await put('large', body)).status, 413);
  const headers = { 'Content-Type': OCI_MANIFEST, 'Transfer-Encoding': 'chunked' };
  const chunked = await trial.call('PUT', `${MANIFESTS}large`, { headers, body });
  assert.equal(chunked.status, 413);
  assert.equal(chunked.code, 'MANIFEST_INVALID');
  assert.equal((await trial.call('GET', '/v2/')).status, 200);
});

test('a manifest with a subject is answered with OCI-Subject and is among its referrers, also before it', async () => {
  const subject = { mediaType: OCI_MANIFEST, digest: digestOf('not there yet'), size: 13 };
  const artifactType = 'application/vnd.example.sbom';
  const { bytes } = await trial.pushImage('dev/app', 'sbom', { subject, artifactType, annotations: { a: 'b' } });
  const reply = await put('sbom', bytes);
  assert.equal(reply.headers['oci-subject'], subject.digest);
  const list = await trial.call('GET', `/v2/dev/app/referrers/${subject.digest}`);
  assert.equal(list.headers['content-type'], OCI_INDEX);
  assert.deepEqual(JSON.parse(list.body.toString()), {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length, artifactType, annotations: { a: 'b' } },
    ],
  });
});

test('DELETE of a tag takes that name only; of a digest, all tags to it; both are 202 and then 404', async () => {
  const { digest, bytes } = await trial.pushImage('dev/delete', 'one');
  for (const tag of ['two', 'three']) {
    await trial.call('PUT', `/v2/dev/delete/manifests/${tag}`, {
      body: bytes,
      headers: { 'Content-Type': OCI_MANIFEST },
    });
  }
  const gone = async (reference: string) => {
    const reply = await trial.call('HEAD', `/v2/dev/delete/manifests/${reference}`);
    return reply.status === 404;
  };
  assert.equal((await trial.call('DELETE', '/v2/dev/delete/manifests/one')).status, 202);
  assert.deepEqual([await gone('one'), await gone('two'), await gone(digest)], [true, false, false]);
  assert.equal((await trial.call('DELETE', '/v2/dev/delete/manifests/one')).code, 'MANIFEST_UNKNOWN');
  assert.equal((await trial.call('DELETE', `/v2/dev/delete/manifests/${digest}`)).status, 202);
  assert.deepEqual([await gone('two'), await gone('three'), await gone(digest)], [true, true, true]);
  const again = await trial.call('DELETE', `/v2/dev/delete/manifests/${digest}`);
  assert.equal(again.status, 404);
});

test('an unknown repository is NAME_UNKNOWN, an unknown tag of a known one MANIFEST_UNKNOWN', async () => {
  assert.equal((await trial.call('GET', '/v2/dev/nowhere/manifests/v1')).code, 'NAME_UNKNOWN');
  await trial.pushImage('dev/app', 'v1');
  assert.equal((await trial.call('GET', `${MANIFESTS}nothing`)).code, 'MANIFEST_UNKNOWN');
  assert.equal((await trial.call('GET', MANIFESTS + digestOf('nothing'))).code, 'MANIFEST_UNKNOWN');
});

test('what limits and quotas of the namespace forbid is DENIED, and says by how much', async () => {
  const ctx = { ...trial.services, user: { name: 'tester', groups: [] }, dryRun: false, warn: () => undefined };
  await ensureNamespaces(ctx, ['small', 'few', 'none']);
  const limit = (namespace: string, type: string, max: Record<string, string>) =>
    createObject(ctx, limitRanges, namespace, { metadata: { name: 'l' }, spec: { limits: [{ type, max }] } });
  await limit('small', 'openshift.io/Image', { storage: '10' });
  await limit('few', 'openshift.io/ImageStream', { 'openshift.io/images': '1' });
  const hard = { 'openshift.io/imagestreams': '0' };
  await createObject(ctx, resourceQuotas, 'none', { metadata: { name: 'q' }, spec: { hard } });
  await trial.pushImage('few/app', 'v1');
  const push = async (name: string, annotations: object) => {
    const { bytes } = await trial.pushImage('free/app', 'v1', { annotations });
    for (const { digest } of [JSON.parse(bytes.toString()).config, ...JSON.parse(bytes.toString()).layers]) {
      await trial.call('POST', `/v2/${name}/blobs/uploads/?mount=${digest}&from=free/app`);
    }
    const headers = { 'Content-Type': OCI_MANIFEST };
    const reply = await trial.call('PUT', `/v2/${name}/manifests/v2`, { headers, body: bytes });
    const [error] = JSON.parse(reply.body.toString()).errors;
    assert.deepEqual([reply.status, error.code], [403, 'DENIED']);
    return error.message as string;
  };
  assert.match(await push('small/app', {}), /^a LimitRange of namespace "small" forbids the image: .*\(\d+ > 10\)$/);
  assert.match(
    await push('few/app', { other: 'image' }),
    /requested usage of openshift.io\/images exceeds .*\(2 > 1\)$/,
  );
  assert.match(await push('none/app', {}), /^exceeded quota: q, requested: openshift.io\/imagestreams=1/);
});
