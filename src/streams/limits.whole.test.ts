/** LimitRanges and quotas on every road that writes a stream. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { putBlob, testContext } from '../../test/context.ts';
import { contextHere, historyOf, image, importing, movesOf, streamOf } from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import { limitRanges } from '../cluster/limitranges.ts';
import { resourceQuotas } from '../cluster/resourcequotas.ts';
import { digestOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { DomainError } from '../objects/errors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { imageStreamMappings } from './imagestreammapping.ts';
import { imageStreamTags } from './imagestreamtag.ts';
import { imageTags } from './imagetag.ts';
import { findImage } from './layers.ts';
import { type Push, pushManifest } from './push.ts';
import { linkBlob, repositoryExists } from './repository.ts';
import type { ImageStream, TagReference } from './types.ts';

const STREAM = 'openshift.io/ImageStream';
const repo = { namespace: 'default', stream: 'app' };

async function limit(ctx: Context, type: string, max: Record<string, string>, name = 'l'): Promise<void> {
  await createObject(ctx, limitRanges, 'default', { metadata: { name }, spec: { limits: [{ type, max }] } });
}

async function quota(ctx: Context, hard: Record<string, string>): Promise<void> {
  await createObject(ctx, resourceQuotas, 'default', { metadata: { name: 'q' }, spec: { hard } });
}

/** What is wrong, in one line: the reason, what it is about, and why. */
async function refusal(work: unknown): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { problem } = error;
    if (problem.reason === 'Forbidden') return `${problem.resource.resource} ${problem.name}: ${problem.message}`;
    if (problem.reason !== 'Invalid') throw error;
    return `${problem.kind.kind} ${problem.name}: ${problem.causes.map(({ field, detail }) => `${field}: ${detail}`).join()}`;
  }
  return 'allowed';
}

function docker(name: string, from: string): TagReference {
  return { name, from: { kind: 'DockerImage', name: from }, annotations: null };
}

async function map(ctx: Context, tag: string, seed: string): Promise<string> {
  const name = digestOf(seed);
  const mapping = {
    metadata: { name: 'app', namespace: 'default' },
    image: { metadata: { name }, dockerImageReference: `quay.test/x/app@${name}` },
    tag,
  };
  return refusal(imageStreamMappings.computed?.create?.(ctx, 'default', mapping));
}

async function push(ctx: Context, seed: string, bytes: number): Promise<Push> {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Env: [seed] } }));
  const layer = Buffer.from(seed.repeat(bytes).slice(0, bytes));
  for (const each of [config, layer]) await linkBlob(ctx, repo, await putBlob(ctx, each), each.length);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length }],
    }),
  );
  return { digest: digestOf(manifest), manifest: parseManifest(manifest, OCI_MANIFEST), bytes: manifest };
}

const TOO_MANY_TAGS =
  'ImageStream app: []: ImageStream.image.openshift.io "app" is forbidden: requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (2 > 1)';
const TOO_MANY_IMAGES =
  'ImageStream app: imageStream: ImageStream.image.openshift.io "app" is forbidden: requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (2 > 1)';

suite('a limit of tags', () => {
  const tags = [docker('a', 'quay.test/a'), docker('b', 'quay.test/b')];

  test('holds for streams, ImageStreamTags and ImageTags; what is too many may go', async () => {
    const ctx = await testContext();
    await createObject(ctx, imageStreams, 'default', { metadata: { name: 'old' }, spec: { tags } });
    await limit(ctx, STREAM, { 'openshift.io/image-tags': '1' });
    const stream = (spec: ImageStream['spec']): ImageStream => ({ metadata: { name: 'app' }, ...(spec && { spec }) });
    assert.equal(await refusal(createObject(ctx, imageStreams, 'default', stream({ tags }))), TOO_MANY_TAGS);
    assert.equal(await findStream(ctx, 'default', 'app'), undefined);
    await createObject(ctx, imageStreams, 'default', stream({ tags: tags.slice(0, 1) }));
    const change = (old: ImageStream): ImageStream => ({ ...old, spec: { ...old.spec, tags } });
    assert.equal(await refusal(updateObject(ctx, imageStreams, 'default', 'app', change)), TOO_MANY_TAGS);
    const istag = { metadata: { name: 'app:b', namespace: 'default' }, tag: docker('b', 'quay.test/b') };
    assert.equal(await refusal(imageStreamTags.computed?.create?.(ctx, 'default', istag as never)), TOO_MANY_TAGS);
    const itag = { metadata: { name: 'app:b', namespace: 'default' }, spec: docker('b', 'quay.test/b') };
    assert.equal(await refusal(imageTags.computed?.create?.(ctx, 'default', itag as never)), TOO_MANY_TAGS);
    await updateObject(ctx, imageStreams, 'default', 'old', (old) => ({
      ...old,
      metadata: { ...old.metadata, labels: { a: 'b' } },
    }));
    await imageStreamTags.computed?.delete?.(ctx, 'default', 'old:a', {});
    const spec = (await findStream(ctx, 'default', 'old'))?.spec;
    assert.deepEqual(
      spec?.tags?.map(({ name }) => name),
      ['b'],
    );
  });
});

suite('a limit of images', () => {
  test('holds for mappings and pushes', async () => {
    const ctx = await testContext();
    await createObject(ctx, imageStreams, 'default', { metadata: { name: 'app' } });
    await limit(ctx, STREAM, { 'openshift.io/images': '1' });
    assert.equal(await map(ctx, 'a', 'one'), 'allowed');
    assert.equal(await map(ctx, 'b', 'one'), 'allowed');
    assert.equal(await map(ctx, 'b', 'two'), TOO_MANY_IMAGES);
    assert.equal(await findImage(ctx, digestOf('two')), undefined);
    const pushed = await push(ctx, 'three', 10);
    assert.equal(await refusal(pushManifest(ctx, repo, { ...pushed, tag: 'c' })), TOO_MANY_IMAGES);
    assert.equal(await findImage(ctx, pushed.digest), undefined);
    await deleteObject(ctx, limitRanges, 'default', 'l', {});
    await pushManifest(ctx, repo, { ...pushed, tag: 'c' });
  });

  test('holds for writes of the status', async () => {
    const ctx = await testContext();
    await createObject(ctx, imageStreams, 'default', { metadata: { name: 'app' } });
    assert.equal(await map(ctx, 'a', 'one'), 'allowed');
    await limit(ctx, STREAM, { 'openshift.io/images': '1' });
    const rules = imageStreams.subresources?.find(({ name }) => name === 'status')?.status;
    assert.ok(rules);
    const change = (old: ImageStream): ImageStream => {
      const [history] = old.status?.tags ?? [];
      const [item] = history?.items ?? [];
      assert.ok(history && item);
      const other = { ...item, image: digestOf('two') };
      return { ...old, status: { dockerImageRepository: '', tags: [{ ...history, items: [other, item] }] } };
    };
    assert.equal(await refusal(updateObject(ctx, imageStreams, 'default', 'app', change, { rules })), TOO_MANY_IMAGES);
  });

  test('leaves a refused import with conditions that say why, and nothing else', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    upstream.addImage('team/app', '2.0', 'two');
    const ctx = await contextHere();
    await importing(ctx, image(`${upstream.host}/team/app:1.0`));
    await limit(ctx, STREAM, { 'openshift.io/images': '1' });
    const before = await streamOf(ctx);
    const told = await refusal(importing(ctx, image(`${upstream.host}/team/app:2.0`)));
    assert.match(told, /^ImageStream app: \[\]: ImageStream.* requested usage of openshift.io\/images .*\(2 > 1\)$/);
    const stream = await streamOf(ctx);
    assert.deepEqual(stream.spec, before.spec);
    assert.deepEqual(historyOf(stream, '1.0'), historyOf(before, '1.0'));
    const failed = historyOf(stream, '2.0');
    assert.equal(failed?.items, null);
    const [condition] = failed?.conditions ?? [];
    assert.equal(condition?.reason, 'Invalid');
    assert.equal(condition.generation, 2);
    assert.match(
      condition.message ?? '',
      /^ImageStream\.image\.openshift\.io "app" is invalid: \[\]: Internal error: /,
    );
    assert.equal((await movesOf(ctx)).length, 1);
  });
});

suite('a limit of size', () => {
  test('holds for mappings before anything else is looked at, and for pushes with and without a tag', async () => {
    const ctx = await testContext();
    await limit(ctx, 'openshift.io/Image', { storage: '1Ki' });
    const large = {
      metadata: { name: 'nowhere' },
      image: { metadata: { name: 'x' }, dockerImageMetadata: { Size: 2048 } },
      tag: 'a',
    };
    const excess = 'requested usage of storage exceeds the maximum limit per openshift.io/Image';
    assert.equal(
      await refusal(imageStreamMappings.computed?.create?.(ctx, 'default', large as never)),
      `imagestreammappings nowhere: ${excess} (2Ki > 1Ki)`,
    );
    const pushed = await push(ctx, 'large', 5000);
    for (const tag of [{ tag: 'a' }, {}]) {
      assert.match(
        await refusal(pushManifest(ctx, repo, { ...pushed, ...tag })),
        new RegExp(`forbids the image: ${excess}`),
      );
    }
    assert.equal(await findStream(ctx, 'default', 'app'), undefined);
    await pushManifest(ctx, repo, { ...(await push(ctx, 'small', 100)), tag: 'a' });
  });
});

suite('a quota of streams', () => {
  test('is charged by pushes, tags and imports that make one; refusals name what was asked for', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    await quota(ctx, { 'openshift.io/imagestreams': '0' });
    const excess =
      'exceeded quota: q, requested: openshift.io/imagestreams=1, used: openshift.io/imagestreams=0, limited: openshift.io/imagestreams=0';
    const istag = { metadata: { name: 'app:a', namespace: 'default' }, tag: docker('a', 'quay.test/a') };
    const itag = { metadata: { name: 'app:a', namespace: 'default' }, spec: docker('a', 'quay.test/a') };
    const source = image(`${upstream.host}/team/app:1.0`);
    const tries: readonly [work: () => unknown, about: string][] = [
      [() => imageStreamTags.computed?.create?.(ctx, 'default', istag as never), 'imagestreamtags app:a'],
      [() => imageStreamTags.computed?.update?.(ctx, 'default', 'app:a', istag as never), 'imagestreamtags app:a'],
      [() => imageTags.computed?.create?.(ctx, 'default', itag as never), 'imagetags app:a'],
      [() => importing(ctx, source), 'imagestreamimports app'],
      [async () => pushManifest(ctx, repo, { ...(await push(ctx, 'x', 9)), tag: 'a' }), 'imagestreams app'],
    ];
    for (const [work, about] of tries) assert.equal(await refusal(work()), `${about}: ${excess}`);
    assert.equal(upstream.requests.length, 0);
    assert.equal(await repositoryExists(ctx, { namespace: 'default', stream: 'other' }), false);
    await updateObject(ctx, resourceQuotas, 'default', 'q', (old) => ({
      ...old,
      spec: { hard: { 'openshift.io/imagestreams': '1' } },
    }));
    await importing(ctx, source);
    // The stream is there now: nothing more is charged.
    await imageStreamTags.computed?.create?.(ctx, 'default', istag as never);
    await pushManifest(ctx, repo, { ...(await push(ctx, 'x', 9)), tag: 'b' });
    await importing(ctx, source);
  });
});

test('a limit that one process sets holds at once in another that has looked before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-limits-'));
  after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'shared.db');
  const [store, otherStore] = [await openSqliteStore({ file }), await openSqliteStore({ file })];
  const [ctx, other] = [await testContext({ store }), await testContext({ store: otherStore })];
  await createObject(other, imageStreams, 'default', { metadata: { name: 'app' } });
  assert.equal(await map(other, 'a', 'one'), 'allowed');
  await limit(ctx, STREAM, { 'openshift.io/images': '1' });
  assert.equal(await map(other, 'b', 'two'), TOO_MANY_IMAGES);
  const dry = { ...other, dryRun: true };
  assert.equal(await map(dry, 'b', 'two'), TOO_MANY_IMAGES);
  // A refusal is not told from what was remembered either.
  await deleteObject(ctx, limitRanges, 'default', 'l', {});
  assert.equal(await map(other, 'b', 'two'), 'allowed');
  for (const each of [store, otherStore]) await each.close();
});
