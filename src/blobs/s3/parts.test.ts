import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { S3_PART_BYTES, S3_PARTS_AT_ONCE, S3_PARTS_HELD } from '../../limits.ts';
import { BlobsUnavailable } from '../blobs.ts';
import type { SentPart } from './bucket.ts';
import { PartMemory, Parts, type PartsBucket } from './parts.ts';

const MiB = 1024 * 1024;

function sumOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Sent {
  readonly number: number;
  readonly sum: string;
}

/** A bucket that keeps the sums of the parts; what `gate` gives is waited for before each part is taken. */
function recording(gate: (number: number) => Promise<void> = async () => {}): PartsBucket & {
  readonly sent: Sent[];
  readonly most: () => number;
  begun: number;
} {
  const sent: Sent[] = [];
  let [flying, most] = [0, 0];
  return {
    sent,
    most: () => most,
    begun: 0,
    async beginParts() {
      this.begun += 1;
      return 'upload';
    },
    async putPart(_key, _id, number, bytes): Promise<SentPart> {
      flying += 1;
      most = Math.max(most, flying);
      const sum = sumOf(bytes);
      try {
        await gate(number);
      } finally {
        flying -= 1;
      }
      sent.push({ number, sum });
      return { etag: `"${number}"` };
    },
  };
}

test('whatever the chunks are, part n holds the same bytes, and the rest waits', async () => {
  const bytes = randomBytes(3 * S3_PART_BYTES + 1000);
  for (const chunk of [65_536, MiB + 7, S3_PART_BYTES, bytes.length]) {
    const bucket = recording();
    const parts = new Parts({ bucket, memory: new PartMemory(), key: 'content/x/parts', before: undefined });
    for (let at = 0; at < bytes.length; at += chunk) await parts.add([bytes.subarray(at, at + chunk)]);
    await parts.settle();
    const expected = [0, 1, 2].map((index) => ({
      number: index + 1,
      sum: sumOf(bytes.subarray(index * S3_PART_BYTES, (index + 1) * S3_PART_BYTES)),
    }));
    assert.deepEqual(
      bucket.sent.sort((a, b) => a.number - b.number),
      expected,
    );
    assert.deepEqual(parts.sent, { uploadId: 'upload', sent: [1, 2, 3].map((n) => ({ etag: `"${n}"` })) });
    assert.ok(parts.rest.equals(bytes.subarray(3 * S3_PART_BYTES)));
    assert.equal(bucket.begun, 1);
    parts.close();
  }
});

test('parts that were sent before are gone on from', async () => {
  const bucket = recording();
  const before = { uploadId: 'old', sent: [{ etag: '"1"' }, { etag: '"2"' }] };
  const parts = new Parts({ bucket, memory: new PartMemory(), key: 'content/x/parts', before });
  await parts.add([Buffer.alloc(S3_PART_BYTES)]);
  await parts.settle();
  assert.deepEqual([bucket.begun, bucket.sent[0]?.number, parts.sent?.sent.length], [0, 3, 3]);
  parts.close();
});

test('no more than a few are on their way, and one that failed ends the append', async () => {
  const bucket = recording(async (number) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (number === 6) throw new BlobsUnavailable('away');
  });
  const parts = new Parts({ bucket, memory: new PartMemory(), key: 'content/x/parts', before: undefined });
  const part = Buffer.alloc(S3_PART_BYTES);
  await assert.rejects(async () => {
    for (let n = 0; n < 20; n += 1) await parts.add([part]);
  }, /away/);
  await assert.rejects(parts.settle(), /away/);
  assert.ok(bucket.most() <= S3_PARTS_AT_ONCE);
  assert.equal(parts.sent?.sent.length, 5, 'what comes after a gap does not count');
  parts.close();
});

test('memory is waited for while a part is being sent, and never when nothing is', async () => {
  const memory = new PartMemory();
  const held = [];
  for (let n = 0; n < S3_PARTS_HELD + 2; n += 1) held.push(await memory.take());
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = held;
  const sending = Promise.withResolvers<void>();
  const sent = memory.spend(first, () => sending.promise);
  const more = memory.spend(second, () => sending.promise);
  let got = 0;
  const waiting = [memory.take(), memory.take(), memory.take()].map((take) => take.then(() => (got += 1)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(got, 0);
  sending.resolve();
  await Promise.all([sent, more]);
  await Promise.all(waiting);
  assert.equal(got, 3, 'when nothing is being sent any more, nobody waits');
});
