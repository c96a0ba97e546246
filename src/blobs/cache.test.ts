import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { BLOB_CACHE_BYTES, SMALL_BLOB_BYTES } from '../limits.ts';
import type { Blobs } from './blobs.ts';
import { cachedBlobs } from './cache.ts';
import { memoryContent, openMemoryBlobs } from './memory/memory.ts';
import { bytesOf, push } from './suite/sources.ts';
import { blobsSuite } from './suite.ts';

blobsSuite('cached memory', async () => {
  const content = memoryContent();
  const opened: Blobs[] = [];
  const another = async () => {
    const blobs = cachedBlobs(openMemoryBlobs(content), BLOB_CACHE_BYTES);
    opened.push(blobs);
    return blobs;
  };
  const dispose = async () => {
    for (const blobs of opened) await blobs.close();
  };
  return { blobs: await another(), another, dispose };
});

/** A cache over a driver that counts the reads which reach it. */
function counted(limitBytes: number) {
  const driver = openMemoryBlobs();
  const reads = { count: 0 };
  const read: Blobs['read'] = (digest, range) => {
    reads.count += 1;
    return driver.read(digest, range);
  };
  const counting = new Proxy(driver, {
    get: (target, name) => {
      if (name === 'read') return read;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { driver, blobs: cachedBlobs(counting, limitBytes), reads };
}

it('a small blob that was put or read is read without the driver, in ranges too', async () => {
  const { driver, blobs, reads } = counted(BLOB_CACHE_BYTES);
  const [put, pushed] = [Buffer.from('a manifest'), Buffer.from('a config')];
  await blobs.put(digestOf(put), put);
  assert.deepEqual(blobs.peek(digestOf(put)), put);
  await push(driver, pushed);
  assert.equal(blobs.peek(digestOf(pushed)), undefined);
  await blobs.read(digestOf(pushed), { start: 0, end: 2 });
  assert.equal(blobs.peek(digestOf(pushed)), undefined, 'a part is not kept');
  await blobs.read(digestOf(pushed));
  const before = reads.count;
  assert.equal((await bytesOf(await blobs.read(digestOf(pushed)))).toString(), 'a config');
  const range = await blobs.read(digestOf(put), { start: 2, end: 5 });
  assert.deepEqual([range?.size, range?.bytes?.toString()], [10, 'mani']);
  assert.equal(reads.count, before);
});

it('the cache stays within its bytes and lets the longest unused go', async () => {
  const { blobs } = counted(40_000);
  const contents = Array.from({ length: 6 }, () => randomBytes(9_000));
  const digests = contents.map((bytes) => digestOf(bytes));
  for (const [n, bytes] of contents.entries()) {
    await blobs.put(digestOf(bytes), bytes);
    if (n > 0) await blobs.read(digestOf(contents[0] ?? bytes));
  }
  assert.deepEqual(
    digests.map((digest) => blobs.peek(digest) !== undefined),
    [true, false, false, true, true, true],
  );
});

it('large blobs, and blobs larger than the cache, are not kept', async () => {
  const { blobs } = counted(10_000);
  for (const length of [10_000, SMALL_BLOB_BYTES + 1]) {
    const bytes = randomBytes(length);
    await blobs.put(digestOf(bytes), bytes);
    await bytesOf(await blobs.read(digestOf(bytes)));
    assert.equal(blobs.peek(digestOf(bytes)), undefined);
  }
});

it('a change of the buffer that was put does not reach the cache', async () => {
  const { blobs } = counted(BLOB_CACHE_BYTES);
  const bytes = Buffer.from('content');
  const digest = digestOf(bytes);
  await blobs.put(digest, bytes);
  bytes.fill(0);
  assert.equal(blobs.peek(digest)?.toString(), 'content');
});

it('a deletion is not undone by a read that began before it or ended within it', async () => {
  const { blobs } = counted(BLOB_CACHE_BYTES);
  const bytes = Buffer.from('content');
  const digest = digestOf(bytes);
  await blobs.put(digest, bytes);
  await blobs.delete(digest);
  await blobs.put(digest, bytes);
  const reading = blobs.read(digest);
  const deleting = blobs.delete(digest);
  await Promise.all([reading, blobs.read(digest), deleting]);
  assert.equal(blobs.peek(digest), undefined);
  assert.equal(await blobs.read(digest), undefined);
});
