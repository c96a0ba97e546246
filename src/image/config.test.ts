import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONFIG_BYTES } from '../limits.ts';
import { ConfigInvalid, parseImageConfig, parseV1Compatibility } from './config.ts';

const CONFIG = {
  architecture: 'amd64',
  os: 'linux',
  created: '2023-04-05T06:07:08.9Z',
  author: 'someone',
  config: { User: '1001', Env: ['PATH=/bin'], Cmd: ['sh'], StopSignal: 'SIGINT', Volumes: { '/data': {} } },
  container: 'c0ffee',
  container_config: { Hostname: 'builder' },
  docker_version: '24.0.1',
  rootfs: { type: 'layers', diff_ids: ['sha256:00'] },
  history: [{ created: '2023-04-05T06:07:08Z', created_by: 'step', empty_layer: true }],
  'os.features': ['win32k'],
};

test('a config gives what an Image keeps of it', () => {
  assert.deepEqual(parseImageConfig(JSON.stringify(CONFIG)), {
    Created: '2023-04-05T06:07:08Z',
    Container: 'c0ffee',
    ContainerConfig: { Hostname: 'builder' },
    DockerVersion: '24.0.1',
    Author: 'someone',
    Config: { User: '1001', Env: ['PATH=/bin'], Cmd: ['sh'], Volumes: { '/data': {} } },
    Architecture: 'amd64',
  });
  assert.deepEqual(parseImageConfig('{}'), {});
  assert.deepEqual(parseImageConfig('{"Config":{"env":["a"]},"DOCKER_VERSION":"1"}'), {
    DockerVersion: '1',
    Config: { Env: ['a'] },
  });
});

test('the config of a chart holds nothing of an image', () => {
  const chart = {
    name: 'app',
    version: '1.0.0',
    apiVersion: 'v2',
    description: 'x',
    keywords: ['a'],
    type: 'application',
  };
  assert.deepEqual(parseImageConfig(JSON.stringify(chart)), {});
});

test('a wrong type anywhere makes a config unreadable, even where nothing is kept', () => {
  const wrong: readonly (readonly [object | string, RegExp])[] = [
    [{ ...CONFIG, history: [{ created: 'yesterday' }] }, /^\/history\/0\/created must be a time/],
    [{ ...CONFIG, rootfs: { diff_ids: 'x' } }, /^\/rootfs\/diff_ids must be a list/],
    [{ ...CONFIG, os: 1 }, /^\/os must be a string/],
    [{ ...CONFIG, config: 'x' }, /^\/config must be an object/],
    ['{', /line 1, column 2/],
    ['[]', /must be an object/],
    [`"${' '.repeat(CONFIG_BYTES)}"`, /more than 4194304 bytes/],
    ['['.repeat(1000), /nested deeper/],
  ];
  for (const [config, message] of wrong) {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    assert.throws(() => parseImageConfig(text), { name: 'ConfigInvalid', message });
  }
  assert.deepEqual(parseV1Compatibility('{"id":"x","history":7,"Size":3}'), { Id: 'x', Size: 3 });
});

test('only ConfigInvalid is thrown', () => {
  const name = fc.constantFrom(...Object.keys(CONFIG), 'id', 'Size');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.dictionary(name, fc.jsonValue()).map((value) => JSON.stringify(value)),
      ),
      (text) => {
        for (const parse of [parseImageConfig, parseV1Compatibility]) {
          try {
            parse(text);
          } catch (error) {
            assert.ok(error instanceof ConfigInvalid);
          }
        }
      },
    ),
  );
});
