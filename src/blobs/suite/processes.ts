/** Content that several processes, or one after the other, have opened. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { digestOf } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES } from '../../limits.ts';
import { BlobsUnavailable, UploadOffset } from '../blobs.ts';
import type { BlobsTests } from '../suite.ts';
import { ABSENT, bytesOf, openSource, push, sourceOf } from './sources.ts';

export const processTests: BlobsTests = {
  'blobs and uploads are there for another process, which may go on with an upload': async ({ blobs, another }) => {
    const other = await another();
    const digest = await push(blobs, Buffer.from('shared'));
    assert.equal((await bytesOf(await other.read(digest))).toString(), 'shared');
    const id = await blobs.begin();
    const parts = ['one ', 'two ', 'three ', 'four'];
    let held = 0;
    for (const [n, part] of parts.entries()) {
      const turns = n % 2 === 0 ? blobs : other;
      assert.equal(await turns.uploaded(id), held);
      held = await turns.append(id, held, sourceOf([Buffer.from(part)]));
    }
    await assert.rejects(blobs.append(id, 4, sourceOf([Buffer.from('x')])), UploadOffset);
    await other.commit(id, digestOf(parts.join('')));
    assert.equal(await blobs.uploaded(id), undefined);
    assert.equal((await bytesOf(await blobs.read(digestOf(parts.join(''))))).toString(), parts.join(''));
    assert.equal(await other.delete(digest), true);
    assert.equal(await blobs.stat(digest), undefined);
  },

  'an upload goes on after a restart': async ({ blobs, another }) => {
    const bytes = randomBytes(2 * BLOB_PIECE_BYTES);
    const id = await blobs.begin();
    const half = await blobs.append(id, 0, sourceOf([bytes.subarray(0, BLOB_PIECE_BYTES + 5)]));
    await blobs.close();
    const next = await another();
    assert.equal(await next.uploaded(id), half);
    await next.append(id, half, sourceOf([bytes.subarray(half)]));
    await next.commit(id, digestOf(bytes));
    assert.ok((await bytesOf(await next.read(digestOf(bytes)))).equals(bytes));
  },

  'close breaks appends off and keeps what had come; then nothing works any more': async ({ blobs, another }) => {
    const id = await blobs.begin();
    const source = openSource(Buffer.from('abc'));
    const append = assert.rejects(blobs.append(id, 0, source), BlobsUnavailable);
    if (!source.readableDidRead) await once(source, 'data');
    await Promise.all([blobs.close(), blobs.close()]);
    await append;
    await blobs.close();
    assert.equal(source.destroyed, false);
    await assert.rejects(blobs.begin(), BlobsUnavailable);
    await assert.rejects(blobs.stat(ABSENT), BlobsUnavailable);
    await assert.rejects(blobs.append(id, 3, sourceOf([])), BlobsUnavailable);
    const next = await another();
    assert.equal(await next.uploaded(id), 3);
    await next.commit(id, digestOf('abc'));
  },
};
