/** ImageStreamTags over HTTP: what is found, what a create or an update makes of a stream, what a deletion leaves. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assertInvalid, type ImageApi, MERGE, startImageApi } from '../imageapi.ts';
import { docker, entries, history, made, ONE, push, stream, THREE, TWO, tracking } from '../imagestreams.ts';

type Answered = Awaited<ReturnType<ImageApi['ask']>>;

function assertNotFound({ status, body }: Answered, kind: string, name: string): void {
  assert.deepEqual([status, body.reason], [404, 'NotFound']);
  assert.equal(body.message, `${kind}.image.openshift.io "${name}" not found`);
  assert.deepEqual(body.details, { name, group: 'image.openshift.io', kind });
}

suite('reading', () => {
  test('a tag that was pushed: its annotations, its time, its image with both annotations', async () => {
    await using api = await startImageApi();
    const annotations = { color: 'blue', size: 'large' };
    await made(api, 'images', {
      metadata: { name: ONE, annotations: { size: 'small', kept: 'yes' } },
      dockerImageReference: `quay.test/x/app@${ONE}`,
    });
    await stream(api, 'test', [docker('latest', 'quay.test/x/app', { annotations })]);
    await push(api, 'test', 'latest', ONE);
    const { status, body } = await api.ask('GET', 'imagestreamtags/test:latest');
    assert.equal(status, 200);
    assert.deepEqual([body.metadata.namespace, body.metadata.name], ['one', 'test:latest']);
    assert.deepEqual(body.metadata.annotations, annotations);
    assert.equal(body.metadata.creationTimestamp, (await history(api, 'test', 'latest'))?.items?.[0]?.created);
    assert.deepEqual(body.image.metadata.annotations, { ...annotations, kept: 'yes' });
  });

  test('the reference is that of the entry, not that of the Image', async () => {
    await using api = await startImageApi();
    await made(api, 'images', { metadata: { name: ONE }, dockerImageReference: 'foo/bar/baz:different' });
    await stream(api, 'test');
    await push(api, 'test', 'latest', ONE, 'foo/bar/baz');
    const { body } = await api.ask('GET', 'imagestreamtags/test:latest');
    assert.equal(body.image.dockerImageReference, `foo/bar/baz@${ONE}`);
  });

  test('with referencePolicy Local the reference leads to this registry', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('latest', 'quay.test/x/app', { referencePolicy: { type: 'Local' } })]);
    await push(api, 'test', 'latest', ONE);
    const { body } = await api.ask('GET', 'imagestreamtags/test:latest');
    assert.equal(body.image.dockerImageReference, `registry.test:5000/one/test@${ONE}`);
    const { body: list } = await api.ask('GET', 'imagestreamtags');
    assert.equal(list.items[0].image.dockerImageReference, `registry.test:5000/one/test@${ONE}`);
  });

  test('an entry without time has a tag without time', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    await push(api, 'test', 'latest', ONE);
    const kept = await history(api, 'test', 'latest');
    const items = [{ ...kept?.items?.[0], created: null }];
    const status = { tags: [{ tag: 'latest', items }] };
    assert.equal((await api.ask('PATCH', 'imagestreams/test/status', { status }, { type: MERGE })).status, 200);
    const { body } = await api.ask('GET', 'imagestreamtags/test:latest');
    assert.ok(body.image);
    assert.equal(Object.hasOwn(body.metadata, 'creationTimestamp'), false);
  });

  test('an entry without image is not there', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('latest', 'quay.test/x/app', { reference: true })]);
    assertNotFound(await api.ask('GET', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test:latest');
  });

  test('an Image that is gone is named by its own name', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    await push(api, 'test', 'latest', ONE);
    assert.equal((await api.ask('DELETE', `images/${ONE}`)).status, 200);
    assertNotFound(await api.ask('GET', 'imagestreamtags/test:latest'), 'imagestreamtags', ONE);
  });

  test('without the stream, and without the tag: not there', async () => {
    await using api = await startImageApi();
    assertNotFound(await api.ask('GET', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test');
    await stream(api, 'test');
    await push(api, 'test', 'other', ONE);
    assertNotFound(await api.ask('GET', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test:latest');
  });
});

suite('creating', () => {
  test('makes the tag in a stream that is there; the name in tag does not count', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    const body = await made(api, 'imagestreamtags', {
      metadata: { name: 'test:tag' },
      image: { metadata: { name: '10' }, dockerImageReference: 'foo/bar/baz' },
      tag: docker('latest', 'foo/bar/baz', { referencePolicy: { type: 'Source' } }),
    });
    assert.equal(body.tag.name, 'tag');
    const { body: kept } = await api.ask('GET', 'imagestreams/test');
    assert.deepEqual(
      kept.spec.tags.map(({ name }: { name: string }) => name),
      ['tag'],
    );
  });

  test('makes the stream if there is none', async () => {
    await using api = await startImageApi();
    await made(api, 'imagestreamtags', { metadata: { name: 'fresh:tag' }, tag: docker('tag', 'foo/bar/baz') });
    assert.equal((await api.ask('GET', 'imagestreams/fresh')).body.metadata.generation, 1);
  });

  test('without tag: the stream is there afterwards, the tag is not', async () => {
    await using api = await startImageApi();
    const body = await made(api, 'imagestreamtags', { metadata: { name: 'fresh:tag' } });
    assert.equal(body.tag, null);
    assert.equal((await api.ask('GET', 'imagestreams/fresh')).body.spec.tags, undefined);
  });

  test('of a tag that is in spec: it is there already, under a singular name', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('tag', 'foo/bar/baz')]);
    const tag = docker('tag', 'foo/bar/other');
    const { status, body } = await api.ask('POST', 'imagestreamtags', { metadata: { name: 'test:tag' }, tag });
    assert.deepEqual([status, body.reason], [409, 'AlreadyExists']);
    assert.deepEqual(body.details, { name: 'test:tag', group: 'image.openshift.io', kind: 'imagestreamtag' });
  });

  test('of a tag that was only pushed: it gets its place in spec', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    await push(api, 'test', 'tag', ONE);
    await made(api, 'imagestreamtags', { metadata: { name: 'test:tag' }, tag: docker('tag', 'foo/bar/baz') });
    assert.deepEqual(await entries(api, 'test', 'tag'), [[ONE, 1]]);
  });

  test('annotations belong into tag; elsewhere they are lost, and contradictions are refused', async () => {
    await using api = await startImageApi();
    const tag = (annotations?: object): object => docker('t', 'foo/bar/baz', { ...(annotations && { annotations }) });
    const post = (name: string, annotations: object, inTag?: object) =>
      api.ask('POST', 'imagestreamtags', { metadata: { name, annotations }, tag: tag(inTag) });
    assert.equal((await post('test:a', { a: 'b' })).status, 201);
    assert.equal((await post('test:b', { a: 'b' }, { a: 'b' })).status, 201);
    const { status, body } = await post('test:c', { a: 'b' }, { a: 'c' });
    assert.equal(status, 422, body.message);
    assert.equal(body.details.causes[0].field, 'tag.annotations');
    const { body: kept } = await api.ask('GET', 'imagestreams/test');
    assert.deepEqual(
      kept.spec.tags.map(({ annotations }: { annotations?: object }) => annotations ?? null),
      [null, { a: 'b' }],
    );
  });

  test('of a tag without from: refused', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    const answer = await api.ask('POST', 'imagestreamtags', {
      metadata: { name: 'test:tag' },
      tag: { name: 'tag', from: { kind: '', name: '' } },
    });
    assert.equal(answer.status, 422);
    assert.deepEqual([answer.body.details.kind, answer.body.details.name], ['ImageStreamTag', 'test:tag']);
  });
});

suite('updating', () => {
  const put = (api: ImageApi, name: string, body: object) => api.ask('PUT', `imagestreamtags/${name}`, body);

  test('a tag that is not in spec makes it (201), one that is changes it (200)', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    const metadata = { name: 'test:tag' };
    assert.equal((await put(api, 'test:tag', { metadata, tag: docker('latest', 'foo/bar/baz') })).status, 201);
    assert.equal((await put(api, 'test:tag', { metadata, tag: docker('latest', 'foo/bar/other') })).status, 200);
    const { body } = await api.ask('GET', 'imagestreams/test');
    assert.deepEqual([body.spec.tags[0].from.name, body.spec.tags[0].generation], ['foo/bar/other', 3]);
  });

  test('without tag: refused where the tag has no place in spec, and the tag stays where it has one', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('there', 'foo/bar/baz')]);
    const refused = await put(api, 'test:tag', { metadata: { name: 'test:tag' } });
    assert.equal(refused.status, 400, refused.text);
    const kept = await put(api, 'test:there', { metadata: { name: 'test:there', annotations: { a: 'b' } } });
    assert.equal(kept.status, 200, kept.text);
    assert.deepEqual(kept.body.tag.annotations, { a: 'b' });
    assert.equal(kept.body.tag.from.name, 'foo/bar/baz');
  });

  test('with what is wrong: refused, whether the stream is there or not', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    for (const name of ['test:tag', 'fresh:tag']) {
      const body = { metadata: { name }, tag: { name: 'tag', from: { kind: 'Nothing', name: 'x' } } };
      const answer = await put(api, name, body);
      assert.equal(answer.status, 422, answer.text);
      assert.deepEqual([answer.body.details.kind, answer.body.details.name], ['ImageStreamTag', name]);
    }
    assert.equal((await api.ask('GET', 'imagestreams/fresh')).status, 404);
  });

  test('that makes the stream: annotations in tag must be those of metadata, as when it is created', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    const body = (name: string, annotations: object) => ({
      metadata: { name, annotations },
      tag: docker('tag', 'foo/bar/baz', { annotations: { a: 'b' } }),
    });
    assertInvalid(await put(api, 'fresh:tag', body('fresh:tag', { a: 'c' })), [
      'FieldValueInvalid',
      'tag.annotations',
      'Invalid value: "<map>": tag annotations must not be provided or must be equal to the object meta annotations',
    ]);
    assert.equal((await put(api, 'fresh:tag', body('fresh:tag', { a: 'b' }))).status, 201);
    assert.equal((await put(api, 'test:tag', body('test:tag', { a: 'c' }))).status, 201, 'a stream that is there');
  });

  test('with an old version: conflict, and nothing changes; without a version: whatever is there is changed', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('tag', 'foo/bar/baz')]);
    await push(api, 'test', 'tag', ONE);
    const { body: old } = await api.ask('GET', 'imagestreamtags/test:tag');
    await push(api, 'test', 'tag', TWO);
    const changed = { ...old, tag: { ...old.tag, from: { kind: 'DockerImage', name: 'foo/bar/other' } } };
    const conflict = await put(api, 'test:tag', changed);
    assert.deepEqual([conflict.status, conflict.body.reason], [409, 'Conflict']);
    assert.deepEqual([conflict.body.details.kind, conflict.body.details.name], ['imagestreamtags', 'test:tag']);
    const { resourceVersion: _, ...metadata } = changed.metadata;
    assert.equal((await put(api, 'test:tag', { ...changed, metadata })).status, 200);
  });

  test('many at once without a version: each arrives', async () => {
    await using api = await startImageApi();
    await stream(api, 'test');
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((tag) => `test:${tag}`);
    const answers = await Promise.all(
      names.map((name) => put(api, name, { metadata: { name }, tag: docker('', 'foo/bar/baz') })),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      names.map(() => 201),
    );
    assert.equal((await api.ask('GET', 'imagestreams/test')).body.spec.tags.length, names.length);
  });

  test('patches of each type', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [docker('tag', 'foo/bar/baz')]);
    await push(api, 'test', 'tag', ONE);
    const merged = await api.ask('PATCH', 'imagestreamtags/test:tag', { tag: { reference: true } }, { type: MERGE });
    assert.equal(merged.status, 200, merged.text);
    assert.equal(merged.body.tag.reference, true);
    const operations = [{ op: 'replace', path: '/tag/from/name', value: 'foo/bar/json' }];
    const json = await api.ask('PATCH', 'imagestreamtags/test:tag', operations, {
      type: 'application/json-patch+json',
    });
    assert.equal(json.status, 200, json.text);
    assert.equal(json.body.tag.from.name, 'foo/bar/json');
    const strategic = await api.ask(
      'PATCH',
      'imagestreamtags/test:tag',
      { metadata: { annotations: { a: 'b' } } },
      { type: 'application/strategic-merge-patch+json' },
    );
    assert.equal(strategic.status, 200, strategic.text);
    assert.deepEqual(strategic.body.tag.annotations, { a: 'b' });
    const elsewhere = await api.ask(
      'PATCH',
      'imagestreamtags/test:tag',
      { metadata: { labels: { a: 'b' } } },
      { type: MERGE },
    );
    const detail = 'Invalid value: "": may not update fields other than metadata.annotations';
    assertInvalid(elsewhere, ['FieldValueInvalid', 'metadata', detail]);
  });
});

suite('deleting', () => {
  test('takes the tag out of spec and status, and leaves the others and the Images', async () => {
    await using api = await startImageApi();
    await stream(api, 'test', [tracking('another', 'test:foo'), tracking('latest', 'test:bar')]);
    await push(api, 'test', 'foo', ONE);
    await push(api, 'test', 'bar', TWO);
    const { status, body } = await api.ask('DELETE', 'imagestreamtags/test:latest');
    assert.equal(status, 200);
    assert.deepEqual(body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
    const { body: kept } = await api.ask('GET', 'imagestreams/test');
    assert.equal(kept.metadata.generation, 2);
    assert.deepEqual(
      kept.spec.tags.map(({ name, generation }: { name: string; generation: number }) => [name, generation]),
      [['another', 1]],
    );
    assert.deepEqual(
      kept.status.tags.map(({ tag }: { tag: string }) => tag),
      ['another', 'bar', 'foo'],
    );
    assert.equal((await api.ask('GET', `images/${TWO}`)).status, 200);
  });

  test('without the stream, without any tag, without this tag: not there', async () => {
    await using api = await startImageApi();
    assertNotFound(await api.ask('DELETE', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test');
    await stream(api, 'test');
    assertNotFound(await api.ask('DELETE', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test:latest');
    await push(api, 'test', 'other', THREE);
    assertNotFound(await api.ask('DELETE', 'imagestreamtags/test:latest'), 'imagestreamtags', 'test:latest');
  });
});
