import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../objects/object.ts';
import type { Kept, Resource, Verb } from '../objects/resource.ts';
import { discovery, type Prebuilt } from './discovery.ts';

const ALL: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const table = { columns: [], cells: () => [] };
const schema = { type: 'object', properties: {} } as const;
const kept: Kept<KubeObject> = {
  prefix: '/x/',
  unconditionalUpdate: false,
  generation: false,
  validate: () => [],
  validateName: () => undefined,
};

const images: Resource = {
  group: 'image.openshift.io',
  version: 'v1',
  kind: 'Image',
  resource: 'images',
  singular: 'image',
  namespaced: false,
  verbs: ALL,
  schema,
  table,
  kept,
};
const streams: Resource = {
  ...images,
  kind: 'ImageStream',
  resource: 'imagestreams',
  singular: 'imagestream',
  shortNames: ['is'],
  categories: ['all'],
  namespaced: true,
  subresources: [
    { name: 'status', kind: 'ImageStream', verbs: ['get', 'patch', 'update'] },
    { name: 'layers', kind: 'ImageStreamLayers', verbs: ['get'] },
    {
      name: 'secrets',
      kind: 'SecretList',
      verbs: ['get'],
      schema: { type: 'object', component: 'io.k8s.api.core.v1.SecretList', properties: {} },
    },
  ],
};
const { kept: _kept, ...computed } = images;
const tags: Resource = {
  ...computed,
  kind: 'ImageStreamTag',
  resource: 'imagestreamtags',
  singular: 'imagestreamtag',
  shortNames: ['istag'],
  namespaced: true,
  verbs: ['get'],
};
const accounts: Resource = {
  ...computed,
  group: '',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  singular: 'serviceaccount',
  namespaced: true,
  subresources: [
    {
      name: 'token',
      kind: 'TokenRequest',
      api: { group: 'authentication.k8s.io', version: 'v1' },
      verbs: ['create'],
      schema: { type: 'object', component: 'io.k8s.api.authentication.v1.TokenRequest', properties: {} },
    },
  ],
};
const reviews: Resource = {
  ...computed,
  group: 'authentication.k8s.io',
  kind: 'TokenReview',
  resource: 'tokenreviews',
  singular: 'tokenreview',
  verbs: ['create'],
};

const served = discovery([streams, reviews, tags, accounts, images]);

function answer(path: string, accept?: string, ifNoneMatch?: string): Prebuilt | undefined {
  return served.answer(path, accept, ifNoneMatch);
}

function text(path: string, accept?: string): string {
  return answer(path, accept)?.body.toString() ?? '';
}

test('groups', () => {
  const group =
    '"name":"image.openshift.io","versions":[{"groupVersion":"image.openshift.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"image.openshift.io/v1","version":"v1"}}';
  assert.equal(text('/apis/image.openshift.io'), `{"kind":"APIGroup","apiVersion":"v1",${group}\n`);
  assert.equal(text('/apis/image.openshift.io/'), text('/apis/image.openshift.io'));
  assert.equal(
    text('/apis'),
    `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"authentication.k8s.io","versions":[{"groupVersion":"authentication.k8s.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"authentication.k8s.io/v1","version":"v1"}},{${group}]}\n`,
  );
  assert.equal(text('/api/'), '{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}\n');
});

test('resources of a version', () => {
  const verbs = '"verbs":["create","delete","deletecollection","get","list","patch","update","watch"]';
  assert.equal(
    text('/apis/image.openshift.io/v1/'),
    `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"image.openshift.io/v1","resources":[{"name":"images","singularName":"image","namespaced":false,"kind":"Image",${verbs},"storageVersionHash":"FX/i8Tt+3Fc="},{"name":"imagestreams","singularName":"imagestream","namespaced":true,"kind":"ImageStream",${verbs},"shortNames":["is"],"categories":["all"],"storageVersionHash":"mwmf9lCqOiA="},{"name":"imagestreams/layers","singularName":"","namespaced":true,"kind":"ImageStreamLayers","verbs":["get"]},{"name":"imagestreams/secrets","singularName":"","namespaced":true,"kind":"SecretList","verbs":["get"]},{"name":"imagestreams/status","singularName":"","namespaced":true,"kind":"ImageStream","verbs":["get","patch","update"]},{"name":"imagestreamtags","singularName":"imagestreamtag","namespaced":true,"kind":"ImageStreamTag","verbs":["get"],"shortNames":["istag"]}]}\n`,
  );
  assert.equal(
    text('/api/v1'),
    `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"serviceaccounts","singularName":"serviceaccount","namespaced":true,"kind":"ServiceAccount",${verbs}},{"name":"serviceaccounts/token","singularName":"","namespaced":true,"group":"authentication.k8s.io","version":"v1","kind":"TokenRequest","verbs":["create"]}]}\n`,
  );
});

const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

test('the aggregated form', () => {
  const found = answer('/apis', AGGREGATED);
  assert.equal(found?.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const { kind, apiVersion, items } = JSON.parse(found?.body.toString() ?? '');
  assert.deepEqual([kind, apiVersion, items.length], ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2', 2]);
  const type = (name: string): object => ({ group: 'image.openshift.io', version: 'v1', kind: name });
  assert.deepEqual(items[1], {
    metadata: { name: 'image.openshift.io' },
    versions: [
      {
        version: 'v1',
        resources: [
          { resource: 'images', responseKind: type('Image'), scope: 'Cluster', singularResource: 'image', verbs: ALL },
          {
            resource: 'imagestreams',
            responseKind: type('ImageStream'),
            scope: 'Namespaced',
            singularResource: 'imagestream',
            verbs: ALL,
            shortNames: ['is'],
            categories: ['all'],
            subresources: [
              { subresource: 'layers', responseKind: type('ImageStreamLayers'), verbs: ['get'] },
              { subresource: 'secrets', responseKind: type('SecretList'), verbs: ['get'] },
              { subresource: 'status', responseKind: type('ImageStream'), verbs: ['get', 'patch', 'update'] },
            ],
          },
          {
            resource: 'imagestreamtags',
            responseKind: type('ImageStreamTag'),
            scope: 'Namespaced',
            singularResource: 'imagestreamtag',
            verbs: ['get'],
            shortNames: ['istag'],
          },
        ],
        freshness: 'Current',
      },
    ],
  });
  const core = JSON.parse(text('/api', AGGREGATED));
  assert.deepEqual(core.items[0].metadata, {});
  assert.equal(core.items[0].versions[0].resources[0].subresources[0].responseKind.group, 'authentication.k8s.io');
  const old = answer('/apis', 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList');
  assert.match(old?.headers['content-type'] ?? '', /v=v2beta1/);
});

test('the old form when it is wanted more, and tags of the aggregated one', () => {
  assert.match(text('/apis', `application/json,${AGGREGATED}`), /"APIGroupList"/);
  const first = answer('/apis', AGGREGATED);
  const tag = first?.headers.etag ?? '';
  assert.match(tag, /^"[0-9A-F]{128}"$/);
  const again = answer('/apis', AGGREGATED, tag);
  assert.deepEqual([again?.status, again?.body.length, again?.headers.etag], [304, 0, tag]);
  assert.equal(answer('/apis', AGGREGATED, '"other"')?.status, 200);
});

test('YAML, refusals, and paths that are not discovery', () => {
  assert.match(text('/apis/image.openshift.io', 'application/yaml'), /^apiVersion: v1\nkind: APIGroup\n/);
  assert.throws(() => answer('/api/v1', 'text/html'), {
    message:
      '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  });
  for (const path of [
    '/',
    '/api/v2',
    '/apis/image.openshift.io/v2',
    '/apis/none',
    '/api//',
    '/apis/image.openshift.io/v1/images',
  ]) {
    assert.equal(answer(path, undefined), undefined, path);
  }
});

test('versions in order of maturity, the preferred one first', () => {
  const version = (name: string): Resource => ({ ...tags, group: 'x', version: name });
  const versioned = discovery(['v1alpha2', 'v2beta1', 'v1', 'v2', 'v10', 'v2beta2'].map(version));
  const { versions } = JSON.parse(versioned.answer('/apis/x', undefined)?.body.toString() ?? '');
  assert.deepEqual(
    versions.map((entry: { version: string }) => entry.version),
    ['v10', 'v2', 'v1', 'v2beta2', 'v2beta1', 'v1alpha2'],
  );
});
