/** Uploads whose source breaks off. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { digestOf } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES } from '../../limits.ts';
import type { BlobsTests } from '../suite.ts';
import { bytesOf, digestFrom, madeOf, openSource, sourceOf } from './sources.ts';

export const breakTests: BlobsTests = {
  'what had arrived is kept when the source fails, whose own error is thrown': async ({ blobs }) => {
    const id = await blobs.begin();
    const failure = Object.assign(new Error('aborted'), { code: 'ECONNRESET', syscall: 'read' });
    const broken = sourceOf([Buffer.from('ab'), Buffer.from('c')], failure);
    await assert.rejects(blobs.append(id, 0, broken), (error) => error === failure);
    assert.equal(await blobs.uploaded(id), 3);
    assert.equal(await blobs.append(id, 3, sourceOf([Buffer.from('def')])), 6);
    await blobs.commit(id, digestOf('abcdef'));
  },

  'a source that is destroyed without a reason counts as closed too early': async ({ blobs }) => {
    const id = await blobs.begin();
    const [before, during] = [openSource(Buffer.from('x')), openSource(Buffer.from('abc'))];
    before.destroy();
    await once(before, 'close');
    await assert.rejects(blobs.append(id, 0, before), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    const append = assert.rejects(blobs.append(id, 0, during), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await once(during, 'data');
    during.destroy();
    await append;
    assert.equal(await blobs.uploaded(id), 3);
    await blobs.commit(id, digestOf('abc'));
  },

  'a source that fails while the upload is looked up leaves no error unhandled': async ({ blobs }) => {
    const id = await blobs.begin();
    const source = openSource(Buffer.from('abc'));
    const append = assert.rejects(blobs.append(id, 0, source), /too soon/);
    source.destroy(new Error('too soon'));
    await append;
    assert.equal(typeof (await blobs.uploaded(id)), 'number');
  },

  'the source is held back, not gathered in memory, and then read to its end': async ({ blobs }) => {
    const chunk = randomBytes(64 * 1024);
    const hash = createHash('sha256');
    let given = 0;
    const source = new Readable({
      read() {
        given += 1;
        if (given > 160) this.push(null);
        else if (this.push(chunk)) hash.update(chunk);
        else hash.update(chunk);
      },
    });
    const id = await blobs.begin();
    assert.equal(await blobs.append(id, 0, source), 160 * chunk.length);
    await blobs.commit(id, digestFrom(`sha256:${hash.digest('hex')}`));
  },

  'any chunks and any breaks give the same blob': async ({ blobs }) => {
    const content = randomBytes(2.5 * BLOB_PIECE_BYTES);
    const step = fc.record({
      length: fc.nat(BLOB_PIECE_BYTES),
      chunk: fc.integer({ min: 1, max: 100_000 }),
      breaks: fc.boolean(),
    });
    const upload = async (steps: readonly { length: number; chunk: number; breaks: boolean }[], size: number) => {
      const bytes = content.subarray(0, size);
      const id = await blobs.begin();
      let held = 0;
      for (const { length, chunk, breaks } of [...steps, { length: size, chunk: 65_536, breaks: false }]) {
        const part = bytes.subarray(held, Math.min(size, held + length));
        const chunks: Buffer[] = [];
        for (let at = 0; at < part.length; at += chunk) chunks.push(part.subarray(at, at + chunk));
        const append = blobs.append(id, held, sourceOf(chunks, breaks ? new Error('broken') : undefined));
        if (breaks) await assert.rejects(append, /broken/);
        else assert.equal(await append, held + part.length);
        const now = await blobs.uploaded(id);
        assert.ok(now !== undefined && now >= held && now <= held + part.length);
        held = now;
      }
      assert.equal(held, size);
      const digest = digestOf(bytes);
      assert.deepEqual(madeOf(await blobs.commit(id, digest)), { digest, size, placed: true });
      assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
      await blobs.delete(digest);
    };
    const input = fc.tuple(fc.array(step, { maxLength: 4 }), fc.nat(content.length));
    await fc.assert(
      fc.asyncProperty(input, ([steps, size]) => upload(steps, size)),
      { numRuns: 25 },
    );
  },
};
