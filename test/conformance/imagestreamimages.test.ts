/** ImageStreamImages over HTTP: which names lead to an image, and what of it is shown. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DOCKER_LIST, DOCKER_MANIFEST } from '../../src/image/mediatype.ts';
import { type ImageApi, startImageApi } from '../imageapi.ts';
import { made, ONE, push, stream, THREE, TWO } from '../imagestreams.ts';

const get = (api: ImageApi, name: string) => api.ask('GET', `imagestreamimages/${encodeURIComponent(name)}`);

suite('a name', () => {
  for (const name of ['repo', 'a@b@c', '@id', 'repo@']) {
    test(`that is no stream and id is refused: ${name}`, async () => {
      await using api = await startImageApi();
      const { status, body } = await get(api, name);
      assert.deepEqual([status, body.reason], [400, 'BadRequest']);
      assert.equal(body.message, 'ImageStreamImages must be retrieved with <name>@<id>');
    });
  }

  test('of a stream that is not there: the stream is what is missing', async () => {
    await using api = await startImageApi();
    const { status, body } = await get(api, 'repo@id');
    assert.equal(status, 404);
    assert.deepEqual(body.details, { name: 'repo', group: 'image.openshift.io', kind: 'imagestreamimages' });
  });

  test('of an image that the stream has not, even if there is such an Image', async () => {
    await using api = await startImageApi();
    await made(api, 'images', { metadata: { name: THREE }, dockerImageReference: 'r.test/a' });
    await stream(api, 'repo');
    for (const full of [false, true]) {
      if (full) await push(api, 'repo', 'latest', ONE);
      const { status, body } = await get(api, `repo@${THREE}`);
      assert.equal(status, 404);
      const details = { name: `repo@${THREE}`, group: 'image.openshift.io', kind: 'imagestreamimage' };
      assert.deepEqual(body.details, details);
    }
  });

  test('of an image whose Image is gone: the Image is what is missing', async () => {
    await using api = await startImageApi();
    await stream(api, 'repo');
    await push(api, 'repo', 'latest', ONE);
    await api.ask('DELETE', `images/${ONE}`);
    const { status, body } = await get(api, `repo@${ONE}`);
    assert.equal(status, 404);
    assert.equal(body.details.name, ONE);
  });

  test('may be the beginning of a digest, with or without its algorithm, and of what is no digest', async () => {
    await using api = await startImageApi();
    await stream(api, 'repo');
    for (const image of ['anotherid', 'plain', TWO]) await push(api, 'repo', 'latest', image);
    for (const [id, found] of [
      ['sha256:2222', TWO],
      ['2', TWO],
      ['sha256', TWO],
      ['pla', 'plain'],
      ['anotherid', 'anotherid'],
    ] as const) {
      const { status, body } = await get(api, `repo@${id}`);
      assert.equal(status, 200, id);
      assert.deepEqual([body.metadata.name, body.image.metadata.name], [`repo@${id}`, found]);
    }
    for (const id of ['SHA256:2222', '3', 'sha256:3', 'lain'])
      assert.equal((await get(api, `repo@${id}`)).status, 404, id);
  });

  test('finds what any tag had at any time', async () => {
    await using api = await startImageApi();
    await stream(api, 'repo');
    for (const image of [ONE, TWO]) await push(api, 'repo', 'latest', image);
    await push(api, 'repo', 'other', THREE);
    for (const image of [ONE, TWO, THREE]) assert.equal((await get(api, `repo@${image}`)).status, 200);
  });
});

suite('what is shown', () => {
  test('the annotations of the stream and the time of the Image; no version, uid or labels', async () => {
    await using api = await startImageApi();
    const annotations = { test: '123', 'another-test': 'abc' };
    await made(api, 'imagestreams', { metadata: { name: 'repo', annotations, labels: { a: 'b' } } });
    await push(api, 'repo', 'latest', ONE);
    const { body: image } = await api.ask('GET', `images/${ONE}`);
    const { body } = await get(api, `repo@${ONE}`);
    const { creationTimestamp } = image.metadata;
    assert.deepEqual(body.metadata, { name: `repo@${ONE}`, namespace: 'one', creationTimestamp, annotations });
    assert.deepEqual(body.image.metadata, image.metadata);
  });

  test('the reference of the Image, whatever the entry says', async () => {
    await using api = await startImageApi();
    await made(api, 'images', { metadata: { name: ONE }, dockerImageReference: 'r.test/first' });
    await stream(api, 'repo');
    await push(api, 'repo', 'latest', ONE, 'r.test/second');
    assert.equal((await get(api, `repo@${ONE}`)).body.image.dockerImageReference, 'r.test/first');
  });

  test('metadata from a manifest of schema 1, without the manifest', async () => {
    await using api = await startImageApi();
    const config = { Hostname: '43bd710ec89a', Cmd: ['/bin/bash'] };
    const entry = { id: '2d24f826', created: '2015-02-21T02:11:06.7Z', config, architecture: 'amd64', os: 'linux' };
    const manifest = {
      schemaVersion: 1,
      name: 'library/ubuntu',
      tag: 'latest',
      architecture: 'amd64',
      fsLayers: [{ blobSum: ONE }],
      history: [{ v1Compatibility: JSON.stringify(entry) }],
    };
    await made(api, 'images', {
      metadata: { name: 'id' },
      dockerImageReference: 'r.test/library/ubuntu',
      dockerImageManifest: JSON.stringify(manifest),
    });
    await stream(api, 'repo');
    await push(api, 'repo', 'latest', 'id');
    const { status, body } = await get(api, 'repo@id');
    assert.equal(status, 200);
    assert.equal(body.image.dockerImageMetadata.Id, '2d24f826');
    assert.equal(body.image.dockerImageMetadata.Config.Hostname, '43bd710ec89a');
    assert.equal(body.image.dockerImageManifest, undefined);
  });
});

suite('children of an index', () => {
  const children = [TWO, THREE].map((digest, at) => ({
    digest,
    mediaType: DOCKER_MANIFEST,
    manifestSize: 5,
    architecture: at ? 'arm64' : 'amd64',
    os: 'linux',
  }));

  async function pushed(api: ImageApi): Promise<void> {
    await stream(api, 'repo');
    await made(api, 'images', {
      metadata: { name: ONE },
      dockerImageReference: `r.test/a@${ONE}`,
      dockerImageManifestMediaType: DOCKER_LIST,
      dockerImageManifests: children,
    });
    const layers = [
      {
        name: `sha256:${'a'.repeat(64)}`,
        size: 772986,
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      },
    ];
    await made(api, 'images', {
      metadata: { name: TWO },
      dockerImageReference: `r.test/a@${TWO}`,
      dockerImageManifestMediaType: DOCKER_MANIFEST,
      dockerImageLayers: layers,
      dockerImageMetadata: { kind: 'DockerImage', apiVersion: '1.0', Id: `sha256:${'c'.repeat(64)}` },
    });
    await push(api, 'repo', 'latest', ONE);
  }

  test('are there as the index is', async () => {
    await using api = await startImageApi();
    await pushed(api);
    assert.equal((await get(api, `repo@${TWO}`)).status, 200);
    const { status, body } = await get(api, `repo@${THREE}`);
    assert.deepEqual([status, body.details.name], [404, THREE], 'there is no Image of that child');
  });

  test('stand in the layers of the stream: index, child, its layers and config, and what is missing', async () => {
    await using api = await startImageApi();
    await pushed(api);
    const { status, body } = await api.ask('GET', 'imagestreams/repo/layers');
    assert.equal(status, 200);
    const [layer, config] = [`sha256:${'a'.repeat(64)}`, `sha256:${'c'.repeat(64)}`];
    assert.deepEqual(body.images, {
      [ONE]: { imageMissing: false, layers: null, config: null, manifests: [TWO, THREE] },
      [TWO]: { imageMissing: false, layers: [layer], config },
      [THREE]: { imageMissing: true, layers: null, config: null },
    });
    assert.deepEqual(body.blobs, {
      [ONE]: { size: null, mediaType: DOCKER_LIST },
      [TWO]: { size: null, mediaType: DOCKER_MANIFEST },
      [layer]: { size: 772986, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
      [config]: { size: null, mediaType: 'application/vnd.docker.container.image.v1+json' },
    });
  });
});

suite('layers of a stream', () => {
  test('without history: empty, with the metadata of the stream', async () => {
    await using api = await startImageApi();
    await stream(api, 'repo');
    const { body } = await api.ask('GET', 'imagestreams/repo/layers');
    const { body: kept } = await api.ask('GET', 'imagestreams/repo');
    assert.deepEqual(body, {
      kind: 'ImageStreamLayers',
      apiVersion: 'image.openshift.io/v1',
      metadata: kept.metadata,
      blobs: {},
      images: {},
    });
  });

  test('of a stream that is not there', async () => {
    await using api = await startImageApi();
    const { status, body } = await api.ask('GET', 'imagestreams/repo/layers');
    assert.equal(status, 404);
    assert.deepEqual(body.details, { name: 'repo', group: 'image.openshift.io', kind: 'imagestreams' });
  });
});
