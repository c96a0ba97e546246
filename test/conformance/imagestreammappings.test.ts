/** ImageStreamMappings over HTTP: what an image that is tagged by one leaves in Image, stream and followers. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assertInvalid, type ImageApi, startImageApi } from '../imageapi.ts';
import { docker, entries, history, made, ONE, push, references, stream, TWO, tracking } from '../imagestreams.ts';

const MANAGED = { 'openshift.io/image.managed': 'true' };

function post(api: ImageApi, name: string, tag: string, image: object, metadata: object = {}) {
  return api.ask('POST', 'imagestreammappings', { metadata: { name, ...metadata }, tag, image });
}
const imageOf = (name: string, dockerImageReference?: string, annotations?: object): object => ({
  metadata: { name, ...(annotations && { annotations }) },
  ...(dockerImageReference && { dockerImageReference }),
});

suite('a mapping', () => {
  test('into another namespace than the path says is refused', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const answer = await post(api, 'app', 'latest', imageOf(ONE, 'r.test/a'), { namespace: 'other' });
    assert.deepEqual([answer.status, answer.body.reason], [400, 'BadRequest']);
  });

  test('into a stream that is not there: what is missing is named as the mapping, by the stream', async () => {
    await using api = await startImageApi();
    const { status, body } = await post(api, 'app', 'latest', imageOf(ONE, 'r.test/a'));
    assert.deepEqual([status, body.reason], [404, 'NotFound']);
    assert.deepEqual(body.details, { name: 'app', group: 'image.openshift.io', kind: 'imagestreammappings' });
    assert.equal((await api.ask('GET', `images/${ONE}`)).status, 404, 'nothing is half done');
  });

  test('makes the Image and the entry, without signatures, spec and generation as they were', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const image = { ...imageOf(ONE, `r.test/a@${ONE}`, { a: 'b' }), signatures: [{ type: 't', content: 'eA==' }] };
    const { status, body } = await post(api, 'app', 'latest', image);
    assert.equal(status, 201);
    assert.deepEqual(body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    const { body: kept } = await api.ask('GET', `images/${ONE}`);
    assert.deepEqual([kept.signatures, kept.metadata.annotations], [undefined, { a: 'b' }]);
    const { body: after } = await api.ask('GET', 'imagestreams/app');
    assert.deepEqual([after.metadata.generation, after.spec.tags], [1, undefined]);
    assert.deepEqual(await entries(api, 'app', 'latest'), [[ONE, 1]]);
  });

  test('without a reference: the one in this registry', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await post(api, 'app', 'latest', imageOf(ONE));
    const local = `registry.test:5000/one/app@${ONE}`;
    assert.deepEqual(await references(api, 'app', 'latest'), [local]);
    assert.equal((await api.ask('GET', `images/${ONE}`)).body.dockerImageReference, local);
  });

  test('of an Image whose name is no digest: it is pulled like a tag, by policy Local as well', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [docker('latest', 'r.test/a', { referencePolicy: { type: 'Local' } })]);
    const own = 'registry.test:5000/one/app:odd';
    assert.equal((await post(api, 'app', 'latest', imageOf('odd'))).status, 201);
    assert.equal((await api.ask('GET', 'images/odd')).body.dockerImageReference, own);
    assert.equal((await post(api, 'app', 'other', imageOf('odd', 'r.test/a:1', MANAGED))).status, 201);
    assert.deepEqual(await references(api, 'app', 'other'), [own]);
    const { body } = await api.ask('GET', 'imagestreamtags/app:latest');
    assert.equal(body.image.dockerImageReference, own);
  });

  test('of a managed Image whose name fits no reference: the stream is what is invalid', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await made(api, 'images', imageOf('sha256:0', 'r.test/a'));
    const answer = await post(api, 'app', 'latest', imageOf('sha256:0', 'r.test/a', MANAGED));
    assertInvalid(answer, [
      'FieldValueInvalid',
      'status.tags[latest].items[0].dockerImageReference',
      'Invalid value: "registry.test:5000/one/app:sha256:0": invalid reference format',
    ]);
    assert.deepEqual([answer.body.details.kind, answer.body.details.name], ['ImageStream', 'app']);
    assert.equal(await history(api, 'app', 'latest'), undefined);
  });

  test('of an Image that is there leaves that as it is', async () => {
    await using api = await startImageApi();
    await made(api, 'images', imageOf(ONE, 'r.test/first', { a: 'b' }));
    await stream(api, 'app');
    const { body: before } = await api.ask('GET', `images/${ONE}`);
    assert.equal((await post(api, 'app', 'latest', imageOf(ONE, 'r.test/second'))).status, 201);
    assert.deepEqual((await api.ask('GET', `images/${ONE}`)).body, before);
    assert.deepEqual(await references(api, 'app', 'latest'), ['r.test/second']);
  });

  test('that says the image is managed, of an Image that is there: the reference is this stream’s', async () => {
    await using api = await startImageApi();
    await made(api, 'images', imageOf(ONE, 'r.test/first'));
    await stream(api, 'app');
    await post(api, 'app', 'latest', imageOf(ONE, 'registry.test:5000/other/elsewhere', MANAGED));
    assert.deepEqual(await references(api, 'app', 'latest'), [`registry.test:5000/one/app@${ONE}`]);
  });

  test('that says the image is managed, of a new Image: the reference that it gives', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await post(api, 'app', 'latest', imageOf(ONE, 'registry.test:5000/other/elsewhere', MANAGED));
    assert.deepEqual(await references(api, 'app', 'latest'), ['registry.test:5000/other/elsewhere']);
  });

  test('of what the tag has already writes nothing', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    await push(api, 'app', 'latest', ONE);
    const before = await api.ctx.store.revision();
    await push(api, 'app', 'latest', ONE);
    assert.equal(await api.ctx.store.revision(), before);
    assert.deepEqual(await entries(api, 'app', 'latest'), [[ONE, 1]]);
  });

  test('of an image that another tag has gives the new tag an entry of its own', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    for (const tag of ['existing', 'latest']) await push(api, 'app', tag, ONE);
    for (const tag of ['existing', 'latest']) assert.deepEqual(await entries(api, 'app', tag), [[ONE, 1]]);
  });

  test('takes along what tracks the tag, by <tag> or <stream>:<tag>, and nothing else', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [
      tracking('short', '2.0'),
      tracking('long', 'app:2.0'),
      docker('image', '2.0'),
      tracking('next', '3.0'),
    ]);
    await push(api, 'app', '2.0', ONE);
    const { body } = await api.ask('GET', 'imagestreams/app');
    const tags = (body.status.tags as { tag: string }[]).map(({ tag }) => tag);
    assert.deepEqual(tags, ['2.0', 'long', 'short']);
    for (const tag of ['short', 'long'])
      assert.deepEqual(await history(api, 'app', tag), { ...(await history(api, 'app', '2.0')), tag });
  });

  test('many at once to different tags: each arrives', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const tags = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    await Promise.all(tags.map((tag) => push(api, 'app', tag, ONE)));
    for (const tag of tags) assert.equal((await entries(api, 'app', tag)).length, 1, tag);
  });

  test('many at once to one tag: some arrive, the others are told of the conflict, and nothing is lost silently', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const images = 'abcdef'.split('').map((digit) => `sha256:${digit.repeat(64)}`);
    const answers = await Promise.all(
      images.map((image) => post(api, 'app', 'latest', imageOf(image, `r.test/a@${image}`))),
    );
    const arrived = images.filter((_, at) => answers[at]?.status === 201);
    assert.ok(arrived.length > 0);
    for (const { status, body } of answers)
      if (status !== 201) assert.deepEqual([status, body.reason], [409, 'Conflict']);
    assert.deepEqual((await entries(api, 'app', 'latest')).map(([image]) => image).sort(), arrived.sort());
  });

  test('that moves a tag of spec clears what was said of its import', async () => {
    await using api = await startImageApi();
    await stream(api, 'app', [docker('latest', 'r.test/a')]);
    const failed = { type: 'ImportSuccess', status: 'False', reason: 'NotFound', message: 'm', generation: 1 };
    const { body } = await api.ask('GET', 'imagestreams/app');
    const status = { ...body.status, tags: [{ tag: 'latest', items: null, conditions: [failed] }] };
    assert.equal((await api.ask('PUT', 'imagestreams/app/status', { ...body, status })).status, 200);
    await push(api, 'app', 'latest', TWO);
    assert.equal((await history(api, 'app', 'latest'))?.conditions, undefined);
  });
});
