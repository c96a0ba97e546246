import assert from 'node:assert/strict';
import { test } from 'node:test';
import { S3_PATIENCE_MS, S3_RETRY_BUDGET, S3_TRIES } from '../../limits.ts';
import { BlobsUnavailable } from '../blobs.ts';
import { Retry } from './retry.ts';

const slowDown = (): Error =>
  Object.assign(new Error('slow down'), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
const denied = (): Error =>
  Object.assign(new Error('denied'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });

/** Fails so many times, and then gives how often it was asked. */
function failing(times: number, error: () => Error): () => Promise<number> {
  let asked = 0;
  return async () => {
    asked += 1;
    if (asked <= times) throw error();
    return asked;
  };
}

test('what passes is tried again, a few times', async () => {
  const retry = new Retry({ random: () => 0 });
  assert.equal(await retry.run(failing(S3_TRIES - 1, slowDown)), S3_TRIES);
  await assert.rejects(retry.run(failing(S3_TRIES, slowDown)), /slow down/);
  let asked = 0;
  const refused = async (): Promise<void> => {
    asked += 1;
    throw denied();
  };
  await assert.rejects(retry.run(refused), /denied/);
  assert.equal(asked, 1);
});

test('no try is begun when the patience is over', async () => {
  let now = 0;
  const retry = new Retry({ random: () => 0, clock: () => now });
  let asked = 0;
  const slow = async (): Promise<void> => {
    asked += 1;
    now += S3_PATIENCE_MS + 1;
    throw slowDown();
  };
  await assert.rejects(retry.run(slow), /slow down/);
  assert.equal(asked, 1);
});

test('an S3 that asks for more time than there is patience is not asked again', async () => {
  const retry = new Retry({ random: () => 0 });
  const later = () => Object.assign(slowDown(), { $retryable: { retryAfterHint: new Date(Date.now() + 60_000) } });
  let asked = 0;
  await assert.rejects(
    retry.run(async () => {
      asked += 1;
      throw later();
    }),
    /slow down/,
  );
  assert.equal(asked, 1);
});

test('all requests share a budget, which successes fill again', async () => {
  const retry = new Retry({ random: () => 0 });
  let asked = 0;
  const broken = async (): Promise<void> => {
    asked += 1;
    throw slowDown();
  };
  const requests = 2 * S3_RETRY_BUDGET;
  for (let n = 0; n < requests; n += 1) await assert.rejects(retry.run(broken));
  assert.equal(asked, requests + S3_RETRY_BUDGET);
  assert.equal(retry.budget, 0);
  for (let n = 0; n < 25; n += 1) await retry.run(async () => n);
  assert.equal(retry.budget, 2);
});

test('a try that takes too long is broken off, and its signal is left alone once it has succeeded', async () => {
  const retry = new Retry({ random: () => 0 });
  let tries = 0;
  const signal = await retry.run(
    async (given) => {
      tries += 1;
      if (tries === 2) return given;
      return await new Promise<AbortSignal>((_, reject) => {
        given.addEventListener('abort', () => reject(Object.assign(new Error('aborted'), { name: 'AbortError' })));
      });
    },
    { tryMs: 5 },
  );
  assert.equal(tries, 2);
  retry.close();
  assert.equal(signal.aborted, false);
});

test('closing breaks off what is under way, and the waits', async () => {
  const retry = new Retry({ random: () => 1 });
  const waiting = assert.rejects(retry.run(failing(9, slowDown)), BlobsUnavailable);
  const hanging = assert.rejects(
    retry.run(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    ),
    BlobsUnavailable,
  );
  await new Promise((resolve) => setImmediate(resolve));
  retry.close();
  await Promise.all([waiting, hanging]);
  await assert.rejects(
    retry.run(async () => 1),
    BlobsUnavailable,
  );
});
