/** The examples of deploy/: they can be read by the programs that they are for, and set nothing that does not exist. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config.ts';
import { ALL_FLAGS, variableOf } from '../../src/flags.ts';
import { part } from '../parts.ts';
import { succeed } from '../program.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const read = (path: string): string => readFileSync(`${DEPLOY}/${path}`, 'utf8');

/** The settings of a file of `NAME=value` lines. */
function settingsOf(path: string): Record<string, string> {
  const lines = read(path)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly environment?: Record<string, string>; readonly image: string }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

test('what they set are settings of this server', () => {
  const known = new Set(ALL_FLAGS.map(({ name }) => variableOf(name)));
  const files = globSync('**/*', { cwd: DEPLOY, withFileTypes: true }).filter((file) => file.isFile());
  assert.ok(files.length > 8);
  for (const file of files) {
    const text = readFileSync(`${file.parentPath}/${file.name}`, 'utf8');
    for (const [name] of text.matchAll(/\bHEADGATE_[A-Z_]+/g)) assert.ok(known.has(name), `${file.name} sets ${name}`);
  }
});

test('the settings for systemd and Kubernetes are taken', () => {
  for (const path of ['systemd/headgate.env', 'kubernetes/settings.env']) {
    const config = parseConfig([], settingsOf(path));
    assert.equal(config.store.kind, 'etcd', path);
    assert.equal(config.blobs.kind, 's3', path);
    assert.ok(config.registryHost !== undefined && config.tlsNames.length > 0, path);
  }
});

test('the compose file has three servers alike, and the balancer knows them', () => {
  const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as Compose;
  const servers = Object.entries(services).filter(([, { image }]) => image === 'headgate');
  assert.deepEqual(
    servers.map(([name]) => name),
    ['one', 'two', 'three'],
  );
  assert.deepEqual(Object.keys(volumes), ['etcd', 's3', 'one', 'two', 'three']);
  for (const [name, { environment = {} }] of servers) {
    const config = parseConfig([], environment);
    assert.equal(config.store.kind, 'etcd');
    assert.match(read('haproxy.cfg'), new RegExp(`^ {4}server ${name} ${name}:8443$`, 'm'));
  }
});

test('the units of systemd have sections and commands', () => {
  for (const path of globSync('systemd/*.service', { cwd: DEPLOY })) {
    const text = read(path);
    for (const line of [/^\[Unit\]$/m, /^\[Service\]$/m, /^\[Install\]$/m, /^ExecStart=\//m, /^Restart=always$/m]) {
      assert.match(text, line, basename(path));
    }
  }
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly envFrom: readonly unknown[] }[] } };
  };
}

test('kubectl makes a Deployment of three with its settings', async () => {
  const built = await succeed(part('kubectl'), ['kustomize', `${DEPLOY}/kubernetes`]);
  const objects = parseAllDocuments(built).map((document) => document.toJS() as Manifest);
  const kinds = objects.map(({ kind }) => kind).sort();
  assert.deepEqual(kinds, ['ConfigMap', 'Deployment', 'Namespace', 'PodDisruptionBudget', 'Secret', 'Service']);
  const nameOf = (kind: string): string | undefined => objects.find((object) => object.kind === kind)?.metadata.name;
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  assert.equal(deployment?.spec.replicas, 3);
  assert.deepEqual(deployment?.spec.template.spec.containers[0]?.envFrom, [
    { configMapRef: { name: nameOf('ConfigMap') } },
    { secretRef: { name: nameOf('Secret') } },
  ]);
});
