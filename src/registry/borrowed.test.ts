/** To know a digest is not enough: nothing that somebody pushes lets them read what others have pushed in private. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ensureNamespaces } from '../cluster/namespaces.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import { isProblem } from '../objects/errors.ts';
import { createObject } from '../objects/writes.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { imageStreamImages } from '../streams/imagestreamimage.ts';
import { imageStreamMappings } from '../streams/imagestreammapping.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

const NONDISTRIBUTABLE = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

let trial: Trial;
/** The image of others: its manifest, its layer, its configuration. */
let manifest: Digest;
let layer: Digest;
let config: Digest;
let size: number;

before(async () => {
  trial = await startTrial();
  const { digest, bytes } = await trial.pushImage('secret/app', 'v1');
  const { config: its, layers } = JSON.parse(bytes.toString());
  [manifest, layer, config, size] = [digest, layers[0].digest, its.digest, bytes.length];
  for (const reference of [`manifests/${manifest}`, `blobs/${layer}`, `blobs/${config}`]) {
    assert.equal((await read(`secret/app/${reference}`)).status, 403);
  }
});
after(() => trial.stop());

const read = (path: string): Promise<Reply> => trial.call('GET', `/v2/${path}`, { token: 'dev-token' });

async function put(path: string, document: object, token = 'dev-token'): Promise<Reply> {
  const body = JSON.stringify({ schemaVersion: 2, ...document });
  return trial.call('PUT', `/v2/${path}`, { token, body });
}

/** Nothing of the image can be read through a repository, and nothing of it mounted from there. */
async function assertHidden(name: string): Promise<void> {
  const [namespace = '', stream = ''] = name.split('/');
  const ctx = { ...trial.services, user: { name: 'dev', groups: [] }, dryRun: false, warn: () => undefined };
  await assert.rejects(
    async () => imageStreamImages.computed?.get?.(ctx, namespace, `${stream}@${manifest}`),
    (error) => isProblem(error, 'NotFound'),
  );
  for (const path of [`manifests/${manifest}`, `blobs/${manifest}`, `blobs/${layer}`, `blobs/${config}`]) {
    assert.equal((await read(`${name}/${path}`)).status, 404, `${name}/${path}`);
  }
  const query = `?mount=${layer}&from=${name}`;
  const mounted = await trial.call('POST', `/v2/dev/mounted/blobs/uploads/${query}`, { token: 'dev-token' });
  assert.equal(mounted.status, 202);
}

suite('what others pushed in private cannot be read by whoever', () => {
  test('pushes an index of it', async () => {
    const child = { mediaType: OCI_MANIFEST, digest: manifest, size };
    const nested = { mediaType: OCI_INDEX, manifests: [child, { ...child, digest: layer }] };
    const pushed = await put('dev/index/manifests/v1', nested);
    assert.equal(pushed.status, 201);
    await assertHidden('dev/index');
    const digest = String(pushed.headers['docker-content-digest']);
    const outer = { mediaType: OCI_INDEX, manifests: [{ mediaType: OCI_INDEX, digest, size: 1 }] };
    assert.equal((await put('dev/index/manifests/outer', outer)).status, 201);
    await assertHidden('dev/index');
  });

  test('pushes an image with a layer that is said to lie elsewhere', async () => {
    const empty = { mediaType: OCI_CONFIG, digest: await trial.pushBlob('dev/foreign', '{}'), size: 2 };
    const layers = [{ mediaType: NONDISTRIBUTABLE, digest: layer, size: 1, urls: ['https://layers.test/x'] }];
    assert.equal(
      (await put('dev/foreign/manifests/v1', { mediaType: OCI_MANIFEST, config: empty, layers })).status,
      201,
    );
    await assertHidden('dev/foreign');
  });

  test('writes a member so that some programs read it and others do not', async () => {
    const empty = { mediaType: OCI_CONFIG, digest: await trial.pushBlob('dev/folded', '{}'), size: 2 };
    const theirs = { mediaType: OCI_LAYER, digest: layer, size: 1 };
    for (const member of ['LAYERS', 'Layers', 'layerſ']) {
      const reply = await put('dev/folded/manifests/v1', {
        mediaType: OCI_MANIFEST,
        config: empty,
        layers: [],
        [member]: [theirs],
      });
      assert.deepEqual([reply.status, reply.code], [400, 'MANIFEST_INVALID'], member);
      assert.match(reply.body.toString(), /is read as .{0,2}"layers/, member);
    }
    const descriptor = { ...empty, DIGEST: layer };
    const reply = await put('dev/folded/manifests/v1', { mediaType: OCI_MANIFEST, config: descriptor, layers: [] });
    assert.match(reply.body.toString(), /manifest: \/config\/DIGEST: /);
    await assertHidden('dev/folded');
  });

  test('maps its name, or that of a layer, into a stream', async () => {
    const context = (name: string, groups: readonly string[] = []) => {
      return { ...trial.services, user: { name, groups }, dryRun: false, warn: () => undefined };
    };
    await ensureNamespaces(context('admin'), ['dev']);
    await createObject(context('admin'), imageStreams, 'dev', { metadata: { name: 'mapped' } });
    const map = (who: string, name: string): unknown =>
      imageStreamMappings.computed?.create?.(context(who), 'dev', {
        metadata: { name: 'mapped' },
        tag: name.slice(7, 20),
        image: {
          metadata: { name },
          dockerImageReference: `registry.test:5000/dev/mapped@${name}`,
          dockerImageLayers: [{ name: layer, size: 1, mediaType: OCI_LAYER }],
        },
      });
    await assert.rejects(async () => map('dev', manifest), /was pushed to a repository from which "dev" may not pull/);
    await map('dev', layer);
    await map('dev', digestOf('an image that nobody pushed'));
    await assertHidden('dev/mapped');
    // Who may read it may share it.
    await map('admin', manifest);
    assert.equal((await read(`dev/mapped/manifests/${manifest}`)).status, 200);
    assert.equal((await read(`dev/mapped/blobs/${layer}`)).status, 200);
  });
});

suite('an index gives a right to children that were there when it was pushed', () => {
  test('in every stream that it is tagged into, also nested ones and blobs', async () => {
    const { digest, bytes } = await trial.pushImage('dev/whole', 'child');
    const cached = await trial.pushBlob('dev/whole', 'of a build cache');
    const children = [
      { mediaType: OCI_MANIFEST, digest, size: bytes.length },
      { mediaType: OCI_LAYER, digest: cached, size: 16 },
    ];
    const inner = await put('dev/whole/manifests/inner', { mediaType: OCI_INDEX, manifests: children });
    const index = String(inner.headers['docker-content-digest']);
    const nested = { mediaType: OCI_INDEX, manifests: [{ mediaType: OCI_INDEX, digest: index, size: 1 }] };
    const outer = await put('dev/whole/manifests/outer', nested);
    await tagInto('tagged', String(outer.headers['docker-content-digest']));
    for (const path of [`manifests/${index}`, `manifests/${digest}`, `blobs/${cached}`]) {
      assert.equal((await read(`dev/tagged/${path}`)).status, 200, path);
    }
  });

  test('or, if they came later, once it is pushed again', async () => {
    const late = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }));
    const child = { mediaType: OCI_INDEX, digest: digestOf(late), size: late.length };
    const index = { mediaType: OCI_INDEX, manifests: [child], annotations: { late: 'yes' } };
    const pushed = await put('dev/late/manifests/v1', index);
    await tagInto('later', String(pushed.headers['docker-content-digest']));
    const headers = { 'Content-Type': OCI_INDEX };
    const there = await trial.call('PUT', `/v2/dev/late/manifests/${child.digest}`, { headers, body: late });
    assert.equal(there.status, 201);
    assert.equal((await read(`dev/later/manifests/${child.digest}`)).status, 404);
    await put('dev/late/manifests/v1', index);
    assert.equal((await read(`dev/later/manifests/${child.digest}`)).status, 200);
  });
});

/** What `oc tag` does to a stream's history. */
async function tagInto(stream: string, image: string): Promise<void> {
  const ctx = { ...trial.services, user: { name: 'admin', groups: [] }, dryRun: false, warn: () => undefined };
  await createObject(ctx, imageStreams, 'dev', { metadata: { name: stream } });
  const reference = `registry.test:5000/dev/${stream}@${image}`;
  const mapping = {
    metadata: { name: stream },
    tag: 'v1',
    image: { metadata: { name: image }, dockerImageReference: reference },
  };
  await imageStreamMappings.computed?.create?.(ctx, 'dev', mapping);
}
