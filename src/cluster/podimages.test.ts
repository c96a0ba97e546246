import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextHere, image, importing } from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import type { Context } from '../objects/context.ts';
import type { ObjectMeta } from '../objects/object.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { imageStreams } from '../streams/imagestream.ts';
import { deployments } from './deployments.ts';
import { jobs } from './jobs.ts';
import { pods } from './pods.ts';
import { replicaSets } from './replicasets.ts';
import type { PodTemplate } from './workload.ts';

/** The image that a pod is created with, given the one that was asked for. */
async function created(ctx: Context, named: string, metadata: ObjectMeta = { generateName: 'pod-' }): Promise<string> {
  const spec = { containers: [{ name: 'main', image: named }] };
  const { object } = await createObject(ctx, pods, 'default', { metadata: { ...metadata }, spec });
  return object.spec?.containers?.[0]?.image ?? '';
}

test('a name alone is looked up in the streams that allow it, or because the pod asks', async () => {
  await using upstream = await startUpstream();
  const { digest } = upstream.addImage('team/app', '1', 'one');
  const ctx = await contextHere();
  await importing(ctx, image(`${upstream.host}/team/app:1`, '1'), image(`${upstream.host}/team/app:1`, 'latest'));
  const found = `${upstream.host}/team/app@${digest}`;
  assert.equal(await created(ctx, 'app:1'), 'app:1');
  const annotations = { 'alpha.image.policy.openshift.io/resolve-names': '*' };
  assert.equal(await created(ctx, 'app:1', { generateName: 'asks-', annotations }), found);
  await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
    old.spec = { ...old.spec, lookupPolicy: { local: true } };
    return old;
  });
  for (const name of ['app', 'app:latest', 'app:1']) assert.equal(await created(ctx, name), found);
  for (const name of ['app:none', 'other:1', `app@${digest}`, 'r.test/app:1', 'team/app:1']) {
    assert.equal(await created(ctx, name), name);
  }

  const labels = { app: 'x' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'app:1' }] } };
  const spec = { selector: { matchLabels: labels }, template };
  const metadata = { name: 'x' };
  const imageIn = ({ spec: made }: { spec?: { template?: PodTemplate } }): string | undefined =>
    made?.template?.spec?.containers?.[0]?.image;
  assert.equal(
    imageIn((await createObject(ctx, replicaSets, 'default', structuredClone({ metadata, spec }))).object),
    found,
  );
  const job = structuredClone({ metadata, spec: { template } });
  assert.equal(imageIn((await createObject(ctx, jobs, 'default', job)).object), found);
  // What makes replica sets keeps the name, so that they are looked up each time.
  const kept = (await createObject(ctx, deployments, 'default', structuredClone({ metadata, spec }))).object;
  assert.equal(imageIn(kept), 'app:1');
});

test('a tag that is handed on by the own registry leads there', async () => {
  await using upstream = await startUpstream();
  const { digest } = upstream.addImage('team/app', '1', 'one');
  const ctx = await contextHere();
  await importing(ctx, { ...image(`${upstream.host}/team/app:1`, '1'), referencePolicy: { type: 'Local' } });
  await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
    old.spec = { ...old.spec, lookupPolicy: { local: true } };
    return old;
  });
  assert.equal(await created(ctx, 'app:1'), `registry.test:5000/default/app@${digest}`);
});
