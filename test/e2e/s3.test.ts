/** The S3 driver against real servers: what every driver must do, and what only large uploads meet. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { UploadBusy, type UploadId, UploadUnknown } from '../../src/blobs/blobs.ts';
import { Bucket } from '../../src/blobs/s3/bucket.ts';
import { openS3Blobs } from '../../src/blobs/s3/s3.ts';
import { bytesOf, madeOf, openSource, push, sourceOf } from '../../src/blobs/suite/sources.ts';
import { blobsSuite } from '../../src/blobs/suite.ts';
import { digestOf } from '../../src/image/digest.ts';
import { S3_PART_BYTES } from '../../src/limits.ts';
import { addressOf, type TestBlobs, testBlobs } from '../s3blobs.ts';
import { S3_MAKES, type S3Server, startS3 } from '../s3server.ts';

const MiB = 1024 * 1024;
const WEEK_MS = 7 * 24 * 3600 * 1000;
/** More than S3 lists at once. */
const MANY_PARTS = 1_030;

for (const make of S3_MAKES) {
  let server: S3Server;
  before(async () => {
    server = await startS3({ make });
    await server.makeBucket('images');
  });
  after(async () => {
    await server?.stop();
  });

  blobsSuite(make, async () => {
    const content = testBlobs(server.endpoint);
    return {
      blobs: await content.open(),
      another: () => content.open(),
      dispose: async () => content[Symbol.asyncDispose](),
    };
  });

  suite(`${make}: uploads of several parts`, () => {
    test('grow in chunks of any size, on whatever replica, and need no more than what is durable', async () => {
      await using content = testBlobs(server.endpoint);
      const bytes = randomBytes(3 * S3_PART_BYTES + 1_234_567);
      const digest = digestOf(bytes);
      const id = await (await content.open()).begin();
      let held = 0;
      for (const length of [5, S3_PART_BYTES - 5, 100, S3_PART_BYTES, 2 * MiB, bytes.length]) {
        // A new driver each time knows nothing of what the others did.
        const replica = await content.open();
        held = await replica.append(id, held, sourceOf(chunksOf(bytes.subarray(held, held + length))));
        assert.equal(await (await content.open()).uploaded(id), held);
      }
      const last = await content.open();
      assert.deepEqual(madeOf(await last.commit(id, digest)), { digest, size: bytes.length, placed: true });
      assert.ok((await bytesOf(await last.read(digest))).equals(bytes));
      const range = { start: S3_PART_BYTES - 10, end: 2 * S3_PART_BYTES + 10 };
      assert.ok((await bytesOf(await last.read(digest, range))).equals(bytes.subarray(range.start, range.end + 1)));
      assert.equal(await leftOver(content), 1, 'nothing lies there but the blob');
    });

    test('are hashed again where their bytes came through several replicas: what is wrong is refused', async () => {
      await using content = testBlobs(server.endpoint);
      const [one, other] = [await content.open(), await content.open()];
      const bytes = randomBytes(S3_PART_BYTES + 99);
      const id = await one.begin();
      const held = await one.append(id, 0, sourceOf(chunksOf(bytes.subarray(0, 5 * MiB))));
      await other.append(id, held, sourceOf(chunksOf(bytes.subarray(held))));
      await assert.rejects(one.commit(id, digestOf('something else')), { name: 'DigestMismatch' });
      assert.equal(await other.uploaded(id), undefined);
      assert.equal(await leftOver(content), 0);
    });

    test('go on elsewhere while a process that counts as dead still works on them, which then learns it', async () => {
      await using content = testBlobs(server.endpoint);
      const [slow, quick] = [await content.open(), await content.open()];
      const bytes = randomBytes(2 * S3_PART_BYTES + 7);
      const id = await slow.begin();
      const source = openSource(bytes.subarray(0, S3_PART_BYTES + 3 * MiB));
      const lost = assert.rejects(slow.append(id, 0, source), UploadBusy);
      await untilRead(source);
      await quick.append(id, 0, sourceOf(chunksOf(bytes)));
      source.push(null);
      await lost;
      const digest = digestOf(bytes);
      await quick.commit(id, digest);
      assert.ok((await bytesOf(await slow.read(digest))).equals(bytes));
    });

    test('may be ended by one replica while another adds to them', async () => {
      await using content = testBlobs(server.endpoint);
      const [one, other] = [await content.open(), await content.open()];
      const id = await one.begin();
      const source = openSource(randomBytes(S3_PART_BYTES + MiB));
      const lost = assert.rejects(one.append(id, 0, source), UploadUnknown);
      await untilRead(source);
      assert.equal(await other.abort(id), true);
      source.push(null);
      await lost;
      assert.equal(await other.abort(id), false);
    });

    test('that nobody goes on with are dropped, with their parts and all that a dead process left', async () => {
      await using content = testBlobs(server.endpoint);
      let now = new Date();
      const address = addressOf(`s3://images/${content.prefix}?endpoint=${server.endpoint}`);
      const blobs = await openS3Blobs({ address, store: content.store, now: () => now });
      await push(blobs, randomBytes(100));
      const id = await blobs.begin();
      await blobs.append(id, 0, sourceOf(chunksOf(randomBytes(S3_PART_BYTES + 5))));
      await content.store.commit([{ op: 'put', key: garbageKey(content, id), value: Buffer.from('{}') }]);
      now = new Date(now.getTime() + WEEK_MS);
      const stale = await blobs.staleUploads(new Date(now.getTime() - 1000));
      assert.deepEqual(stale, [id]);
      for (const each of stale) assert.equal(await blobs.abort(each), true);
      assert.equal(await leftOver(content), 1);
      assert.equal((await content.store.list('/s3/')).entries.length, 0, 'no record is left');
      await blobs.close();
    });
  });

  suite(`${make}: parts of which nobody knows any more`, () => {
    test('are dropped, however many there are', async () => {
      await using content = testBlobs(server.endpoint);
      const address = addressOf(`s3://images/${content.prefix}?endpoint=${server.endpoint}`);
      const later = new Date(Date.now() + WEEK_MS);
      const blobs = await openS3Blobs({ address, store: content.store, now: () => later });
      const bucket = await Bucket.open(address);
      const key = (index: number): string => `${content.prefix}content/${index.toString(16).padStart(32, '0')}/parts`;
      for (let from = 0; from < MANY_PARTS; from += 50) {
        const some = Array.from({ length: Math.min(50, MANY_PARTS - from) }, (_, index) => key(from + index));
        await Promise.all(some.map((each) => server.beginParts('images', each)));
      }
      const left = async (): Promise<number> => (await Array.fromAsync(bucket.openParts(''))).length;
      assert.equal(await left(), MANY_PARTS);
      await blobs.staleUploads(new Date(later.getTime() - 1000));
      assert.equal(await left(), 0);
      bucket.close();
      await blobs.close();
    });
  });

  suite(`${make}: blobs`, () => {
    test('of which one replica deletes what another has read are gone for both, and can be pushed again', async () => {
      await using content = testBlobs(server.endpoint);
      const [one, other] = [await content.open(), await content.open()];
      const bytes = randomBytes(200_000);
      const digest = await push(one, bytes);
      assert.ok((await bytesOf(await other.read(digest))).equals(bytes));
      assert.equal(await one.delete(digest), true);
      assert.equal(await other.read(digest), undefined);
      assert.equal(await leftOver(content), 0);
      await push(one, bytes);
      assert.ok((await bytesOf(await other.read(digest))).equals(bytes));
    });

    test('that lost their content, or their pointer its words, are mended by the next push', async () => {
      await using content = testBlobs(server.endpoint);
      const blobs = await content.open();
      const bytes = randomBytes(1_000);
      const digest = await push(blobs, bytes);
      await removeContent(content, server);
      const fresh = await content.open();
      assert.equal(await fresh.read(digest), undefined);
      await push(fresh, bytes);
      assert.ok((await bytesOf(await (await content.open()).read(digest))).equals(bytes));
    });

    test('can be read at S3 itself by the address that they are redirected to', async () => {
      await using content = testBlobs(server.endpoint);
      const address = addressOf(`s3://images/${content.prefix}?endpoint=${server.endpoint}&redirect=true`);
      const blobs = await openS3Blobs({ address, store: content.store });
      const bytes = randomBytes(300_000);
      const url = await blobs.redirect?.(await push(blobs, bytes));
      assert.ok(url !== undefined);
      assert.ok(url.startsWith(`${server.endpoint}/images/`));
      assert.ok(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes));
      const part = await fetch(url, { headers: { Range: 'bytes=5-9' } });
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5, 10)));
      assert.equal(await blobs.redirect?.(digestOf('absent')), undefined);
      assert.equal((await content.open()).redirect, undefined, 'only if that was asked for');
      await blobs.close();
    });
  });

  /** Objects of uploads that lie there. */
  async function leftOver(content: TestBlobs): Promise<number> {
    return (await server.keys('images', `${content.prefix}content/`)).length;
  }
}

function garbageKey({ prefix }: TestBlobs, id: UploadId): string {
  return `/s3/images/${prefix}garbage/${id.replace(/^./, (first) => (first === '0' ? '1' : '0'))}`;
}

async function removeContent({ prefix }: TestBlobs, server: S3Server): Promise<void> {
  for (const key of await server.keys('images', `${prefix}content/`)) await server.removeKey('images', key);
}

function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) chunks.push(Buffer.from(bytes.subarray(at, at + 65_536)));
  return chunks;
}

/** Resolves when all that was pushed to an open source has been taken. */
async function untilRead(source: ReturnType<typeof openSource>): Promise<void> {
  while (source.readableLength > 0 || !source.readableDidRead) await new Promise((resolve) => setImmediate(resolve));
}
