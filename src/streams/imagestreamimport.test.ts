/** Imports of single images, from a registry on 127.0.0.1. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  contextHere,
  give,
  historyOf,
  image,
  importing,
  LEGACY,
  movesOf,
  post,
  streamOf,
  tagOf,
} from '../../test/importing.ts';
import { refuse, startUpstream, type Upstream } from '../../test/upstream.ts';
import { DOCKER_CONFIG_JSON, secrets } from '../cluster/secrets.ts';
import { IMPORT_BYTES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { createObject } from '../objects/writes.ts';
import { findImage } from './layers.ts';

suite('an import', () => {
  test('creates the stream, the Image and the record, and answers with all of it', async () => {
    await using upstream = await startUpstream();
    const { digest } = upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    const { status } = await importing(ctx, image(`${upstream.host}/team/app:1.0`));
    const stream = await streamOf(ctx);
    const { kind: _kind, apiVersion: _version, ...bare } = stream;
    assert.deepEqual(status.import, bare);
    assert.equal(stream.metadata.generation, 1);
    assert.ok(stream.metadata.annotations?.['openshift.io/image.dockerRepositoryCheck']);
    assert.deepEqual(tagOf(stream, '1.0'), {
      name: '1.0',
      annotations: null,
      from: { kind: 'DockerImage', name: `${upstream.host}/team/app:1.0` },
      generation: 1,
      importPolicy: LEGACY,
      referencePolicy: { type: 'Source' },
    });
    const [event] = historyOf(stream, '1.0')?.items ?? [];
    assert.equal(event?.dockerImageReference, `${upstream.host}/team/app@${digest}`);
    assert.deepEqual([event?.image, event?.generation], [digest, 1]);
    const stored = await findImage(ctx, digest);
    assert.equal(stored?.dockerImageManifest, undefined);
    assert.equal(status.images?.[0]?.image?.metadata.uid, stored?.metadata.uid);
    assert.equal(status.images?.[0]?.tag, '1.0');
    assert.deepEqual(await movesOf(ctx), [['1.0', 'import', undefined, digest]]);
  });
  test('again changes nothing', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    await importing(ctx, image(`${upstream.host}/team/app:1.0`));
    const revision = await ctx.store.revision();
    const { status } = await importing(ctx, image(`${upstream.host}/team/app:1.0`));
    assert.equal(await ctx.store.revision(), revision);
    assert.equal(status.import?.metadata.resourceVersion, String(revision));
    assert.equal(status.images?.[0]?.image?.metadata.resourceVersion, undefined);
  });
  test('of a moved tag puts it before what was there', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    const first = upstream.addImage('team/app', '1.0', 'one').digest;
    await importing(ctx, image(`${upstream.host}/team/app:1.0`, 'stable'));
    const second = upstream.addImage('team/app', '1.0', 'two').digest;
    await importing(ctx, image(`${upstream.host}/team/app:1.0`, 'stable'));
    const stream = await streamOf(ctx);
    const items = historyOf(stream, 'stable')?.items?.map((event) => [event.image, event.generation]);
    assert.deepEqual(items, [
      [second, 2],
      [first, 1],
    ]);
    assert.deepEqual([stream.metadata.generation, tagOf(stream, 'stable')?.generation], [2, 2]);
    assert.deepEqual(await movesOf(ctx), [
      ['stable', 'import', undefined, first],
      ['stable', 'import', first, second],
    ]);
  });
  test('keeps what users said of a tag, but for where it comes from', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    const annotations = { owner: 'me' };
    await give(ctx, [
      { name: 'a', annotations, referencePolicy: { type: 'Local' }, from: { kind: 'ImageStreamTag', name: 'x' } },
    ]);
    await importing(ctx, image(`${upstream.host}/team/app:1.0`, 'a', { ...LEGACY, scheduled: true }));
    const tag = tagOf(await streamOf(ctx), 'a');
    assert.deepEqual([tag?.annotations, tag?.referencePolicy], [annotations, { type: 'Local' }]);
    assert.deepEqual(tag?.from, { kind: 'DockerImage', name: `${upstream.host}/team/app:1.0` });
    assert.deepEqual(tag?.importPolicy, { insecure: true, scheduled: true, importMode: 'Legacy' });
  });
  test('takes along the tags that track, by the spec after it', async () => {
    await using upstream = await startUpstream();
    const { digest } = upstream.addImage('team/app', '1.0', 'one');
    const other = upstream.addImage('team/app', '2.0', 'two').digest;
    const ctx = await contextHere();
    const from = { kind: 'ImageStreamTag', name: 'a' };
    await give(ctx, [
      { name: 'follower', from },
      { name: 'named', from },
    ]);
    const name = `${upstream.host}/team/app`;
    await importing(ctx, image(`${name}:1.0`, 'a'), image(`${name}:2.0`, 'named'));
    const stream = await streamOf(ctx);
    assert.deepEqual(
      historyOf(stream, 'follower')?.items?.map((event) => event.image),
      [digest],
    );
    assert.deepEqual(
      historyOf(stream, 'named')?.items?.map((event) => event.image),
      [other],
    );
    assert.deepEqual(await movesOf(ctx), [
      ['a', 'import', undefined, digest],
      ['named', 'import', undefined, other],
      ['follower', 'track', undefined, digest],
    ]);
  });
  test('only looks, if it is not to write', async () => {
    await using upstream = await startUpstream();
    const { bytes, digest } = upstream.addImage('team/app', '1.0', 'one', { labels: { a: 'b' } });
    const ctx = await contextHere();
    const revision = await ctx.store.revision();
    const images = [{ ...image(`${upstream.host}/team/app:1.0`), includeManifest: true }];
    const { status } = await post(ctx, 'app', { import: false, images });
    assert.equal(status.images?.[0]?.image?.dockerImageManifest, bytes.toString());
    assert.equal(status.import, undefined);
    assert.equal(await ctx.store.revision(), revision);
    const { status: dry } = await importing({ ...ctx, dryRun: true }, image(`${upstream.host}/team/app:1.0`));
    assert.equal(historyOf(dry.import ?? assert.fail(), '1.0')?.items?.[0]?.image, digest);
    assert.equal(dry.import?.metadata.resourceVersion, undefined);
    assert.equal(await ctx.store.revision(), revision);
  });
  test('by digest is only looked up, unless a tag is named', async () => {
    await using upstream = await startUpstream();
    const { digest } = upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    const name = `${upstream.host}/team/app@${digest}`;
    const { status } = await importing(ctx, image(name), image(name, 'pinned'));
    assert.deepEqual(
      status.images?.map(({ tag, image: it }) => [tag, it?.metadata.uid === undefined]),
      [
        [undefined, true],
        [undefined, false],
      ],
    );
    assert.deepEqual(
      (await streamOf(ctx)).status?.tags?.map(({ tag }) => tag),
      ['pinned'],
    );
  });
});

suite('an import that fails', () => {
  test('is told as a condition, once, and the tag keeps its place', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    const name = `${upstream.host}/team/app`;
    const { status } = await importing(ctx, image(`${name}:1.0`), image(`${name}:absent`));
    const message = `dockerimage.image.openshift.io "${name}:absent" not found`;
    assert.deepEqual(status.images?.[1], {
      status: {
        ...{ metadata: {}, status: 'Failure', message, reason: 'NotFound' },
        details: { name: `${name}:absent`, group: 'image.openshift.io', kind: 'dockerimage' },
        code: 404,
      },
      tag: 'absent',
    });
    const stream = await streamOf(ctx);
    const history = historyOf(stream, 'absent');
    const { lastTransitionTime: _time, ...condition } = history?.conditions?.[0] ?? assert.fail();
    const expected = { type: 'ImportSuccess', status: 'False', reason: 'NotFound', message, generation: 1 };
    assert.deepEqual([history?.items, condition], [null, expected]);
    assert.equal(tagOf(stream, 'absent')?.generation, 1);
    const revision = await ctx.store.revision();
    await importing(ctx, image(`${name}:absent`));
    assert.equal(await ctx.store.revision(), revision, 'the same failure again is no news');
  });
  test('leaves the history alone, and a success clears the condition', async () => {
    await using upstream = await startUpstream();
    const { digest } = upstream.addImage('team/app', '1.0', 'one');
    const ctx = await contextHere();
    await importing(ctx, image(`${upstream.host}/team/app:1.0`, 'a'));
    await importing(ctx, image(`${upstream.host}/team/app:absent`, 'a'));
    const failed = await streamOf(ctx);
    assert.equal(historyOf(failed, 'a')?.conditions?.[0]?.generation, 2);
    assert.deepEqual(
      historyOf(failed, 'a')?.items?.map((event) => event.image),
      [digest],
    );
    assert.deepEqual(tagOf(failed, 'a')?.from?.name, `${upstream.host}/team/app:1.0`);
    assert.deepEqual([failed.metadata.generation, tagOf(failed, 'a')?.generation], [2, 2]);
    await importing(ctx, image(`${upstream.host}/team/app:1.0`, 'a'));
    const stream = await streamOf(ctx);
    assert.equal(historyOf(stream, 'a')?.conditions, undefined);
    assert.deepEqual(
      historyOf(stream, 'a')?.items?.map(({ generation }) => generation),
      [3],
    );
  });
  test('with a wrong password is tried without it', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    tokenServer(upstream, 'team/app');
    const ctx = await contextHere();
    await keepSecret(ctx, upstream.host, 'me:wrong');
    const { status } = await importing(
      ctx,
      image(`${upstream.host}/team/app:1.0`),
      image(`${upstream.host}/team/hidden:1.0`),
    );
    assert.equal(status.images?.[0]?.status.status, 'Success');
    const { message, reason, code } = status.images?.[1]?.status ?? {};
    const words = `incorrect username or password for image "${upstream.host}/team/hidden:1.0"`;
    assert.deepEqual([message, reason, code], [words, 'Unauthorized', 401]);
  });
  test('for want of bytes says what to do', async () => {
    await using upstream = await startUpstream();
    const ctx = await contextHere();
    const big = 'x'.repeat(3_900_000);
    const names = Array.from({ length: Math.ceil(IMPORT_BYTES / big.length) + 1 }, (_none, index) => {
      upstream.addImage('team/app', String(index), `${index}`, { labels: { big } });
      return image(`${upstream.host}/team/app:${index}`);
    });
    const { status } = await post(ctx, 'app', { import: false, images: names });
    const failures = status.images?.flatMap(({ status: { message } }) => (message ? [message] : [])) ?? [];
    assert.ok(failures.length >= 1 && failures.length < names.length, `${failures.length} failures`);
    assert.match(failures[0] ?? '', /import fewer images at a time/);
    const same = Array.from({ length: names.length }, () => image(`${upstream.host}/team/app:0`));
    const often = await post(ctx, 'app', { import: false, images: same });
    assert.ok(
      often.status.images?.some((each) => each.status.status === 'Failure'),
      'the answer has a limit too',
    );
  });
});

/** Asks for tokens, and gives them to those who show no password, for one repository. */
function tokenServer(upstream: Upstream, open: string): void {
  upstream.intercept = (req, res, url) => {
    if (url.pathname === '/token') {
      if (req.headers.authorization) {
        res.writeHead(401);
        res.end('{"details":"incorrect username or password"}');
      } else res.end('{"token":"anonymous"}');
      return true;
    }
    if (req.headers.authorization === 'Bearer anonymous' && url.pathname.includes(`/${open}/`)) return false;
    const challenge = `Bearer realm="http://${upstream.host}/token",error="insufficient_scope"`;
    return refuse(res, 401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge });
  };
}

async function keepSecret(ctx: Context, host: string, user: string): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const config = JSON.stringify({ auths: { [host]: { auth: base64(user) } } });
  const data = { '.dockerconfigjson': base64(config) };
  await createObject(ctx, secrets, 'default', { metadata: { name: 'pull' }, data, type: DOCKER_CONFIG_JSON });
}
