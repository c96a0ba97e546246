import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './digest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from './mediatype.ts';
import {
  deriveImage,
  deriveMetadata,
  type ImageContent,
  type ImageLayer,
  LAYERS_ORDER,
  MetadataInvalid,
} from './metadata.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const ASCENDING = { [LAYERS_ORDER]: 'ascending' };
const EMPTY = { kind: 'DockerImage', apiVersion: 'image.openshift.io/1.0', Id: '', Created: null, ContainerConfig: {} };

const layers: readonly ImageLayer[] = [1, 2, 3].map((n) => ({
  name: digestOf(`layer ${n}`),
  size: n * 10,
  mediaType: OCI_LAYER,
}));
const CONFIG = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  created: '2023-04-05T06:07:08.9Z',
  author: 'bärs',
  config: { User: '1001', StopSignal: 'SIGINT' },
});
const CONFIG_BYTES = Buffer.byteLength(CONFIG);
const METADATA = {
  ...EMPTY,
  Id: digestOf(CONFIG),
  Created: '2023-04-05T06:07:08Z',
  Author: 'bärs',
  Config: { User: '1001' },
  Architecture: 'amd64',
  Size: CONFIG_BYTES + 60,
};

function manifest(more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: digestOf(CONFIG), size: CONFIG_BYTES },
    layers: layers.map(({ name, size, mediaType }) => ({ digest: name, size, mediaType })),
    ...more,
  });
}

function image(more: Partial<ImageContent> = {}): ImageContent {
  const content: ImageContent = {
    name: 'sha256:1',
    dockerImageReference: 'quay.test/a/b',
    dockerImageManifest: manifest(),
    dockerImageConfig: CONFIG,
    dockerImageManifestMediaType: OCI_MANIFEST,
  };
  return { ...content, ...more };
}

test('an image gets layers, media type, metadata and the order of its layers', () => {
  const expected = {
    annotations: { mine: 'x', ...ASCENDING },
    dockerImageManifestMediaType: OCI_MANIFEST,
    dockerImageLayers: layers,
    dockerImageMetadata: METADATA,
    dockerImageMetadataVersion: '1.0',
    dockerImageManifests: undefined,
    error: undefined,
  };
  const derived = deriveImage(image({ annotations: { mine: 'x' } }), NOW);
  assert.deepEqual(derived, expected);
  assert.deepEqual(Object.keys(derived.dockerImageMetadata), Object.keys(METADATA));
});

test('the older version of the metadata is kept', () => {
  const derived = deriveImage(image({ dockerImageMetadataVersion: 'pre012', dockerImageMetadata: { id: 'y' } }), NOW);
  assert.equal(derived.dockerImageMetadataVersion, 'pre012');
  assert.equal(derived.dockerImageMetadata.id, METADATA.Id);
  assert.deepEqual(derived.dockerImageMetadata.container_config, {});
});

test('without a manifest only the metadata is brought into form', () => {
  const bare = { name: 'x', dockerImageMetadata: { Size: 7, Id: 'x' }, dockerImageLayers: layers };
  const derived = deriveImage(bare, NOW);
  assert.deepEqual(derived.dockerImageMetadata, { ...EMPTY, Id: 'x', Size: 7 });
  assert.deepEqual([derived.annotations, derived.dockerImageLayers, derived.error], [undefined, layers, undefined]);
  assert.throws(() => deriveImage({ name: 'x', dockerImageMetadataVersion: '2.0' }, NOW), MetadataInvalid);
});

test('the media type comes from the manifest, else from the Image, else it is Docker schema 2', () => {
  const type = (inside: string | undefined, given: string | undefined): string | undefined =>
    deriveImage(
      image({ dockerImageManifest: manifest({ mediaType: inside }), dockerImageManifestMediaType: given }),
      NOW,
    ).dockerImageManifestMediaType;
  assert.equal(type(OCI_MANIFEST, DOCKER_MANIFEST), OCI_MANIFEST);
  assert.equal(type(undefined, OCI_MANIFEST), OCI_MANIFEST);
  assert.equal(type(undefined, undefined), DOCKER_MANIFEST);
});

test('given layers are put in ascending order, which is taken to be descending where nothing tells', () => {
  const order = (given: Partial<ImageContent>): unknown => {
    const derived = deriveImage(image({ dockerImageLayers: layers, ...given }), NOW);
    const first = derived.dockerImageLayers?.[0];
    return [first === layers[0] ? 'kept' : 'reversed', derived.annotations?.[LAYERS_ORDER]];
  };
  assert.deepEqual(order({}), ['reversed', 'ascending']);
  assert.deepEqual(order({ dockerImageManifestMediaType: DOCKER_MANIFEST }), ['reversed', 'ascending']);
  assert.deepEqual(order({ annotations: ASCENDING }), ['kept', 'ascending']);
  assert.deepEqual(order({ annotations: { [LAYERS_ORDER]: 'descending' } }), ['reversed', 'ascending']);
  assert.deepEqual(order({ annotations: { [LAYERS_ORDER]: 'odd' } }), ['kept', 'ascending']);
  assert.deepEqual(order({ dockerImageManifestMediaType: DOCKER_SCHEMA1 }), ['kept', 'ascending']);
  assert.deepEqual(order({ dockerImageManifestMediaType: undefined }), ['kept', undefined]);
});

test('what is filled already is not filled again', () => {
  const filled = { dockerImageLayers: layers, annotations: ASCENDING, dockerImageMetadata: { Id: 'mine', Size: 1 } };
  assert.deepEqual(deriveImage(image(filled), NOW).dockerImageMetadata, { ...EMPTY, Id: 'mine', Size: 1 });
  assert.deepEqual(deriveImage(image({ ...filled, dockerImageManifest: 'not json' }), NOW).error, undefined);
  const noSize = { ...filled, dockerImageMetadata: { Id: 'mine' } };
  assert.equal(deriveImage(image(noSize), NOW).dockerImageMetadata.Id, METADATA.Id);
});

test('the size counts the config and each distinct layer once', () => {
  const [first] = layers;
  assert.ok(first);
  const config = { mediaType: OCI_CONFIG, digest: digestOf(CONFIG), size: 1 };
  const twice = [first, first].map(({ name, size, mediaType }) => ({ digest: name, size, mediaType }));
  const size = (listed: readonly object[]): unknown =>
    deriveImage(image({ dockerImageManifest: manifest({ layers: listed }) }), NOW).dockerImageMetadata.Size;
  assert.equal(size(twice), CONFIG_BYTES + 10);
  assert.equal(size([config, ...twice]), CONFIG_BYTES + 10);
  assert.equal(size([]), CONFIG_BYTES);
});

test('schema 1 has the youngest layer first and its metadata in the history', () => {
  const v1 = (id: string, more: object): object => ({ v1Compatibility: JSON.stringify({ id, ...more }) });
  const text = JSON.stringify({
    schemaVersion: 1,
    fsLayers: [{ blobSum: 'sha256:b' }, { blobSum: 'sha256:a' }],
    history: [v1('b', { Size: 5, created: '2015-02-21T02:11:06Z', config: { Cmd: ['sh'] } }), { v1Compatibility: '?' }],
  });
  const derived = deriveImage(
    image({ dockerImageManifest: text, dockerImageConfig: undefined, dockerImageManifestMediaType: undefined }),
    NOW,
  );
  const mediaType = 'application/vnd.docker.container.image.rootfs.diff+x-gtar';
  assert.deepEqual(derived.dockerImageLayers, [
    { name: 'sha256:a', size: 0, mediaType },
    { name: 'sha256:b', size: 5, mediaType },
  ]);
  assert.equal(derived.dockerImageManifestMediaType, DOCKER_SCHEMA1);
  assert.deepEqual(derived.annotations, ASCENDING);
  assert.deepEqual(derived.dockerImageMetadata, {
    ...EMPTY,
    Id: 'b',
    Created: '2015-02-21T02:11:06Z',
    Config: { Cmd: ['sh'] },
    Size: 5,
  });
});

function list(more: object = {}): string {
  const child = (platform: object | undefined) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf('c'),
    size: 9,
    platform,
  });
  const manifests = [child({ os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '1' }), child(undefined)];
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more });
}

const CHILDREN = [
  { digest: digestOf('c'), mediaType: OCI_MANIFEST, manifestSize: 9, architecture: 'arm', os: 'linux', variant: 'v7' },
  { digest: digestOf('c'), mediaType: OCI_MANIFEST, manifestSize: 9, architecture: '', os: '' },
];

test('a list gets its children, its name as Id and now as its time', () => {
  for (const mediaType of [OCI_INDEX, undefined]) {
    const content = {
      name: 'sha256:2',
      dockerImageManifest: list({ mediaType }),
      dockerImageManifestMediaType: OCI_INDEX,
    };
    const derived = deriveImage(content, NOW);
    assert.deepEqual(derived, {
      annotations: undefined,
      dockerImageManifestMediaType: OCI_INDEX,
      dockerImageLayers: undefined,
      dockerImageMetadata: { ...EMPTY, Id: 'sha256:2', Created: '2026-01-02T03:04:05Z' },
      dockerImageMetadataVersion: '1.0',
      dockerImageManifests: CHILDREN,
      error: undefined,
    });
    assert.equal(deriveMetadata(content, NOW).dockerImageManifests, undefined);
    assert.deepEqual(deriveImage({ ...content, ...derived }, new Date(0)), derived, 'Created stays');
  }
});

test('the children are those of the declared type only', () => {
  const children = (mediaType: string | undefined, text: string): unknown =>
    deriveImage({ name: 'x', dockerImageManifest: text, dockerImageManifestMediaType: mediaType }, NOW)
      .dockerImageManifests;
  assert.equal(Array.isArray(children(DOCKER_LIST, list({ mediaType: DOCKER_LIST }))?.valueOf()), true);
  assert.ok(children(`${OCI_INDEX}; charset=utf-8`, list()));
  assert.equal(children(DOCKER_LIST, list()), undefined);
  assert.equal(children(DOCKER_LIST, list({ mediaType: undefined })), undefined);
  assert.equal(children(OCI_MANIFEST, list()), undefined);
  assert.equal(children(undefined, list()), undefined);
  assert.equal(children(OCI_INDEX, list({ config: {} })), undefined);
  assert.equal(children(OCI_INDEX, list({ layers: [{}] })), undefined);
  assert.equal(children(OCI_INDEX, list({ manifests: [{ size: 'x' }] })), undefined);
  assert.equal(children(OCI_INDEX, list({ manifests: [] })), undefined);
  assert.equal(children(OCI_INDEX, '{'), undefined);
});

test('an artifact that is no container image has layers, an Id and a size', () => {
  const chart = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: digestOf('chart'), size: 5 };
  const content = image({ dockerImageManifest: manifest({ config: chart }), dockerImageConfig: '{"name":"chart"}' });
  const derived = deriveImage(content, NOW);
  assert.deepEqual(derived.dockerImageMetadata, { ...EMPTY, Id: chart.digest, Size: 60 + 16 });
  assert.deepEqual(derived.dockerImageLayers, layers);
  for (const [config, bytes] of [
    ['\u0000binary', 7],
    ['{"os":5}', 8],
    [undefined, 5],
  ] as const) {
    const odd = deriveImage({ ...content, dockerImageConfig: config }, NOW);
    assert.deepEqual(
      [odd.error, odd.dockerImageMetadata],
      [undefined, { ...EMPTY, Id: chart.digest, Size: 60 + bytes }],
    );
  }
});

test('an error stops the filling, and what was filled stays', () => {
  const docker = { mediaType: DOCKER_CONFIG, digest: digestOf(CONFIG), size: 5 };
  const filled = { annotations: ASCENDING, dockerImageLayers: layers, dockerImageMetadata: EMPTY };
  const nothing = { annotations: undefined, dockerImageLayers: undefined, dockerImageMetadata: EMPTY };
  const order = { ...nothing, annotations: ASCENDING };
  const cases: readonly (readonly [Partial<ImageContent>, object, RegExp])[] = [
    [
      { dockerImageConfig: undefined },
      filled,
      /^dockerImageConfig must not be empty for manifest type "application.vnd.oci/,
    ],
    [{ dockerImageConfig: '' }, filled, /must not be empty/],
    [{ dockerImageConfig: '{' }, filled, /^failed to parse dockerImageConfig: .*line 1, column 2/],
    [{ dockerImageConfig: '{"config":7}' }, filled, /^failed to parse dockerImageConfig: \/config must be an object/],
    [{ dockerImageManifest: manifest({ config: docker }), dockerImageConfig: '[]' }, filled, /must be an object/],
    [{ dockerImageManifest: 'not json' }, nothing, /^failed to parse dockerImageManifest: .*found "n"/],
    [{ dockerImageManifest: '{"schemaVersion":"2"}' }, nothing, /schemaVersion must be an integer/],
    [
      { dockerImageManifest: '{"schemaVersion":3}' },
      nothing,
      /^unrecognized container image manifest schema 3 for "sha256:1" \(quay.test\/a\/b\)$/,
    ],
    [{ dockerImageManifest: 'null' }, nothing, /manifest schema 0/],
    [
      { dockerImageManifest: '{"schemaVersion":1,"fsLayers":[{"blobSum":"x"}],"history":[]}' },
      nothing,
      /^the image sha256:1 \(quay.test\/a\/b\) has mismatched history and fslayer cardinality \(0 != 1\)$/,
    ],
    [{ dockerImageManifest: '{"schemaVersion":1}' }, order, /has a schema 1 manifest, but it doesn't have history$/],
    [
      { dockerImageManifest: '{"schemaVersion":1,"fsLayers":[{}],"history":[{"v1Compatibility":"?"}]}' },
      { annotations: ASCENDING, dockerImageMetadata: EMPTY },
      /expected a value/,
    ],
    [
      { dockerImageManifest: manifest({ layers: [1, 2].map((n) => ({ digest: String(n), size: 2 ** 53 - 1 })) }) },
      { annotations: ASCENDING, dockerImageMetadata: EMPTY },
      /add up to more than 2\^53/,
    ],
  ];
  for (const [more, expected, message] of cases) {
    const derived = deriveImage(image(more), NOW);
    assert.match(derived.error ?? '', message);
    assert.partialDeepStrictEqual(derived, expected);
  }
});

test('a description is never lost to a bad document: the metadata that was there stays', () => {
  const given = { dockerImageMetadata: { Id: 'mine', Architecture: 's390x' }, dockerImageConfig: '{' };
  assert.deepEqual(deriveImage(image(given), NOW).dockerImageMetadata, { ...EMPTY, Id: 'mine', Architecture: 's390x' });
});

const text = fc.oneof(
  fc.constantFrom(manifest(), manifest({ layers: [] }), list(), list({ mediaType: undefined }), '', '{', 'null'),
  fc
    .dictionary(
      fc.constantFrom('schemaVersion', 'mediaType', 'config', 'layers', 'fsLayers', 'history', 'manifests'),
      fc.oneof(
        fc.jsonValue(),
        fc.constantFrom<unknown>(1, 2, [], [{ v1Compatibility: '{}' }], OCI_INDEX, DOCKER_MANIFEST),
      ),
    )
    .map((value) => manifest(value)),
  fc.json(),
);

test('deriving again changes nothing, and no document makes it throw', () => {
  const content = fc.record({
    name: fc.constant('sha256:1'),
    annotations: fc.constantFrom(undefined, {}, ASCENDING, { [LAYERS_ORDER]: 'descending' }),
    dockerImageManifest: text,
    dockerImageConfig: fc.oneof(fc.constantFrom(undefined, CONFIG, '{}', '{'), fc.json()),
    dockerImageManifestMediaType: fc.constantFrom(
      undefined,
      OCI_MANIFEST,
      OCI_INDEX,
      DOCKER_LIST,
      DOCKER_SCHEMA1,
      'a/b',
    ),
    dockerImageLayers: fc.constantFrom(undefined, layers),
    dockerImageMetadata: fc.constantFrom<unknown>(undefined, { Id: 'x', Size: 5 }, { Id: 'x' }),
  });
  fc.assert(
    fc.property(content, (given) => {
      const once = deriveImage(given, NOW);
      const known = once.annotations?.[LAYERS_ORDER] !== undefined || given.dockerImageLayers === undefined;
      if (known) {
        // Layers whose order nobody told are put in order only once the media type is known: as in OpenShift.
        assert.deepEqual({ ...deriveImage({ ...given, ...once }, new Date(0)), error: once.error }, once);
      }
    }),
    { numRuns: 500 },
  );
});
