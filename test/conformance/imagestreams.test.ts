/** Image streams over HTTP: which changes of a tag in spec count, and what then becomes of its history. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MERGE, startImageApi } from '../imageapi.ts';
import { docker, entries, exactly, history, ONE, push, references, stream, TWO, tracking } from '../imagestreams.ts';

interface Change {
  readonly what: string;
  /** `from` and what stands beside it. */
  readonly old: object;
  readonly next: object;
  readonly changed: boolean;
}

const other = (name: string, namespace?: string): object => ({
  from: { kind: 'ImageStreamTag', name, ...(namespace && { namespace }) },
});
const image = (name: string): object => ({ from: { kind: 'DockerImage', name } });

const CHANGES: readonly Change[] = [
  { what: 'neither has a from', old: {}, next: {}, changed: false },
  { what: 'the same from', old: image('foo'), next: image('foo'), changed: false },
  { what: 'another from', old: image('foo'), next: image('bar'), changed: true },
  { what: 'a from where there was none', old: {}, next: other('other:latest', 'two'), changed: true },
  { what: 'no from where there was one', old: image('foo'), next: {}, changed: false },
  {
    what: 'a namespace instead of its own',
    old: other('other:latest'),
    next: other('other:latest', 'two'),
    changed: true,
  },
  {
    what: 'another namespace',
    old: other('other:latest', 'default'),
    next: other('other:latest', 'two'),
    changed: true,
  },
  {
    what: 'its own instead of a namespace',
    old: other('other:latest', 'two'),
    next: other('other:latest'),
    changed: true,
  },
  {
    what: 'another name, the namespace said',
    old: other('other:latest'),
    next: other('other:other', 'one'),
    changed: true,
  },
  {
    what: 'another name in the same namespace',
    old: other('other:latest', 'one'),
    next: other('other:other', 'one'),
    changed: true,
  },
  {
    what: 'another name, the namespace left out',
    old: other('other:latest', 'one'),
    next: other('other:other'),
    changed: true,
  },
  { what: 'its own namespace said', old: other('other:latest'), next: other('other:latest', 'one'), changed: false },
  {
    what: 'its own namespace as before',
    old: other('other:latest', 'one'),
    next: other('other:latest', 'one'),
    changed: false,
  },
  {
    what: 'its own namespace left out',
    old: other('other:latest', 'one'),
    next: other('other:latest'),
    changed: false,
  },
  { what: 'reference', old: image('foo'), next: { ...image('foo'), reference: true }, changed: true },
  {
    what: 'how an index is imported',
    old: { ...image('foo'), importPolicy: { importMode: 'Legacy' } },
    next: { ...image('foo'), importPolicy: { importMode: 'PreserveOriginal' } },
    changed: true,
  },
  { what: 'insecure', old: image('foo'), next: { ...image('foo'), importPolicy: { insecure: true } }, changed: false },
  {
    what: 'scheduled',
    old: image('foo'),
    next: { ...image('foo'), importPolicy: { scheduled: true } },
    changed: false,
  },
  {
    what: 'referencePolicy',
    old: image('foo'),
    next: { ...image('foo'), referencePolicy: { type: 'Local' } },
    changed: false,
  },
  { what: 'annotations', old: image('foo'), next: { ...image('foo'), annotations: { a: 'b' } }, changed: false },
  { what: 'generation 0', old: image('foo'), next: { ...image('foo'), generation: 0 }, changed: true },
  { what: 'another generation', old: image('foo'), next: { ...image('foo'), generation: 9 }, changed: false },
];

suite('a tag in spec has a new generation for', () => {
  for (const { what, old, next, changed } of CHANGES) {
    test(`${what}: ${changed ? 'yes' : 'no'}`, async () => {
      await using api = await startImageApi();
      // Streams that tags may come from.
      await stream(api, 'other');
      for (const namespace of ['default', 'two']) {
        await api.ask('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
        const path = `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreams`;
        await api.ask('POST', path, { metadata: { name: 'other' } });
      }
      await stream(api, 'app', [{ name: 't', ...old }]);
      const { body: before } = await api.ask('GET', 'imagestreams/app');
      assert.equal(before.spec.tags[0].generation, 1);
      // Something else of spec changes too, so that the stream has a new generation.
      const spec = { lookupPolicy: { local: true }, tags: [{ name: 't', ...next }] };
      const { status, text, body: after } = await api.ask('PUT', 'imagestreams/app', { ...before, spec });
      assert.equal(status, 200, text);
      assert.equal(after.metadata.generation, 2);
      assert.equal(after.spec.tags[0].generation, changed ? 2 : 1);
    });
  }
});

suite('history of a tag', () => {
  test('that only refers: what it refers to, each time that it changes; others are left alone', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await push(api, 'app', 't2', ONE);
    const put = async (from: string) =>
      api.ask(
        'PATCH',
        'imagestreams/app',
        { spec: { tags: [docker('t1', from, { reference: true })] } },
        { type: MERGE },
      );
    assert.equal((await put('registry.test:5000/ns/stream:t1')).status, 200);
    assert.equal((await put('registry.test:5000/ns/stream:t1')).status, 200);
    assert.deepEqual(await references(api, 'app', 't1'), ['registry.test:5000/ns/stream:t1']);
    await put('registry.test:5000/ns/stream:other');
    // Neither has an image, so the newest is only given the new reference.
    assert.deepEqual(await references(api, 'app', 't1'), ['registry.test:5000/ns/stream:other']);
    assert.deepEqual(await entries(api, 'app', 't2'), [[ONE, 1]]);
  });

  test('that only refers where an image was: the reference goes before the image', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [docker('t', 'quay.test/x/app')]);
    await push(api, 'app', 't', ONE);
    const tags = [docker('t', `@${ONE}`, { reference: true })];
    const refused = await api.ask('PATCH', 'imagestreams/app', { spec: { tags } }, { type: MERGE });
    assert.equal(refused.status, 422, 'a digest alone is no reference');
    const changed = [docker('t', 'quay.test/x/app:1', { reference: true })];
    await api.ask('PATCH', 'imagestreams/app', { spec: { tags: changed } }, { type: MERGE });
    assert.deepEqual(await references(api, 'app', 't'), ['quay.test/x/app:1', `quay.test/x/app@${ONE}`]);
  });

  test('without from, or to be imported: none yet', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [{ name: 'empty' }, docker('later', 't2')]);
    assert.equal(await history(api, 'app', 'empty'), undefined);
    assert.equal(await history(api, 'app', 'later'), undefined);
  });

  test('that is written as it was: as it was', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [docker('t1', 'v1image1'), docker('t2', `r.test/x/y@${ONE}`)]);
    await push(api, 'app', 't1', ONE);
    await push(api, 'app', 't2', TWO);
    const { body: before } = await api.ask('GET', 'imagestreams/app');
    const { status, body: after } = await api.ask('PUT', 'imagestreams/app', before);
    assert.equal(status, 200);
    assert.deepEqual(after, before);
  });

  test('that names a tag of its own stream by <stream>:<tag>: that tag’s newest', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await push(api, 'app', 'other', ONE);
    await push(api, 'app', 'other', TWO);
    const spec = { tags: [tracking('t1', 'app:other')] };
    await api.ask('PATCH', 'imagestreams/app', { spec }, { type: MERGE });
    assert.deepEqual(await entries(api, 'app', 't1'), [[TWO, 2]]);
    assert.deepEqual(
      (await entries(api, 'app', 'other')).map(([id]) => id),
      [TWO, ONE],
    );
  });

  test('that names an image of its own stream: that image, however old', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await push(api, 'app', 'other', ONE);
    await push(api, 'app', 'other', TWO);
    await api.ask('PATCH', 'imagestreams/app', { spec: { tags: [exactly('t1', `app@${ONE}`)] } }, { type: MERGE });
    assert.deepEqual(await entries(api, 'app', 't1'), [[ONE, 2]]);
  });

  test('that names an image by what is no digest: that image', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const object = { metadata: { name: '12345' }, dockerImageReference: 'registry.test:5000/one/app:12345' };
    await api.ask('POST', 'imagestreammappings', { metadata: { name: 'app' }, tag: 'other', image: object });
    await api.ask('PATCH', 'imagestreams/app', { spec: { tags: [exactly('t1', 'app@12345')] } }, { type: MERGE });
    assert.deepEqual(await references(api, 'app', 't1'), ['registry.test:5000/one/app:12345']);
  });

  test('that names a tag of another stream: a copy of that tag’s newest', async () => {
    await using api = await startImageApi();
    await stream(api, 'other');
    await push(api, 'other', 'other', ONE);
    await stream(api, 'app', [tracking('t1', 'other:other')]);
    assert.deepEqual(await entries(api, 'app', 't1'), [[ONE, 1]]);
  });

  test('that follows a tag which names an image: follows when that is written as an ImageStreamTag', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [tracking('t1', 'app:other'), tracking('t2', 'app:t1')]);
    await push(api, 'app', 'other', ONE);
    await push(api, 'app', 'other', TWO);
    const put = { metadata: { name: 'app:t1' }, tag: exactly('t1', `app@${ONE}`) };
    assert.equal((await api.ask('PUT', 'imagestreamtags/app:t1', put)).status, 200);
    for (const tag of ['t1', 't2']) assert.equal((await entries(api, 'app', tag))[0]?.[0], ONE, tag);
  });

  test('that is taken out of spec: stays', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [docker('t', 'quay.test/x/app')]);
    await push(api, 'app', 't', ONE);
    await api.ask('PATCH', 'imagestreams/app', { spec: { tags: null } }, { type: MERGE });
    assert.deepEqual(await entries(api, 'app', 't'), [[ONE, 1]]);
  });
});
