import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { Resource, Verb } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { documentBytes } from './openapi.protobuf.ts';
import { openApi } from './openapi.ts';

const ALL: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const tagSchema: ObjectSchema = {
  type: 'object',
  component: 'test.v1.Tag',
  description: 'A tag.',
  required: ['name'],
  properties: { name: { type: 'string', description: 'Its name.' } },
};

const widgets: Resource = {
  group: 'test.headgate.dev',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  singular: 'widget',
  namespaced: true,
  verbs: ALL,
  table: { columns: [], cells: () => [] },
  subresources: [
    { name: 'status', kind: 'Widget', verbs: ['get', 'patch', 'update'] },
    {
      name: 'scale',
      api: { group: 'autoscaling', version: 'v1' },
      kind: 'Scale',
      verbs: ['get'],
      schema: { type: 'object', component: 'io.k8s.api.autoscaling.v1.Scale', properties: {} },
    },
  ],
  schema: {
    type: 'object',
    component: 'test.v1.Widget',
    description: 'A widget.',
    properties: {
      ...typeMeta,
      metadata: objectMeta,
      tags: {
        type: 'array',
        items: tagSchema,
        patchStrategy: 'merge',
        patchMergeKey: 'name',
        listType: 'map',
        listMapKeys: ['name'],
        description: 'Its tags.',
      },
      main: Object.assign({}, tagSchema, { description: 'The main tag.', componentDescription: 'A tag.' }),
      size: { type: 'integer', format: 'int64', default: 3 },
      port: { type: 'string', format: 'int-or-string' },
      extra: { type: 'any', component: 'io.k8s.apimachinery.pkg.runtime.RawExtension', patchStrategy: 'replace' },
      notes: { type: 'map', values: { type: 'string' } },
    },
  },
};

const reviews: Resource = {
  ...widgets,
  kind: 'Review',
  resource: 'reviews',
  singular: 'review',
  namespaced: false,
  verbs: ['create'],
  subresources: [],
  schema: { type: 'object', component: 'test.v1.Review', properties: { ...typeMeta } },
};

const api = openApi([widgets, reviews], '0.1.0');
const PATH = '/openapi/v3/apis/test.headgate.dev/v1';

// biome-ignore lint/suspicious/noExplicitAny: documents are looked into at will
async function document(path: string): Promise<any> {
  return JSON.parse((await api.answer(path))?.body.toString() ?? '');
}

test('the index names every document by its hash', async () => {
  const found = await api.answer('/openapi/v3');
  assert.equal(found?.headers['content-type'], 'text/plain; charset=utf-8');
  const { paths } = JSON.parse(found?.body.toString() ?? '');
  assert.deepEqual(Object.keys(paths), ['apis', 'apis/test.headgate.dev', 'apis/test.headgate.dev/v1', 'version']);
  const url: string = paths['apis/test.headgate.dev/v1'].serverRelativeURL;
  assert.match(url, /^\/openapi\/v3\/apis\/test\.headgate\.dev\/v1\?hash=[0-9A-F]{128}$/);
  const hash = url.slice(url.indexOf('=') + 1);
  assert.equal((await api.answer(PATH, { hash }))?.headers['cache-control'], 'public, immutable');
  assert.deepEqual((await api.answer(PATH, { hash: 'old' }))?.headers, { location: url });
  assert.equal((await api.answer(PATH, { hash: 'old' }))?.status, 301);
});

test('paths and methods', async () => {
  const { paths } = await document(PATH);
  const methods = Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path.replace('/apis/test.headgate.dev/v1', ''),
      Object.keys(item as object)
        .filter((key) => key !== 'parameters')
        .join(' '),
    ]),
  );
  assert.deepEqual(methods, {
    '/': 'get',
    '/namespaces/{namespace}/widgets': 'delete get post',
    '/namespaces/{namespace}/widgets/{name}': 'delete get patch put',
    '/namespaces/{namespace}/widgets/{name}/scale': 'get',
    '/namespaces/{namespace}/widgets/{name}/status': 'get patch put',
    '/reviews': 'post',
    '/watch/namespaces/{namespace}/widgets': 'get',
    '/watch/namespaces/{namespace}/widgets/{name}': 'get',
    '/watch/widgets': 'get',
    '/widgets': 'get',
  });
});

test('a patch has what kubectl looks for', async () => {
  const item = (await document(PATH)).paths['/apis/test.headgate.dev/v1/namespaces/{namespace}/widgets/{name}'];
  const { patch } = item;
  assert.equal(patch['x-kubernetes-action'], 'patch');
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], {
    group: 'test.headgate.dev',
    kind: 'Widget',
    version: 'v1',
  });
  assert.deepEqual(Object.keys(patch.requestBody.content).sort(), [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ]);
  const names = (list: { name: string }[]): string[] => list.map(({ name }) => name);
  assert.deepEqual(names(patch.parameters), ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  assert.deepEqual(names(item.parameters), ['name', 'namespace', 'pretty']);
  assert.deepEqual(Object.keys(patch.responses), ['200', '201', '401']);
  assert.deepEqual(Object.keys(item.delete.responses), ['200', '202', '401']);
  assert.equal(patch.operationId, 'patchTestHeadgateDevV1NamespacedWidget');
});

test('kinds of subresources', async () => {
  const { paths } = await document(PATH);
  const scale = paths['/apis/test.headgate.dev/v1/namespaces/{namespace}/widgets/{name}/scale'].get;
  assert.deepEqual(scale['x-kubernetes-group-version-kind'], { group: 'autoscaling', kind: 'Scale', version: 'v1' });
});

test('components', async () => {
  const { schemas } = (await document(PATH)).components;
  const widget = schemas['test.v1.Widget'];
  assert.deepEqual(widget['x-kubernetes-group-version-kind'], [
    { group: 'test.headgate.dev', kind: 'Widget', version: 'v1' },
  ]);
  assert.deepEqual(widget.properties.tags, {
    description: 'Its tags.',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
    type: 'array',
    items: { $ref: '#/components/schemas/test.v1.Tag' },
  });
  assert.deepEqual(widget.properties.main, {
    allOf: [{ $ref: '#/components/schemas/test.v1.Tag' }],
    description: 'The main tag.',
  });
  assert.deepEqual(widget.properties.size, { type: 'integer', format: 'int64', default: 3 });
  const intOrString = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
  assert.deepEqual(widget.properties.port, { $ref: `#/components/schemas/${intOrString}` });
  const { description: _words, ...port } = schemas[intOrString];
  assert.deepEqual(port, { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] });
  const { creationTimestamp } = schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'].properties;
  assert.deepEqual(creationTimestamp.allOf, [
    { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Time' },
  ]);
  assert.deepEqual(widget.properties.extra, {
    allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.runtime.RawExtension' }],
    'x-kubernetes-patch-strategy': 'replace',
  });
  assert.deepEqual(widget.properties.notes, { type: 'object', additionalProperties: { type: 'string' } });
  assert.deepEqual(schemas['test.v1.Tag'], {
    description: 'A tag.',
    properties: { name: { description: 'Its name.', type: 'string' } },
    required: ['name'],
    type: 'object',
  });
  assert.equal(schemas['test.v1.WidgetList']['x-kubernetes-group-version-kind'][0].kind, 'WidgetList');
});

test('every reference leads somewhere', async () => {
  const body = (await api.answer(PATH))?.body.toString() ?? '';
  const { schemas } = (await document(PATH)).components;
  for (const [, name] of body.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(schemas[name ?? ''], String(name));
});

test('v2 as JSON', async () => {
  const { swagger, definitions, paths } = await document('/openapi/v2');
  assert.equal(swagger, '2.0');
  assert.equal(definitions['test.v1.Widget'].properties.main.$ref, '#/definitions/test.v1.Tag');
  assert.equal(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'].type, 'string');
  const { patch } = paths['/apis/test.headgate.dev/v1/namespaces/{namespace}/widgets/{name}'];
  assert.deepEqual(patch.parameters.at(-1), {
    name: 'body',
    in: 'body',
    schema: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch' },
  });
  assert.equal(patch.consumes.length, 4);
});

test('v2 as protobuf, by both its names', async () => {
  const old = await api.answer('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  const accept = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
  assert.equal(old?.headers['content-type'], accept);
  const found = await api.answer('/openapi/v2', { accept });
  assert.deepEqual(found?.body, old?.body);
  assert.deepEqual(found?.body, documentBytes(await document('/openapi/v2')));
});

test('in a form that it has not, a document is not acceptable', async () => {
  for (const accept of ['text/html', 'application/vnd.kubernetes.protobuf', 'application/yaml']) {
    await assert.rejects(api.answer('/openapi/v2', { accept }), { message: /^406: Not Acceptable/ });
    await assert.rejects(api.answer(PATH, { accept }), { message: /^406: Not Acceptable/ });
  }
});

test('compressed, not modified, unknown', async () => {
  const plain = await api.answer(PATH);
  const packed = await api.answer(PATH, { acceptEncoding: 'gzip, deflate' });
  assert.equal(packed?.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(packed?.body ?? ''), plain?.body);
  const etag = plain?.headers.etag ?? '';
  assert.equal((await api.answer(PATH, { ifNoneMatch: etag }))?.status, 304);
  for (const path of ['/openapi', '/openapi/v4', '/openapi/v3/apis/none/v1', '/apis', '/openapi/v3x']) {
    assert.equal(await api.answer(path), undefined, path);
  }
});
