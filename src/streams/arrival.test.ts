import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { UploadUnknown } from '../blobs/blobs.ts';
import { cachedBlobs } from '../blobs/cache.ts';
import { leaseKey } from '../collecting/leases.ts';
import { LEASE, openTrial, type Trial } from '../collecting/trial.ts';
import { digestOf } from '../image/digest.ts';
import type { Context } from '../objects/context.ts';
import { keepUpload } from './arrival.ts';
import { readableBlob } from './repository.ts';

const repo = { namespace: 'dev', stream: 'app' };
const BYTES = Buffer.from('content');
const DIGEST = digestOf(BYTES);

/** Uploads the content and keeps it; `meanwhile` happens once its bytes have been placed. */
async function arrive(
  trial: Trial,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
  settings: Partial<Context['settings']> = {},
): Promise<void> {
  const { ctx } = trial;
  const id = await ctx.blobs.begin();
  await ctx.blobs.append(id, 0, Readable.from([BYTES]));
  const commit: Context['blobs']['commit'] = async (upload, digest) => {
    const committed = await ctx.blobs.commit(upload, digest);
    await meanwhile();
    return committed;
  };
  const blobs = { ...cachedBlobs(ctx.blobs, 0), commit };
  const ending = [{ op: 'delete', key: '/uploads/of-the-test' } as const];
  const given = { ...ctx, blobs, settings: { ...ctx.settings, ...settings } };
  await keepUpload(given, repo, { id, digest: DIGEST, ending });
}

test('new content takes one commit for its link, its lease and the end of its session', async () => {
  const trial = openTrial();
  const { store } = trial.ctx;
  await store.commit([{ op: 'put', key: '/uploads/of-the-test', value: Buffer.from('{}') }]);
  const before = await store.revision();
  await arrive(trial);
  assert.equal(await store.revision(), before + 1);
  assert.equal(await readableBlob(trial.ctx, repo, DIGEST), BYTES.length);
  assert.ok(await store.get(leaseKey(DIGEST)));
  assert.equal(await store.get('/uploads/of-the-test'), undefined);
  await trial.collect();
  assert.ok(trial.content.blobs.has(DIGEST), 'nothing refers to it yet, but it is leased');
  trial.pass(2 * LEASE);
  await trial.collect();
  assert.ok(!trial.content.blobs.has(DIGEST), 'nor for ever');
  await trial.close();
});

test('content that is there already is leased before that is looked at, and not written again', async () => {
  const trial = openTrial();
  await arrive(trial);
  trial.pass(2 * LEASE);
  await arrive(trial, () => trial.collect());
  assert.ok(trial.content.blobs.has(DIGEST));
  assert.equal(await readableBlob(trial.ctx, repo, DIGEST), BYTES.length);
  await trial.close();
});

test('new content that is collected before anything holds it is told to be gone, and can be sent again', async () => {
  const trial = openTrial();
  await assert.rejects(
    arrive(trial, () => trial.collect()),
    UploadUnknown,
  );
  assert.equal(await readableBlob(trial.ctx, repo, DIGEST), undefined);
  await arrive(trial);
  assert.ok(trial.content.blobs.has(DIGEST));
  await trial.close();
});

test('new content is leased before it is there, where garbage has no grace', async () => {
  const trial = openTrial();
  await arrive(trial, () => trial.collect(), { graceSeconds: 0 });
  assert.ok(trial.content.blobs.has(DIGEST));
  assert.equal(await readableBlob(trial.ctx, repo, DIGEST), BYTES.length);
  await trial.close();
});

test('new content that somebody else uploads at the same moment is held for both', async () => {
  const trial = openTrial();
  await Promise.all([arrive(trial), arrive(trial, () => arrive(trial))]);
  await trial.collect();
  assert.ok(trial.content.blobs.has(DIGEST));
  assert.equal(await readableBlob(trial.ctx, repo, DIGEST), BYTES.length);
  await trial.close();
});
