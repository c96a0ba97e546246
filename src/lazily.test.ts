import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lazily } from './lazily.ts';

test('what is loaded is loaded once, for all who ask meanwhile, and is at hand afterwards', async () => {
  let loads = 0;
  const get = lazily(async () => ++loads);
  assert.deepEqual(await Promise.all([get(), get()]), [1, 1]);
  assert.equal(get(), 1);
});

test('what could not be loaded is tried again by the next who asks', async () => {
  let loads = 0;
  const get = lazily(async () => {
    if (++loads === 1) throw new Error('too many open files');
    return 'loaded';
  });
  await assert.rejects(async () => get(), /too many open files/);
  assert.equal(await get(), 'loaded');
  assert.equal(loads, 2);
});
