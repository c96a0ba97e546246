import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Blobs, BlobsFull } from '../blobs/blobs.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { deleteTag } from '../streams/deletion.ts';
import { readableBlob } from '../streams/repository.ts';
import { putMark, readMark } from './marks.ts';
import { quarantined } from './quarantine.ts';
import { type Scrubbed, scrubContent, scrubOne } from './scrub.ts';
import { LEASE, made, madeIndex, openTrial, type Trial } from './trial.ts';

const APP = { namespace: 'dev', stream: 'app' };

const scrub = ({ ctx }: Trial, dryRun = false): Promise<Scrubbed> => scrubContent(ctx, dryRun);

/** The same blobs, with some members exchanged. */
function changed(blobs: Blobs, members: Partial<Blobs>): Blobs {
  return new Proxy(blobs, {
    get(target, name) {
      const member: unknown = Reflect.get(members, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

const layerOf = ({ blobs }: { readonly blobs: readonly Buffer[] }): Digest => digestOf(blobs[1] ?? '');

test('content that is as it should be is left alone', async () => {
  const trial = openTrial();
  await trial.push(APP, made('good', ['a', 'b']), 'v1');
  const { blobs, bytes, hurt } = await scrub(trial);
  assert.deepEqual(hurt, []);
  assert.equal(blobs, trial.content.blobs.size);
  assert.equal(
    bytes,
    [...trial.content.blobs.values()].reduce((sum, { length }) => sum + length, 0),
  );
  await trial.close();
});

test('damaged content goes into quarantine, the images that need it are named, and a push mends them', async () => {
  const trial = openTrial();
  const image = made('hurt', ['layer']);
  const index = madeIndex([image, made('well', ['other'])]);
  await trial.push(APP, index, 'multi');
  await trial.push(APP, image, 'v1');
  const digest = layerOf(image);
  const wrong = Buffer.from('Layer');
  trial.content.blobs.set(digest, wrong);

  const told = await scrub(trial, true);
  const images = ['dev/app:multi', 'dev/app:v1'];
  const hurt = { digest, state: 'damaged', actual: digestOf(wrong), images } as const;
  assert.deepEqual(told.hurt, [hurt]);
  assert.ok(trial.content.blobs.has(digest), 'a dry run changes nothing');

  assert.deepEqual((await scrub(trial)).hurt, [hurt]);
  assert.ok(!trial.content.blobs.has(digest), 'nobody is given it for good');
  assert.equal(await readableBlob(trial.ctx, APP, digest), undefined, 'a client that asks is told to send it');
  assert.deepEqual(trial.content.blobs.get(digestOf(wrong)), wrong, 'it can still be looked at');
  const [kept] = await quarantined(trial.ctx.store);
  assert.equal(kept?.digest, digest);
  trial.pass(LEASE + 1);
  await trial.collect();
  assert.ok(trial.content.blobs.has(digestOf(wrong)), 'what is in quarantine is no garbage');

  assert.deepEqual((await scrub(trial)).hurt, [{ ...hurt, state: 'missing', actual: undefined }]);
  await trial.push(APP, image, 'v1');
  assert.deepEqual((await scrub(trial)).hurt, []);
  assert.deepEqual(await quarantined(trial.ctx.store), []);
  await trial.collect();
  assert.ok(!trial.content.blobs.has(digestOf(wrong)), 'once it is mended the damaged bytes go');
  await trial.close();
});

test('what a killed run of the collection has left is no hindrance', async () => {
  const trial = openTrial();
  const image = made('hurt', ['layer']);
  await trial.push(APP, image, 'v1');
  const digest = layerOf(image);
  trial.content.blobs.set(digest, Buffer.from('Layer'));
  await trial.ctx.store.commit([putMark(digest, { state: 'condemned', owner: 'killed', at: 0 }, 0)]);
  assert.deepEqual(
    (await scrub(trial)).hurt.map((each) => each.digest),
    [digest],
  );
  assert.ok(!trial.content.blobs.has(digest));
  assert.equal(await readMark(trial.ctx.store, digest), undefined);
  await trial.close();
});

test('damaged content that a reader met is set aside alone; what was pushed again meanwhile is left', async () => {
  const trial = openTrial();
  const image = made('hurt', ['layer', 'other']);
  await trial.push(APP, image, 'v1');
  const [digest, other] = [layerOf(image), digestOf(image.blobs[2] ?? '')];
  trial.content.blobs.set(digest, Buffer.from('Layer'));
  assert.deepEqual(await scrubOne(trial.ctx, digest), {
    digest,
    state: 'damaged',
    actual: digestOf('Layer'),
    images: ['dev/app:v1'],
  });
  assert.equal(await readableBlob(trial.ctx, APP, digest), undefined);
  assert.ok((await readableBlob(trial.ctx, APP, other)) !== undefined, 'the rest stays');
  await trial.push(APP, image, 'v1');
  assert.equal(await scrubOne(trial.ctx, digest), undefined);
  assert.ok((await readableBlob(trial.ctx, APP, digest)) !== undefined);
  assert.equal(await readMark(trial.ctx.store, digest), undefined);
  await trial.close();
});

test('a push that mends content while it is being set aside wins', async () => {
  let asked = 0;
  const trial = openTrial();
  const image = made('hurt', ['layer']);
  await trial.push(APP, image, 'v1');
  const digest = layerOf(image);
  trial.content.blobs.set(digest, Buffer.from('Layer'));
  const blobs = changed(trial.ctx.blobs, {
    read: (each) => {
      // The last look, after which nobody may write it.
      if (++asked === 3) trial.content.blobs.set(digest, Buffer.from('layer'));
      return trial.ctx.blobs.read(each);
    },
  });
  assert.equal(await scrubOne({ ...trial.ctx, blobs }, digest), undefined);
  assert.equal(asked, 3);
  assert.equal(trial.content.blobs.get(digest)?.toString(), 'layer');
  assert.ok((await readableBlob(trial.ctx, APP, digest)) !== undefined);
  assert.deepEqual(await quarantined(trial.ctx.store), []);
  await trial.close();
});

test('a full disk keeps damaged content where it is, and that is told', async () => {
  const trial = openTrial();
  const image = made('hurt', ['layer']);
  await trial.push(APP, image, 'v1');
  const digest = layerOf(image);
  trial.content.blobs.set(digest, Buffer.from('Layer'));
  const put = (): Promise<void> => Promise.reject(new BlobsFull('the disk is full'));
  const full = { ...trial.ctx, blobs: changed(trial.ctx.blobs, { put }) };
  const told = await scrubContent(full, false);
  assert.deepEqual(
    told.hurt.map(({ state, images }) => [state, images]),
    [['stays', ['dev/app:v1']]],
  );
  assert.ok(trial.content.blobs.has(digest));
  assert.equal((await scrub(trial)).hurt[0]?.state, 'damaged', 'once there is space');
  await trial.close();
});

test('damaged content that no image needs is told as such', async () => {
  const trial = openTrial();
  const image = made('gone', ['layer']);
  await trial.push(APP, image, 'v1');
  await deleteTag(trial.ctx, APP, 'v1');
  trial.pass(LEASE + 1);
  await trial.collect();
  trial.content.blobs.set(digestOf('lost'), Buffer.from('lots'));
  assert.deepEqual(
    (await scrub(trial, true)).hurt.map(({ images }) => images),
    [[]],
  );
  await trial.close();
});
