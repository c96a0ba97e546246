import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { kubeconfigOf } from './kubeconfig.ts';

const CONTENT = {
  server: 'https://127.0.0.1:8443',
  authority: 'CA',
  tokenUser: { name: 'admin', token: 'sha256~abc' },
  certificateUser: { name: 'system:admin', pair: { certificate: 'CERT', key: 'KEY' } },
};

test("is named as oc names things, with a token user's context as the current one", () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  assert.deepEqual(parse(kubeconfigOf(CONTENT)), {
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    clusters: [
      {
        name: '127-0-0-1:8443',
        cluster: { server: 'https://127.0.0.1:8443', 'certificate-authority-data': base64('CA') },
      },
    ],
    contexts: [
      {
        name: 'default/127-0-0-1:8443/admin',
        context: { cluster: '127-0-0-1:8443', namespace: 'default', user: 'admin/127-0-0-1:8443' },
      },
      {
        name: 'default/127-0-0-1:8443/system:admin',
        context: { cluster: '127-0-0-1:8443', namespace: 'default', user: 'system:admin/127-0-0-1:8443' },
      },
    ],
    'current-context': 'default/127-0-0-1:8443/admin',
    users: [
      { name: 'admin/127-0-0-1:8443', user: { token: 'sha256~abc' } },
      {
        name: 'system:admin/127-0-0-1:8443',
        user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      },
    ],
  });
});

test('is YAML whatever the host is', () => {
  const config = parse(kubeconfigOf({ ...CONTENT, server: 'https://[::1]:8443' }));
  assert.equal(config['current-context'], 'default/[::1]:8443/admin');
  assert.equal(config.clusters[0].name, '[::1]:8443');
  assert.equal(config.clusters[0].cluster.server, 'https://[::1]:8443');
});
