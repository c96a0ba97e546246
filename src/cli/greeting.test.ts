import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { greeting } from './greeting.ts';

const API = 'https://127.0.0.1:8443';

test('the last line is for programs, and what comes before can be copied', () => {
  const text = greeting(parseConfig(["--data=/tmp/it's"], {}), { apiUrl: API, registryUrl: 'http://127.0.0.1:5000' });
  assert.match(text, /\nheadgate ready api=https:\/\/127\.0\.0\.1:8443 registry=http:\/\/127\.0\.0\.1:5000\n$/);
  assert.ok(text.includes(`export KUBECONFIG='/tmp/it'\\''s/admin.kubeconfig'`));
  assert.ok(text.includes('--password-stdin 127.0.0.1:5000\n'));
  assert.ok(!text.includes('certs.d'));
});

test('where the registry has a certificate, docker and podman are made to trust it', () => {
  const text = greeting(parseConfig(['--data=/tmp/d'], {}), { apiUrl: API, registryUrl: API });
  for (const folder of ['/etc/docker', '/etc/containers']) {
    assert.ok(text.includes(`sudo install -D -m 644 '/tmp/d/tls/ca.crt' ${folder}/certs.d/127.0.0.1:8443/ca.crt`));
  }
});
