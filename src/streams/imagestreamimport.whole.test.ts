/** Imports of lists and repositories, and what becomes of the stream around them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  contextHere,
  give,
  historyOf,
  image,
  importing,
  movesOf,
  post,
  repository,
  streamOf,
  tagOf,
  WHOLE,
} from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import { DOCKER_SCHEMA1 } from '../image/mediatype.ts';
import { IMPORT_COMMIT_TAGS } from '../limits.ts';
import { DomainError } from '../objects/errors.ts';
import { updateObject } from '../objects/writes.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { findImage } from './layers.ts';
import { listMoves } from './tagmove.ts';
import type { ImageStream } from './types.ts';

suite('lists of images', () => {
  const platform = (architecture: string, os = 'linux') => ({ architecture, os });

  test('become the image that the tag prefers, or stay whole', async () => {
    await using upstream = await startUpstream();
    const amd = upstream.addImage('team/app', null, 'amd');
    const power = upstream.addImage('team/app', null, 'power', { architecture: 'ppc64le' });
    const children = [
      { content: amd, platform: platform('amd64') },
      { content: power, platform: platform('ppc64le') },
    ];
    const index = upstream.addIndex('team/app', 'all', children);
    const ctx = await contextHere();
    await give(ctx, [{ name: 'p', annotations: { 'importer.image.openshift.io/prefer-arch': 'ppc64le' } }]);
    const name = `${upstream.host}/team/app`;
    const { status } = await importing(ctx, image(`${name}:all`, 'p'), image(`${name}:all`, 'w', WHOLE));
    assert.deepEqual(
      status.images?.map(({ image: it }) => it?.metadata.name),
      [power.digest, index.digest],
    );
    assert.deepEqual(
      status.images?.[1]?.manifests?.map(({ metadata }) => metadata.name),
      [amd.digest, power.digest],
    );
    const stored = await findImage(ctx, amd.digest);
    assert.equal(stored?.dockerImageReference, `${name}@${amd.digest}`);
    assert.equal(stored?.dockerImageManifest, undefined);
    assert.equal((await findImage(ctx, index.digest))?.dockerImageManifests?.length, 2);
  });
  test('may hold what names no platform', async () => {
    await using upstream = await startUpstream();
    const index = upstream.addIndex('team/app', 'all', [{ content: upstream.addImage('team/app', null, 'one') }]);
    const ctx = await contextHere();
    await importing(ctx, image(`${upstream.host}/team/app:all`, 'w', WHOLE));
    assert.equal((await findImage(ctx, index.digest))?.dockerImageManifests?.[0]?.os, 'unknown');
  });
  test('fail as a whole with one of their images, by its name', async () => {
    await using upstream = await startUpstream();
    const absent = upstream.addImage('team/other', null, 'absent');
    upstream.addIndex('team/app', 'all', [{ content: absent, platform: platform('amd64') }]);
    const ctx = await contextHere();
    const name = `${upstream.host}/team/app`;
    const { status } = await importing(ctx, image(`${name}:all`, 'w', WHOLE), image(`${name}:all`, 'l'));
    assert.deepEqual(
      status.images?.map(({ status: { details } }) => details?.name),
      [`${name}@${absent.digest}`, `${name}:all`],
    );
  });
});

test("an image of schema 1 is measured by asking for its layers' sizes", async () => {
  await using upstream = await startUpstream();
  const blobSum = upstream.addBlob(Buffer.from('twelve bytes'));
  const v1 = JSON.stringify({ id: 'x', architecture: 'amd64', created: '2015-01-02T03:04:05Z' });
  const schema1 = {
    ...{ schemaVersion: 1, name: 'team/app', tag: 'old', architecture: 'amd64' },
    fsLayers: [{ blobSum }],
    history: [{ v1Compatibility: v1 }],
  };
  const bytes = Buffer.from(JSON.stringify(schema1));
  const { digest } = upstream.addManifest('team/app', 'old', bytes, DOCKER_SCHEMA1);
  const ctx = await contextHere();
  await importing(ctx, image(`${upstream.host}/team/app:old`));
  const stored = await findImage(ctx, digest);
  assert.deepEqual(
    stored?.dockerImageLayers?.map(({ name, size }) => [name, size]),
    [[blobSum, 12]],
  );
  assert.equal((stored?.dockerImageMetadata as { Size?: number } | undefined)?.Size, 12);
  assert.equal(stored?.dockerImageManifestMediaType, DOCKER_SCHEMA1);
});

suite('a whole repository', () => {
  test('is imported as far as it goes, the most important tags first', async () => {
    await using upstream = await startUpstream();
    const { digest } = upstream.addImage('team/app', 'latest', 'one');
    for (let index = 0; index < 60; index++) upstream.addImage('team/app', `w${String(index).padStart(2, '0')}`, 'one');
    const ctx = await contextHere();
    const name = `${upstream.host}/team/app`;
    const images = [image(`${name}:w59`, 'x')];
    const { status } = await post(ctx, 'app', { images, repository: repository(name) });
    const found = status.repository?.images?.map(({ tag }) => tag) ?? [];
    assert.deepEqual([found.length, found[0], found[1], found.at(-1)], [51, 'latest', 'w00', 'w59']);
    assert.deepEqual(status.repository?.additionalTags?.length, 10);
    const stream = await streamOf(ctx);
    assert.equal(stream.status?.tags?.length, 52);
    assert.equal(tagOf(stream, 'w00')?.from?.name, `${name}:w00`);
    assert.ok((await movesOf(ctx)).every(([, cause, , to]) => cause === 'import' && to === digest));
    assert.equal((await movesOf(ctx)).length, 52);
  });
  test('tells which of its tags failed; those get no place in spec', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', 'good', 'one');
    upstream.addManifest('team/app', 'bad', Buffer.from('{}'), 'text/plain');
    const ctx = await contextHere();
    const { status } = await post(ctx, 'app', { repository: repository(`${upstream.host}/team/app`) });
    assert.deepEqual(status.repository?.status, {
      metadata: {},
      status: 'Failure',
      message: 'one of the images from this repository failed to import',
      reason: 'ImportFailed',
    });
    const stream = await streamOf(ctx);
    assert.deepEqual(
      stream.spec?.tags?.map(({ name }) => name),
      ['good'],
    );
    assert.equal(historyOf(stream, 'bad')?.conditions?.[0]?.reason, 'InternalError');
  });
});

suite('a stream', () => {
  test('that was changed meanwhile is not overwritten', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    await give(ctx, []);
    let touched: Promise<unknown> | undefined;
    upstream.intercept = (_req, res, url) => {
      if (touched || url.pathname === '/v2/') return false;
      const label = (old: ImageStream) => ({ ...old, metadata: { ...old.metadata, labels: { a: 'b' } } });
      touched = updateObject(ctx, imageStreams, 'default', 'app', label).then(() => {
        res.writeHead(307, { Location: url.pathname });
        res.end();
      });
      return true;
    };
    await assert.rejects(importing(ctx, image(`${upstream.host}/team/app:1.0`)), (error: DomainError) => {
      const { reason, resource } = error.problem as { reason: string; resource?: { resource: string } };
      assert.deepEqual([reason, resource?.resource], ['Conflict', 'imagestreamimports']);
      return true;
    });
    assert.equal((await streamOf(ctx)).status?.tags, undefined);
  });
  test('of another version than the client knows is left alone', async () => {
    const ctx = await contextHere();
    await give(ctx, []);
    const images = [image('127.0.0.1:9/a/b:c')];
    await assert.rejects(post(ctx, 'app', { images }, { resourceVersion: '1' }), /was updated from "1" to "\d+"/);
    await assert.rejects(post(ctx, 'absent', { images }, { resourceVersion: '1' }), DomainError);
  });
  test('gets more tags than fit into one commit', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    const count = 2 * IMPORT_COMMIT_TAGS + 7;
    const { digest } = upstream.addImage('team/app', '1.0', 'one');
    const name = `${upstream.host}/team/app:1.0`;
    const { status } = await importing(
      ctx,
      ...Array.from({ length: count }, (_none, index) => image(name, `t${index}`)),
    );
    const stream = await streamOf(ctx);
    assert.equal(stream.status?.tags?.length, count);
    assert.equal(stream.metadata.generation, 1);
    const { kind: _kind, apiVersion: _version, ...bare } = stream;
    assert.deepEqual(status.import, bare);
    const moves = await listMoves(ctx.store, 'default', 'app');
    assert.deepEqual(
      moves.map(({ sequence }) => sequence),
      Array.from({ length: count }, (_none, index) => index + 1),
    );
    assert.equal(new Set(moves.map(({ tag }) => tag)).size, count);
    assert.equal(upstream.requests.filter((line) => line.includes('/manifests/')).length, 1, 'one fetch for all');
    assert.ok(moves.every(({ to }) => to?.image === digest));
  });
  test('whose client has gone stays as it was', async () => {
    await using upstream = await startUpstream();
    const controller = new AbortController();
    upstream.intercept = () => {
      controller.abort();
      return true;
    };
    const ctx = await contextHere({ signal: controller.signal });
    await assert.rejects(importing(ctx, image(`${upstream.host}/team/app:1.0`)), /the client has gone/);
    assert.equal(await findStream(ctx, 'default', 'app'), undefined);
  });
});
