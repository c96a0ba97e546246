/** Who may do what, asked and arranged with kubectl. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ask } from '../http.ts';
import { part } from '../parts.ts';
import { ownHome, run } from '../program.ts';
import { askRegistry, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { tinyImage } from '../tinyimage.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;
const env = ownHome();

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, env);
  for (const name of ['paint', 'other']) await kubectl('create', 'namespace', name);
  await kubectl('create', 'rolebinding', 'ann', '-n', 'paint', '--clusterrole=admin', '--user=ann');
});
after(async () => {
  await server?.kill();
});

/** What `kubectl auth can-i` prints; that it fails when the answer is no counts for nothing. */
async function canI(...args: string[]): Promise<string> {
  const { stdout } = await run(part('kubectl'), ['auth', 'can-i', ...args], {
    env: { ...env, KUBECONFIG: server.kubeconfig },
  });
  return stdout.trim();
}

const stream = (name: string): object => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { name },
});

suite('who one is', () => {
  test('auth whoami tells name and groups, with --as those of another', async () => {
    assert.match(await kubectl('auth', 'whoami'), /Username +admin\nGroups +\[system:masters system:authenticated\]/);
    const robot = await kubectl('auth', 'whoami', '--as', 'system:serviceaccount:paint:robot');
    assert.match(robot, /Username +system:serviceaccount:paint:robot/);
    assert.match(robot, /Groups +\[system:serviceaccounts system:serviceaccounts:paint system:authenticated\]/);
    const grouped = await kubectl('auth', 'whoami', '--as', 'x', '--as-group', 'painters', '--as-uid', '7');
    assert.match(grouped, /UID +7\n/);
    assert.match(grouped, /Groups +\[painters system:authenticated\]/);
  });
});

suite('what one may', () => {
  test('auth can-i answers for each thing, and lists all', async () => {
    assert.equal(await canI('create', 'is', '-n', 'paint', '--as', 'ann'), 'yes');
    assert.equal(await canI('create', 'is', '-n', 'other', '--as', 'ann'), 'no');
    assert.equal(await canI('get', 'is/layers', '-n', 'paint', '--as', 'system:serviceaccount:paint:x'), 'no');
    assert.equal(await canI('get', 'imagestreams', '--subresource=layers', '-n', 'paint', '--as', 'ann'), 'yes');
    assert.equal(await canI('get', '/metrics', '--as', 'ann'), 'no');
    assert.equal(await canI('get', '/version', '--as', 'ann'), 'yes');
    const list = await canI('--list', '-n', 'paint', '--as', 'ann');
    assert.match(list, /^imagestreams\.image\.openshift\.io\/layers +\[\] +\[\] +\[get update\]$/m);
    assert.match(list, /^ +\[\/version\] +\[\] +\[get\]$/m);
  });

  test('a namespace admin works there and nowhere else', async () => {
    await kubectl.given(stream('app'), 'create', '-n', 'paint', '-f', '-', '--as', 'ann');
    assert.equal(
      await kubectl('get', 'is', '-n', 'paint', '-o', 'name', '--as', 'ann'),
      'imagestream.image.openshift.io/app\n',
    );
    assert.match(
      await kubectl.fails('get', 'is', '-n', 'other', '--as', 'ann'),
      /User "ann" cannot list resource "imagestreams" in API group "image\.openshift\.io" in the namespace "other"/,
    );
    assert.match(await kubectl.fails('get', 'images', '--as', 'ann'), /at the cluster scope/);
  });

  test('a role gives just what it says, from when it is bound until it is not', async () => {
    await kubectl(
      'create',
      'role',
      'looker',
      '-n',
      'paint',
      '--verb=get',
      '--resource=imagestreams',
      '--resource-name=app',
    );
    await kubectl('create', 'rolebinding', 'ben', '-n', 'paint', '--role=looker', '--user=ben');
    assert.equal(
      await kubectl('get', 'is', 'app', '-n', 'paint', '-o', 'name', '--as', 'ben'),
      'imagestream.image.openshift.io/app\n',
    );
    assert.match(await kubectl.fails('get', 'is', 'app2', '-n', 'paint', '--as', 'ben'), /cannot get resource/);
    assert.match(await kubectl.fails('get', 'is', '-n', 'paint', '--as', 'ben'), /cannot list resource/);
    await kubectl('delete', 'rolebinding', 'ben', '-n', 'paint');
    assert.match(await kubectl.fails('get', 'is', 'app', '-n', 'paint', '--as', 'ben'), /cannot get resource/);
  });
});

suite('giving rights away', () => {
  test('one gives what one holds, and no more', async () => {
    const bind = (name: string, role: string): string[] => [
      'create',
      'rolebinding',
      name,
      '-n',
      'paint',
      `--clusterrole=${role}`,
      '--user=cid',
      '--as=ann',
    ];
    assert.match(await kubectl(...bind('cid', 'edit')), /created/);
    assert.equal(await canI('update', 'is', '-n', 'paint', '--as', 'cid'), 'yes');
    assert.match(
      await kubectl.fails(...bind('cid-all', 'cluster-admin')),
      /is attempting to grant RBAC permissions not currently held/,
    );
    assert.match(await kubectl.fails(...bind('cid-none', 'nothing')), /clusterroles\S* "nothing" not found/);
  });

  test('a cluster role is aggregated by its label, and reconcile writes it', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'escorts', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
      rules: [{ apiGroups: ['image.openshift.io'], resources: ['imagestreams'], verbs: ['escort'] }],
    };
    assert.match(await kubectl.given(role, 'auth', 'reconcile', '-f', '-'), /escorts reconciled/);
    await kubectl(
      'wait',
      'clusterrole/view',
      '--for=jsonpath={.rules[?(@.verbs[0]=="escort")].resources[0]}=imagestreams',
    );
    assert.equal(await canI('escort', 'is', '-n', 'paint', '--as', 'cid'), 'yes');
  });

  test('replacing a role that is not there makes it', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'late', namespace: 'paint' },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
    };
    assert.match(await kubectl.given(role, 'replace', '-f', '-'), /late replaced/);
    assert.equal(
      await kubectl('get', 'role', 'late', '-n', 'paint', '-o', 'jsonpath={.rules[0].resources[0]}'),
      'secrets',
    );
  });

  test('tables show roles and who holds them', async () => {
    const [header, ...rows] = await kubectl.table('get', 'rolebindings', '-n', 'paint', '-o', 'wide');
    assert.deepEqual(header, ['NAME', 'ROLE', 'AGE', 'USERS', 'GROUPS', 'SERVICEACCOUNTS']);
    assert.deepEqual(
      rows.find(([name]) => name === 'ann')?.filter((_, at) => at !== 2),
      ['ann', 'ClusterRole/admin', 'ann'],
    );
    assert.match(await kubectl('describe', 'rolebinding', 'ann', '-n', 'paint'), /Kind: +ClusterRole\n +Name: +admin/);
  });
});

suite('projects', () => {
  const dot = ['--as=dot', '--as-group=system:authenticated:oauth'];
  const requests = '/apis/project.openshift.io/v1/projectrequests';

  test('whoever may asks for one, and is its administrator', async () => {
    const asked = JSON.parse(await kubectl('get', '--raw', requests, ...dot)) as { kind: string; status: string };
    assert.deepEqual([asked.kind, asked.status], ['Status', 'Success']);
    assert.match(await kubectl.fails('get', '--raw', requests, '--as=eve'), /You may not request a new project/);
    const request = {
      apiVersion: 'project.openshift.io/v1',
      kind: 'ProjectRequest',
      metadata: { name: 'dots' },
      displayName: 'All dots',
    };
    await kubectl.given(request, 'create', '--validate=false', '-f', '-', ...dot);
    assert.deepEqual(await kubectl.table('get', 'projects', ...dot), [
      ['NAME', 'DISPLAY NAME', 'STATUS'],
      ['dots', 'All dots', 'Active'],
    ]);
    await kubectl.given(stream('app'), 'create', '-n', 'dots', '-f', '-', ...dot);
    await kubectl('annotate', 'project', 'dots', 'openshift.io/display-name=Dots', '--overwrite', ...dot);
    const shown = (await kubectl.json('get', 'ns', 'dots', ...dot)) as {
      metadata: { annotations: Record<string, string> };
    };
    assert.equal(shown.metadata.annotations['openshift.io/display-name'], 'Dots');
    assert.match(await kubectl.fails('get', 'project', 'dots', '--as=eve'), /cannot get resource "projects"/);
  });

  test('its administrator deletes it', async () => {
    await kubectl('delete', 'project', 'dots', ...dot);
    assert.match(await kubectl.fails('get', 'ns', 'dots'), /not found/);
    assert.deepEqual((await kubectl('get', 'projects', '-o', 'name', ...dot)).trim(), '');
  });
});

suite('robots', () => {
  test("a service account's token pulls from its namespace, the builder's pushes too, and neither elsewhere", async () => {
    const image = tinyImage('made by a robot');
    const as = async (account: string): Promise<Registry> => ({
      url: server.registryUrl,
      token: (await kubectl('create', 'token', account, '-n', 'paint')).trim(),
    });
    const [builder, plain] = [await as('builder'), await as('default')];
    for (const blob of image.blobs) await uploadWhole(builder, 'paint/robot', blob);
    await putManifest(builder, 'paint/robot', 'latest', image.manifest, image.mediaType);
    const status = async (robot: Registry, path: string, method = 'GET'): Promise<number> =>
      (await askRegistry(robot, path, { method })).status;
    assert.equal(await status(plain, '/v2/paint/robot/manifests/latest'), 200);
    assert.equal(await status(plain, '/v2/paint/robot/blobs/uploads/', 'POST'), 403);
    assert.equal(await status(builder, '/v2/other/robot/blobs/uploads/', 'POST'), 403);
    assert.equal(await status(builder, '/v2/_catalog'), 403);
    const token = plain.token;
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    };
    const answer = JSON.parse(await kubectl.given(review, 'create', '--validate=false', '-o', 'json', '-f', '-')) as {
      status: { authenticated: boolean; user: { username: string } };
    };
    assert.deepEqual(
      [answer.status.authenticated, answer.status.user.username],
      [true, 'system:serviceaccount:paint:default'],
    );
  });
});

suite('without a credential', () => {
  test('one may ask for health and version, and pull where a binding says so', async () => {
    const status = async (url: string): Promise<number> => (await ask(url, { ca: server.ca })).status;
    for (const [path, code] of [
      ['/healthz', 200],
      ['/version', 200],
      ['/', 403],
      ['/api', 403],
      ['/apis/image.openshift.io/v1/images', 403],
    ] as const) {
      assert.equal(await status(server.apiUrl + path), code, path);
    }
    const image = tinyImage('seen by all');
    const registry = { url: server.registryUrl, token: server.token };
    for (const blob of image.blobs) await uploadWhole(registry, 'paint/app', blob);
    await putManifest(registry, 'paint/app', 'latest', image.manifest, image.mediaType);
    const manifest = `${server.registryUrl}/v2/paint/app/manifests/latest`;
    assert.equal(await status(manifest), 401);
    await kubectl(
      'create',
      'rolebinding',
      'everybody',
      '-n',
      'paint',
      '--clusterrole=system:image-puller',
      '--group=system:unauthenticated',
    );
    assert.equal(await status(manifest), 200);
    await kubectl('delete', 'rolebinding', 'everybody', '-n', 'paint');
    assert.equal(await status(manifest), 401);
  });
});
