/** Images over HTTP: what an update may change, what silently stays, and what is derived. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_MANIFEST } from '../../src/image/mediatype.ts';
import { type ImageApi, MERGE, STRATEGIC, startImageApi } from '../imageapi.ts';

const CONFIG = JSON.stringify({ architecture: 'amd64', os: 'linux', created: '2023-04-05T06:07:08.9Z' });
const LAYERS = ['a', 'b'].map((seed) => ({
  mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  size: 5,
  digest: digestOf(Buffer.from(seed)),
}));
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: DOCKER_MANIFEST,
  config: { mediaType: DOCKER_CONFIG, size: CONFIG.length, digest: digestOf(Buffer.from(CONFIG)) },
  layers: LAYERS,
});
const NAME = digestOf(Buffer.from(MANIFEST));

async function stored(api: ImageApi, more: object = {}): Promise<void> {
  const image = {
    metadata: { name: NAME },
    dockerImageReference: `quay.test/x/app@${NAME}`,
    dockerImageManifest: MANIFEST,
    dockerImageConfig: CONFIG,
    dockerImageManifestMediaType: DOCKER_MANIFEST,
    ...more,
  };
  const answer = await api.ask('POST', 'images', image);
  assert.equal(answer.status, 201, answer.text);
}

/** Reads the Image, changes it, puts it back, and reads it again. */
async function changed(api: ImageApi, change: object) {
  const { body: image } = await api.ask('GET', `images/${NAME}`);
  const answer = await api.ask('PUT', `images/${NAME}`, { ...image, ...change });
  assert.equal(answer.status, 200, answer.text);
  return (await api.ask('GET', `images/${NAME}`)).body;
}

test('an update of an Image silently keeps metadata, layers, and a manifest or config that is not its own', async () => {
  await using api = await startImageApi();
  await stored(api);
  const { body: before } = await api.ask('GET', `images/${NAME}`);
  const forged = {
    dockerImageMetadata: { Id: 'forged' },
    dockerImageLayers: [],
    dockerImageManifest: '{"schemaVersion":2}',
    dockerImageConfig: '{"architecture":"forged"}',
  };
  assert.deepEqual(await changed(api, forged), before);
});

test('an update of an Image that changes nothing is not written', async () => {
  await using api = await startImageApi();
  await stored(api);
  const revision = await api.ctx.store.revision();
  await changed(api, { dockerImageMetadata: undefined });
  assert.equal(await api.ctx.store.revision(), revision);
});

test('manifest and config of an Image may be taken away, and given back as they were', async () => {
  await using api = await startImageApi();
  await stored(api);
  const without = await changed(api, { dockerImageManifest: '', dockerImageConfig: '' });
  assert.equal(without.dockerImageManifest, undefined);
  assert.equal(without.dockerImageLayers.length, 2);
  const again = await changed(api, { dockerImageManifest: MANIFEST, dockerImageConfig: CONFIG });
  assert.equal(again.dockerImageManifest, MANIFEST);
  assert.equal(again.dockerImageConfig, CONFIG);
});

test('reference, labels, media type and finalizers of an Image may change', async () => {
  await using api = await startImageApi();
  await stored(api);
  const image = await changed(api, {
    dockerImageReference: 'quay.test/other/app:1',
    dockerImageManifestMediaType: OCI_MANIFEST,
  });
  assert.equal(image.dockerImageReference, 'quay.test/other/app:1');
  assert.equal(image.dockerImageManifestMediaType, OCI_MANIFEST);
});

test('docker’s own signatures of an Image are kept once there are any', async () => {
  await using api = await startImageApi();
  await stored(api);
  assert.deepEqual((await changed(api, { dockerImageSignatures: ['b25l'] })).dockerImageSignatures, ['b25l']);
  assert.deepEqual((await changed(api, { dockerImageSignatures: ['dHdv'] })).dockerImageSignatures, ['b25l']);
});

test('with the mark that its manifest is a blob, an Image keeps neither manifest nor config', async () => {
  await using api = await startImageApi();
  await stored(api, { metadata: { name: NAME, annotations: { 'image.openshift.io/manifestBlobStored': 'true' } } });
  const { body } = await api.ask('GET', `images/${NAME}`);
  assert.equal(body.dockerImageManifest, undefined);
  assert.equal(body.dockerImageConfig, undefined);
  assert.equal(body.dockerImageMetadata.Id, digestOf(Buffer.from(CONFIG)));
});

test('an Image without a version, or with an old one, cannot be put', async () => {
  await using api = await startImageApi();
  await stored(api);
  const { body: image } = await api.ask('GET', `images/${NAME}`);
  const { resourceVersion: _version, ...metadata } = image.metadata;
  assert.equal((await api.ask('PUT', `images/${NAME}`, { ...image, metadata })).status, 422);
  const stale = { ...image, metadata: { ...metadata, resourceVersion: '1' } };
  assert.equal((await api.ask('PUT', `images/${NAME}`, stale)).status, 409);
});

test('lists of an Image that merge are patched item by item', async () => {
  await using api = await startImageApi();
  await stored(api);
  const patch = async (metadata: object) =>
    (await api.ask('PATCH', `images/${NAME}`, { metadata }, { type: STRATEGIC })).body.metadata.finalizers;
  assert.deepEqual(await patch({ finalizers: ['x.test/a', 'x.test/b'] }), ['x.test/a', 'x.test/b']);
  assert.deepEqual(await patch({ finalizers: ['x.test/c'] }), ['x.test/c', 'x.test/a', 'x.test/b']);
  assert.deepEqual(await patch({ '$deleteFromPrimitiveList/finalizers': ['x.test/a'] }), ['x.test/c', 'x.test/b']);
});

test('an Image with finalizers waits for them, and cannot get new ones', async () => {
  await using api = await startImageApi();
  await stored(api, { metadata: { name: NAME, finalizers: ['x.test/a'] } });
  const { body: waiting } = await api.ask('DELETE', `images/${NAME}`);
  assert.ok(waiting.metadata.deletionTimestamp);
  const more = { metadata: { finalizers: ['x.test/a', 'x.test/b'] } };
  assert.equal((await api.ask('PATCH', `images/${NAME}`, more, { type: MERGE })).status, 422);
  assert.equal(
    (await api.ask('PATCH', `images/${NAME}`, { metadata: { finalizers: null } }, { type: MERGE })).status,
    200,
  );
  assert.equal((await api.ask('GET', `images/${NAME}`)).status, 404);
});

test('a name of an Image can be generated; a namespace that it names is dropped', async () => {
  await using api = await startImageApi();
  const image = { metadata: { generateName: 'made-', namespace: 'one' }, dockerImageReference: 'quay.test/x/y' };
  const { status, body } = await api.ask('POST', 'images', image);
  assert.equal(status, 201);
  assert.match(body.metadata.name, /^made-.{5}$/);
  assert.equal(body.metadata.namespace, undefined);
});
