/** Tags of streams over HTTP: how ImageStreamTags, ImageTags, mappings and status writes move them, case by case. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertInvalid, MERGE, STRATEGIC, startImageApi } from '../imageapi.ts';
import { docker, entries, history, made, ONE, push, stream, THREE, TWO, tracking } from '../imagestreams.ts';

test('an ImageStreamTag that tracks a tag of its own stream has the image at once, and raises the generation of all who track it', async () => {
  await using api = await startImageApi();
  await stream(api, 'app');
  await push(api, 'app', 'v1', ONE);
  await made(api, 'imagestreamtags', { metadata: { name: 'app:a' }, tag: tracking('a', 'v1') });
  await made(api, 'imagestreamtags', { metadata: { name: 'app:b' }, tag: tracking('b', 'app:v1') });
  for (const tag of ['v1', 'a', 'b']) assert.deepEqual(await entries(api, 'app', tag), [[ONE, 3]]);
});

test('a push takes along what tracks the tag, one level, with the generation of the stream', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [tracking('near', 'v1'), tracking('far', 'near')]);
  await push(api, 'app', 'v1', ONE);
  await push(api, 'app', 'v1', TWO);
  assert.deepEqual(await entries(api, 'app', 'near'), [
    [TWO, 1],
    [ONE, 1],
  ]);
  assert.deepEqual(await entries(api, 'app', 'far'), []);
});

test('a PUT of the stream does not take along what tracks a tag; a PUT of the ImageStreamTag does', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [tracking('near', 'v1')]);
  await push(api, 'app', 'v1', ONE);
  await push(api, 'app', 'v2', TWO);
  await push(api, 'app', 'v3', THREE);
  const from = { kind: 'ImageStreamTag', name: 'v2' };
  const patch = { spec: { tags: [{ name: 'v1', from }] } };
  assert.equal((await api.ask('PATCH', 'imagestreams/app', patch, { type: STRATEGIC })).status, 200);
  assert.equal((await entries(api, 'app', 'v1'))[0]?.[0], TWO);
  assert.equal((await entries(api, 'app', 'near'))[0]?.[0], ONE);
  const image = { kind: 'ImageStreamImage', name: `app@${THREE}` };
  const istag = { metadata: { name: 'app:v1' }, tag: { name: 'v1', from: image } };
  assert.equal((await api.ask('PUT', 'imagestreamtags/app:v1', istag)).status, 200);
  assert.equal((await entries(api, 'app', 'v1'))[0]?.[0], THREE);
  assert.equal((await entries(api, 'app', 'near'))[0]?.[0], THREE);
});

test('a tag that only refers has an entry without image: no ImageStreamTag, but an ImageTag', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('ref', 'quay.test/x/r:1', { reference: true })]);
  assert.deepEqual(await entries(api, 'app', 'ref'), [['', 1]]);
  assert.equal((await api.ask('GET', 'imagestreamtags/app:ref')).status, 404);
  const { status, body } = await api.ask('GET', 'imagetags/app:ref');
  assert.equal(status, 200);
  assert.equal(body.status.items[0].dockerImageReference, 'quay.test/x/r:1');
  assert.equal(body.image, null);
});

test('what a PUT of such an ImageStreamTag answers shows neither reference nor generation of the entry', async () => {
  await using api = await startImageApi();
  const tag = docker('ref', 'quay.test/x/r:1', { reference: true });
  const { body } = await api.ask('PUT', 'imagestreamtags/app:ref', { metadata: { name: 'app:ref' }, tag });
  assert.equal(body.generation, 0);
  assert.equal(body.image.dockerImageReference, undefined);
});

test('a tag from another stream of this registry is copied once, to be pulled from the stream that it is copied into', async () => {
  await using api = await startImageApi();
  await stream(api, 'src');
  await push(api, 'src', 'v1', ONE, 'registry.test:5000/one/src');
  await stream(api, 'dst', [tracking('a', 'src:v1'), tracking('r', 'src:v1', { reference: true })]);
  const at = async (tag: string) => (await history(api, 'dst', tag))?.items?.[0]?.dockerImageReference;
  assert.equal(await at('a'), `registry.test:5000/one/dst@${ONE}`);
  assert.equal(await at('r'), `registry.test:5000/one/src@${ONE}`);
  await push(api, 'src', 'v1', TWO);
  assert.deepEqual(await entries(api, 'dst', 'a'), [[ONE, 1]]);
});

test('a prefix of a digest is enough for a tag, unless several images have it', async () => {
  await using api = await startImageApi();
  await stream(api, 'app');
  await push(api, 'app', 'v1', ONE);
  await push(api, 'app', 'v1', TWO);
  const tag = (id: string) => ({ name: 'i', from: { kind: 'ImageStreamImage', name: `app@${id}` } });
  const refused = await api.ask('POST', 'imagestreamtags', { metadata: { name: 'app:i' }, tag: tag('sha256:') });
  assert.equal(refused.status, 422);
  assert.match(refused.body.message, /multiple images match the prefix "sha256:": sha256:1+, sha256:2+/);
  await made(api, 'imagestreamtags', { metadata: { name: 'app:i' }, tag: tag('22') });
  assert.equal((await entries(api, 'app', 'i'))[0]?.[0], TWO);
});

test('an entry with the same image or the same reference is merged into the newest, with its time', async () => {
  await using api = await startImageApi();
  await stream(api, 'app');
  await push(api, 'app', 'v1', ONE);
  const first = (await history(api, 'app', 'v1'))?.items?.[0];
  await push(api, 'app', 'v1', ONE, 'quay.test/moved/app');
  const second = (await history(api, 'app', 'v1'))?.items;
  assert.equal(second?.length, 1);
  assert.equal(second[0]?.created, first?.created);
  assert.equal(second[0]?.dockerImageReference, `quay.test/moved/app@${ONE}`);
});

test('a failed import stays told until the tag moves', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app:v1')]);
  const failed = { type: 'ImportSuccess', status: 'False', reason: 'NotFound', message: 'm', generation: 1 };
  const patch = { status: { tags: [{ tag: 'v1', items: null, conditions: [failed] }] } };
  assert.equal((await api.ask('PATCH', 'imagestreams/app/status', patch, { type: MERGE })).status, 200);
  assert.equal((await history(api, 'app', 'v1'))?.conditions?.length, 1);
  await push(api, 'app', 'v1', ONE);
  assert.equal((await history(api, 'app', 'v1'))?.conditions, undefined);
});

test('a written status gives an entry without generation the stream’s if it is new, the tag’s if it had another', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app:v1')]);
  await api.ask('PATCH', 'imagestreams/app', { spec: { lookupPolicy: { local: true } } }, { type: MERGE });
  const status = (image: string) => ({
    status: {
      tags: [{ tag: 'v1', items: [{ created: null, dockerImageReference: 'quay.test/x/app', image, generation: 0 }] }],
    },
  });
  await api.ask('PATCH', 'imagestreams/app/status', status(ONE), { type: MERGE });
  assert.deepEqual(await entries(api, 'app', 'v1'), [[ONE, 2]]);
  await api.ask('PATCH', 'imagestreams/app/status', status(TWO), { type: MERGE });
  assert.deepEqual(await entries(api, 'app', 'v1'), [[TWO, 1]]);
});

test('a written status keeps spec.tags and sets lookupPolicy, labels and annotations', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app:v1')]);
  const patch = { metadata: { labels: { a: 'b' } }, spec: { tags: [], lookupPolicy: { local: true } } };
  const { body } = await api.ask('PATCH', 'imagestreams/app/status', patch, { type: MERGE });
  assert.equal(body.spec.tags.length, 1);
  assert.equal(body.spec.lookupPolicy.local, true);
  assert.deepEqual(body.metadata.labels, { a: 'b' });
  assert.equal(body.metadata.generation, 1);
});

test('a status that names no image properly is refused, but what was stored may stay', async () => {
  await using api = await startImageApi();
  await stream(api, 'app');
  const items = [{ created: null, dockerImageReference: 'A B', image: '', generation: 1 }];
  const answer = await api.ask(
    'PATCH',
    'imagestreams/app/status',
    { status: { tags: [{ tag: 'v1', items }] } },
    { type: MERGE },
  );
  const field = 'status.tags[v1].items[0].dockerImageReference';
  assertInvalid(answer, ['FieldValueInvalid', field, 'Invalid value: "A B": invalid reference format']);
});

test('a PUT of an ImageStreamTag makes the stream if it is missing, and leaves labels to the stream', async () => {
  await using api = await startImageApi();
  const metadata = { name: 'new:t', labels: { a: 'b' }, annotations: { c: 'd' } };
  const answer = await api.ask('PUT', 'imagestreamtags/new:t', { metadata, tag: docker('t', 'quay.test/x/y') });
  assert.equal(answer.status, 201, answer.text);
  const { body } = await api.ask('GET', 'imagestreams/new');
  assert.equal(body.metadata.labels, undefined);
  assert.deepEqual(body.spec.tags[0].annotations, { c: 'd' });
  const again = await api.ask('PUT', 'imagestreamtags/gone:t', { metadata: { name: 'gone:t', resourceVersion: '7' } });
  assert.equal(again.status, 404);
});

test('a PUT of an ImageStreamTag ignores generation, creationTimestamp, image and lookupPolicy, and refuses other metadata', async () => {
  await using api = await startImageApi();
  await stream(api, 'app');
  await push(api, 'app', 'v1', ONE);
  await made(api, 'imagestreamtags', { metadata: { name: 'app:t' }, tag: tracking('t', 'v1') });
  const { body: istag } = await api.ask('GET', 'imagestreamtags/app:t');
  const ignored = { ...istag, generation: 99, lookupPolicy: { local: true }, image: { metadata: { name: 'x' } } };
  Object.assign(ignored.metadata, { generation: 7, creationTimestamp: '2001-01-01T00:00:00Z' });
  assert.equal((await api.ask('PUT', 'imagestreamtags/app:t', ignored)).status, 200);
  const { body: fresh } = await api.ask('GET', 'imagestreamtags/app:t');
  const relabelled = { ...fresh, metadata: { ...fresh.metadata, labels: { a: 'b' } } };
  const detail = 'Invalid value: "": may not update fields other than metadata.annotations';
  assertInvalid(await api.ask('PUT', 'imagestreamtags/app:t', relabelled), ['FieldValueInvalid', 'metadata', detail]);
});

test('an ImageTag of a stream whose fields are managed can be sent back, but not changed', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app')]);
  const { body: itag } = await api.ask('GET', 'imagetags/app:v1');
  assert.equal((await api.ask('PUT', 'imagetags/app:v1', itag)).status, 200);
  const changed = { ...itag, spec: { ...itag.spec, from: { kind: 'DockerImage', name: 'quay.test/x/other' } } };
  const detail = 'Invalid value: "": may not update fields other than spec';
  assertInvalid(await api.ask('PUT', 'imagetags/app:v1', changed), ['FieldValueInvalid', 'metadata', detail]);
});

test('an ImageTag without spec takes the tag out of spec and keeps its history', async () => {
  await using api = await startImageApi();
  await made(api, 'imagetags', { metadata: { name: 'free:t' }, spec: docker('t', 'quay.test/x/y') });
  await push(api, 'free', 't', ONE);
  const { body: itag } = await api.ask('GET', 'imagetags/free:t');
  const answer = await api.ask('PUT', 'imagetags/free:t', { ...itag, spec: null });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.spec, null);
  assert.deepEqual(await entries(api, 'free', 't'), [[ONE, 1]]);
  assert.equal((await api.ask('DELETE', 'imagetags/free:t')).status, 200);
  assert.equal(await history(api, 'free', 't'), undefined);
  assert.equal((await api.ask('DELETE', 'imagetags/free:t')).status, 404);
});

test('a selector for the name of a tag finds none, since it is asked of the stream as well', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app')]);
  const named = async (selector: string) =>
    (await api.ask('GET', `imagetags?fieldSelector=${encodeURIComponent(selector)}`)).body.items.length;
  assert.equal(await named('metadata.name=app:v1'), 0);
  assert.equal(await named('metadata.name=app'), 0);
  assert.equal(await named('metadata.name!=app:v1'), 0);
  assert.equal(await named('metadata.name!=other:v1'), 1);
  assert.equal(await named('metadata.namespace=one'), 1);
});

test('dry runs of every verb answer as if, and store nothing', async () => {
  await using api = await startImageApi();
  await stream(api, 'app', [docker('v1', 'quay.test/x/app')]);
  await push(api, 'app', 'v2', ONE);
  const before = await api.ctx.store.revision();
  const image = { metadata: { name: 'new' }, dockerImageReference: 'quay.test/x/y' };
  const asked: [string, string, unknown?, string?][] = [
    ['POST', 'imagestreams', { metadata: { name: 'other' } }],
    ['POST', 'images', image],
    ['POST', 'imagestreamtags', { metadata: { name: 'app:t' }, tag: docker('t', 'quay.test/x/y') }],
    ['POST', 'imagetags', { metadata: { name: 'fresh:t' }, spec: docker('t', 'quay.test/x/y') }],
    ['POST', 'imagestreammappings', { metadata: { name: 'app' }, tag: 'v3', image }],
    ['POST', 'imagesignatures', { metadata: { name: `${ONE}@s` }, type: 'AtomicImageV1', content: 'eA==' }],
    ['PATCH', 'imagestreams/app', { metadata: { labels: { a: 'b' } } }, MERGE],
    ['PATCH', 'imagestreams/app/status', { metadata: { labels: { a: 'b' } } }, MERGE],
    ['PATCH', 'imagestreamtags/app:v1', { metadata: { annotations: { a: 'b' } } }, MERGE],
    ['DELETE', 'imagestreamtags/app:v1'],
    ['DELETE', 'imagetags/app:v1'],
    ['DELETE', 'imagestreams/app'],
    ['DELETE', 'imagestreams'],
    ['DELETE', `images/${ONE}`],
  ];
  for (const [method, path, body, type] of asked) {
    const answer = await api.ask(method, `${path}?dryRun=All`, body, { ...(type && { type }) });
    assert.ok(answer.status === 200 || answer.status === 201, `${method} ${path}: ${answer.text}`);
    assert.equal(await api.ctx.store.revision(), before, `${method} ${path}`);
  }
});
