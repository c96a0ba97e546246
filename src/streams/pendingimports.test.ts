import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { contextHere, give, historyOf, streamOf } from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import type { Context } from '../objects/context.ts';
import { updateObject } from '../objects/writes.ts';
import { imageStreams } from './imagestream.ts';
import { startPendingImports } from './pendingimports.ts';
import type { ImageStream, TagReference } from './types.ts';

function unexpected(error: unknown): void {
  assert.fail(String(error));
}

const begin = (ctx: Context, seconds: readonly number[] = [0, 0.01, 0.02]) =>
  startPendingImports(ctx, { failed: unexpected, seconds });

function tag(name: string, from: string, more: Partial<TagReference> = {}): TagReference {
  return { name, from: { kind: 'DockerImage', name: from }, importPolicy: { insecure: true }, ...more };
}

async function until(ctx: Context, holds: (stream: ImageStream) => boolean): Promise<ImageStream> {
  for (;;) {
    const stream = await streamOf(ctx);
    if (holds(stream)) return stream;
    await sleep(2);
  }
}

const imageOf = (stream: ImageStream, name: string): string | undefined => historyOf(stream, name)?.items?.[0]?.image;
const conditionOf = (stream: ImageStream, name: string) => historyOf(stream, name)?.conditions?.[0];

suite('tags that name images of other registries', () => {
  test('are imported: those that wait already, new ones, and those that are changed', async () => {
    await using upstream = await startUpstream();
    const one = upstream.addImage('team/app', '1', 'one');
    const two = upstream.addImage('team/app', '2', 'two');
    const ctx = await contextHere();
    await give(ctx, [
      tag('a', `${upstream.host}/team/app:1`),
      tag('left', `${upstream.host}/team/app:1`, { reference: true }),
    ]);
    const imports = begin(ctx);
    const first = await until(ctx, (stream) => imageOf(stream, 'a') === one.digest);
    assert.ok(first.metadata.annotations?.['openshift.io/image.dockerRepositoryCheck']);
    assert.equal(imageOf(first, 'left'), '');
    await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
      old.spec = {
        ...old.spec,
        tags: [tag('a', `${upstream.host}/team/app:2`), tag('b', `${upstream.host}/team/app:1`)],
      };
      return old;
    });
    await until(ctx, (stream) => imageOf(stream, 'a') === two.digest && imageOf(stream, 'b') === one.digest);
    const asked = upstream.requests.length;
    await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
      old.metadata.labels = { changed: 'otherwise' };
      return old;
    });
    await sleep(30);
    assert.equal(upstream.requests.length, asked, 'what was imported is not imported again');
    await imports.close();
  });

  test('say that they cannot be imported only after the last try', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    upstream.addImage('team/app', '1', 'one');
    await give(ctx, [tag('here', `${upstream.host}/team/app:1`), tag('late', `${upstream.host}/team/app:2`)]);
    const imports = begin(ctx, [0, 0, 0.05]);
    const first = await until(ctx, (stream) => imageOf(stream, 'here') !== undefined);
    assert.equal(conditionOf(first, 'late'), undefined);
    const failed = await until(ctx, (stream) => conditionOf(stream, 'late') !== undefined);
    assert.deepEqual(
      [conditionOf(failed, 'late')?.type, conditionOf(failed, 'late')?.status, conditionOf(failed, 'late')?.reason],
      ['ImportSuccess', 'False', 'NotFound'],
    );
    const asked = upstream.requests.length;
    await sleep(30);
    assert.equal(upstream.requests.length, asked, 'it is not tried for ever');
    await imports.close();
  });

  test('are imported at a later try if the first one failed', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    await give(ctx, [tag('late', `${upstream.host}/team/app:1`)]);
    const imports = begin(ctx, [0, 0.03, 0.03]);
    while (upstream.requests.length === 0) await sleep(1);
    const { digest } = upstream.addImage('team/app', '1', 'one');
    const stream = await until(ctx, (it) => historyOf(it, 'late') !== undefined);
    assert.equal(imageOf(stream, 'late'), digest);
    await imports.close();
  });

  test('a whole repository is imported once', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    for (const name of ['1', '2']) upstream.addImage('team/app', name, name);
    await give(ctx, [], { dockerImageRepository: `${upstream.host}/team/app` });
    await updateObject(ctx, imageStreams, 'default', 'app', (old) => {
      old.metadata.annotations = { 'openshift.io/image.insecureRepository': 'true' };
      return old;
    });
    const imports = begin(ctx);
    await until(ctx, (stream) => imageOf(stream, '1') !== undefined && imageOf(stream, '2') !== undefined);
    await imports.close();
  });

  test('what is not allowed is left, and an end breaks off what goes on', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    upstream.intercept = () => true;
    await give(ctx, [tag('slow', `${upstream.host}/team/app:1`)]);
    const imports = begin(ctx);
    while (upstream.requests.length === 0) await sleep(1);
    await imports.close();
    assert.equal(historyOf(await streamOf(ctx), 'slow'), undefined);
  });
});
