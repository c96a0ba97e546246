import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  baseMediaType,
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_LAYER,
  DOCKER_SCHEMA1_SIGNED,
  isImageConfigType,
  isImageType,
  isIndexType,
  isLayerType,
  isManifestType,
  isMediaType,
  isNondistributable,
  isSchema1Type,
  MANIFEST_TYPES,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from './mediatype.ts';

test('RFC 6838 names', () => {
  for (const text of [...MANIFEST_TYPES, OCI_EMPTY, 'a/b', 'text/plain', `a/${'b'.repeat(127)}`, '0/9!#$&^_.+-']) {
    assert.ok(isMediaType(text), text);
  }
  for (const text of [
    '',
    'nonsense',
    'a/',
    '/b',
    'a/b/c',
    'a b/c',
    'a/b;c=d',
    '.a/b',
    `a/${'b'.repeat(128)}`,
    'a/b\n',
  ]) {
    assert.ok(!isMediaType(text), text);
  }
  assert.equal(baseMediaType(' Application/JSON ; charset=utf-8'), 'application/json');
});

test('every manifest is an image, an index or schema 1', () => {
  for (const type of MANIFEST_TYPES) {
    assert.equal([isImageType, isIndexType, isSchema1Type].filter((is) => is(type)).length, 1, type);
    assert.ok(isManifestType(type));
  }
  assert.ok(isImageType(DOCKER_MANIFEST) && isImageType(OCI_MANIFEST));
  assert.ok(isIndexType(DOCKER_LIST) && isIndexType(OCI_INDEX));
  assert.ok(isSchema1Type(DOCKER_SCHEMA1) && isSchema1Type(DOCKER_SCHEMA1_SIGNED));
  assert.ok(!isManifestType('application/json') && !isManifestType(''));
});

test('configs and layers', () => {
  assert.ok(isImageConfigType(DOCKER_CONFIG) && isImageConfigType(OCI_CONFIG) && !isImageConfigType(OCI_EMPTY));
  const foreign = [
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  ];
  const ordinary = [DOCKER_LAYER, OCI_LAYER, DOCKER_SCHEMA1_LAYER, 'application/vnd.oci.image.layer.v1.tar'];
  for (const type of foreign) {
    assert.ok(isLayerType(type) && isNondistributable(type), type);
  }
  for (const type of ordinary) {
    assert.ok(isLayerType(type) && !isNondistributable(type), type);
  }
  assert.ok(!isLayerType('application/vnd.cncf.helm.chart.content.v1.tar+gzip'));
  assert.ok(!isLayerType(`${OCI_LAYER}/x`.replace('.tar+gzip', '.tarball')));
});
