import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { imageStreams, streamKey, tagPart } from '../streams/imagestream.ts';
import type { ImageStream } from '../streams/types.ts';
import { readKept, readObject } from './reads.ts';
import { createObject, updateObject } from './writes.ts';

const EVENT = { created: '2026-01-01T00:00:00Z', dockerImageReference: 'r/n/s@sha256:a', image: '', generation: 1 };

test('an object of several parts that was just written is not listed again, until somebody else writes it', async () => {
  const ctx = await testContext();
  await createObject(ctx, imageStreams, 'default', { metadata: { name: 'app' }, spec: {} } as ImageStream);
  let lists = 0;
  const list = ctx.store.list.bind(ctx.store);
  ctx.store.list = (...args) => {
    lists++;
    return list(...args);
  };
  const written = await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
    old.metadata.labels = { tier: 'web' };
    return old;
  });
  const kept = await readKept(ctx.store, imageStreams, 'default', 'app');
  assert.equal(String(kept?.head.revision), written.object.metadata.resourceVersion);
  assert.equal(lists, 0);

  const key = streamKey('default', 'app');
  const history = { tag: 'v1', items: [EVENT] };
  await ctx.store.commit([
    { op: 'put', key, value: kept?.head.value ?? Buffer.alloc(0) },
    { op: 'put', key: key + tagPart('v1'), value: Buffer.from(JSON.stringify(history)) },
  ]);
  const read = await readObject(ctx, imageStreams, 'default', 'app');
  assert.deepEqual(read.status?.tags, [history]);
  assert.deepEqual(read.metadata.labels, { tier: 'web' });
  assert.equal(lists, 1);

  await ctx.store.commit([
    { op: 'delete', key },
    { op: 'delete', key: key + tagPart('v1') },
  ]);
  assert.equal(await readKept(ctx.store, imageStreams, 'default', 'app'), undefined);
});

test('a past state is read from the store, whatever is remembered', async () => {
  const ctx = await testContext();
  const stream = { metadata: { name: 'app' }, spec: {} } as ImageStream;
  const first = await createObject(ctx, imageStreams, 'default', stream);
  const exactly = Number(first.object.metadata.resourceVersion);
  await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
    old.metadata.labels = { tier: 'web' };
    return old;
  });
  const past = await readKept(ctx.store, imageStreams, 'default', 'app', { exactly });
  assert.equal(past?.head.revision, exactly);
});
