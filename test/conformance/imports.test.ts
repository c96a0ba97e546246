/** ImageStreamImports over HTTP from a registry on 127.0.0.1: what becomes of a tag, its history, and the Images. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ImageApi, MERGE, startImageApi } from '../imageapi.ts';
import { docker, entries, history, made, ONE, push, references, stream, tracking } from '../imagestreams.ts';
import { startUpstream, type Upstream } from '../upstream.ts';

interface Here extends AsyncDisposable {
  readonly api: ImageApi;
  readonly upstream: Upstream;
  /** Reference into the upstream's repository `team/app`. */
  readonly at: (tag: string) => string;
  /** Imports images into the stream `app`, each `[reference, tag, more]`. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into at will
  take(...images: (readonly [from: string, to?: string, more?: object])[]): Promise<any>;
}

async function here(): Promise<Here> {
  const upstream = await startUpstream();
  const api = await startImageApi();
  const at = (tag: string): string => `${upstream.host}/team/app:${tag}`;
  return {
    api,
    upstream,
    at,
    take: (...images) =>
      made(api, 'imagestreamimports', {
        metadata: { name: 'app' },
        spec: {
          import: true,
          images: images.map(([name, to, more = {}]) => ({
            from: { kind: 'DockerImage', name },
            ...(to !== undefined && { to: { name: to } }),
            importPolicy: { insecure: true },
            ...more,
          })),
        },
      }),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const specTag = async (api: ImageApi, tag: string) =>
  (await api.ask('GET', 'imagestreams/app')).body.spec.tags.find(({ name }: { name: string }) => name === tag);

suite('a tag that is imported', () => {
  test('and had another image: the new one goes before it, with the generation of the stream', async () => {
    await using place = await here();
    const { api, upstream, at } = place;
    const { digest } = upstream.addImage('team/app', 'mytag', 'one');
    await stream(api, 'app', [docker('mytag', at('mytag'))]);
    await push(api, 'app', 'mytag', ONE);
    await place.take([at('mytag'), 'mytag']);
    assert.deepEqual(await entries(api, 'app', 'mytag'), [
      [digest, 2],
      [ONE, 1],
    ]);
    assert.equal((await references(api, 'app', 'mytag'))[0], `${upstream.host}/team/app@${digest}`);
    assert.equal((await specTag(api, 'mytag')).generation, 2);
  });

  test('and has that image already, at an older generation: only its generation rises', async () => {
    await using place = await here();
    const { api, upstream, at } = place;
    const { digest } = upstream.addImage('team/app', 'mytag', 'one');
    await place.take([at('mytag'), 'mytag']);
    const before = await history(api, 'app', 'mytag');
    await api.ask(
      'PATCH',
      'imagestreams/app',
      { spec: { tags: [{ ...(await specTag(api, 'mytag')), generation: 0 }] } },
      { type: MERGE },
    );
    assert.equal((await specTag(api, 'mytag')).generation, 2);
    await place.take([at('mytag'), 'mytag']);
    assert.deepEqual(await entries(api, 'app', 'mytag'), [[digest, 3]]);
    assert.equal((await history(api, 'app', 'mytag'))?.items?.[0]?.created, before?.items?.[0]?.created);
  });

  test('and has that image already, of now: nothing is written', async () => {
    await using place = await here();
    place.upstream.addImage('team/app', 'mytag', 'one');
    await place.take([place.at('mytag'), 'mytag']);
    const revision = await place.api.ctx.store.revision();
    await place.take([place.at('mytag'), 'mytag']);
    assert.equal(await place.api.ctx.store.revision(), revision);
  });

  test('keeps its own policy of references; a new one has that of the import', async () => {
    await using place = await here();
    const { api, upstream, at } = place;
    upstream.addImage('team/app', 'mytag', 'one');
    await stream(api, 'app', [docker('mytag', at('mytag'))]);
    const local = { referencePolicy: { type: 'Local' } };
    await place.take([at('mytag'), 'mytag', local], [at('mytag'), 'fresh', local]);
    assert.equal((await specTag(api, 'mytag')).referencePolicy.type, 'Source');
    assert.equal((await specTag(api, 'fresh')).referencePolicy.type, 'Local');
    const { body } = await api.ask('GET', 'imagestreamtags/app:fresh');
    assert.match(body.image.dockerImageReference, /^registry\.test:5000\/one\/app@sha256:/);
  });

  test('takes along what tracks it', async () => {
    await using place = await here();
    const { digest } = place.upstream.addImage('team/app', 'mytag', 'one');
    await stream(place.api, 'app', [tracking('follower', 'mytag')]);
    await place.take([place.at('mytag'), 'mytag']);
    assert.equal((await entries(place.api, 'app', 'follower'))[0]?.[0], digest);
  });

  test('by its digest alone is looked up, not tagged', async () => {
    await using place = await here();
    const { digest } = place.upstream.addImage('team/app', null, 'one');
    const { status } = await place.take([`${place.upstream.host}/team/app@${digest}`]);
    assert.deepEqual([status.images[0].status.status, status.images[0].tag], ['Success', undefined]);
    assert.equal(status.import.spec.tags, undefined);
  });
});

suite('a tag that cannot be imported', () => {
  test('says so in a condition, which a repetition leaves alone and a success takes away', async () => {
    await using place = await here();
    const { api, upstream, at } = place;
    upstream.addImage('team/app', 'other', 'one');
    const { status } = await place.take([at('absent'), 'mytag']);
    assert.deepEqual([status.images[0].status.reason, status.images[0].tag], ['NotFound', 'absent']);
    const told = await history(api, 'app', 'mytag');
    const [{ type, status: state, reason, generation } = { type: '', status: '', reason: '', generation: 0 }] =
      told?.conditions ?? [];
    assert.deepEqual([type, state, reason, generation, told?.items], ['ImportSuccess', 'False', 'NotFound', 1, null]);
    assert.equal((await specTag(api, 'mytag')).from.name, at('absent'));
    await place.take([at('absent'), 'mytag']);
    assert.deepEqual((await history(api, 'app', 'mytag'))?.conditions, told?.conditions);
    upstream.addImage('team/app', 'absent', 'two');
    await place.take([at('absent'), 'mytag']);
    const after = await history(api, 'app', 'mytag');
    assert.deepEqual([after?.conditions, after?.items?.length], [undefined, 1]);
  });

  test('keeps the history that it has', async () => {
    await using place = await here();
    const { digest } = place.upstream.addImage('team/app', 'mytag', 'one');
    await place.take([place.at('mytag'), 'mytag']);
    await place.take([place.at('absent'), 'mytag']);
    assert.equal((await entries(place.api, 'app', 'mytag'))[0]?.[0], digest);
    assert.equal((await history(place.api, 'app', 'mytag'))?.conditions?.length, 1);
  });
});

suite('an index that is imported whole', () => {
  const whole = { importPolicy: { insecure: true, importMode: 'PreserveOriginal' } };

  for (const there of ['nothing', 'a child', 'the index'] as const) {
    test(`makes an Image of it and of each child, where ${there} is there already`, async () => {
      await using place = await here();
      const { api, upstream, at } = place;
      const children = ['amd64', 'arm64'].map((architecture) => ({
        content: upstream.addImage('team/app', null, architecture, { architecture }),
        platform: { os: 'linux', architecture },
      }));
      const index = upstream.addIndex('team/app', 'multi', children);
      const known = { nothing: undefined, 'a child': children[0]?.content.digest, 'the index': index.digest }[there];
      if (known)
        await made(api, 'images', {
          metadata: { name: known, labels: { first: 'yes' } },
          dockerImageReference: 'r.test/a',
        });
      const { status } = await place.take([at('multi'), 'multi', whole]);
      assert.equal(status.images[0].status.status, 'Success');
      assert.equal(status.images[0].manifests.length, 2);
      assert.equal((await entries(api, 'app', 'multi'))[0]?.[0], index.digest);
      for (const digest of [index.digest, ...children.map(({ content }) => content.digest)]) {
        const { status: code, body } = await api.ask('GET', `images/${digest}`);
        assert.equal(code, 200, digest);
        assert.equal(body.metadata.labels?.first, digest === known ? 'yes' : undefined, 'what is there stays as it is');
      }
    });
  }
});

test('an import that only looks writes nothing', async () => {
  await using place = await here();
  place.upstream.addImage('team/app', 'mytag', 'one');
  const revision = await place.api.ctx.store.revision();
  const images = [{ from: { kind: 'DockerImage', name: place.at('mytag') }, importPolicy: { insecure: true } }];
  const { status } = await made(place.api, 'imagestreamimports', {
    metadata: { name: 'app' },
    spec: { import: false, images },
  });
  assert.equal(status.images[0].image.dockerImageReference.startsWith(place.upstream.host), true);
  assert.equal(status.import, undefined);
  assert.equal(await place.api.ctx.store.revision(), revision);
});

test('the order in which a repository is imported: latest, numbers from the largest, other words', async () => {
  await using place = await here();
  const tags = ['alpha', '1.2', 'v2.0', '2.0.1', 'latest', '10.0', '2.0-beta', 'zeta'];
  for (const tag of tags) place.upstream.addImage('team/app', tag, tag);
  const repository = {
    from: { kind: 'DockerImage', name: `${place.upstream.host}/team/app` },
    importPolicy: { insecure: true },
  };
  const body = { metadata: { name: 'app' }, spec: { import: true, repository } };
  const { status } = await made(place.api, 'imagestreamimports', body);
  const order = status.repository.images.map(({ tag }: { tag: string }) => tag);
  assert.deepEqual(order, ['latest', '10.0', 'v2.0', '2.0-beta', '1.2', '2.0.1', 'alpha', 'zeta']);
  assert.equal((await api(place)).spec.tags.length, tags.length);
});

const api = async ({ api: asked }: Here) => (await asked.ask('GET', 'imagestreams/app')).body;
