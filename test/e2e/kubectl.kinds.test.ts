/** The whole life of an object of each stored kind, as people lead it with kubectl. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { part } from '../parts.ts';
import { ownHome, run, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;
const env = ownHome();
const folder = temporaryFolder();

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, env);
  await kubectl('create', 'namespace', 'demo');
});
after(async () => {
  await server?.kill();
});

const DIGEST = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const RBAC = 'rbac.authorization.k8s.io';
const rule = (...verbs: string[]): object => ({ apiGroups: [''], resources: ['configmaps'], verbs });
const user = (name: string): object => ({ apiGroup: RBAC, kind: 'User', name });
const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name: 'view' };
const tag = (name: string): object => ({ name, from: { kind: 'DockerImage', name: `r.test/${name}` } });

interface Kind {
  /** As `kubectl get` takes it. */
  readonly resource: string;
  readonly type: { readonly apiVersion: string; readonly kind: string };
  readonly namespaced: boolean;
  /** What it says beside its metadata, and the same changed. */
  readonly first: object;
  readonly second: object;
}

const core = (kind: string): Kind['type'] => ({ apiVersion: 'v1', kind });
const rbac = (kind: string): Kind['type'] => ({ apiVersion: `${RBAC}/v1`, kind });
const image = (kind: string): Kind['type'] => ({ apiVersion: 'image.openshift.io/v1', kind });

const KINDS: readonly Kind[] = [
  {
    resource: 'imagestreams.image.openshift.io',
    type: image('ImageStream'),
    namespaced: true,
    first: { spec: { lookupPolicy: { local: false }, tags: [tag('a')] } },
    second: { spec: { lookupPolicy: { local: true }, tags: [tag('a')] } },
  },
  {
    resource: 'images.image.openshift.io',
    type: image('Image'),
    namespaced: false,
    first: { dockerImageReference: `r.test/a@${DIGEST}` },
    second: { dockerImageReference: `r.test/b@${DIGEST}` },
  },
  {
    resource: 'configmaps',
    type: core('ConfigMap'),
    namespaced: true,
    first: { data: { k: 'v' } },
    second: { data: { k: 'w' } },
  },
  {
    resource: 'secrets',
    type: core('Secret'),
    namespaced: true,
    first: { type: 'Opaque', data: { k: 'dg==' } },
    second: { type: 'Opaque', data: { k: 'dw==' } },
  },
  { resource: 'namespaces', type: core('Namespace'), namespaced: false, first: {}, second: {} },
  {
    resource: 'limitranges',
    type: core('LimitRange'),
    namespaced: true,
    first: { spec: { limits: [{ type: 'openshift.io/Image', max: { storage: '1Gi' } }] } },
    second: { spec: { limits: [{ type: 'openshift.io/Image', max: { storage: '2Gi' } }] } },
  },
  {
    resource: 'resourcequotas',
    type: core('ResourceQuota'),
    namespaced: true,
    first: { spec: { hard: { 'openshift.io/imagestreams': '8' } } },
    second: { spec: { hard: { 'openshift.io/imagestreams': '9' } } },
  },
  {
    resource: 'roles',
    type: rbac('Role'),
    namespaced: true,
    first: { rules: [rule('get')] },
    second: { rules: [rule('get', 'list')] },
  },
  {
    resource: 'rolebindings',
    type: rbac('RoleBinding'),
    namespaced: true,
    first: { roleRef, subjects: [user('ann')] },
    second: { roleRef, subjects: [user('ann'), user('bob')] },
  },
  {
    resource: 'clusterroles',
    type: rbac('ClusterRole'),
    namespaced: false,
    first: { rules: [rule('get')] },
    second: { rules: [rule('get', 'list')] },
  },
  {
    resource: 'clusterrolebindings',
    type: rbac('ClusterRoleBinding'),
    namespaced: false,
    first: { roleRef, subjects: [user('ann')] },
    second: { roleRef, subjects: [user('ann'), user('bob')] },
  },
];

/** The object, with labels that tell its versions apart even where there is nothing else to change. */
const object = ({ type, namespaced }: Kind, name: string, content: object, version: string): object => ({
  ...type,
  metadata: { name, ...(namespaced && { namespace: 'demo' }), labels: { version } },
  ...content,
});

/** An editor that puts a label into what it is given. */
function editor(): string {
  const path = join(folder, 'editor.sh');
  writeFileSync(path, '#!/bin/sh\nsed -i "s/^    version: .*/&\\n    edited: \\"yes\\"/" "$1"\n');
  chmodSync(path, 0o755);
  return path;
}

for (const kind of KINDS) {
  suite(kind.resource, () => {
    const { resource } = kind;
    const name = kind.type.kind === 'Image' ? DIGEST : 'subject';
    const scope = kind.namespaced ? ['-n', 'demo'] : [];
    const on = (...args: string[]): Promise<string> => kubectl(...args, ...scope);
    const labels = (): Promise<string> => on('get', resource, name, '-o', 'jsonpath={.metadata.labels}');
    const first = object(kind, name, kind.first, '1');
    const second = object(kind, name, kind.second, '2');

    test('apply creates, leaves alone and changes; diff tells beforehand', async () => {
      assert.match(await kubectl.given(first, 'apply', '-f', '-'), / created/);
      assert.match(await kubectl.given(first, 'apply', '-f', '-'), / unchanged/);
      const options = { env: { ...env, KUBECONFIG: server.kubeconfig } };
      const same = await run(part('kubectl'), ['diff', '-f', '-'], { ...options, input: JSON.stringify(first) });
      assert.deepEqual([same.code, same.stdout], [0, '']);
      const differs = await run(part('kubectl'), ['diff', '-f', '-'], { ...options, input: JSON.stringify(second) });
      assert.equal(differs.code, 1, differs.stderr);
      assert.match(differs.stdout, /^\+ {4}version: "2"$/m);
      assert.match(await kubectl.given(second, 'apply', '-f', '-'), / configured/);
      assert.match(await labels(), /"version":"2"/);
    });

    test('patches of all types', async () => {
      const patch = (type: string, body: object): Promise<string> =>
        on('patch', resource, name, '--type', type, '-p', JSON.stringify(body));
      assert.match(await patch('strategic', { metadata: { labels: { strategic: 'yes' } } }), / patched/);
      assert.match(await patch('merge', { metadata: { labels: { merge: 'yes' } } }), / patched/);
      assert.match(await patch('json', [{ op: 'add', path: '/metadata/labels/json', value: 'yes' }]), / patched/);
      assert.match(await patch('merge', { metadata: { labels: { merge: 'yes' } } }), /\(no change\)/);
      const all = JSON.parse(await labels()) as Record<string, string>;
      assert.deepEqual([all.strategic, all.merge, all.json], ['yes', 'yes', 'yes']);
    });

    test('label, annotate and edit', async () => {
      assert.match(await on('label', resource, name, 'labelled=yes'), / labeled/);
      assert.match(await kubectl.fails('label', resource, name, 'labelled=no', ...scope), /already has a value/);
      assert.match(await on('label', resource, name, 'labelled-'), / unlabeled/);
      assert.match(await on('annotate', resource, name, 'noted=yes'), / annotated/);
      const edited = await run(part('kubectl'), ['edit', resource, name, ...scope], {
        env: { ...env, KUBECONFIG: server.kubeconfig, KUBE_EDITOR: editor() },
      });
      assert.equal(edited.code, 0, edited.stderr);
      assert.match(edited.stdout, / edited/);
      assert.match(await labels(), /"edited":"yes"/);
    });

    test('apply on the server: a conflict names who manages, force takes, and its manager may let go', async () => {
      const apply = (content: object, ...args: string[]): string[] => {
        const file = join(folder, 'applied.json');
        writeFileSync(file, JSON.stringify(content));
        return ['apply', '--server-side', '-f', file, ...args];
      };
      const third = object(kind, name, kind.second, '3');
      const refused = await kubectl.fails(...apply(third, '--field-manager', 'rival'));
      assert.match(refused, /conflict with "kubectl-client-side-apply"/);
      assert.match(refused, /\.metadata\.labels\.version/);
      const forced = await kubectl(...apply(third, '--field-manager', 'rival', '--force-conflicts'));
      assert.match(forced, / serverside-applied/);
      assert.match(await labels(), /"version":"3"/);
      const metadata = { name, ...(kind.namespaced && { namespace: 'demo' }) };
      await kubectl(...apply({ ...third, metadata }, '--field-manager', 'rival'));
      assert.doesNotMatch(await labels(), /"version"/);
    });

    test('kubectl goes over to the server with what it had applied before', async () => {
      const file = join(folder, 'migrated.json');
      writeFileSync(file, JSON.stringify(second));
      assert.match(await kubectl('apply', '--server-side', '-f', file), / serverside-applied/);
      const managers = await on(
        'get',
        resource,
        name,
        '--show-managed-fields',
        '-o',
        'jsonpath={.metadata.managedFields}',
      );
      assert.doesNotMatch(managers, /"kubectl-client-side-apply"/);
      assert.match(managers, /"manager":"kubectl","operation":"Apply"/);
    });

    test('explain, get -w and wait follow it to its end', async () => {
      assert.match(await kubectl('explain', `${resource}.metadata.labels`), /<map\[string\]string>/);
      await using watch = kubectl.follow('get', resource, name, '-w', '-o', 'name', ...scope);
      await watch.until(new RegExp(`/${name}\n`));
      await on('label', resource, name, 'seen=yes');
      await watch.until(new RegExp(`/${name}\n[\\s\\S]*/${name}\n`));
      await on('wait', `${resource}/${name}`, '--for=jsonpath={.metadata.labels.seen}=yes', '--timeout=20s');
      await using waiting = kubectl.follow('wait', `${resource}/${name}`, '--for=delete', '--timeout=30s', ...scope);
      assert.match(await on('delete', resource, name), / deleted/);
      assert.equal(await waiting.ended(), 0);
      assert.match(await kubectl.fails('get', resource, name, ...scope), /\(NotFound\)/);
    });
  });
}

suite('what kubectl writes of itself', () => {
  test('create makes Kubernetes own kinds, which it sends as protobuf', async () => {
    const create = (...args: string[]): Promise<string> => kubectl('create', ...args, '-n', 'demo');
    assert.match(await create('configmap', 'packed', '--from-literal=k=v'), /configmap\/packed created/);
    assert.match(await create('secret', 'generic', 'packed', '--from-literal=k=v'), /secret\/packed created/);
    assert.match(await create('role', 'packed', '--verb=get', '--resource=configmaps'), /\/packed created/);
    assert.match(await create('rolebinding', 'packed', '--role=packed', '--user=ann'), /\/packed created/);
    assert.match(await create('quota', 'packed', '--hard=openshift.io/imagestreams=5'), /\/packed created/);
    assert.equal(await kubectl('get', 'cm', 'packed', '-n', 'demo', '-o', 'jsonpath={.data.k}'), 'v');
    const rules = await kubectl('get', 'role', 'packed', '-n', 'demo', '-o', 'jsonpath={.rules[0].resources[0]}');
    assert.equal(rules, 'configmaps');
  });

  test('what is deleted in the foreground, or orphans, goes as well', async () => {
    for (const policy of ['foreground', 'orphan']) {
      await kubectl('create', 'configmap', 'owner', '-n', 'demo');
      const deleted = kubectl('delete', 'configmap', 'owner', '-n', 'demo', `--cascade=${policy}`, '--timeout=30s');
      assert.match(await deleted, / deleted/);
    }
  });

  test('auth whoami and can-i ask reviews', async () => {
    assert.match(await kubectl('auth', 'whoami'), /system:masters/);
    assert.equal(await kubectl('auth', 'can-i', 'delete', 'imagestreams'), 'yes\n');
  });
});
