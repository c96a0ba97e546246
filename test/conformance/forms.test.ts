/** In which forms OpenShift shows what of the image API, and a few ways of writing that its decoders take or refuse. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { APPLY, assertInvalid, type ImageApi, MERGE, startImageApi, TABLE } from '../imageapi.ts';
import { docker, made, ONE, push, stream, TWO } from '../imagestreams.ts';

const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

async function filled(): Promise<ImageApi> {
  const api = await startImageApi();
  await stream(api, 'app');
  await push(api, 'app', 'v1', ONE);
  return api;
}

suite('forms', () => {
  test('of a status there are no Tables; whoever takes JSON as well gets that', async () => {
    await using api = await filled();
    const patch = { metadata: { labels: { a: 'b' } } };
    for (const [method, body, type] of [
      ['GET', undefined, undefined],
      ['PATCH', patch, MERGE],
    ] as const) {
      const more = type === undefined ? {} : { type };
      const refused = await api.ask(method, 'imagestreams/app/status', body, { accept: TABLE, ...more });
      assert.deepEqual([refused.status, refused.body.reason], [406, 'NotAcceptable'], method);
      const accept = `${TABLE},application/json`;
      assert.equal(
        (await api.ask(method, 'imagestreams/app/status', body, { accept, ...more })).body.kind,
        'ImageStream',
      );
    }
  });

  test('of layers and secrets neither; but of all there is the metadata alone', async () => {
    await using api = await filled();
    for (const sub of ['layers', 'secrets']) {
      assert.equal((await api.ask('GET', `imagestreams/app/${sub}`, undefined, { accept: TABLE })).status, 406, sub);
    }
    const { body: kept } = await api.ask('GET', 'imagestreams/app');
    for (const path of ['imagestreams/app/layers', 'imagestreams/app/status', 'imagestreams/app']) {
      const { status, body } = await api.ask('GET', path, undefined, { accept: PARTIAL });
      assert.equal(status, 200, path);
      assert.deepEqual(body, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: kept.metadata });
    }
    const { body: none } = await api.ask('GET', 'imagestreams/app/secrets', undefined, { accept: PARTIAL_LIST });
    assert.deepEqual([none.kind, none.items], ['PartialObjectMetadataList', null]);
  });

  test('of what can only be created there is the metadata alone too; a Status stays one', async () => {
    await using api = await filled();
    const image = { metadata: { name: TWO }, dockerImageReference: `r.test/a@${TWO}` };
    const look = { images: [{ from: { kind: 'DockerImage', name: '127.0.0.1:1/a/b:c' } }] };
    const bodies = {
      imagestreamimports: { metadata: { name: 'app' }, spec: { import: false, ...look } },
      imagesignatures: { metadata: { name: `${ONE}@s` }, type: 't', content: 'eA==' },
      imagestreammappings: { metadata: { name: 'app' }, tag: 'v2', image },
    };
    for (const [resource, body] of Object.entries(bodies)) {
      assert.equal((await api.ask('POST', resource, body, { accept: TABLE })).status, 406, resource);
      const answer = await api.ask('POST', resource, body, { accept: PARTIAL });
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.body.kind, resource === 'imagestreammappings' ? 'Status' : 'PartialObjectMetadata');
    }
  });

  test('lists of metadata that are empty are null', async () => {
    await using api = await startImageApi();
    for (const resource of ['imagestreams', 'imagestreamtags', 'imagetags']) {
      const { body } = await api.ask('GET', resource, undefined, { accept: PARTIAL_LIST });
      assert.equal(body.items, null, resource);
      assert.deepEqual((await api.ask('GET', resource)).body.items, []);
    }
  });

  test('YAML, of a Status too, with members in the order of their names', async () => {
    await using api = await filled();
    const accept = 'application/yaml';
    const { text } = await api.ask('GET', 'imagestreams/app', undefined, { accept });
    assert.match(text, /^apiVersion: image\.openshift\.io\/v1\nkind: ImageStream\nmetadata:\n {2}creationTimestamp: "/);
    const image = { metadata: { name: ONE }, dockerImageReference: `r.test/a@${ONE}` };
    const mapping = { metadata: { name: 'app' }, tag: 'v1', image };
    const posted = await api.ask('POST', 'imagestreammappings', mapping, { accept });
    assert.equal(posted.text, 'apiVersion: v1\ncode: 201\nkind: Status\nmetadata: {}\nstatus: Success\n');
    const deleted = await api.ask('DELETE', 'imagestreamtags/app:v1', undefined, { accept });
    assert.equal(deleted.text, 'apiVersion: v1\nkind: Status\nmetadata: {}\nstatus: Success\n');
  });

  test('the old parameter export is refused', async () => {
    await using api = await filled();
    const { status, body } = await api.ask('GET', 'imagestreams/app?export=true');
    assert.deepEqual([status, body.reason], [400, 'BadRequest']);
  });
});

suite('ways of writing', () => {
  test('an integer has neither fraction nor exponent', async () => {
    await using api = await startImageApi();
    for (const generation of ['1e2', '1.0', '1E+1']) {
      const body = `{"metadata":{"name":"app"},"spec":{"tags":[{"name":"a","generation":${generation}}]}}`;
      const { status, body: answer } = await api.ask('POST', 'imagestreams', body, { type: 'application/json' });
      assert.equal(status, 400, generation);
      assert.match(
        answer.message,
        /^ImageStream in version "v1" cannot be handled as a ImageStream: spec\.tags\.0\.generation: /,
      );
    }
    const metadata = { Size: 1, Config: { CpuShares: 2 } };
    const body = JSON.stringify({
      metadata: { name: ONE },
      dockerImageReference: 'r.test/a',
      dockerImageMetadata: metadata,
    });
    assert.equal((await api.ask('POST', 'images', body.replace('"Size":1', '"Size":1e0'))).status, 201);
  });

  test('annotations of a tag that are empty are none', async () => {
    await using api = await startImageApi();
    const tag = docker('a', 'r.test/a', { annotations: {} });
    const { spec } = await made(api, 'imagestreams', { metadata: { name: 'app' }, spec: { tags: [tag] } });
    assert.equal(spec.tags[0].annotations, null);
  });

  test('version 0 is no version', async () => {
    await using api = await filled();
    const { body: app } = await api.ask('GET', 'imagestreams/app');
    const put = { ...app, metadata: { ...app.metadata, resourceVersion: '0' } };
    const answer = await api.ask('PUT', 'imagestreams/app', put);
    const detail = 'Invalid value: 0: must be specified for an update';
    assertInvalid(answer, ['FieldValueInvalid', 'metadata.resourceVersion', detail]);
    await made(api, 'imagestreams', { metadata: { name: 'other', resourceVersion: '0' } });
  });

  test('a deletion of an Image waits for nothing, whatever it asks for', async () => {
    await using api = await filled();
    const { status, body } = await api.ask('DELETE', `images/${ONE}`, { propagationPolicy: 'Orphan' });
    assert.deepEqual([status, body.kind, body.status], [200, 'Status', 'Success']);
    assert.equal((await api.ask('GET', `images/${ONE}`)).status, 404);
  });

  test('a deletion may say in its query what it means to delete; a body says all', async () => {
    await using api = await filled();
    const refused = await api.ask('DELETE', 'imagestreams/app?resourceVersion=1');
    assert.deepEqual([refused.status, refused.body.reason], [409, 'Conflict']);
    assert.equal((await api.ask('DELETE', 'imagestreams/app?uid=other')).status, 409);
    assert.equal((await api.ask('DELETE', 'imagestreams/app?uid=other', {})).status, 200);
  });

  test('an apply that names a uid makes nothing', async () => {
    await using api = await startImageApi();
    const config = { kind: 'ImageStream', apiVersion: 'image.openshift.io/v1', metadata: { name: 'app', uid: 'u' } };
    const { status, body } = await api.ask('PATCH', 'imagestreams/app?fieldManager=m', config, { type: APPLY });
    assert.deepEqual([status, body.reason], [409, 'Conflict']);
    assert.match(body.message, /uid mismatch: the provided object specified uid u, and no existing object was found$/);
    assert.equal((await api.ask('GET', 'imagestreams/app')).status, 404);
  });

  test('numbers of the query that are none, or too large, are refused; version 0 knows no limit', async () => {
    await using api = await filled();
    await stream(api, 'more');
    const refused = async (query: string): Promise<unknown> =>
      (await api.ask('GET', `imagestreams?${query}`)).body.message;
    assert.equal(await refused('limit=two'), 'strconv.ParseInt: parsing "two": invalid syntax');
    assert.equal(
      await refused('limit=9223372036854775808'),
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    );
    const version = 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax';
    assert.equal(await refused('resourceVersion=x'), `invalid resource version: ${version}`);
    assert.equal((await api.ask('GET', 'imagestreams?limit=1')).body.items.length, 1);
    assert.equal((await api.ask('GET', 'imagestreams?limit=1&resourceVersion=0')).body.items.length, 2);
  });

  test('a list of tags is that of the version which is asked for', async () => {
    await using api = await startImageApi();
    await stream(api, 'app');
    const { body } = await api.ask('GET', 'imagestreams/app');
    await push(api, 'app', 'v1', ONE);
    const { resourceVersion } = body.metadata;
    for (const resource of ['imagestreamtags', 'imagetags']) {
      const { body: then } = await api.ask(
        'GET',
        `${resource}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`,
      );
      assert.deepEqual(then.items, [], resource);
      assert.equal((await api.ask('GET', `${resource}?resourceVersion=${resourceVersion}`)).body.items.length, 1);
      assert.equal((await api.ask('GET', `${resource}?resourceVersion=999999`)).status, 504);
    }
  });
});

test('names that nothing can be kept under are refused as such, whatever is asked of them', async () => {
  await using api = await startImageApi();
  const paths = [
    'images/a%25b',
    'imagestreams/a%25b',
    'imagestreams/a%25b/layers',
    'imagestreams/a%25b/status',
    'imagestreamtags/a%25b:a',
    'imagetags/a%25b:a',
    'imagestreamimages/a%25b@sha256:a',
  ];
  for (const path of paths) {
    const { status, body } = await api.ask('GET', path);
    assert.deepEqual([status, body.message], [400, `Name parameter invalid: "a%b": may not contain '%'`], path);
  }
  assert.equal((await api.ask('DELETE', 'imagestreamtags/a%25b:a')).status, 400);
  assert.equal((await api.ask('PATCH', 'imagetags/a%25b:a', {}, { type: MERGE })).status, 400);
  assert.equal((await api.ask('GET', 'imagestreams/a%25b/secrets')).status, 200, 'the name is not looked at');
});
