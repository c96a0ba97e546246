import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testContext } from '../../test/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { type Namespace, namespaces } from './namespaces.ts';
import { startPurge } from './purge.ts';

/** The rules of a subresource. */
function rulesOf(name: string) {
  const rules = namespaces.subresources?.find((sub) => sub.name === name)?.status;
  assert.ok(rules);
  return { rules };
}

test('a namespace has its name as a label, and the finalizer of what is in it', async () => {
  const ctx = await testContext();
  const { object } = await createObject(ctx, namespaces, '', {
    metadata: { name: 'new' },
    spec: { finalizers: ['bars.test/x'] },
    status: { phase: 'Terminating' },
  });
  assert.deepEqual(object.metadata.labels, { 'kubernetes.io/metadata.name': 'new' });
  assert.deepEqual(object.spec, { finalizers: ['bars.test/x', 'kubernetes'] });
  assert.deepEqual(object.status, { phase: 'Active' });
  const bad = { metadata: { name: 'bad' }, spec: { finalizers: ['plain'] } };
  await assert.rejects(createObject(ctx, namespaces, '', bad), (error) => isProblem(error, 'Invalid'));
});

test('a namespace that somebody else holds goes when that one lets go, not before and not by other writes', async () => {
  const ctx = await testContext();
  await createObject(ctx, namespaces, '', { metadata: { name: 'held' }, spec: { finalizers: ['bars.test/x'] } });
  await deleteObject(ctx, namespaces, '', 'held', {});
  await updateObject(ctx, namespaces, '', 'held', (old) => {
    return { ...old, metadata: { ...old.metadata, annotations: { a: 'b' } }, spec: { finalizers: [] } };
  });
  const purge = await startPurge(ctx, [namespaces]);
  const finalizers = async () => {
    const kept = await readKept(ctx.store, namespaces, '', 'held');
    return kept && parsed(namespaces, ctx.settings, kept).spec?.finalizers;
  };
  while ((await finalizers())?.length !== 1) await sleep(1);
  await purge.close();
  assert.deepEqual(await finalizers(), ['bars.test/x']);
  const letGo = (old: Namespace): Namespace => ({ ...old, spec: { finalizers: [] } });
  await updateObject(ctx, namespaces, '', 'held', letGo, rulesOf('finalize'));
  assert.equal(await finalizers(), undefined);
});

test('the status of a namespace takes conditions, and says Terminating only of those that are', async () => {
  const ctx = await testContext();
  const conditions = [{ type: 'bars.test/Odd', status: 'True' }];
  const set = (phase: string) =>
    updateObject(
      ctx,
      namespaces,
      '',
      'default',
      (old) => ({ ...old, status: { phase, conditions } }),
      rulesOf('status'),
    );
  assert.deepEqual((await set('Active')).object.status, { phase: 'Active', conditions });
  await assert.rejects(set('Terminating'), (error) => isProblem(error, 'Invalid'));
});
