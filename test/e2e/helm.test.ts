/** Helm installs, upgrades, rolls back and removes a chart. Nothing runs here: what pods and jobs come to, the test says. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { part } from '../parts.ts';
import { fail, ownHome, succeed, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

const home = ownHome();
let server: TestServer;
let kubectl: Kubectl;

const METADATA = (kind: string, name: string, annotations = ''): string =>
  `metadata:\n  name: ${name}\n  labels: { app: {{ .Release.Name }}, part: ${kind} }\n${annotations}`;

const TEMPLATES: Readonly<Record<string, string>> = {
  configmap: `apiVersion: v1\nkind: ConfigMap\n${METADATA('config', '{{ .Release.Name }}')}data: { greeting: {{ .Values.greeting }} }\n`,
  secret: `apiVersion: v1\nkind: Secret\n${METADATA('secret', '{{ .Release.Name }}')}stringData: { password: {{ .Values.password }} }\n`,
  account: `apiVersion: v1\nkind: ServiceAccount\n${METADATA('account', '{{ .Release.Name }}')}`,
  service: `apiVersion: v1\nkind: Service\n${METADATA('service', '{{ .Release.Name }}')}spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: 80, targetPort: http }]\n`,
  deployment: `apiVersion: apps/v1\nkind: Deployment\n${METADATA('deployment', '{{ .Release.Name }}')}spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers: [{ name: main, image: {{ .Values.image | quote }}, ports: [{ name: http, containerPort: 80 }] }]\n`,
  hook: `apiVersion: batch/v1\nkind: Job\n${METADATA(
    'hook',
    '{{ .Release.Name }}-hook',
    '  annotations: { helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation }\n',
  )}spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: main, image: {{ .Values.image | quote }} }] }\n`,
};

function chart(): string {
  const folder = join(temporaryFolder(), 'small');
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: small\nversion: 1.0.0\nappVersion: "1"\n');
  writeFileSync(
    join(folder, 'values.yaml'),
    'greeting: hello\npassword: secret\nreplicas: 1\nimage: r.test/team/app:1\n',
  );
  for (const [name, text] of Object.entries(TEMPLATES)) writeFileSync(join(folder, 'templates', `${name}.yaml`), text);
  return folder;
}

const small = chart();
const helm = (...args: string[]): Promise<string> =>
  succeed(part('helm'), args, { env: { ...home, KUBECONFIG: server.kubeconfig } });

/** Says that the job of a hook is done, as soon as it is there. */
async function finishHook(): Promise<void> {
  const status = {
    startTime: '2026-01-01T00:00:00Z',
    completionTime: '2026-01-01T00:00:01Z',
    succeeded: 1,
    conditions: [{ type: 'Complete', status: 'True' }],
  };
  for (let tries = 0; tries < 100; tries++) {
    const there = await kubectl('get', 'job', '-n', 'charts', '-o', 'name', '--ignore-not-found', 'web-hook');
    if (there !== '') {
      await kubectl(
        'patch',
        'job',
        'web-hook',
        '-n',
        'charts',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status }),
      );
      return;
    }
    await pause(100);
  }
  assert.fail('the job of the hook was never made');
}

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, home);
});
after(async () => {
  await server?.kill();
});

const read = (resource: string, path: string): Promise<string> =>
  kubectl('get', resource, '-n', 'charts', '-o', `jsonpath=${path}`);

suite('Helm', () => {
  test('installs a chart', async () => {
    const printed = await helm('install', 'web', small, '-n', 'charts', '--create-namespace');
    assert.match(printed, /^STATUS: deployed$/m);
    assert.match(printed, /^REVISION: 1$/m);
    assert.equal(await read('configmap/web', '{.data.greeting}'), 'hello');
    assert.equal(await read('secret/web', '{.data.password}'), Buffer.from('secret').toString('base64'));
    assert.equal(await read('deployment/web', '{.spec.template.spec.serviceAccountName}'), 'web');
    assert.equal(await read('service/web', '{.spec.ports[0].targetPort}'), 'http');
    assert.match(await helm('list', '-n', 'charts'), /^web\s+charts\s+1\s.*deployed\s+small-1\.0\.0\s+1\s*$/m);
    const releases = await kubectl('get', 'secrets', '-n', 'charts', '-l', 'owner=helm', '--no-headers');
    assert.match(releases, /^sh\.helm\.release\.v1\.web\.v1 +helm\.sh\/release\.v1 +1 /);
  });

  test('upgrades it, with a hook', async () => {
    const [printed] = await Promise.all([
      helm('upgrade', 'web', small, '-n', 'charts', '--set', 'greeting=hi,replicas=3', '--timeout=30s'),
      finishHook(),
    ]);
    assert.match(printed, /^REVISION: 2$/m);
    assert.equal(await read('configmap/web', '{.data.greeting}'), 'hi');
    assert.equal(await read('deployment/web', '{.spec.replicas}'), '3');
    assert.match(await helm('get', 'values', 'web', '-n', 'charts'), /greeting: hi\nreplicas: 3/);
  });

  test('keeps what others have changed, and says what it would change', async () => {
    await kubectl('annotate', 'configmap', 'web', '-n', 'charts', 'note=mine');
    await kubectl('label', 'service', 'web', '-n', 'charts', 'team=a');
    const dry = await helm(
      'upgrade',
      'web',
      small,
      '-n',
      'charts',
      '--set',
      'greeting=dry',
      '--dry-run=server',
      '--no-hooks',
    );
    assert.match(dry, /greeting: dry/);
    assert.equal(await read('configmap/web', '{.data.greeting}'), 'hi');
    await helm('upgrade', 'web', small, '-n', 'charts', '--set', 'greeting=again', '--no-hooks');
    assert.equal(await read('configmap/web', '{.metadata.annotations.note} {.data.greeting}'), 'mine again');
    assert.equal(await read('service/web', '{.metadata.labels.team}'), 'a');
  });

  test('rolls it back', async () => {
    await helm('rollback', 'web', '1', '-n', 'charts', '--no-hooks');
    assert.equal(await read('configmap/web', '{.data.greeting}'), 'hello');
    assert.equal(await read('deployment/web', '{.spec.replicas}'), '1');
    assert.match(await helm('history', 'web', '-n', 'charts'), /Rollback to 1/);
    assert.match(await helm('status', 'web', '-n', 'charts'), /^STATUS: deployed$/m);
  });

  test('waits for what is there already', async () => {
    await helm('upgrade', 'web', small, '-n', 'charts', '--no-hooks', '--set', 'replicas=0');
    const observedGeneration = Number(await read('deployment/web', '{.metadata.generation}'));
    const conditions = [{ type: 'Available', status: 'True' }];
    const status = { status: { observedGeneration, conditions } };
    await kubectl(
      'patch',
      'deployment',
      'web',
      '-n',
      'charts',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(status),
    );
    await helm('upgrade', 'web', small, '-n', 'charts', '--no-hooks', '--set', 'replicas=0', '--wait', '--timeout=20s');
  });

  test('removes it', async () => {
    assert.match(await helm('uninstall', 'web', '-n', 'charts'), /release "web" uninstalled/);
    for (const resource of ['configmap/web', 'secret/web', 'deployment/web', 'service/web', 'serviceaccount/web']) {
      assert.match(await kubectl.fails('get', resource, '-n', 'charts'), /not found/);
    }
    assert.doesNotMatch(await helm('list', '-n', 'charts'), /^web/m);
    const env = { ...home, KUBECONFIG: server.kubeconfig };
    assert.match(await fail(part('helm'), ['status', 'web', '-n', 'charts'], { env }), /release: not found/);
  });
});
