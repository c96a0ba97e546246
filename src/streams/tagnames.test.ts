import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putBlob, testContext } from '../../test/context.ts';
import { digestOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../image/mediatype.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { updateObject } from '../objects/writes.ts';
import type { Store } from '../store/store.ts';
import { deleteManifest, deleteTag } from './deletion.ts';
import { findStream, imageStreams, internalRules } from './imagestream.ts';
import { pushManifest } from './push.ts';
import { withoutImage, withoutTag } from './removal.ts';
import { linkBlob } from './repository.ts';
import { listMoves } from './tagmove.ts';
import { tagNames } from './tagnames.ts';
import type { ImageStream } from './types.ts';

const repo = { namespace: 'demo', stream: 'app' };

/** Points tags to an image. */
async function push(ctx: Context, seed: string, tags: readonly string[]) {
  const config = Buffer.from(seed);
  await linkBlob(ctx, repo, await putBlob(ctx, config), config.length);
  const described = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length };
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: described, layers: [] }),
  );
  const manifest = parseManifest(bytes, OCI_MANIFEST);
  for (const tag of tags) await pushManifest(ctx, repo, { tag, digest: digestOf(bytes), manifest, bytes });
  return digestOf(bytes);
}

/** A stream and its moves, without what differs by when it was written. */
async function facts(ctx: Context) {
  const stream = await findStream(ctx, 'demo', 'app');
  const moves = await listMoves(ctx.store, 'demo', 'app');
  const { spec, status, metadata } = stream ?? { metadata: {} };
  const timeless = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll(/"(?:created|time)":"[^"]*"/g, '"time":""'));
  return timeless({ spec, status, generation: metadata.generation, moves });
}

/** Counts the lists of a store from now on. */
function countLists(store: Store): () => number {
  let lists = 0;
  const list = store.list.bind(store);
  Object.assign(store, {
    list: (...args: Parameters<Store['list']>) => {
      lists++;
      return list(...args);
    },
  });
  return () => lists;
}

test('a list that was read is answered again without reading, until a tag moves; pages are cut from it', async () => {
  const ctx = await testContext();
  const lists = countLists(ctx.store);
  await push(ctx, 'one', ['a', 'b', 'c', 'd']);
  assert.deepEqual(await tagNames(ctx, repo, { limit: 10 }), { tags: ['a', 'b', 'c', 'd'], more: false });
  const read = lists();
  assert.deepEqual(await tagNames(ctx, repo, { limit: 10 }), { tags: ['a', 'b', 'c', 'd'], more: false });
  assert.deepEqual(await tagNames(ctx, repo, { limit: 2 }), { tags: ['a', 'b'], more: true });
  assert.deepEqual(await tagNames(ctx, repo, { limit: 2, after: 'b' }), { tags: ['c', 'd'], more: false });
  assert.deepEqual(await tagNames(ctx, repo, { limit: 1, after: 'bb' }), { tags: ['c'], more: true });
  assert.deepEqual(await tagNames(ctx, repo, { limit: 9, after: 'd' }), { tags: [], more: false });
  assert.deepEqual(await tagNames(ctx, repo, { limit: 0 }), { tags: [], more: true });
  assert.equal(lists(), read);
  await push(ctx, 'one', ['bb']);
  assert.deepEqual((await tagNames(ctx, repo, { limit: 10 }))?.tags, ['a', 'b', 'bb', 'c', 'd']);
  await deleteTag(ctx, repo, 'b');
  assert.deepEqual((await tagNames(ctx, repo, { limit: 10 }))?.tags, ['a', 'bb', 'c', 'd']);
  await updateObject(ctx, imageStreams, 'demo', 'app', (stream) => withoutTag(stream, 'c'), { rules: internalRules });
  assert.deepEqual((await tagNames(ctx, repo, { limit: 10 }))?.tags, ['a', 'bb', 'd']);
  const other = await push(ctx, 'two', ['d', 'e']);
  await deleteManifest(ctx, repo, other);
  assert.deepEqual((await tagNames(ctx, repo, { limit: 10 }))?.tags, ['a', 'bb']);
  await deleteObject(ctx, imageStreams, 'demo', 'app', {});
  assert.equal(await tagNames(ctx, repo, { limit: 10 }), undefined);
});

test('deleting a tag that was only pushed leaves what deleting it from the whole stream leaves', async () => {
  const [quick, whole] = [await testContext(), await testContext()];
  for (const ctx of [quick, whole]) {
    await push(ctx, 'one', ['a', 'b']);
    await push(ctx, 'two', ['b', 'c']);
  }
  assert.equal(await deleteTag(quick, repo, 'b'), true);
  await updateObject(whole, imageStreams, 'demo', 'app', (stream) => withoutTag(stream, 'b'), { rules: internalRules });
  assert.deepEqual(await facts(quick), await facts(whole));
});

test('deleting an image leaves in every history what deleting it from the whole stream leaves', async () => {
  const [quick, whole] = [await testContext(), await testContext()];
  let doomed = digestOf('');
  for (const ctx of [quick, whole]) {
    doomed = await push(ctx, 'one', ['a', 'b', 'c']);
    await push(ctx, 'two', ['b', 'd']);
    await push(ctx, 'three', ['c', 'e']);
    await push(ctx, 'one', ['c']);
  }
  assert.equal(await deleteManifest(quick, repo, doomed), true);
  const change = (stream: ImageStream) => withoutImage(stream, doomed);
  await updateObject(whole, imageStreams, 'demo', 'app', change, { rules: internalRules });
  assert.deepEqual(await facts(quick), await facts(whole));
  assert.deepEqual((await tagNames(quick, repo, { limit: 10 }))?.tags, ['b', 'd', 'e']);
});

test('a tag that spec names, or that another tracks, is deleted from spec too', async () => {
  const ctx = await testContext();
  await push(ctx, 'one', ['a', 'b']);
  await updateObject(ctx, imageStreams, 'demo', 'app', (stream) => ({
    ...stream,
    spec: { ...stream.spec, tags: [{ name: 'c', from: { kind: 'ImageStreamTag', name: 'a' } }] },
  }));
  assert.equal(await deleteTag(ctx, repo, 'c'), true);
  assert.equal((await findStream(ctx, 'demo', 'app'))?.spec?.tags, undefined);
  assert.equal(await deleteTag(ctx, repo, 'c'), false);
  assert.equal(await deleteTag(ctx, repo, 'a'), true);
  assert.equal(await deleteTag(ctx, repo, 'nothing'), false);
  assert.deepEqual((await tagNames(ctx, repo, { limit: 10 }))?.tags, ['b']);
});
