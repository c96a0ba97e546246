import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropRepeatedOwners } from './ownerreferences.ts';

test('owners that are named twice are left out, and told', () => {
  const owner = (uid: string, name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });
  const object = {
    metadata: { ownerReferences: [owner('1', 'a'), owner('2', 'b'), owner('1', 'a'), owner('1', 'c')] },
  };
  const words = dropRepeatedOwners(object, false);
  assert.match(words ?? '', /^\.metadata\.ownerReferences contains duplicate entries; .*UID\(s\) observed: 1$/);
  assert.deepEqual(object.metadata.ownerReferences, [owner('1', 'a'), owner('2', 'b'), owner('1', 'c')]);
  assert.equal(dropRepeatedOwners(object, true), undefined);
});

test('a list as long as a body has room for is looked through once', () => {
  const owners = Array.from({ length: 50_000 }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'a',
    uid: String(index),
  }));
  const object = { metadata: { ownerReferences: [...owners, ...owners.slice(-1)] } };
  assert.match(dropRepeatedOwners(object, true) ?? '', /UID\(s\) observed: 49999$/);
  assert.equal(object.metadata.ownerReferences.length, owners.length);
});
