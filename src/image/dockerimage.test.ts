import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeMetadata, encodeMetadata, MetadataInvalid } from './dockerimage.ts';
import { normaliseMetadata } from './metadata.ts';

const print = (value: unknown, version?: string): string => JSON.stringify(normaliseMetadata(value, version));

test('metadata is printed in the order and with the omissions of the API', () => {
  const empty =
    '{"kind":"DockerImage","apiVersion":"image.openshift.io/1.0","Id":"","Created":null,"ContainerConfig":{}}';
  for (const value of [undefined, null, {}, { Config: null, Unknown: 1, id: 'other case', Labels: {} }]) {
    assert.equal(print(value), empty);
    assert.equal(print(value, ''), empty);
  }
  assert.equal(
    print({ Size: 7, Architecture: 's390x', Id: 'x' }),
    '{"kind":"DockerImage","apiVersion":"image.openshift.io/1.0","Id":"x","Created":null,"ContainerConfig":{},"Architecture":"s390x","Size":7}',
  );
  assert.equal(
    print({
      kind: 'DockerImage',
      apiVersion: 'image.openshift.io/1.0',
      Id: 'z',
      Parent: 'p',
      Created: '2020-01-01T02:00:00.5+02:00',
      Config: {
        OnBuild: ['RUN x'],
        Env: ['A=b'],
        Labels: {},
        StopSignal: 'SIGINT',
        ExposedPorts: { 'b/tcp': {}, 'a/tcp': null },
      },
      Comment: 'c',
    }),
    '{"kind":"DockerImage","apiVersion":"image.openshift.io/1.0","Id":"z","Parent":"p","Comment":"c","Created":"2020-01-01T00:00:00Z","ContainerConfig":{},"Config":{"ExposedPorts":{"a/tcp":{},"b/tcp":{}},"Env":["A=b"],"OnBuild":["RUN x"]}}',
  );
  assert.match(print({ Config: {} }), /"ContainerConfig":\{\},"Config":\{\}\}$/);
});

test('the older version has its own spelling', () => {
  assert.equal(
    print({ id: 'y', Size: 9, docker_version: '1.6', container_config: { Cmd: ['sh'] } }, 'pre012'),
    '{"kind":"DockerImage","apiVersion":"image.openshift.io/pre012","id":"y","created":null,"container_config":{"Cmd":["sh"]},"docker_version":"1.6"}',
  );
  const inside = { kind: 'DockerImage', apiVersion: 'image.openshift.io/pre012', id: 'y', size: 9 };
  assert.deepEqual(decodeMetadata(inside, 'pre012'), { Id: 'y', Size: 9 });
  assert.deepEqual(decodeMetadata({ apiVersion: '1.0', Id: 'y' }, '1.0'), { Id: 'y' });
});

test('unknown versions, kinds and wrong types are refused', () => {
  const refused: readonly (readonly [unknown, string | undefined, string])[] = [
    [{ apiVersion: '1.0', Id: 'y' }, 'pre012', 'dockerImageMetadata is not of version pre012: unknown conversion'],
    [{ Id: 'y' }, '2.0', 'no kind "DockerImage" is registered for version "image.openshift.io/2.0"'],
    [undefined, 'constructor', 'no kind "DockerImage" is registered for version "image.openshift.io/constructor"'],
    [{ apiVersion: 'v1' }, undefined, 'no kind "DockerImage" is registered for version "image.openshift.io/v1"'],
    [{ kind: 'Pod' }, undefined, 'no kind "Pod" is registered for version "image.openshift.io/1.0"'],
    [[], undefined, 'dockerImageMetadata must be an object'],
    ['{}', undefined, 'dockerImageMetadata must be an object'],
    [{ Size: '7' }, undefined, 'dockerImageMetadata: /Size must be an integer below 2^53, not "7"'],
    [{ Config: { Env: 'A' } }, undefined, 'dockerImageMetadata: /Config/Env must be a list, not "A"'],
  ];
  for (const [value, version, message] of refused) {
    assert.throws(() => normaliseMetadata(value, version), { name: 'MetadataInvalid', message });
  }
  assert.throws(() => encodeMetadata({}, '3'), MetadataInvalid);
});

test('normal metadata stays as it is', () => {
  const name = fc.constantFrom('kind', 'apiVersion', 'Id', 'id', 'Created', 'Config', 'config', 'Size', 'Author');
  const version = fc.constantFrom('1.0', 'pre012', '');
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(name, fc.jsonValue()), fc.jsonValue()), version, (value, which) => {
      let once: unknown;
      try {
        once = normaliseMetadata(value, which);
      } catch (error) {
        assert.ok(error instanceof MetadataInvalid);
        return;
      }
      assert.equal(print(once, which), JSON.stringify(once));
    }),
  );
});
