import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Digest, digestOf } from '../image/digest.ts';
import { imageKey, images } from '../images/images.ts';
import { SWEEP_STALE_SECONDS } from '../limits.work.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { readKept } from '../objects/reads.ts';
import { deleteManifest, deleteTag } from '../streams/deletion.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { repositoryPrefix } from '../streams/links.ts';
import { readableBlob, referrers, resolveDigest, resolveTag } from '../streams/repository.ts';
import { collectGarbage } from './collector.ts';
import { LEASE, type Made, made, madeIndex, openTrial, subjectOf, type Trial } from './trial.ts';

const APP = { namespace: 'dev', stream: 'app' };
const OTHER = { namespace: 'dev', stream: 'other' };

function all(image: Made): Digest[] {
  return [image.digest, ...image.blobs.map((blob) => digestOf(blob)), ...image.children.flatMap(all)];
}

async function isWhole({ ctx, content }: Trial, repo: typeof APP, image: Made): Promise<boolean> {
  if (!(await resolveDigest(ctx, repo, image.digest)) || !content.blobs.has(image.digest)) return false;
  for (const blob of image.blobs) {
    if ((await readableBlob(ctx, repo, digestOf(blob))) === undefined || !content.blobs.has(digestOf(blob)))
      return false;
  }
  for (const child of image.children) if (!(await isWhole({ ctx, content } as Trial, repo, child))) return false;
  return true;
}

const kept = ({ content }: Trial): Digest[] => [...content.blobs.keys()].sort();

test('what tags, their history and their indexes need stays; what only a deleted tag needed goes', async () => {
  const trial = openTrial();
  const [old, now, gone] = [made('old', ['base', '1']), made('now', ['base', '2']), made('gone', ['base', '3'])];
  const index = madeIndex([made('a', ['base', 'a']), made('b', ['b'])]);
  await trial.push(APP, old, 'v1');
  await trial.push(APP, now, 'v1');
  await trial.push(APP, index, 'multi');
  await trial.push(APP, gone, 'gone');
  await deleteTag(trial.ctx, APP, 'gone');
  trial.pass(LEASE + 1);
  const { findings, freed } = await trial.collect();
  for (const image of [old, now, index]) assert.ok(await isWhole(trial, APP, image), String(image.bytes));
  assert.deepEqual(kept(trial), [...new Set([old, now, index].flatMap(all))].sort());
  const [config = Buffer.alloc(0), , layer = Buffer.alloc(0)] = gone.blobs;
  const deleted = findings.filter((found) => found.deleted).map(({ digest }) => digest);
  assert.deepEqual(deleted.sort(), [gone.digest, digestOf(config), digestOf(layer)].sort());
  assert.equal(freed, gone.bytes.length + config.length + layer.length);
  assert.equal(await trial.ctx.store.get(imageKey(gone.digest)), undefined, 'its Image is gone too');
  assert.deepEqual((await trial.collect()).findings, [], 'nothing is left to be collected');
  await trial.close();
});

test('a dry run says what and why, and deletes nothing', async () => {
  const trial = openTrial();
  const gone = made('gone', ['layer']);
  await trial.push(APP, gone, 'gone');
  await deleteTag(trial.ctx, APP, 'gone');
  trial.pass(LEASE + 1);
  const before = kept(trial);
  const { findings } = await trial.collect(0, true);
  assert.deepEqual(kept(trial), before);
  assert.deepEqual(findings.map(({ digest }) => digest).sort(), before);
  const [first] = findings;
  assert.equal(first?.digest, gone.digest, 'a manifest comes before what it refers to');
  assert.match(first?.why ?? '', /no tag, index or subject leads to it/);
  assert.equal(first?.size, gone.bytes.length);
  assert.ok(
    findings.every(({ deleted }) => deleted),
    'it tells what a run would delete',
  );
  await trial.close();
});

test('garbage waits for its grace, counted from when it was first seen', async () => {
  const trial = openTrial();
  await trial.push(APP, made('gone', ['layer']), 'gone');
  await deleteTag(trial.ctx, APP, 'gone');
  trial.pass(LEASE + 1);
  const { findings } = await trial.collect(3600);
  assert.ok(findings.length > 0 && findings.every(({ deleted }) => !deleted));
  trial.pass(3599);
  assert.ok((await trial.collect(3600)).findings.every(({ deleted }) => !deleted));
  trial.pass(1);
  assert.ok((await trial.collect(3600)).findings.every(({ deleted }) => deleted));
  assert.deepEqual(kept(trial), []);
  await trial.close();
});

test('garbage that is wanted again before its grace is over stays, and waits anew when it is not', async () => {
  const trial = openTrial();
  const image = made('back', ['layer']);
  await trial.push(APP, image, 'v1');
  await deleteTag(trial.ctx, APP, 'v1');
  trial.pass(LEASE + 1);
  await trial.collect(3600);
  await trial.push(APP, image, 'v2');
  trial.pass(3600);
  await trial.collect(3600);
  assert.ok(await isWhole(trial, APP, image));
  await deleteTag(trial.ctx, APP, 'v2');
  trial.pass(LEASE + 1);
  assert.ok((await trial.collect(3600)).findings.every(({ deleted }) => !deleted));
  await trial.close();
});

test('a blob that was uploaded stays for the lease, with its link, and goes afterwards', async () => {
  const trial = openTrial();
  const blob = Buffer.from('a layer whose manifest never came');
  await trial.upload(APP, blob);
  trial.pass(LEASE - 1);
  await trial.collect();
  assert.equal(await readableBlob(trial.ctx, APP, digestOf(blob)), blob.length);
  trial.pass(2);
  await trial.collect();
  assert.equal(await readableBlob(trial.ctx, APP, digestOf(blob)), undefined);
  assert.deepEqual(kept(trial), []);
  assert.deepEqual((await trial.ctx.store.list('/leases/')).entries, []);
  await trial.close();
});

test('a manifest that was pushed by digest stays until it is deleted, then all of it goes', async () => {
  const trial = openTrial();
  const image = made('untagged', ['layer']);
  await trial.push(APP, image);
  trial.pass(100 * LEASE);
  await trial.collect();
  assert.ok(await isWhole(trial, APP, image));
  await deleteManifest(trial.ctx, APP, image.digest);
  await trial.collect();
  assert.deepEqual(kept(trial), []);
  await trial.close();
});

for (const collectFirst of [true, false]) {
  test(`children of an index go with it${collectFirst ? ', also after they were seen with it' : ''}`, async () => {
    for (const remove of ['tag', 'manifest'] as const) {
      const trial = openTrial();
      const index = madeIndex([made('a', ['a']), made('b', ['b'])]);
      await trial.push(APP, index, 'multi');
      trial.pass(LEASE + 1);
      if (collectFirst) await trial.collect();
      assert.ok(await isWhole(trial, APP, index));
      if (remove === 'tag') await deleteTag(trial.ctx, APP, 'multi');
      else await deleteManifest(trial.ctx, APP, index.digest);
      await trial.collect();
      assert.deepEqual(kept(trial), [], remove);
      assert.deepEqual((await trial.ctx.store.list(repositoryPrefix(APP))).entries, []);
      await trial.close();
    }
  });
}

test('what refers to an image (signatures, SBOMs) lives as long as that does', async () => {
  for (const early of [false, true]) {
    const trial = openTrial();
    const image = made('signed', ['layer']);
    const signature = made('signature', ['sig'], { artifactType: 'example/sig', ...subjectOf(image) });
    const onSignature = made('on signature', ['more'], subjectOf(signature));
    if (early) await trial.push(APP, signature);
    await trial.push(APP, image, 'v1');
    if (!early) await trial.push(APP, signature);
    await trial.push(APP, onSignature);
    trial.pass(LEASE + 1);
    await trial.collect();
    for (const each of [image, signature, onSignature]) assert.ok(await isWhole(trial, APP, each));
    assert.equal((await referrers(trial.ctx, APP, image.digest)).length, 1);
    await deleteManifest(trial.ctx, APP, image.digest);
    await trial.collect();
    assert.deepEqual(kept(trial), [], String(early));
    await trial.close();
  }
});

test('an index that names its own subject: both were pushed by digest, and stay', async () => {
  const trial = openTrial();
  const image = made('subject', ['layer']);
  const index = madeIndex([image], subjectOf(image));
  await trial.push(APP, index);
  trial.pass(LEASE + 1);
  await trial.collect();
  assert.ok(await isWhole(trial, APP, index));
  await trial.close();
});

test('a deleted stream leaves nothing; what another repository has of it stays there', async () => {
  const trial = openTrial();
  const [shared, own] = [made('shared', ['base', 's']), made('own', ['base', 'o'])];
  await trial.push(APP, shared, 'v1');
  await trial.push(APP, own, 'v2');
  await trial.push(OTHER, shared, 'v1');
  await deleteObject(trial.ctx, imageStreams, APP.namespace, APP.stream, {});
  trial.pass(LEASE + 1);
  await trial.collect();
  assert.deepEqual(kept(trial), all(shared).sort());
  assert.ok(await isWhole(trial, OTHER, shared));
  assert.equal(await resolveTag(trial.ctx, APP, 'v1'), undefined);
  await trial.close();
});

test('a repository lets go of what it does not need, though the content stays for another', async () => {
  const trial = openTrial();
  const image = made('shared', ['layer']);
  await trial.push(APP, image, 'v1');
  await trial.push(OTHER, image, 'v1');
  await deleteTag(trial.ctx, APP, 'v1');
  trial.pass(LEASE + 1);
  await trial.collect();
  assert.deepEqual((await trial.ctx.store.list(repositoryPrefix(APP))).entries, []);
  assert.ok(await isWhole(trial, OTHER, image));
  await trial.close();
});

test('Images that did not come by a push are left alone', async () => {
  const trial = openTrial();
  const image = made('imported', ['layer']);
  const value = Buffer.from(`{"metadata":{"resourceVersion":"","name":"${image.digest}"}}`);
  await trial.ctx.store.commit([{ op: 'put', key: imageKey(image.digest), value }]);
  await trial.collect();
  assert.ok(await readKept(trial.ctx.store, images, '', image.digest));
  await trial.close();
});

test('a run that was killed while it deleted is finished by the next, or by whoever pushes the same again', async () => {
  for (const by of ['the next run', 'a push']) {
    const trial = openTrial();
    const image = made('half gone', ['layer']);
    await trial.push(APP, image, 'v1');
    await deleteTag(trial.ctx, APP, 'v1');
    trial.pass(LEASE + 1);
    const { blobs } = trial.ctx;
    const broken = {
      ...trial.ctx,
      blobs: Object.assign(Object.create(bound(blobs)), { delete: () => Promise.reject(new Error('killed')) }),
    };
    await assert.rejects(collectGarbage(broken, { graceSeconds: 0, dryRun: false }), /killed/);
    trial.pass(1000);
    if (by === 'a push') {
      await trial.push(APP, image, 'v1');
      assert.ok(await isWhole(trial, APP, image));
    }
    await trial.collect();
    await trial.collect();
    assert.deepEqual(kept(trial), by === 'a push' ? all(image).sort() : []);
    assert.deepEqual((await trial.ctx.store.list('/collecting/marks/')).entries, []);
    if (by === 'a push') assert.ok(await isWhole(trial, APP, image));
    await trial.close();
  }
});

test('deletions that may still take effect are finished by a later run; one that leaves them says so', async () => {
  const trial = openTrial();
  const image = made('half gone', ['layer']);
  await trial.push(APP, image, 'v1');
  await deleteTag(trial.ctx, APP, 'v1');
  trial.pass(LEASE + 1);
  const far = { lingers: true } as const;
  const lingering = { ...trial.ctx, blobs: Object.assign(Object.create(bound(trial.ctx.blobs)), far) };
  const dying = { delete: () => Promise.reject(new Error('killed')) };
  const broken = { ...trial.ctx, blobs: Object.assign(Object.create(bound(trial.ctx.blobs)), far, dying) };
  const run = (ctx: Context) => collectGarbage(ctx, { graceSeconds: 0, dryRun: false });
  await assert.rejects(run(broken), /killed/);
  assert.equal((await run(lingering))?.unfinished, true);
  assert.ok(kept(trial).length > 0, 'nobody knows yet whether it is being deleted');
  trial.pass(SWEEP_STALE_SECONDS + 1);
  assert.equal((await run(lingering))?.unfinished, false);
  assert.deepEqual(kept(trial), []);
  await trial.close();
});

function bound<T extends object>(subject: T): T {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

test('only one run leads', async () => {
  const trial = openTrial();
  const run = () => collectGarbage(trial.ctx, { graceSeconds: 0, dryRun: false });
  const both = await Promise.all([run(), run()]);
  assert.equal(both.filter((collection) => collection !== undefined).length, 1);
  await trial.close();
});
