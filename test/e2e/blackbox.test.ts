/**
 * What zot's black-box scenarios (zot, test/blackbox) look at from outside and no other test here does. A registry that is
 * open to everybody is one in which everybody has a role.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askApi } from '../api.ts';
import { type Clients, makeClients } from '../clients.ts';
import { json } from '../http.ts';
import { filesOf, type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, expectStatus, manifestOf, type Registry, referrersOf, statusOf } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces';
/** Collections until nothing may be left, of which each waits for a while. */
const COLLECTIONS = 60;

let server: TestServer;
let registry: Registry;
let clients: Clients;
let images: Images;
/** Somebody who has not logged in. */
const nobody = ownHome();

before(async () => {
  server = await startServer({ flags: ['--gc-interval', 'off', '--gc-lease', '1s'] });
  registry = { url: server.registryUrl, token: server.token };
  clients = makeClients(server);
  images = makeImages(clients.env);
});
after(async () => {
  await server?.kill();
});

const docker = (reference: string): string => `docker://${clients.at(reference)}`;
const push = (source: string, to: string, ...flags: string[]): Promise<string> =>
  clients.skopeo('copy', '--dest-tls-verify=false', ...flags, source, docker(to));

async function api(method: 'POST', path: string, body: object): Promise<void> {
  const { apiUrl: url, token, ca } = server;
  expectStatus(await askApi({ url, token, ca }, path, { method, body }), 201);
}

/** Lets everybody pull from a namespace, whoever they are. */
async function openToAll(namespace: string): Promise<void> {
  await api('POST', `${RBAC}/${namespace}/rolebindings`, {
    metadata: { name: 'everybody-pulls' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:image-puller' },
    subjects: ['system:unauthenticated', 'system:authenticated'].map((name) => ({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'Group',
      name,
    })),
  });
}

async function pulledByNobody(reference: string, ...flags: string[]): Promise<ReadonlyMap<string, Buffer>> {
  const folder = temporaryFolder();
  const args = ['copy', '--src-tls-verify=false', ...flags, docker(reference), `dir:${folder}`];
  await succeed(part('skopeo'), args, { env: nobody });
  return filesOf(folder);
}

/** Attaches an artifact with oras, in one of the ways of the specification. */
async function attach(reference: string, how: string): Promise<void> {
  writeFileSync(join(clients.folder, 'note.txt'), 'a note');
  const flags = ['--plain-http', '--distribution-spec', how, '--artifact-type', `example/${how}`];
  await clients.oras('attach', ...flags, clients.at(reference), 'note.txt:text/plain');
}

suite("zot's black-box scenarios", () => {
  test('anonymous_policy: nobody may pull what is open to all, and push nothing', async () => {
    const source = await images.image('1.0');
    await push(source, 'open/app:1.0');
    await openToAll('open');
    assert.ok((await pulledByNobody('open/app:1.0')).has('manifest.json'));
    const refused = await fail(part('skopeo'), ['copy', '--dest-tls-verify=false', source, docker('open/app:2.0')], {
      env: nobody,
    });
    assert.match(refused, /log in first|unauthorized/i);
    assert.equal(await statusOf(registry, 'open/app/manifests/2.0'), 404);
  });

  test("docker_compat: an image of Docker's is pushed, deleted, and pushed again", async () => {
    const source = await images.image('1.0', 'docker');
    const inspect = ['inspect', '--tls-verify=false', docker('compat/app:latest')];
    for (let times = 0; times < 2; times++) {
      await push(source, 'compat/app:latest');
      assert.match(
        (await manifestOf(registry, 'compat/app:latest')).mediaType ?? '',
        /docker\.distribution\.manifest\.v2/,
      );
      await clients.skopeo(...inspect);
      await clients.skopeo('delete', '--tls-verify=false', docker('compat/app:latest'));
      assert.notEqual((await run(part('skopeo'), inspect, { env: clients.env })).code, 0);
    }
  });

  test('multiarch_index: one that is tagged into another namespace is pulled from there, by who may pull nothing else', async () => {
    const source = await images.index();
    await push(source, 'inner/multi:1.0', '--all');
    await api('POST', '/api/v1/namespaces', { metadata: { name: 'outer' } });
    await api('POST', '/apis/image.openshift.io/v1/namespaces/outer/imagestreamtags', {
      metadata: { name: 'multi:1.0' },
      tag: { name: '1.0', from: { kind: 'ImageStreamTag', namespace: 'inner', name: 'multi:1.0' } },
    });
    await openToAll('outer');
    const folder = temporaryFolder();
    await clients.skopeo('copy', '--all', source, `dir:${folder}`);
    assert.deepEqual(await pulledByNobody('outer/multi:1.0', '--all'), filesOf(folder));
    const { code } = await run(part('skopeo'), ['inspect', '--tls-verify=false', docker('inner/multi:1.0')], {
      env: nobody,
    });
    assert.notEqual(code, 0);
  });

  test('referrers by the tag schema are listed by the API too, and deleting one takes it from the list', async () => {
    await push(await images.image('1.0'), 'refs/app:1.0');
    for (const how of ['v1.1-referrers-tag', 'v1.1-referrers-api']) await attach('refs/app:1.0', how);
    const { digest } = await manifestOf(registry, 'refs/app:1.0');
    const found = await referrersOf(registry, 'refs/app', digest);
    const types = new Set(found.map(({ artifactType }) => artifactType));
    assert.deepEqual(types, new Set(['example/v1.1-referrers-api', 'example/v1.1-referrers-tag']));
    assert.equal(found.length, 2);
    for (const { digest: referrer } of found) {
      const gone = await askRegistry(registry, `refs/app/manifests/${referrer}`, { method: 'DELETE' });
      assert.equal(gone.status, 202);
    }
    assert.deepEqual(await referrersOf(registry, 'refs/app', digest), []);
  });

  test('garbage_collect: after everything was deleted no content is left, of images, indexes and artifacts', async () => {
    await push(await images.index(), 'gone/multi:1.0', '--all');
    await attach('gone/multi:1.0', 'v1.1-referrers-api');
    assert.ok(contentFiles().length >= 9, 'an index, two images of three layers, and what is about it');
    const catalog = json(await askRegistry(registry, '_catalog')) as { readonly repositories: readonly string[] };
    for (const name of catalog.repositories) {
      const { tags } = json(await askRegistry(registry, `${name}/tags/list`)) as { readonly tags: readonly string[] };
      for (const tag of tags) {
        expectStatus(await askRegistry(registry, `${name}/manifests/${tag}`, { method: 'DELETE' }), 202);
      }
    }
    // What was uploaded a moment ago is still leased.
    for (let tries = 0; contentFiles().length > 0 && tries < COLLECTIONS; tries++) {
      await succeed(process.execPath, [BIN, 'gc', '--data', server.data, '--gc-grace', '0s']);
      await sleep(500);
    }
    assert.deepEqual(contentFiles(), []);
  });
});

function contentFiles(): string[] {
  const files = readdirSync(join(server.data, 'blobs', 'blobs'), { recursive: true, withFileTypes: true });
  return files.filter((each) => each.isFile()).map(({ name }) => name);
}
