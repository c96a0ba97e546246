import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../image/digest.ts';
import { COPY_PAGE_ENTRIES } from '../limits.ts';
import { type Blobs, BlobsUnavailable } from './blobs.ts';
import { type BlobsCopyProgress, copyBlobs } from './copy.ts';
import { memoryContent, openMemoryBlobs } from './memory/memory.ts';
import { bytesOf } from './suite/sources.ts';

const silent = (): void => undefined;

async function filled(contents: readonly Buffer[]): Promise<Blobs> {
  const blobs = openMemoryBlobs();
  for (const bytes of contents) await blobs.put(digestOf(bytes), bytes);
  return blobs;
}

test('the target then has all that the source has, and what it had', async () => {
  const contents = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom('from', 'to', 'both')));
  await fc.assert(
    fc.asyncProperty(contents, async (blobs) => {
      const distinct = [...new Map(blobs).entries()].map(([n, where]) => ({ bytes: Buffer.from(`blob ${n}`), where }));
      const those = (...places: string[]) =>
        distinct.filter(({ where }) => places.includes(where)).map(({ bytes }) => bytes);
      const [from, to] = [await filled(those('from', 'both')), await filled(those('to', 'both'))];
      const copied = await copyBlobs(from, to, silent);
      assert.deepEqual(await to.list(undefined, 100), distinct.map(({ bytes }) => digestOf(bytes)).sort());
      assert.deepEqual(
        [copied.blobs, copied.copied, copied.damaged],
        [those('from', 'both').length, those('from').length, []],
      );
      assert.equal(
        copied.bytes,
        those('from').reduce((sum, { length }) => sum + length, 0),
      );
      assert.equal((await copyBlobs(from, to, silent)).copied, 0, 'a second copy has nothing to do');
    }),
    { numRuns: 50 },
  );
});

test('large blobs come whole, many come page by page, and how far it is is told', async () => {
  const many = Array.from({ length: COPY_PAGE_ENTRIES + 20 }, (_, n) => Buffer.from(`${n}`));
  const large = randomBytes(3_000_000);
  const [from, to] = [await filled([...many, large]), openMemoryBlobs()];
  const heard: BlobsCopyProgress[] = [];
  const { copied } = await copyBlobs(from, to, (progress) => heard.push(progress));
  assert.equal(copied, many.length + 1);
  assert.ok((await bytesOf(await to.read(digestOf(large)))).equals(large));
  assert.deepEqual([heard.at(-1)?.done, heard.at(-1)?.total], [copied, copied]);
  assert.ok(heard.every(({ done, total }, index) => done <= total && done >= (heard[index - 1]?.done ?? 0)));
});

test('damaged content is left out and named; the rest is copied', async () => {
  const content = memoryContent();
  content.blobs.set(digestOf('right'), Buffer.from('right'));
  content.blobs.set(digestOf('damaged'), Buffer.from('something else'));
  const to = openMemoryBlobs();
  const copied = await copyBlobs(openMemoryBlobs(content), to, silent);
  assert.deepEqual([copied.copied, copied.damaged], [1, [digestOf('damaged')]]);
  assert.deepEqual(await to.list(undefined, 10), [digestOf('right')]);
  assert.deepEqual(await to.staleUploads(new Date(Date.now() + 1000)), [], 'no upload is left');
});

test('a target that fails ends the copy with its own error; begun again, the copy goes on', async () => {
  const from = await filled(Array.from({ length: 30 }, (_, n) => Buffer.from(`blob ${n}`)));
  const to = openMemoryBlobs();
  let left = 10;
  const failing: Blobs = {
    ...boundTo(to),
    commit: (id, digest) => {
      left -= 1;
      return left < 0 ? Promise.reject(new BlobsUnavailable('the disk is away')) : to.commit(id, digest);
    },
  };
  await assert.rejects(copyBlobs(from, failing, silent), /the disk is away/);
  assert.equal((await to.list(undefined, 100)).length, 10);
  assert.deepEqual(await to.staleUploads(new Date(Date.now() + 1000)), []);
  const { copied, blobs } = await copyBlobs(from, to, silent);
  assert.deepEqual([copied, blobs], [20, 30]);
});

/** The methods of a driver, so that some can be others. */
function boundTo(blobs: Blobs): Blobs {
  return {
    stat: (digest) => blobs.stat(digest),
    read: (digest, range) => blobs.read(digest, range),
    put: (digest, bytes) => blobs.put(digest, bytes),
    begin: () => blobs.begin(),
    uploaded: (id) => blobs.uploaded(id),
    append: (id, offset, source) => blobs.append(id, offset, source),
    commit: (id, digest) => blobs.commit(id, digest),
    abort: (id) => blobs.abort(id),
    delete: (digest) => blobs.delete(digest),
    list: (after, limit) => blobs.list(after, limit),
    staleUploads: (before) => blobs.staleUploads(before),
    close: () => blobs.close(),
  };
}
