import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import { createObject } from '../objects/writes.ts';
import { findStream, imageStreams } from '../streams/imagestream.ts';
import { ensureNamespaces, namespaces } from './namespaces.ts';
import { startPurge } from './purge.ts';

test('a deleted namespace takes what is in it along, and nothing is created in it meanwhile', async () => {
  const ctx = await testContext();
  await ensureNamespaces(ctx, ['gone', 'stays']);
  for (const namespace of ['gone', 'stays']) {
    await createObject(ctx, imageStreams, namespace, { metadata: { name: 'app' } });
  }
  const deleted = await deleteObject(ctx, namespaces, '', 'gone', {});
  assert.equal(deleted.object.status?.phase, 'Terminating');
  await assert.rejects(createObject(ctx, imageStreams, 'gone', { metadata: { name: 'late' } }), (error) =>
    isProblem(error, 'Forbidden'),
  );
  const purge = await startPurge(ctx, [imageStreams, namespaces]);
  while (await ctx.store.get('/namespaces/gone')) await sleep(5);
  await purge.close();
  assert.equal(await findStream(ctx, 'gone', 'app'), undefined);
  assert.ok(await findStream(ctx, 'stays', 'app'));
});

test('the namespaces that clients rely on cannot be deleted', async () => {
  const ctx = await testContext();
  await assert.rejects(deleteObject(ctx, namespaces, '', 'default', {}), (error) => isProblem(error, 'Forbidden'));
});
