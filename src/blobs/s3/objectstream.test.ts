import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { BLOB_PIECE_BYTES, S3_TRIES } from '../../limits.ts';
import { BlobsUnavailable, type ByteRange } from '../blobs.ts';
import { BodyReader } from './bodyreader.ts';
import type { OpenObject } from './bucket.ts';
import { type ObjectSource, objectStream } from './objectstream.ts';

const content = randomBytes(3 * BLOB_PIECE_BYTES + 77);

/** A body that gives the bytes in chunks, and breaks off after so many. */
function bodyOf(bytes: Buffer, chunk: number, breaksAfter = Number.POSITIVE_INFINITY): Readable {
  function* give(): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunk) {
      if (at >= breaksAfter) throw new Error('cut');
      yield bytes.subarray(at, Math.min(at + chunk, bytes.length, at + Math.max(1, breaksAfter - at)));
      if (at + chunk > breaksAfter) throw new Error('cut');
    }
  }
  return Readable.from(give());
}

function readerOf(...body: Parameters<typeof bodyOf>): BodyReader {
  return new BodyReader(bodyOf(...body));
}

/** A bucket with one object, each of whose answers breaks off after the next of these numbers of bytes. */
function source(breaks: number[], chunk = 65_536): ObjectSource & { readonly asked: ByteRange[] } {
  const asked: ByteRange[] = [];
  return {
    name: 's3://images',
    asked,
    async open(_key, range): Promise<OpenObject> {
      assert.ok(range);
      asked.push(range);
      const body = readerOf(content.subarray(range.start, range.end + 1), chunk, breaks.shift());
      return { size: content.length, metadata: {}, body };
    },
  };
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece as Buffer));
  return Buffer.concat(pieces);
}

test('where an answer breaks off, the next one goes on at that very byte', async () => {
  const breaks = fc.array(fc.integer({ min: 1, max: 2 * BLOB_PIECE_BYTES }), { maxLength: S3_TRIES - 1 });
  const range = fc.tuple(fc.nat(content.length - 1), fc.nat(content.length - 1)).map(([a, b]) => ({
    start: Math.min(a, b),
    end: Math.max(a, b) + 1,
  }));
  await fc.assert(
    fc.asyncProperty(breaks, range, fc.integer({ min: 1_000, max: 100_000 }), async (cuts, { start, end }, chunk) => {
      const [first, ...others] = cuts;
      const body = readerOf(content.subarray(start, end), chunk, first);
      const stream = objectStream(source(others, chunk), 'content/x', { start, end }, body);
      assert.ok((await bytesOf(stream)).equals(content.subarray(start, end)));
    }),
    { numRuns: 30 },
  );
});

test('an answer that ends early counts as broken off', async () => {
  const bucket = source([]);
  const short = Readable.from([content.subarray(0, 1_000)]);
  const stream = objectStream(bucket, 'content/x', { start: 0, end: content.length }, new BodyReader(short));
  assert.ok((await bytesOf(stream)).equals(content));
  assert.deepEqual(bucket.asked, [{ start: 1_000, end: content.length - 1 }]);
});

test('a bucket that breaks off again and again is given up, with its name', async () => {
  const stream = objectStream(
    source([1, 1, 1, 1, 1, 1]),
    'content/x',
    { start: 0, end: content.length },
    readerOf(content, 1, 1),
  );
  await assert.rejects(bytesOf(stream), (error) => {
    assert.ok(error instanceof BlobsUnavailable);
    assert.match(error.message, /content\/x: s3:\/\/images broke off 4 times/);
    return true;
  });
});

test('an object that was deleted meanwhile is said to be', async () => {
  const gone: ObjectSource = { name: 's3://images', open: async () => undefined };
  const stream = objectStream(gone, 'content/x', { start: 0, end: content.length }, readerOf(content, 65_536, 65_536));
  await assert.rejects(bytesOf(stream), /content\/x was deleted while it was read/);
});

test('destroying the stream lets go of the answer', async () => {
  const body = bodyOf(content, 65_536);
  const stream = objectStream(source([]), 'content/x', { start: 0, end: content.length }, new BodyReader(body));
  stream.read(0);
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  assert.equal(body.destroyed, true);
});
