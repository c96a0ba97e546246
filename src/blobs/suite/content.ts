/** Blobs: reading, putting, deleting, listing. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Digest, digestOf } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES, SMALL_BLOB_BYTES } from '../../limits.ts';
import type { BlobsTests } from '../suite.ts';
import { ABSENT, bytesOf, digestFrom, push, sourceOf } from './sources.ts';

export const contentTests: BlobsTests = {
  'a blob that was never pushed is not there': async ({ blobs }) => {
    assert.equal(await blobs.stat(ABSENT), undefined);
    assert.equal(await blobs.read(ABSENT), undefined);
    assert.equal(await blobs.read(ABSENT, { start: 0, end: 0 }), undefined);
    assert.equal(await blobs.delete(ABSENT), false);
  },

  'put keeps a small blob under sha256 and sha512, also when it is there already': async ({ blobs }) => {
    const bytes = Buffer.from('{"schemaVersion":2}');
    for (const digest of [digestOf(bytes), digestOf(bytes, 'sha512')]) {
      await blobs.put(digest, bytes);
      await Promise.all([blobs.put(digest, bytes), blobs.put(digest, bytes)]);
      assert.equal(await blobs.stat(digest), bytes.length);
      const body = await blobs.read(digest);
      assert.equal(body?.size, bytes.length);
      assert.deepEqual(body?.bytes, bytes);
    }
  },

  'put keeps nothing of the buffer, and takes larger ones too': async ({ blobs }) => {
    const bytes = randomBytes(SMALL_BLOB_BYTES * 3);
    const [digest, copy] = [digestOf(bytes), Buffer.from(bytes)];
    await blobs.put(digest, bytes);
    bytes.fill(0);
    assert.ok((await bytesOf(await blobs.read(digest))).equals(copy));
  },

  'few bytes are given at once and many as a stream, at the very border': async ({ blobs }) => {
    for (const length of [0, 1, SMALL_BLOB_BYTES - 1, SMALL_BLOB_BYTES, SMALL_BLOB_BYTES + 1]) {
      const bytes = randomBytes(length);
      const body = await blobs.read(await push(blobs, bytes));
      assert.equal(body?.size, length);
      assert.equal(body?.bytes !== undefined, length <= SMALL_BLOB_BYTES);
      assert.ok((await bytesOf(body)).equals(bytes));
    }
  },

  'ranges hold both their ends': async ({ blobs }) => {
    const size = 2 * BLOB_PIECE_BYTES + 77;
    const bytes = randomBytes(size);
    const digest = await push(blobs, bytes);
    const ranges = [
      [0, 0],
      [size - 1, size - 1],
      [0, size - 1],
      [5, SMALL_BLOB_BYTES + 4],
      [5, SMALL_BLOB_BYTES + 5],
      [BLOB_PIECE_BYTES - 1, BLOB_PIECE_BYTES],
      [1, 2 * BLOB_PIECE_BYTES],
    ] as const;
    for (const [start, end] of ranges) {
      const body = await blobs.read(digest, { start, end });
      assert.equal(body?.size, size, 'the size is that of the whole blob');
      assert.ok((await bytesOf(body)).equals(bytes.subarray(start, end + 1)), `bytes ${start}-${end}`);
    }
    const small = await blobs.read(await push(blobs, Buffer.from('0123456789')), { start: 3, end: 5 });
    assert.deepEqual([small?.size, small?.bytes?.toString()], [10, '345']);
  },

  'pieces that are handed back may be filled again, others stay as they are': async ({ blobs }) => {
    const bytes = randomBytes(9 * BLOB_PIECE_BYTES + 77);
    const body = await blobs.read(await push(blobs, bytes));
    const seen: Buffer[] = [];
    const kept: Buffer[] = [];
    for await (const piece of body?.stream ?? []) {
      seen.push(Buffer.from(piece));
      if (seen.length % 3 === 0) kept.push(piece);
      else body?.stream?.handBack?.(piece);
    }
    assert.ok(Buffer.concat(seen).equals(bytes));
    for (const [index, piece] of kept.entries()) assert.ok(piece.equals(seen[index * 3 + 2] ?? Buffer.alloc(0)));
  },

  'a stream that is destroyed early harms nothing': async ({ blobs }) => {
    const bytes = randomBytes(3 * BLOB_PIECE_BYTES);
    const digest = await push(blobs, bytes);
    const untouched = (await blobs.read(digest))?.stream;
    const started = (await blobs.read(digest))?.stream;
    assert.ok(untouched && started);
    started.read(0);
    for (const stream of [untouched, started]) {
      stream.destroy();
      if (!stream.closed) await once(stream, 'close');
    }
    assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
  },

  'a deleted blob is gone and can be pushed again; a reader in the midst of it comes to its end': async (opened) => {
    const { blobs } = opened;
    const bytes = randomBytes(3 * BLOB_PIECE_BYTES);
    const digest = await push(blobs, bytes);
    const reading = await blobs.read(digest);
    assert.equal(await blobs.delete(digest), true);
    assert.equal(await blobs.delete(digest), false);
    assert.equal(await blobs.stat(digest), undefined);
    assert.equal(await blobs.read(digest), undefined);
    assert.ok((await bytesOf(reading)).equals(bytes));
    await push(blobs, bytes);
    assert.equal(await blobs.stat(digest), bytes.length);
  },

  'list gives all digests in the order of their text, page by page': async ({ blobs }) => {
    assert.deepEqual(await blobs.list(undefined, 10), []);
    const digests: Digest[] = [];
    for (let n = 0; n < 40; n += 1) {
      const bytes = Buffer.from(`blob ${n}`);
      const digest = digestOf(bytes, n % 4 === 0 ? 'sha512' : 'sha256');
      await blobs.put(digest, bytes);
      digests.push(digest);
    }
    await blobs.append(await blobs.begin(), 0, sourceOf([Buffer.from('an upload is no blob')]));
    digests.sort();
    assert.deepEqual(await blobs.list(undefined, 1000), digests);
    assert.deepEqual(await blobs.list(undefined, 0), []);
    for (const limit of [1, 7, 40]) {
      const found: Digest[] = [];
      for (let page = await blobs.list(undefined, limit); page.length > 0; ) {
        assert.ok(page.length <= limit);
        found.push(...page);
        page = await blobs.list(found.at(-1), limit);
      }
      assert.deepEqual(found, digests);
    }
    const between = digestFrom(`sha256:${'8'.repeat(64)}`);
    assert.deepEqual(
      await blobs.list(between, 1000),
      digests.filter((digest) => digest > between),
      'after a digest that is not there',
    );
  },
};
