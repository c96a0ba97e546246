import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { INDEX_CHILDREN, MANIFEST_BYTES, MANIFEST_LAYERS } from '../limits.ts';
import { digestOf } from './digest.ts';
import {
  isConfigOf,
  isManifestOf,
  type Manifest,
  ManifestInvalid,
  manifestDigest,
  parseManifest,
  referencesOf,
  referrerType,
} from './manifest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from './mediatype.ts';

const blob = (text: string, mediaType: string, more: object = {}) => ({
  mediaType,
  digest: digestOf(text),
  size: text.length,
  ...more,
});
const config = blob('{}', OCI_CONFIG);
const layer = blob('layer', OCI_LAYER);
const image = (more: object = {}) => ({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], ...more });
const index = (more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [blob('child', OCI_MANIFEST, { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } })],
  ...more,
});
const schema1 = (more: object = {}) => ({
  schemaVersion: 1,
  name: 'a/b',
  tag: 't',
  architecture: 'amd64',
  fsLayers: [{ blobSum: digestOf('2') }, { blobSum: digestOf('1') }],
  history: [{ v1Compatibility: '{"id":"2","Size":5}' }, { v1Compatibility: '{"id":"1"}' }],
  ...more,
});

function parse(value: unknown, declared?: string): Manifest {
  return parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), declared);
}

test('an image', () => {
  const common = { mediaType: OCI_MANIFEST, artifactType: undefined, subject: undefined, annotations: {} };
  assert.deepEqual(parse(image(), OCI_MANIFEST), { kind: 'image', ...common, config, layers: [layer] });
  assert.deepEqual(referencesOf(parse(image({ layers: [layer, layer] }))), [config.digest, layer.digest]);
  assert.equal(referrerType(parse(image())), OCI_CONFIG);
});

test('an index', () => {
  const parsed = parse(index());
  assert.ok(parsed.kind === 'index');
  assert.deepEqual(parsed.children[0]?.platform, { os: 'linux', architecture: 'arm', variant: 'v7' });
  assert.deepEqual(referencesOf(parsed), [digestOf('child')]);
  assert.equal(referrerType(parsed), undefined);
});

test('schema 1', () => {
  const parsed = parse(schema1(), DOCKER_SCHEMA1);
  assert.ok(parsed.kind === 'schema1');
  assert.deepEqual(parsed.layers[0], { digest: digestOf('2'), v1: { id: '2', Size: 5 } });
  assert.deepEqual([parsed.name, parsed.tag, parsed.architecture], ['a/b', 't', 'amd64']);
  assert.deepEqual(referencesOf(parsed), [digestOf('2'), digestOf('1')]);
});

test('whatever the OCI conformance suite sends is accepted', () => {
  const accepted: readonly (readonly [unknown, string?])[] = [
    [image({ layers: [] })],
    [image({ layers: null })],
    [image({ unknown: { deep: [1] }, 'org.example': true })],
    [image({ config: { ...config, extra: 1, data: 'e30=' } })],
    [image({ artifactType: 'application/vnd.example.sbom.v1', config: blob('{}', OCI_EMPTY) })],
    [image({ subject: blob('absent', OCI_MANIFEST) })],
    [image({ subject: null, annotations: null, artifactType: null })],
    [
      image({
        config: blob('x', 'application/vnd.cncf.helm.config.v1+json'),
        layers: [blob('y', 'text/plain; charset=utf-8')],
      }),
    ],
    [
      image({
        layers: [blob('l', 'application/vnd.oci.image.layer.nondistributable.v1.tar', { urls: ['https://a.test/b'] })],
      }),
    ],
    [image({ layers: [{ ...layer, digest: digestOf('layer', 'sha512') }] })],
    [image({ layers: [{ ...layer, size: 0 }] })],
    [image({ mediaType: undefined }), OCI_MANIFEST],
    [image({ mediaType: '' })],
    [index({ manifests: [] })],
    [index({ manifests: null })],
    [
      index({
        manifests: [
          blob('nested', OCI_INDEX),
          blob('cache', OCI_LAYER),
          blob('c', 'application/vnd.buildkit.cacheconfig.v0'),
        ],
      }),
    ],
    [index({ artifactType: 'application/x', subject: blob('absent', OCI_INDEX), annotations: { a: 'b' } })],
    [index({ manifests: [blob('m', OCI_MANIFEST, { artifactType: 'a/b', annotations: { c: 'd' }, platform: {} })] })],
    [index({ layers: null })],
  ];
  for (const [value, declared] of accepted) {
    assert.ok(parse(value, declared), JSON.stringify(value));
  }
  const about = parse(image({ artifactType: 'a/b', subject: layer, annotations: { c: 'd' } }));
  assert.deepEqual([about.artifactType, about.subject, about.annotations], ['a/b', layer, { c: 'd' }]);
  assert.equal(referrerType(about), 'a/b');
});

test('the type is what the manifest says, else what was declared, else what it looks like', () => {
  const typed: readonly (readonly [unknown, string | undefined, string])[] = [
    [image({ mediaType: DOCKER_MANIFEST }), undefined, DOCKER_MANIFEST],
    [image(), `${OCI_MANIFEST}; charset=utf-8`, OCI_MANIFEST],
    [image(), OCI_MANIFEST.toUpperCase(), OCI_MANIFEST],
    [image(), 'application/json', OCI_MANIFEST],
    [image({ mediaType: undefined }), DOCKER_MANIFEST, DOCKER_MANIFEST],
    [image({ mediaType: undefined }), undefined, OCI_MANIFEST],
    [image({ mediaType: undefined, config: blob('{}', DOCKER_CONFIG) }), 'application/json', DOCKER_MANIFEST],
    [index({ mediaType: undefined }), undefined, OCI_INDEX],
    [index({ mediaType: undefined }), DOCKER_LIST, DOCKER_LIST],
    [schema1(), undefined, DOCKER_SCHEMA1],
    [schema1({ signatures: [] }), undefined, DOCKER_SCHEMA1_SIGNED],
    [schema1({ mediaType: DOCKER_SCHEMA1 }), DOCKER_SCHEMA1_SIGNED, DOCKER_SCHEMA1],
  ];
  for (const [value, declared, mediaType] of typed) {
    assert.equal(parse(value, declared).mediaType, mediaType);
  }
});

const many = (count: number): readonly object[] => Array.from({ length: count }, () => layer);
const REFUSED: readonly (readonly [unknown, string | undefined, string, RegExp])[] = [
  ['', undefined, '', /^is not valid JSON: expected a value but found the end at line 1/],
  ['{"a":\n1,}', undefined, '', /line 2, column 3/],
  ['['.repeat(100), undefined, '', /nested deeper than 32/],
  ['[]', undefined, '', /must be a JSON object/],
  ['null', undefined, '', /must be a JSON object/],
  [' '.repeat(MANIFEST_BYTES + 1), undefined, '', /has 4194305 bytes, at most 4194304/],
  [image({ schemaVersion: undefined }), undefined, '/schemaVersion', /is missing, but must be 2/],
  [image({ schemaVersion: '2' }), undefined, '/schemaVersion', /is "2", but must be 2/],
  [image({ schemaVersion: 3 }), undefined, '/schemaVersion', /is 3, but must be 2/],
  [schema1({ schemaVersion: 2 }), DOCKER_SCHEMA1, '/schemaVersion', /must be 1/],
  [image(), DOCKER_MANIFEST, '/mediaType', /but the Content-Type says/],
  [image(), OCI_INDEX, '/mediaType', /but the Content-Type says/],
  [image({ mediaType: 'a/b' }), undefined, '/mediaType', /"a\/b" is not that of a manifest; accepted are application/],
  [image({ mediaType: undefined }), 'a/b', '', /media type "a\/b" is not that of a manifest/],
  [image({ mediaType: 5 }), undefined, '/mediaType', /must be a string/],
  [image({ manifests: [] }), undefined, '/layers', /either an image or an index/],
  [index({ config }), undefined, '/config', /either an image or an index/],
  [image({ mediaType: undefined }), OCI_INDEX, '/manifests', /is missing/],
  [index({ mediaType: undefined }), OCI_MANIFEST, '/config', /must be a descriptor/],
  [image({ config: undefined }), undefined, '/config', /must be a descriptor/],
  [image({ config: [] }), undefined, '/config', /must be a descriptor/],
  [image({ layers: undefined }), undefined, '/layers', /is missing/],
  [image({ layers: {} }), undefined, '/layers', /must be a list/],
  [image({ layers: [layer, 'x'] }), undefined, '/layers/1', /must be a descriptor/],
  [image({ layers: many(MANIFEST_LAYERS + 1) }), undefined, '/layers', /has 513 entries, at most 512/],
  [index({ manifests: many(INDEX_CHILDREN + 1) }), undefined, '/manifests', /has 257 entries, at most 256/],
  [
    image({ layers: [{ ...layer, digest: 'sha256:abc' }] }),
    undefined,
    '/layers/0/digest',
    /"sha256:abc" is not a digest/,
  ],
  [image({ layers: [{ ...layer, digest: undefined }] }), undefined, '/layers/0/digest', /is missing/],
  [image({ layers: [{ ...layer, digest: '../../etc' }] }), undefined, '/layers/0/digest', /is not a digest/],
  [image({ layers: [{ ...layer, size: -1 }] }), undefined, '/layers/0/size', /-1 is negative/],
  [image({ layers: [{ ...layer, size: 1.5 }] }), undefined, '/layers/0/size', /1.5 is not a whole number/],
  [image({ layers: [{ ...layer, size: 1e300 }] }), undefined, '/layers/0/size', /is not a whole number/],
  [image({ layers: [{ ...layer, size: '5' }] }), undefined, '/layers/0/size', /"5" is not a whole number/],
  [image({ layers: [{ ...layer, size: undefined }] }), undefined, '/layers/0/size', /is missing/],
  [image({ layers: [{ ...layer, mediaType: undefined }] }), undefined, '/layers/0/mediaType', /is missing/],
  [image({ layers: [{ ...layer, mediaType: 'gz' }] }), undefined, '/layers/0/mediaType', /"gz" is not a media type/],
  [image({ layers: [{ ...layer, urls: 'x' }] }), undefined, '/layers/0/urls', /must be a list of strings/],
  [image({ layers: [{ ...layer, urls: [1] }] }), undefined, '/layers/0/urls/0', /must be a string/],
  [image({ annotations: { 'a/b': 1 } }), undefined, '/annotations/a~1b', /must be a string/],
  [image({ annotations: [] }), undefined, '/annotations', /must be an object of strings/],
  [image({ subject: 'x' }), undefined, '/subject', /must be a descriptor/],
  [image({ artifactType: {} }), undefined, '/artifactType', /must be a string/],
  [
    index({ manifests: [blob('m', OCI_MANIFEST, { platform: 'linux' })] }),
    undefined,
    '/manifests/0/platform',
    /must be an object/,
  ],
  [
    index({ manifests: [blob('m', OCI_MANIFEST, { platform: { os: 1 } })] }),
    undefined,
    '/manifests/0/platform/os',
    /string/,
  ],
  [schema1({ history: [] }), undefined, '', /has 2 fsLayers but 0 history entries/],
  [schema1({ history: [], fsLayers: [] }), undefined, '/fsLayers', /is empty/],
  [schema1({ fsLayers: undefined }), undefined, '/fsLayers', /is missing/],
  [schema1({ fsLayers: [{}, {}] }), undefined, '/fsLayers/0/blobSum', /is missing/],
  [schema1({ history: [{}, {}] }), undefined, '/history/0/v1Compatibility', /is missing/],
  [schema1({ history: [{ v1Compatibility: '{' }, {}] }), undefined, '/history/0/v1Compatibility', /is not JSON/],
  [
    schema1({ history: [{ v1Compatibility: '1' }, {}] }),
    undefined,
    '/history/0/v1Compatibility',
    /must be a JSON object/,
  ],
];

test('other documents are refused with what is wrong and where', () => {
  for (const [value, declared, pointer, message] of REFUSED) {
    assert.throws(() => parse(value, declared), { name: 'ManifestInvalid', pointer, message });
  }
});

test('a signed manifest is known by the bytes that were signed', () => {
  const payload = JSON.stringify(schema1(), null, 3);
  const cut = payload.length - 2;
  const header = JSON.stringify({
    formatLength: cut,
    formatTail: Buffer.from(payload.slice(cut)).toString('base64url'),
    time: '2015-01-01T00:00:00Z',
  });
  const signatures = JSON.stringify([{ protected: Buffer.from(header).toString('base64url') }]);
  const signed = Buffer.from(`${payload.slice(0, cut)},\n   "signatures": ${signatures}\n}`);
  assert.equal(parseManifest(signed, undefined).mediaType, DOCKER_SCHEMA1_SIGNED);
  assert.equal(manifestDigest(signed, DOCKER_SCHEMA1_SIGNED), digestOf(payload));
  assert.equal(manifestDigest(signed, OCI_MANIFEST), digestOf(signed));
  assert.equal(manifestDigest(Buffer.from(payload), DOCKER_SCHEMA1), digestOf(payload));
  for (const header of ['x', Buffer.from('{"formatLength":1e9,"formatTail":""}').toString('base64url')]) {
    const odd = Buffer.from(JSON.stringify(schema1({ signatures: [{ protected: header }] })));
    assert.equal(manifestDigest(odd, DOCKER_SCHEMA1_SIGNED), digestOf(odd));
  }
  assert.ok(isManifestOf(digestOf(payload), '', signed.toString()));
  assert.ok(isManifestOf(digestOf(payload), OCI_MANIFEST, payload));
  assert.ok(isManifestOf(digestOf(payload), OCI_MANIFEST, `${payload} `));
  assert.ok(isManifestOf(digestOf(payload), OCI_MANIFEST, `\n\t${payload}\r\n`));
  assert.ok(!isManifestOf(digestOf(payload), OCI_MANIFEST, `{${' '.repeat(1_000_000)}}`));
  assert.ok(!isManifestOf(digestOf(payload), '', payload));
  assert.ok(!isManifestOf(digestOf(payload), OCI_INDEX, payload));
});

test('the config that a manifest names', () => {
  const text = JSON.stringify(image());
  assert.ok(isConfigOf(OCI_MANIFEST, text, '{}'));
  assert.ok(
    isConfigOf(OCI_MANIFEST, JSON.stringify(image({ config: { ...config, digest: digestOf('x', 'sha512') } })), 'x'),
  );
  assert.ok(!isConfigOf(OCI_MANIFEST, text, '{ }'));
  assert.ok(!isConfigOf(DOCKER_MANIFEST, text, '{}'));
  assert.ok(!isConfigOf(OCI_INDEX, JSON.stringify(index()), '{}'));
  assert.ok(!isConfigOf(OCI_MANIFEST, '', '{}'));
});

test('only ManifestInvalid is thrown, whatever comes', () => {
  const member = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(1, 2, config, [layer], { a: 'b' }, OCI_INDEX, 1e308, -0),
  );
  const names = fc.constantFrom(
    ...Object.keys({ ...image(), ...index(), ...schema1() }),
    'subject',
    'annotations',
    'artifactType',
  );
  const documents = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .tuple(fc.constantFrom<object>(image(), index(), schema1(), {}), fc.dictionary(names, member))
      .map(([base, change]) => Buffer.from(JSON.stringify({ ...base, ...change }))),
  );
  const declared = fc.constantFrom(undefined, OCI_MANIFEST, OCI_INDEX, DOCKER_SCHEMA1, '', ';', 'a/b');
  fc.assert(
    fc.property(documents, declared, (bytes, type) => {
      try {
        const parsed = parseManifest(bytes, type);
        referencesOf(parsed);
        referrerType(parsed);
        manifestDigest(bytes, parsed.mediaType);
      } catch (error) {
        assert.ok(error instanceof ManifestInvalid, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
