/** Uploads from their beginning to their commit or abort. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { digestOf } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES } from '../../limits.ts';
import { DigestMismatch, UploadBusy, type UploadId, UploadOffset, UploadUnknown } from '../blobs.ts';
import type { BlobsTests } from '../suite.ts';
import { ABSENT, bytesOf, madeOf, openSource, push, sourceOf, UNKNOWN } from './sources.ts';

export const uploadTests: BlobsTests = {
  'an upload in one go becomes a blob and is gone': async ({ blobs }) => {
    const bytes = Buffer.from('hello');
    const id = await blobs.begin();
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(await blobs.uploaded(id), 0);
    assert.equal(await blobs.append(id, 0, sourceOf([bytes])), 5);
    assert.equal(await blobs.uploaded(id), 5);
    assert.equal(await blobs.stat(digestOf(bytes)), undefined, 'no blob before the commit');
    assert.deepEqual(madeOf(await blobs.commit(id, digestOf(bytes))), {
      digest: digestOf(bytes),
      size: 5,
      placed: true,
    });
    assert.ok((await bytesOf(await blobs.read(digestOf(bytes)))).equals(bytes));
    assert.equal(await blobs.uploaded(id), undefined);
    await assert.rejects(blobs.commit(id, digestOf(bytes)), UploadUnknown);
    await assert.rejects(blobs.append(id, 5, sourceOf([bytes])), UploadUnknown);
  },

  'an upload of what is there leaves that, and says so': async ({ blobs }) => {
    const bytes = Buffer.from('twice');
    for (const placed of [true, false]) {
      const id = await blobs.begin();
      await blobs.append(id, 0, sourceOf([bytes]));
      assert.deepEqual(madeOf(await blobs.commit(id, digestOf(bytes))), { digest: digestOf(bytes), size: 5, placed });
      assert.equal(await blobs.uploaded(id), undefined);
    }
  },

  'an empty upload is the empty blob, also after an append of nothing': async ({ blobs }) => {
    const empty = digestOf('');
    const { digest, size } = await blobs.commit(await blobs.begin(), empty);
    assert.deepEqual([digest, size], [empty, 0]);
    const id = await blobs.begin();
    assert.equal(await blobs.append(id, 0, sourceOf([])), 0);
    await blobs.commit(id, empty);
    assert.equal(await blobs.stat(empty), 0);
    assert.deepEqual((await blobs.read(empty))?.bytes, Buffer.alloc(0));
  },

  'large uploads in chunks of any size, by sha256 and sha512': async ({ blobs }) => {
    const bytes = randomBytes(3 * BLOB_PIECE_BYTES + 12_345);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const id = await blobs.begin();
      let offset = 0;
      for (const length of [1, 65_536, BLOB_PIECE_BYTES, 1_000_000, bytes.length]) {
        const part = bytes.subarray(offset, offset + length);
        const chunks: Buffer[] = [];
        for (let at = 0; at < part.length; at += 65_536) chunks.push(part.subarray(at, at + 65_536));
        offset = await blobs.append(id, offset, sourceOf(chunks));
        assert.equal(await blobs.uploaded(id), offset);
      }
      const digest = digestOf(bytes, algorithm);
      assert.deepEqual(madeOf(await blobs.commit(id, digest)), { digest, size: bytes.length, placed: true });
      assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    }
  },

  'what a driver hands back is of no more use to it': async ({ blobs }) => {
    const bytes = randomBytes(3 * BLOB_PIECE_BYTES + 12_345);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, n) =>
      Buffer.from(bytes.subarray(n * 65_536, (n + 1) * 65_536)),
    );
    const id = await blobs.begin();
    await blobs.append(id, 0, Object.assign(sourceOf(chunks), { handBack: (chunk: Uint8Array) => chunk.fill(0) }));
    await blobs.commit(id, digestOf(bytes));
    assert.ok((await bytesOf(await blobs.read(digestOf(bytes)))).equals(bytes));
  },

  'a wrong offset is refused before the source is read, and the upload lives on': async ({ blobs }) => {
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([Buffer.from('abc')]));
    for (const offset of [0, 2, 4]) {
      const source = openSource(Buffer.from('zzz'));
      await assert.rejects(blobs.append(id, offset, source), (error) => {
        assert.ok(error instanceof UploadOffset);
        assert.equal(error.actual, 3);
        return true;
      });
      assert.deepEqual([source.readableDidRead, source.destroyed, source.readableLength], [false, false, 3]);
    }
    assert.equal(await blobs.append(id, 3, sourceOf([Buffer.from('def')])), 6);
    await blobs.commit(id, digestOf('abcdef'));
  },

  'an upload that does not exist, or whose id is malformed, is unknown': async ({ blobs }) => {
    for (const id of [UNKNOWN, '../../../etc/passwd' as UploadId, '' as UploadId, `${UNKNOWN}\n` as UploadId]) {
      const source = openSource(Buffer.from('x'));
      assert.equal(await blobs.uploaded(id), undefined);
      assert.equal(await blobs.abort(id), false);
      await assert.rejects(blobs.append(id, 0, source), UploadUnknown);
      await assert.rejects(blobs.commit(id, ABSENT), UploadUnknown);
      assert.equal(source.readableDidRead, false);
    }
  },

  'content that is not what the digest says is dropped, and so is the upload': async ({ blobs }) => {
    const actual = digestOf('what came');
    for (const expected of [ABSENT, digestOf('other', 'sha512')]) {
      const id = await blobs.begin();
      await blobs.append(id, 0, sourceOf([Buffer.from('what came')]));
      await assert.rejects(blobs.commit(id, expected), (error) => {
        assert.ok(error instanceof DigestMismatch);
        assert.equal(error.actual, expected === ABSENT ? actual : digestOf('what came', 'sha512'));
        return true;
      });
      assert.equal(await blobs.uploaded(id), undefined);
      assert.deepEqual(await blobs.list(undefined, 10), []);
    }
  },

  'the same content twice, one after the other and at once': async ({ blobs }) => {
    const bytes = randomBytes(200_000);
    const digest = await push(blobs, bytes);
    await push(blobs, bytes);
    await blobs.delete(digest);
    await Promise.all(Array.from({ length: 6 }, () => push(blobs, bytes)));
    assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    assert.deepEqual(await blobs.list(undefined, 10), [digest]);
    assert.deepEqual(await blobs.staleUploads(new Date(Date.now() + 60_000)), []);
  },

  'wrong content for a blob that exists is refused, and the blob stays': async ({ blobs }) => {
    const digest = await push(blobs, Buffer.from('right'));
    await assert.rejects(push(blobs, Buffer.from('wrong'), digest), DigestMismatch);
    assert.equal((await bytesOf(await blobs.read(digest))).toString(), 'right');
  },

  'one piece of work on an upload at a time': async ({ blobs }) => {
    const id = await blobs.begin();
    const source = openSource(Buffer.from('first '));
    const other = openSource(Buffer.from('x'));
    const append = blobs.append(id, 0, source);
    await assert.rejects(blobs.append(id, 0, other), UploadBusy);
    await assert.rejects(blobs.commit(id, digestOf('first ')), UploadBusy);
    assert.deepEqual([other.readableDidRead, other.destroyed], [false, false]);
    source.push('second');
    source.push(null);
    assert.equal(await append, 12);
    await blobs.commit(id, digestOf('first second'));
  },

  'an aborted upload is gone': async ({ blobs }) => {
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([Buffer.from('abc')]));
    assert.equal(await blobs.abort(id), true);
    assert.equal(await blobs.abort(id), false);
    assert.equal(await blobs.uploaded(id), undefined);
    await assert.rejects(blobs.commit(id, digestOf('abc')), UploadUnknown);
  },

  'an abort breaks an append off': async ({ blobs }) => {
    const id = await blobs.begin();
    const source = openSource(Buffer.from('abc'));
    const append = assert.rejects(blobs.append(id, 0, source), UploadUnknown);
    assert.equal(await blobs.abort(id), true);
    await append;
    assert.equal(source.destroyed, false, 'the connection is the caller’s to answer on');
    assert.equal(await blobs.uploaded(id), undefined);
  },

  'uploads that nobody has added to since a time are stale': async ({ blobs }) => {
    const past = new Date(Date.now() - 60_000);
    const future = new Date(Date.now() + 60_000);
    const [idle, busy] = [await blobs.begin(), await blobs.begin()];
    const source = openSource(Buffer.from('abc'));
    const append = blobs.append(busy, 0, source);
    await turn();
    assert.deepEqual(await blobs.staleUploads(past), []);
    assert.deepEqual(await blobs.staleUploads(future), [idle], 'one that is being added to is not stale');
    source.push(null);
    await append;
    assert.deepEqual((await blobs.staleUploads(future)).sort(), [idle, busy].sort());
  },
};
