import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dnsLabel,
  dnsSubdomain,
  type MetaRules,
  pathSegmentName,
  validateMeta,
  validateMetadata,
  validateMetadataUpdate,
} from './metadata.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import type { Resource } from './resource.ts';

const RULES = { namespaced: false, validateName: pathSegmentName };

function errors(meta: ObjectMeta, rules: MetaRules = RULES): string[] {
  return validateMeta(meta, rules).map(
    ({ type, field, value, detail }) => `${field} ${type} ${JSON.stringify(value)} ${detail}`,
  );
}

const KEY =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

test('names that can stand in a path', () => {
  assert.deepEqual(errors({ name: '.' }), [`metadata.name Invalid "." may not be '.'`]);
  assert.deepEqual(errors({ name: '..' }), [`metadata.name Invalid ".." may not be '..'`]);
  assert.deepEqual(errors({ name: 'a/b' }), [`metadata.name Invalid "a/b" may not contain '/'`]);
  assert.deepEqual(errors({ name: 'a%b' }), [`metadata.name Invalid "a%b" may not contain '%'`]);
  assert.deepEqual(errors({ name: 'UPPER_case:x@y' }), []);
  assert.deepEqual(errors({}), ['metadata.name Required undefined name or generateName is required']);
  assert.deepEqual(errors({ name: '' }), ['metadata.name Required undefined name or generateName is required']);
});

test('names of DNS', () => {
  const label =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  const subdomain =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  assert.equal(dnsLabel('K-Made'), label);
  assert.equal(dnsLabel('k.made'), 'must not contain dots');
  assert.equal(dnsLabel('k'.repeat(64)), 'must be no more than 63 characters');
  assert.equal(dnsLabel('0'), undefined);
  for (const name of ['Upper', 'a_b', 'a..b', 'a/b', '-a', 'a b', '', 'a\n'])
    assert.equal(dnsSubdomain(name), subdomain, name);
  assert.equal(dnsSubdomain('a'.repeat(254)), 'must be no more than 253 characters');
  assert.equal(dnsSubdomain('a'.repeat(253)), undefined);
});

test('a generateName may end with a dash where the rule of the names is one of DNS', () => {
  const rules = { namespaced: false, validateName: dnsSubdomain };
  assert.deepEqual(errors({ name: 'gen-x', generateName: 'gen-' }, rules), []);
  assert.match(
    errors({ name: 'gen-x', generateName: 'Gen_' }, rules)[0] ?? '',
    /^metadata\.generateName Invalid "Gen_" a lowercase/,
  );
  const own = { namespaced: false, validateName: (name: string) => (name.endsWith('-') ? 'no dash' : undefined) };
  assert.deepEqual(errors({ name: 'gen-x', generateName: 'gen-' }, own), [
    'metadata.generateName Invalid "gen-" no dash',
  ]);
});

test('namespaces', () => {
  assert.deepEqual(errors({ name: 'a', namespace: 'x' }), [
    'metadata.namespace Forbidden undefined not allowed on this type',
  ]);
  assert.deepEqual(errors({ name: 'a' }, { ...RULES, namespaced: true }), ['metadata.namespace Required undefined ']);
  assert.deepEqual(errors({ name: 'a', namespace: 'x.y' }, { ...RULES, namespaced: true }), [
    'metadata.namespace Invalid "x.y" must not contain dots',
  ]);
});

test('labels and annotations', () => {
  assert.deepEqual(errors({ name: 'a', labels: { 'a b': 'c' } }), [`metadata.labels Invalid "a b" ${KEY}`]);
  assert.deepEqual(errors({ name: 'a', labels: { a: 'c d' } }), [
    `metadata.labels Invalid "c d" a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  ]);
  assert.deepEqual(errors({ name: 'a', labels: { k: 'v'.repeat(64) } }), [
    `metadata.labels Invalid "${'v'.repeat(64)}" must be no more than 63 characters`,
  ]);
  const now = errors({ name: 'a', labels: { k: 'v'.repeat(64) } }, { ...RULES, older: false });
  assert.deepEqual(now, [`metadata.labels Invalid "${'v'.repeat(64)}" must be no more than 63 bytes`]);
  assert.deepEqual(errors({ name: 'a', annotations: { 'a b': 'c' } }), [`metadata.annotations Invalid "a b" ${KEY}`]);
  assert.deepEqual(errors({ name: 'a', annotations: { 'EXAMPLE.com/Key': 'any \n text' } }), []);
  assert.deepEqual(errors({ name: 'a', annotations: { k: 'x'.repeat(262_144) } }), [
    'metadata.annotations TooLong undefined may not be more than 262144 bytes',
  ]);
  assert.deepEqual(errors({ name: 'a', labels: { '/x': '' } }), [
    'metadata.labels Invalid "/x" prefix part must be non-empty',
  ]);
  assert.match(
    errors({ name: 'a', labels: { 'a/b/c': '' } })[0] ?? '',
    /a qualified name must consist of .*with an optional DNS subdomain prefix/,
  );
});

test('finalizers, owners and managed fields', () => {
  assert.deepEqual(errors({ name: 'a', finalizers: ['bars'] }), [
    'metadata.finalizers[0] Invalid "bars" name is neither a standard finalizer name nor is it fully qualified',
  ]);
  assert.deepEqual(errors({ name: 'a', finalizers: ['kubernetes', 'example.com/x'] }), []);
  assert.deepEqual(errors({ name: 'a', finalizers: ['orphan', 'foregroundDeletion'] }), [
    'metadata.finalizers Invalid ["orphan","foregroundDeletion"] finalizer orphan and foregroundDeletion cannot be both set',
  ]);
  assert.deepEqual(errors({ name: 'a', ownerReferences: [{ apiVersion: '', kind: 'Pod', name: '', uid: '' }] }), [
    'metadata.ownerReferences.apiVersion Invalid "" version must not be empty',
    'metadata.ownerReferences.name Invalid "" must not be empty',
    'metadata.ownerReferences.uid Invalid "" must not be empty',
  ]);
  assert.deepEqual(errors({ name: 'a', managedFields: [{ operation: 'Odd', fieldsType: 'x', manager: 'a\nb' }] }), [
    'metadata.managedFields[0].operation Invalid "Odd" must be `Apply` or `Update`',
    'metadata.managedFields[0].fieldsType Invalid "x" must be `FieldsV1`',
    'metadata.managedFields[0].manager Invalid "a\\nb" invalid character U+000A (at position 1)',
  ]);
});

test('the path of metadata inside another object, and the rules of a resource', () => {
  assert.deepEqual(
    validateMeta({}, { ...RULES, field: 'signatures[0].metadata' }).map(({ field }) => field),
    ['signatures[0].metadata.name'],
  );
  const resource = { namespaced: false, kept: { validateName: dnsLabel } } as unknown as Resource;
  assert.deepEqual(validateMetadata(resource, { metadata: { name: 'a.b' } }), [
    { type: 'Invalid', field: 'metadata.name', value: 'a.b', detail: 'must not contain dots' },
  ]);
});

test('what an update cannot change; each cause is listed twice', () => {
  const old: KubeObject = {
    metadata: { name: 'a', namespace: 'n', uid: '1', creationTimestamp: '2020-01-01T00:00:00Z', generation: 3 },
  };
  const update = (meta: ObjectMeta): string[] =>
    validateMetadataUpdate({ metadata: { ...old.metadata, ...meta } }, old, true).map(
      ({ field, detail }) => `${field} ${detail}`,
    );
  assert.deepEqual(update({}), []);
  assert.deepEqual(update({ uid: '2' }), ['metadata.uid field is immutable', 'metadata.uid field is immutable']);
  assert.deepEqual(update({ name: 'b', creationTimestamp: null, generation: 2 }).slice(0, 3), [
    'metadata.generation must not be decremented',
    'metadata.name field is immutable',
    'metadata.creationTimestamp field is immutable',
  ]);
});

test('an object that is being deleted gets no new finalizers', () => {
  const old: KubeObject = { metadata: { name: 'a', deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: ['a.b/c'] } };
  const [error] = validateMetadataUpdate({ metadata: { ...old.metadata, finalizers: ['a.b/c', 'x.y/z'] } }, old, false);
  assert.deepEqual(error, {
    type: 'Forbidden',
    field: 'metadata.finalizers',
    detail: 'no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}',
  });
  assert.deepEqual(validateMetadataUpdate({ metadata: { ...old.metadata, finalizers: [] } }, old, false), []);
});

test('an owner says its apiVersion as a version, or as group and version', () => {
  const rules = { namespaced: false, validateName: () => undefined, older: false };
  const isFine = (apiVersion: string): boolean =>
    validateMeta({ name: 'x', ownerReferences: [{ apiVersion, kind: 'K', name: 'n', uid: 'u' }] }, rules).length === 0;
  for (const version of ['v1', 'apps/v1', '/v1']) assert.ok(isFine(version), version);
  for (const version of ['', '/', 'apps/', 'a/b/c', `${'a'.repeat(1_000_000)}/b/`]) assert.ok(!isFine(version));
});

test('owners are spoken of by their place; by OpenShift without', () => {
  const owner = { apiVersion: 'a/b/c', kind: 'X', name: '', uid: 'u' };
  const rules = { namespaced: false, validateName: () => undefined };
  const told = (older: boolean): string[] =>
    validateMeta({ name: 'x', ownerReferences: [owner] }, { ...rules, older }).map(
      ({ type, field, detail }) => `${type} ${field} ${detail}`,
    );
  assert.deepEqual(told(false), [
    'Invalid metadata.ownerReferences[0].apiVersion must be <group>/<version> or <version>',
    'Required metadata.ownerReferences[0].name must not be empty',
  ]);
  assert.deepEqual(told(true), [
    'Invalid metadata.ownerReferences.apiVersion version must not be empty',
    'Invalid metadata.ownerReferences.name must not be empty',
  ]);
});
