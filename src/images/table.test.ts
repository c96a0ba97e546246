import assert from 'node:assert/strict';
import test from 'node:test';
import { imageTable } from './table.ts';

test('an image by name and reference', () => {
  const now = new Date(0);
  const image = { metadata: { name: 'sha256:0' }, dockerImageReference: 'quay.test/a/b@sha256:0' };
  assert.deepEqual(imageTable.cells(image, now), ['sha256:0', 'quay.test/a/b@sha256:0']);
  assert.deepEqual(imageTable.cells({ metadata: {} }, now), ['', '']);
  assert.deepEqual(
    imageTable.columns.map(({ name }) => name),
    ['Name', 'Image Reference'],
  );
});
