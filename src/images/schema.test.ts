import assert from 'node:assert/strict';
import test from 'node:test';
import { canonical } from '../objects/canonical.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { imageSchema, imageSignatureSchema } from './schema.ts';

/** The object as Go would print it. */
function printed(schema: ObjectSchema, object: unknown): string {
  const { value, unknown, wrongTypes } = canonical(schema, object);
  assert.deepEqual([unknown, wrongTypes], [[], []]);
  return JSON.stringify(value);
}

test('an image has no more than its metadata when empty', () => {
  assert.equal(printed(imageSchema, { dockerImageLayers: [], signatures: [] }), '{"metadata":{}}');
});

test('members of an image are printed in the order of the Go struct', () => {
  const image = {
    dockerImageManifests: [{ variant: 'v7', os: 'linux', digest: 'sha256:0' }],
    dockerImageConfig: '{}',
    dockerImageManifestMediaType: 'application/x',
    dockerImageSignatures: ['b25l'],
    dockerImageLayers: [{ size: 0, name: 'sha256:1' }],
    dockerImageManifest: '{"a": 1}',
    dockerImageMetadataVersion: '1.0',
    dockerImageMetadata: { z: null, a: 0 },
    dockerImageReference: 'quay.test/a/b:c',
    metadata: { name: 'x' },
    apiVersion: 'image.openshift.io/v1',
    kind: 'Image',
  };
  assert.equal(
    printed(imageSchema, image),
    '{"kind":"Image","apiVersion":"image.openshift.io/v1","metadata":{"name":"x"},"dockerImageReference":"quay.test/a/b:c",' +
      '"dockerImageMetadata":{"z":null,"a":0},"dockerImageMetadataVersion":"1.0","dockerImageManifest":"{\\"a\\": 1}",' +
      '"dockerImageLayers":[{"name":"sha256:1","size":0,"mediaType":""}],"dockerImageSignatures":["b25l"],' +
      '"dockerImageManifestMediaType":"application/x","dockerImageConfig":"{}",' +
      '"dockerImageManifests":[{"digest":"sha256:0","mediaType":"","manifestSize":0,"architecture":"","os":"linux","variant":"v7"}]}',
  );
});

test('a condition of a signature shows times that are not set; issuers only if they are given', () => {
  const signature = { content: 'eA==', conditions: [{ type: 'Trusted' }], issuedTo: {}, created: null };
  assert.equal(
    printed(imageSignatureSchema, signature),
    '{"metadata":{},"type":"","content":"eA==",' +
      '"conditions":[{"type":"Trusted","status":"","lastProbeTime":null,"lastTransitionTime":null}],' +
      '"issuedTo":{"publicKeyID":""}}',
  );
});
