/** What OpenShift's registry looks at when something is pushed: sizes, URLs, the limits of the namespace. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { limitRanges } from '../cluster/limitranges.ts';
import { ensureNamespaces } from '../cluster/namespaces.ts';
import { digestOf } from '../image/digest.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import { deleteObject } from '../objects/deletes.ts';
import { createObject } from '../objects/writes.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const DOCKER_FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';

let trial: Trial;
before(async () => {
  trial = await startTrial();
});
after(() => trial.stop());

const put = (manifest: object, type = OCI_MANIFEST): Promise<Reply> =>
  trial.call('PUT', '/v2/dev/app/manifests/v1', {
    headers: { 'Content-Type': type },
    body: JSON.stringify({ schemaVersion: 2, mediaType: type, ...manifest }),
  });

function messageOf({ body }: Reply): string {
  const { errors } = JSON.parse(body.toString()) as { readonly errors: readonly { readonly message: string }[] };
  return errors[0]?.message ?? '';
}

suite('verification', () => {
  test('content of another size than the manifest says is refused, and the refusal says where', async () => {
    const digest = await trial.pushBlob('dev/app', 'four');
    const config = { mediaType: OCI_CONFIG, digest, size: 4 };
    const layer = { mediaType: OCI_LAYER, digest, size: 5 };
    const wrong = await put({ config, layers: [{ ...layer, size: 4 }, layer] });
    assert.deepEqual([wrong.status, wrong.code], [400, 'MANIFEST_INVALID']);
    assert.equal(messageOf(wrong), `manifest: /layers/1/size: is 5, but ${digest} has 4 bytes`);
    const config5 = await put({ config: { ...config, size: 5 }, layers: [] });
    assert.match(messageOf(config5), /^manifest: \/config\/size: is 5, /);
    assert.equal((await trial.call('GET', '/v2/dev/app/manifests/v1')).status, 404);
  });

  test('what is missing is named once, however often the manifest does', async () => {
    const layer = { mediaType: OCI_LAYER, digest: digestOf('not there'), size: 9 };
    const reply = await put({ config: layer, layers: [layer, layer] });
    assert.equal(reply.code, 'MANIFEST_BLOB_UNKNOWN');
    assert.equal(JSON.parse(reply.body.toString()).errors.length, 1);
  });

  test('schema 2: foreign layers have URLs and are not pushed, others have none', async () => {
    const digest = await trial.pushBlob('dev/app', 'four');
    const config = { mediaType: DOCKER_CONFIG, digest, size: 4 };
    const foreign = { mediaType: DOCKER_FOREIGN, digest: digestOf('elsewhere'), size: 9 };
    const urls = ['https://layers.test/elsewhere'];
    const refused: readonly (readonly [object, RegExp])[] = [
      [foreign, /^manifest: \/layers\/0\/urls: must hold an http or https URL/],
      [{ ...foreign, urls: [] }, /must hold/],
      [{ ...foreign, urls: ['file:///etc/passwd'] }, /must hold/],
      [{ mediaType: DOCKER_LAYER, digest, size: 4, urls }, /^manifest: \/layers\/0\/urls: must be left out/],
    ];
    for (const [layer, why] of refused) {
      const reply = await put({ config, layers: [layer] }, DOCKER_MANIFEST);
      assert.equal(reply.code, 'MANIFEST_INVALID');
      assert.match(messageOf(reply), why);
    }
    assert.equal((await put({ config, layers: [{ ...foreign, urls }] }, DOCKER_MANIFEST)).status, 201);
  });
});

suite('limits', () => {
  test('a blob that alone is larger than images may be is DENIED when its bytes have come, and is not kept', async () => {
    const ctx = { ...trial.services, user: { name: 'tester', groups: [] }, dryRun: false, warn: () => undefined };
    await ensureNamespaces(ctx, ['small']);
    const limits = [{ type: 'openshift.io/Image', max: { storage: '10' } }];
    await createObject(ctx, limitRanges, 'small', { metadata: { name: 'l' }, spec: { limits } });
    const large = 'eleven bytes';
    const digest = digestOf(large);
    const whole = await trial.call('POST', `/v2/small/app/blobs/uploads/?digest=${digest}`, { body: large });
    assert.deepEqual([whole.status, whole.code], [403, 'DENIED']);
    assert.match(messageOf(whole), /^a LimitRange of namespace "small" forbids the blob: .*\(12 > 10\)$/);
    const begun = await trial.call('POST', '/v2/small/app/blobs/uploads/');
    const location = String(begun.headers.location);
    const headers = { 'Transfer-Encoding': 'chunked' };
    assert.equal((await trial.call('PATCH', location, { headers, body: large })).status, 202);
    assert.equal((await trial.call('PUT', `${location}&digest=${digest}`)).code, 'DENIED');
    assert.equal((await trial.call('GET', location)).code, 'BLOB_UPLOAD_UNKNOWN');
    assert.equal(await trial.services.blobs.stat(digest), undefined);
    await trial.pushBlob('small/app', 'ten bytes!');
    await deleteObject(ctx, limitRanges, 'small', 'l', {});
    await trial.pushBlob('small/app', large);
  });

  test('an image is as large as its content, also where its configuration says nothing of it', async () => {
    const ctx = { ...trial.services, user: { name: 'tester', groups: [] }, dryRun: false, warn: () => undefined };
    await ensureNamespaces(ctx, ['medium']);
    const limits = [{ type: 'openshift.io/Image', max: { storage: '30' } }];
    await createObject(ctx, limitRanges, 'medium', { metadata: { name: 'l' }, spec: { limits } });
    const described = async (mediaType: string, content: string): Promise<object> => {
      return { mediaType, digest: await trial.pushBlob('medium/app', content), size: content.length };
    };
    const layers = [await described(OCI_LAYER, 'a'.repeat(12)), await described(OCI_LAYER, 'b'.repeat(12))];
    for (const content of ['{}', 'no JSON', '{"config":5}', '']) {
      const config = await described(OCI_CONFIG, content);
      const push = (...all: readonly object[]): Promise<Reply> => {
        const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: all });
        return trial.call('PUT', `/v2/medium/app/manifests/v${content.length}`, { body });
      };
      const size = 24 + content.length;
      const reply = await push(...layers, ...layers);
      assert.equal(reply.status, size > 30 ? 403 : 201, `${content}: ${reply.body.toString()}`);
      if (size > 30) assert.match(messageOf(reply), new RegExp(`\\(${size} > 30\\)$`));
    }
  });
});
