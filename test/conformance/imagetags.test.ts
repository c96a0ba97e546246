/** ImageTags over HTTP: a tag as spec and status say it, and what a create or an update may change. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assertInvalid, type ImageApi, startImageApi } from '../imageapi.ts';
import { docker, made, ONE, push, stream, TWO } from '../imagestreams.ts';

const OTHER_METADATA = [
  'FieldValueInvalid',
  'metadata',
  'Invalid value: "": may not update fields other than spec',
] as const;
const OTHER_STATUS = [
  'FieldValueInvalid',
  'status',
  'Invalid value: "": may not update fields other than spec',
] as const;

suite('reading', () => {
  test('with spec, history and Image: all of it, under the metadata of the stream', async () => {
    await using api = await startImageApi();
    await made(api, 'imagestreams', {
      metadata: { name: 'test', labels: { a: 'b' }, annotations: { c: 'd' } },
      spec: { tags: [docker('latest', 'foo/bar/baz', { annotations: { color: 'blue' } })] },
    });
    await push(api, 'test', 'latest', ONE);
    const { body: kept } = await api.ask('GET', 'imagestreams/test');
    const { status, body } = await api.ask('GET', 'imagetags/test:latest');
    assert.equal(status, 200);
    assert.deepEqual(body.metadata, { ...kept.metadata, name: 'test:latest' });
    assert.deepEqual(body.spec, kept.spec.tags[0]);
    assert.deepEqual(body.status, kept.status.tags[0]);
    assert.equal(body.image.metadata.name, ONE);
    assert.equal(body.image.metadata.annotations, undefined, 'those of the tag stand in spec');
  });

  test('whose Image is gone: without it', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('latest', 'foo/bar/baz')]);
    await push(api, 'test', 'latest', ONE);
    await api.ask('DELETE', `images/${ONE}`);
    const { status, body } = await api.ask('GET', 'imagetags/test:latest');
    assert.deepEqual([status, body.image], [200, null]);
  });

  test('that was only pushed: without spec', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    await push(api, 'test', 'latest', ONE);
    const { body } = await api.ask('GET', 'imagetags/test:latest');
    assert.deepEqual([body.spec, body.status.items.length, body.image.metadata.name], [null, 1, ONE]);
  });

  test('that is only in spec: without status', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('latest', 'foo/bar/baz')]);
    const { body } = await api.ask('GET', 'imagetags/test:latest');
    assert.deepEqual([body.spec.from.name, body.status, body.image], ['foo/bar/baz', null, null]);
  });

  test('that is in neither, or without the stream: not there', async () => {
    await using api = await startImageApi();
    for (const make of [false, true]) {
      if (make) await stream(api, 'test', [docker('other', 'foo/bar/baz')]);
      const { status, body } = await api.ask('GET', 'imagetags/test:latest');
      assert.equal(status, 404);
      assert.deepEqual(body.details, {
        name: make ? 'test:latest' : 'test',
        group: 'image.openshift.io',
        kind: 'imagetags',
      });
    }
  });

  test('the reference of the image follows the entry and the policy', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('near', 'foo/bar/baz', { referencePolicy: { type: 'Local' } })]);
    await push(api, 'test', 'near', ONE);
    await push(api, 'test', 'far', ONE, 'foo/bar/other');
    const at = async (tag: string) => (await api.ask('GET', `imagetags/test:${tag}`)).body.image.dockerImageReference;
    assert.equal(await at('near'), `registry.test:5000/one/test@${ONE}`);
    assert.equal(await at('far'), `foo/bar/other@${ONE}`);
  });

  test('a list holds what is in spec or status, in the order of names, without Images', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('c', 'foo/bar/baz'), docker('a', 'foo/bar/baz')]);
    await push(api, 'test', 'b', ONE);
    await push(api, 'test', 'c', TWO);
    const { body } = await api.ask('GET', 'imagetags');
    const shown = body.items.map(({ metadata, spec, status, image }: Record<string, { name?: string } | null>) => [
      metadata?.name,
      spec !== null,
      status !== null,
      image,
    ]);
    assert.deepEqual(shown, [
      ['test:a', true, false, null],
      ['test:b', false, true, null],
      ['test:c', true, true, null],
    ]);
  });
});

suite('creating', () => {
  const post = (api: ImageApi, name: string, spec?: object) =>
    api.ask('POST', 'imagetags', { metadata: { name }, ...(spec && { spec }) });

  test('makes the tag, and the stream if there is none', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    for (const name of ['test:tag', 'fresh:tag']) {
      const { status, body } = await post(api, name, docker('tag', 'foo/bar/baz'));
      assert.equal(status, 201);
      assert.deepEqual([body.spec.name, body.spec.generation], ['tag', body.metadata.generation]);
      assert.deepEqual([body.spec.referencePolicy.type, body.spec.importPolicy.importMode], ['Source', 'Legacy']);
    }
  });

  test('the name in spec may be left out, but must not be another', async () => {
    await using api = await startImageApi();
    const from = { kind: 'DockerImage', name: 'foo/bar/baz' };
    assert.equal((await post(api, 'test:tag', { from })).body.spec.name, 'tag');
    const { status, body } = await post(api, 'test:next', { name: 'other', from });
    assert.equal(status, 422);
    assert.deepEqual([body.details.kind, body.details.name], ['ImageTag', 'test:next']);
    assert.equal(body.details.causes[0].field, 'spec.name');
  });

  test('without spec: required', async () => {
    await using api = await startImageApi();
    const answer = await post(api, 'test:tag');
    assert.equal(answer.status, 422);
    assert.deepEqual(
      answer.body.details.causes.map(({ reason, field }: Record<string, string>) => [reason, field]),
      [['FieldValueRequired', 'spec']],
    );
    assert.equal((await api.ask('GET', 'imagestreams/test')).status, 404);
  });

  test('of what is in spec: it is there already', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('tag', 'foo/bar/baz')]);
    const { status, body } = await post(api, 'test:tag', docker('tag', 'foo/bar/baz'));
    assert.deepEqual([status, body.reason, body.details.kind], [409, 'AlreadyExists', 'imagetags']);
  });
});

suite('updating', () => {
  /** A stream whose fields nobody manages, as those are that a mapping or a tag made. */
  async function unmanaged(api: ImageApi): Promise<void> {
    await made(api, 'imagetags', { metadata: { name: 'test:tag' }, spec: docker('tag', 'foo/bar/baz') });
    await push(api, 'test', 'tag', ONE);
  }
  const get = async (api: ImageApi) => (await api.ask('GET', 'imagetags/test:tag')).body;
  const put = (api: ImageApi, body: object) => api.ask('PUT', 'imagetags/test:tag', body);

  test('from, policies and annotations of the tag may change', async () => {
    await using api = await startImageApi();
    await unmanaged(api);
    const itag = await get(api);
    const spec = {
      ...itag.spec,
      from: { kind: 'DockerImage', name: 'foo/bar/other' },
      annotations: { a: 'c' },
      referencePolicy: { type: 'Local' },
    };
    const { status, text, body } = await put(api, { ...itag, spec });
    assert.equal(status, 200, text);
    assert.deepEqual(body.spec, { ...spec, generation: 2 });
  });

  test('what is as it was is not written', async () => {
    await using api = await startImageApi();
    await unmanaged(api);
    const itag = await get(api);
    const { status, body } = await put(api, itag);
    assert.equal(status, 200);
    assert.deepEqual(body, itag);
  });

  test('a tag that was only pushed gets its place in spec (201)', async () => {
    await using api = await startImageApi();
    await made(api, 'imagetags', { metadata: { name: 'test:other' }, spec: docker('other', 'foo/bar/baz') });
    await push(api, 'test', 'tag', ONE);
    const itag = await get(api);
    const { status, text, body } = await put(api, { ...itag, spec: docker('tag', 'foo/bar/baz') });
    assert.equal(status, 201, text);
    assert.equal(body.spec.from.name, 'foo/bar/baz');
  });

  test('what has no place in spec and gets none is called created, and changes nothing', async () => {
    await using api = await startImageApi();
    await made(api, 'imagetags', { metadata: { name: 'test:other' }, spec: docker('other', 'foo/bar/baz') });
    await push(api, 'test', 'tag', ONE);
    const itag = await get(api);
    const { status, body } = await put(api, itag);
    assert.equal(status, 201);
    assert.deepEqual(body, itag);
  });

  test('status must be as it is, and so must metadata', async () => {
    await using api = await startImageApi();
    await unmanaged(api);
    const itag = await get(api);
    const items = [{ ...itag.status.items[0], generation: 9 }];
    assertInvalid(await put(api, { ...itag, status: { ...itag.status, items } }), OTHER_STATUS);
    assertInvalid(await put(api, { ...itag, status: null }), OTHER_STATUS);
    const metadata = { ...itag.metadata, labels: { a: 'b' } };
    assertInvalid(await put(api, { ...itag, metadata }), OTHER_METADATA);
  });

  test('where somebody manages the fields of the stream, fields may go, but none may be set', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('tag', 'foo/bar/baz', { annotations: { a: 'b', c: 'd' } })]);
    await push(api, 'test', 'tag', ONE);
    const { image, ...itag } = await get(api);
    assert.ok(itag.metadata.managedFields);
    assertInvalid(await put(api, { ...itag, image }), OTHER_METADATA);
    const set = { ...itag, spec: { ...itag.spec, annotations: { a: 'z', c: 'd' } } };
    assertInvalid(await put(api, set), OTHER_METADATA);
    const gone = { ...itag, spec: { ...itag.spec, annotations: { a: 'b' } } };
    const { status, text, body } = await put(api, gone);
    assert.equal(status, 200, text);
    assert.deepEqual(body.spec.annotations, { a: 'b' });
  });

  test('the name in spec must be the tag’s', async () => {
    await using api = await startImageApi();
    await unmanaged(api);
    const itag = await get(api);
    for (const name of ['other', '']) {
      const answer = await put(api, { ...itag, spec: { ...itag.spec, name } });
      assertInvalid(answer, ['FieldValueInvalid', 'spec.name', `Invalid value: "${name}": must match image tag name`]);
    }
  });

  test('of a stream that is not there makes it', async () => {
    await using api = await startImageApi();
    const metadata = { name: 'test:tag' };
    const { status, body } = await put(api, { metadata, spec: docker('tag', 'foo/bar/baz') });
    assert.equal(status, 201);
    assert.deepEqual([body.metadata.generation, body.spec.generation, body.status], [1, 1, null]);
  });

  test('of a stream that is not there without spec: required', async () => {
    await using api = await startImageApi();
    const required = 'Required value: spec is a required field during creation';
    const answer = await put(api, { metadata: { name: 'test:tag' }, spec: null });
    assertInvalid(answer, ['FieldValueRequired', 'spec', required]);
    assert.equal((await api.ask('GET', 'imagestreams/test')).status, 404);
  });
});
