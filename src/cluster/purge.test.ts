import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { findStream, imageStreams } from '../streams/imagestream.ts';
import { ensureNamespaces, type Namespace, namespaces } from './namespaces.ts';
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

test('finalizers hold a namespace, which says so, and goes when they are gone', async () => {
  const ctx = await testContext();
  await ensureNamespaces(ctx, ['held']);
  await createObject(ctx, imageStreams, 'held', { metadata: { name: 'app', finalizers: ['a.test/stream'] } });
  const finalizers = ['a.test/namespace'];
  await updateObject(ctx, namespaces, '', 'held', (old) => ({ ...old, metadata: { ...old.metadata, finalizers } }));
  await deleteObject(ctx, namespaces, '', 'held', {});
  const purge = await startPurge(ctx, [imageStreams, namespaces]);
  const conditions = async (): Promise<string[]> => {
    const entry = await ctx.store.get('/namespaces/held');
    const { status, spec } = JSON.parse(entry?.value.toString() ?? '{}') as Namespace;
    const told = (status?.conditions ?? []).map(({ type, message }) => `${type}: ${message}`);
    return [...told, `finalizers: ${spec?.finalizers?.join()}`];
  };
  const until = async (words: string): Promise<void> => {
    while (!(await conditions()).join('\n').includes(words)) await sleep(5);
  };
  await until('NamespaceContentRemaining: Some');
  assert.deepEqual(await conditions(), [
    'NamespaceContentRemaining: Some resources are remaining: imagestreams.image.openshift.io has 1 resource instances',
    'NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: a.test/stream in 1 resource instances',
    'finalizers: kubernetes',
  ]);
  const release = <T extends KubeObject>({ metadata: { finalizers: _gone, ...metadata }, ...old }: T): T =>
    ({ ...old, metadata }) as unknown as T;
  await updateObject(ctx, imageStreams, 'held', 'app', release);
  // The next look is at the namespace's next change.
  await updateObject(ctx, namespaces, '', 'held', (old) => {
    old.metadata.labels = { ...old.metadata.labels, touched: 'yes' };
    return old;
  });
  await until('All content successfully removed');
  assert.ok((await conditions()).includes('finalizers: undefined'));
  await updateObject(ctx, namespaces, '', 'held', release);
  while (await ctx.store.get('/namespaces/held')) await sleep(5);
  await purge.close();
});

test('the namespaces that clients rely on cannot be deleted', async () => {
  const ctx = await testContext();
  await assert.rejects(deleteObject(ctx, namespaces, '', 'default', {}), (error) => isProblem(error, 'Forbidden'));
});
