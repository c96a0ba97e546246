import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putBlob, testContext } from '../../test/context.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import { deleteManifest, deleteTag } from './deletion.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { imageStreamImages } from './imagestreamimage.ts';
import { imageStreamTags } from './imagestreamtag.ts';
import { findImage } from './layers.ts';
import { ManifestReferencesMissing, type Push, pushManifest } from './push.ts';
import { linkBlob, readableBlob, referrers, repositoryNames, resolveDigest, resolveTag } from './repository.ts';
import { listMoves } from './tagmove.ts';
import { tagNames } from './tagnames.ts';

const repo = { namespace: 'demo', stream: 'app' };

/** A manifest whose config and layers have been uploaded to the repository. */
async function image(ctx: Context, seed: string, more: object = {}, into = repo): Promise<Push> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2025-05-05T05:05:05Z',
      config: { Env: [`SEED=${seed}`] },
    }),
  );
  const layer = Buffer.from(`layer of ${seed}`);
  for (const bytes of [config, layer]) await linkBlob(ctx, into, await putBlob(ctx, bytes), bytes.length);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length }],
      ...more,
    }),
  );
  return { digest: digestOf(bytes), manifest: parseManifest(bytes, OCI_MANIFEST), bytes };
}

function index(children: readonly Push[]): Push {
  const manifests = children.map(({ digest, bytes }) => ({ mediaType: OCI_MANIFEST, digest, size: bytes.length }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  return { digest: digestOf(bytes), manifest: parseManifest(bytes, OCI_INDEX), bytes };
}

const isimage = async (ctx: Context, id: string) =>
  (await imageStreamImages.computed?.get?.(ctx, 'demo', `app@${id}`))?.object() as {
    image: { metadata: { name: string } };
  };

test('a push by tag makes namespace, stream, Image, tag and record in one commit', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  const before = await ctx.store.revision();
  await pushManifest(ctx, repo, { ...push, tag: '1.0' });
  assert.equal(await ctx.store.revision(), before + 1);
  const stream = await findStream(ctx, 'demo', 'app');
  assert.deepEqual(stream?.status?.tags, [
    {
      tag: '1.0',
      items: [
        {
          created: stream?.status?.tags?.[0]?.items?.[0]?.created,
          dockerImageReference: `registry.test:5000/demo/app@${push.digest}`,
          image: push.digest,
          generation: 1,
        },
      ],
    },
  ]);
  const kept = await findImage(ctx, push.digest);
  assert.equal(kept?.dockerImageManifest, undefined);
  assert.equal(kept?.dockerImageLayers?.length, 1);
  assert.equal(kept?.metadata.annotations?.['openshift.io/image.managed'], 'true');
  const moves = await listMoves(ctx.store, 'demo', 'app');
  assert.deepEqual(
    moves.map(({ sequence, tag, from, to, actor, cause }) => [sequence, tag, from, to?.image, actor, cause]),
    [[1, '1.0', null, push.digest, 'tester', 'push']],
  );
});

test('a push whose namespace does not exist is refused when pushes make none', async () => {
  const ctx = await testContext();
  const strict: Context = { ...ctx, settings: { ...ctx.settings, autoNamespaces: false } };
  const push = await image(strict, 'one');
  await assert.rejects(pushManifest(strict, repo, { ...push, tag: 'v' }), (error) => isProblem(error, 'NotFound'));
  assert.equal(await findStream(ctx, 'demo', 'app'), undefined);
  assert.equal(await findImage(ctx, push.digest), undefined);
});

test('a push that refers to what is not there names the missing digests and leaves nothing', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one', {}, { namespace: 'demo', stream: 'elsewhere' });
  await assert.rejects(pushManifest(ctx, repo, { ...push, tag: 'v' }), (error) => {
    assert.ok(error instanceof ManifestReferencesMissing);
    assert.equal(error.digests.length, 2);
    return true;
  });
  assert.equal(await findStream(ctx, 'demo', 'app'), undefined);
  assert.equal(await ctx.blobs.stat(push.digest), undefined);
});

test('an ImageStreamImage is there for history, for children of an index, by short digest, and not for other images', async () => {
  const ctx = await testContext();
  const [one, two, child, foreign] = await Promise.all(
    ['one', 'two', 'child', 'foreign'].map((seed) => image(ctx, seed)),
  );
  assert.ok(one && two && child && foreign);
  await pushManifest(ctx, repo, { ...one, tag: 'v' });
  await pushManifest(ctx, repo, { ...two, tag: 'v' });
  await pushManifest(ctx, repo, child);
  await pushManifest(ctx, repo, foreign);
  await pushManifest(ctx, repo, { ...index([child]), tag: 'multi' });
  for (const { digest } of [one, two, child]) {
    for (const id of [digest, digest.slice(0, 20), digest.slice(7, 19)]) {
      assert.equal((await isimage(ctx, id)).image.metadata.name, digest);
    }
  }
  await assert.rejects(isimage(ctx, foreign.digest), (error) => isProblem(error, 'NotFound'));
  assert.equal((await resolveDigest(ctx, repo, foreign.digest))?.digest, foreign.digest);
});

test('an ambiguous short digest means the smallest', async () => {
  const ctx = await testContext();
  const pushes = await Promise.all(['a', 'b', 'c', 'd'].map((seed) => image(ctx, seed)));
  for (const [index, push] of pushes.entries()) await pushManifest(ctx, repo, { ...push, tag: `t${index}` });
  const smallest = pushes.map(({ digest }) => digest).sort()[0];
  assert.equal((await isimage(ctx, 'sha256:')).image.metadata.name, smallest);
});

test('an ImageStreamImage shows the stream as it is now, not as it was cached', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  await pushManifest(ctx, repo, { ...push, tag: 'v' });
  await isimage(ctx, push.digest);
  await deleteTag(ctx, repo, 'v');
  await assert.rejects(isimage(ctx, push.digest), (error) => isProblem(error, 'NotFound'));
});

test('concurrent pushes to one stream all arrive, and the record counts them without a gap', async () => {
  const ctx = await testContext();
  const pushes = await Promise.all(Array.from({ length: 20 }, (_, n) => image(ctx, `c${n}`)));
  await Promise.all(pushes.map((push, n) => pushManifest(ctx, repo, { ...push, tag: `t${n % 5}` })));
  const moves = await listMoves(ctx.store, 'demo', 'app');
  assert.deepEqual(
    moves.map(({ sequence }) => sequence),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  const names = await tagNames(ctx, repo, { limit: 3 });
  assert.deepEqual(names, { tags: ['t0', 't1', 't2'], more: true });
  for (const move of moves) assert.ok(await resolveDigest(ctx, repo, move.to?.image as Digest));
});

test('deleting a tag removes it from spec and status, keeps the Image, and records the end', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  await pushManifest(ctx, repo, { ...push, tag: 'v' });
  assert.equal(await deleteTag(ctx, repo, 'v'), true);
  assert.equal(await deleteTag(ctx, repo, 'v'), false);
  assert.equal(await resolveTag(ctx, repo, 'v'), undefined);
  assert.ok(await findImage(ctx, push.digest));
  const last = (await listMoves(ctx.store, 'demo', 'app')).at(-1);
  assert.deepEqual([last?.from?.image, last?.to, last?.cause], [push.digest, null, 'delete']);
});

test('deleting a manifest removes the tags that point to it and the digest from every history', async () => {
  const ctx = await testContext();
  const [one, two] = [await image(ctx, 'one'), await image(ctx, 'two')];
  await pushManifest(ctx, repo, { ...one, tag: 'v' });
  await pushManifest(ctx, repo, { ...two, tag: 'v' });
  await pushManifest(ctx, repo, { ...one, tag: 'w' });
  assert.equal(await deleteManifest(ctx, repo, one.digest), true);
  assert.equal(await resolveDigest(ctx, repo, one.digest), undefined);
  assert.equal(await resolveTag(ctx, repo, 'w'), undefined);
  assert.equal((await resolveTag(ctx, repo, 'v'))?.digest, two.digest);
  assert.equal(await deleteManifest(ctx, repo, one.digest), false);
});

test('referrers are found from their subject and gone with their manifest', async () => {
  const ctx = await testContext();
  const one = await image(ctx, 'one');
  const subject = { mediaType: OCI_MANIFEST, digest: one.digest, size: one.bytes.length };
  const sbom = await image(ctx, 'sbom', { subject, artifactType: 'text/sbom', annotations: { a: 'b' } });
  await pushManifest(ctx, repo, { ...one, tag: 'v' });
  await pushManifest(ctx, repo, sbom);
  assert.deepEqual(await referrers(ctx, repo, one.digest), [
    {
      digest: sbom.digest,
      mediaType: OCI_MANIFEST,
      size: sbom.bytes.length,
      artifactType: 'text/sbom',
      annotations: { a: 'b' },
    },
  ]);
  await deleteManifest(ctx, repo, sbom.digest);
  assert.deepEqual(await referrers(ctx, repo, one.digest), []);
});

test('a deleted stream lets nothing be read, and its record goes on where it stopped when it comes back', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  await pushManifest(ctx, repo, { ...push, tag: 'v' });
  await deleteObject(ctx, imageStreams, 'demo', 'app', {});
  const layer = push.manifest.kind === 'image' ? push.manifest.layers[0]?.digest : undefined;
  assert.ok(layer);
  assert.equal(await readableBlob(ctx, repo, layer), undefined);
  assert.equal(await resolveDigest(ctx, repo, push.digest), undefined);
  await pushManifest(ctx, repo, { ...(await image(ctx, 'one')), tag: 'v' });
  assert.deepEqual(
    (await listMoves(ctx.store, 'demo', 'app')).map(({ sequence, tag, cause }) => [sequence, tag, cause]),
    [
      [1, 'v', 'push'],
      [2, null, 'delete'],
      [3, 'v', 'push'],
    ],
  );
});

test('a blob of an image that was tagged over from another stream can be read', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  await pushManifest(ctx, repo, { ...push, tag: 'v' });
  const mapping = { metadata: { name: 'other' }, tag: 'x', image: await findImage(ctx, push.digest) };
  const other = { namespace: 'demo', stream: 'other' };
  const made = await image(ctx, 'unrelated', {}, other);
  await pushManifest(ctx, other, { ...made, tag: 'y' });
  const { imageStreamMappings } = await import('./imagestreammapping.ts');
  const image2 = { ...mapping.image, metadata: { name: push.digest } };
  await imageStreamMappings.computed?.create?.(ctx, 'demo', { ...mapping, image: image2 } as never);
  const layer = push.manifest.kind === 'image' ? push.manifest.layers[0] : undefined;
  assert.ok(layer);
  assert.equal(await readableBlob(ctx, other, layer.digest), layer.size);
  assert.equal((await resolveTag(ctx, other, 'x'))?.digest, push.digest);
});

test('repository names are listed page by page in the order of namespace and name', async () => {
  const ctx = await testContext();
  for (const stream of ['app', 'app-b', 'app.c', 'b']) {
    const into = { namespace: 'demo', stream };
    await pushManifest(ctx, into, { ...(await image(ctx, stream, {}, into)), tag: 'v' });
    await pushManifest(ctx, into, { ...(await image(ctx, stream, {}, into)), tag: 'w' });
  }
  const names: string[] = [];
  for (let after: string | undefined; ; after = names.at(-1)) {
    const page = await repositoryNames(ctx, { limit: 1, ...(after && { after }) });
    names.push(...page.names);
    if (!page.more) break;
  }
  assert.deepEqual(names, ['demo/app', 'demo/app-b', 'demo/app.c', 'demo/b']);
});

test('an ImageStreamTag shows the image under its tag, and only while it points to one', async () => {
  const ctx = await testContext();
  const push = await image(ctx, 'one');
  await pushManifest(ctx, repo, { ...push, tag: 'v' });
  const get = async (name: string) => (await imageStreamTags.computed?.get?.(ctx, 'demo', name))?.object();
  assert.equal((await get('app:v'))?.image.metadata.name, push.digest);
  await assert.rejects(get('app:w'), (error) => isProblem(error, 'NotFound'));
  await assert.rejects(get('app'), (error) => isProblem(error, 'BadRequest'));
  assert.equal(
    (await imageStreamTags.computed?.list?.(ctx, 'demo', { matchesLabels: () => true, matchesName: () => true }))
      ?.length,
    1,
  );
});
