/** What OpenShift's registry has beyond the OCI protocol: signatures, pruning, metrics, audit. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

let trial: Trial;
let digest: string;
before(async () => {
  trial = await startTrial();
  ({ digest } = await trial.pushImage('dev/app', 'v1'));
});
after(() => trial.stop());

const path = (name = 'dev/app', of = digest): string => `/extensions/v2/${name}/signatures/${of}`;
const put = (signature: unknown, token = 'admin-token'): Promise<Reply> =>
  trial.call('PUT', path(), { token, body: typeof signature === 'string' ? signature : JSON.stringify(signature) });

const CONTENT = Buffer.from('a signature').toString('base64');

test('a ping says that signatures are supported, to those who are logged in and to those who are not', async () => {
  for (const token of ['admin-token', null]) {
    const { headers } = await trial.call('GET', '/v2/', { token });
    assert.equal(headers['x-registry-supports-signatures'], '1');
  }
});

test('an image without signatures has an empty list; what is no image of the repository is a bare 404', async () => {
  const none = await trial.call('GET', path());
  assert.equal(none.status, 200);
  assert.deepEqual(JSON.parse(none.body.toString()), { signatures: [] });
  for (const other of [path('dev/app', digestOf('nothing')), path('dev/other')]) {
    const { status, body } = await trial.call('GET', other);
    assert.equal(status, 404, other);
    assert.equal(body.length, 0, other);
  }
  assert.equal((await trial.call('GET', path('dev/app', 'sha256:x'))).code, 'DIGEST_INVALID');
  assert.equal((await trial.call('GET', path('a/b/c'))).code, 'NAME_INVALID');
});

test('skopeo and podman put a signature (type atomic) and read it back; the same again is SIGNATURE_EXISTS', async () => {
  const name = `${digest}@0123456789abcdef0123456789abcdef`;
  const signature = { schemaVersion: 2, name, type: 'atomic', content: CONTENT };
  const made = await put(signature);
  assert.equal(made.status, 201, made.body.toString());
  assert.equal(made.body.length, 0);
  const { body } = await trial.call('GET', path(), { token: 'reader-token' });
  assert.deepEqual(JSON.parse(body.toString()), { signatures: [signature] });
  const again = await put(signature);
  assert.equal(again.status, 409);
  assert.equal(again.code, 'SIGNATURE_EXISTS');
  const untyped = { schemaVersion: 2, name: `${digest}@other`, content: Buffer.from('other').toString('base64') };
  assert.equal((await put(untyped)).status, 201);
  const all = JSON.parse((await trial.call('GET', path())).body.toString()) as { signatures: { type: string }[] };
  assert.deepEqual(
    all.signatures.map(({ type }) => type),
    ['atomic', 'AtomicImageV1'],
  );
});

test('a signature that cannot be one is SIGNATURE_INVALID', async () => {
  const fine = { schemaVersion: 2, name: `${digest}@bad`, type: 'atomic', content: CONTENT };
  const wrong: readonly unknown[] = [
    'not JSON',
    '[]',
    '['.repeat(200),
    { ...fine, schemaVersion: 1 },
    { ...fine, name: 'without a digest' },
    { ...fine, name: `${digestOf('other')}@bad` },
    { ...fine, name: `${digest}@` },
    { ...fine, name: `${digest}@a/b` },
    { ...fine, content: 1 },
    { ...fine, content: '' },
  ];
  for (const each of wrong) {
    const reply = await put(each);
    assert.equal(reply.status, 400, JSON.stringify(each));
    assert.equal(reply.code, 'SIGNATURE_INVALID', JSON.stringify(each));
  }
  const huge = await put({ ...fine, content: 'A'.repeat(200_000) });
  assert.equal(huge.status, 413);
});

test('reading signatures takes the right to pull, adding them one of its own', async () => {
  assert.equal((await trial.call('GET', path(), { token: null })).status, 401);
  const refused = await put({ schemaVersion: 2, name: `${digest}@x`, content: CONTENT }, 'reader-token');
  assert.equal(refused.status, 403);
  assert.match(
    refused.body.toString(),
    /may not sign images of dev\/app; ask for the role system:image-signer in the whole cluster/,
  );
});

test('oc adm prune images deletes a blob with 204, also one that is not there; it takes its right', async () => {
  for (const each of [digest, digestOf('never there')]) {
    assert.equal((await trial.call('DELETE', `/admin/blobs/${each}`)).status, 204);
  }
  assert.equal((await trial.call('DELETE', `/admin/blobs/${digest}`, { token: 'dev-token' })).status, 403);
  assert.equal((await trial.call('DELETE', `/admin/blobs/${digest}`, { token: null })).status, 401);
  assert.equal((await trial.call('DELETE', '/admin/blobs/sha256:../../x')).code, 'DIGEST_INVALID');
  assert.equal((await trial.call('GET', `/admin/blobs/${digest}`)).status, 405);
  assert.equal((await trial.call('GET', '/v2/dev/app/manifests/v1')).status, 200, 'what is in use stays');
});

test('metrics are for those who may read them', async () => {
  const reply = await trial.call('GET', '/extensions/v2/metrics');
  assert.equal(reply.status, 200);
  assert.match(reply.body.toString(), /^imageregistry_http_requests_total /);
  assert.equal((await trial.call('GET', '/extensions/v2/metrics', { token: 'dev-token' })).status, 403);
  assert.equal((await trial.call('GET', '/extensions/v2/metrics', { token: null })).status, 401);
  assert.equal((await trial.call('GET', '/extensions/v2/other')).status, 404);
});

test('each write is told to the audit: who, what, and how it ended', async () => {
  trial.audits.length = 0;
  await trial.pushImage('dev/audited', 'v1');
  await trial.call('DELETE', '/v2/dev/audited/manifests/v1', { token: 'reader-token' });
  await trial.call('DELETE', '/v2/dev/audited/manifests/v1', { token: 'dev-token' });
  await trial.call('GET', '/v2/dev/audited/tags/list');
  await trial.call('POST', '/v2/dev/audited/blobs/uploads/');
  const blob = { user: 'admin', method: 'POST', path: '/v2/dev/audited/blobs/uploads/', status: 201 };
  const manifest = '/v2/dev/audited/manifests/v1';
  assert.deepEqual(trial.audits, [
    blob,
    blob,
    { user: 'admin', method: 'PUT', path: manifest, status: 201 },
    { user: 'reader', method: 'DELETE', path: manifest, status: 403, code: 'DENIED' },
    { user: 'dev', method: 'DELETE', path: manifest, status: 202 },
  ]);
});
