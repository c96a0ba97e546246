/**
 * The steps that peers are tried with, from the 23rd on (clients.test.ts has those before): artifacts, signatures and
 * builds, by oras, cosign, buildah and podman.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { type Clients, makeClients } from '../clients.ts';
import { json } from '../http.ts';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { run, temporaryFolder } from '../program.ts';
import { askRegistry, manifestOf, type Registry, referrersOf, statusOf } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

let server: TestServer;
let registry: Registry;
let clients: Clients;
let at: Clients['at'];

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  clients = makeClients(server);
  at = clients.at;
  const image = await makeImages(clients.env).image('1.0');
  await clients.skopeo('copy', '--dest-tls-verify=false', image, docker('base/app:1.0'));
});
after(async () => {
  await server?.kill();
});

const lines = (text: string): string[] => text.trim().split('\n');
const docker = (reference: string): string => `docker://${at(reference)}`;

suite('oras', () => {
  const PLAIN = '--plain-http';
  const file = (name: string, text: string): string => {
    writeFileSync(join(clients.folder, name), text);
    return `${name}:text/plain`;
  };

  test('23: push files into a repository that was not there', async () => {
    const type = ['--artifact-type', 'example/files'];
    await clients.oras('push', PLAIN, ...type, at('oras/app:1.0'), file('notes.txt', 'notes'), file('b.txt', 'b'));
    assert.equal((await manifestOf(registry, 'oras/app:1.0')).layers.length, 2);
  });

  test('24: pull brings the same files', async () => {
    const into = temporaryFolder();
    await clients.oras('pull', PLAIN, '--output', into, at('oras/app:1.0'));
    assert.equal(readFileSync(join(into, 'notes.txt'), 'utf8'), 'notes');
  });

  test('25: attach, which uses the referrers API', async () => {
    for (const type of ['example/sbom', 'example/scan']) {
      const named = file(`${type.replace('/', '-')}.txt`, type);
      await clients.oras('attach', PLAIN, '--artifact-type', type, at('oras/app:1.0'), named);
    }
    const { digest } = await manifestOf(registry, 'oras/app:1.0');
    const types = (await referrersOf(registry, 'oras/app', digest)).map(({ artifactType = '' }) => artifactType);
    assert.deepEqual(new Set(types), new Set(['example/sbom', 'example/scan']));
    assert.equal(types.length, 2);
    // With the API there, no tag was needed for them.
    assert.deepEqual(lines(await clients.oras('repo', 'tags', PLAIN, at('oras/app'))), ['1.0']);
  });

  test('26: discover, all and by type', async () => {
    const all = await clients.oras('discover', PLAIN, '--format', 'json', at('oras/app:1.0'));
    assert.match(all, /example\/sbom[\s\S]*example\/scan|example\/scan[\s\S]*example\/sbom/);
    const type = ['--artifact-type', 'example/scan', '--format', 'json'];
    assert.doesNotMatch(await clients.oras('discover', PLAIN, ...type, at('oras/app:1.0')), /example\/sbom/);
  });

  test('27: cp -r takes the referrers along', async () => {
    const plain = ['--from-plain-http', '--to-plain-http', '--recursive'];
    await clients.oras('cp', ...plain, at('oras/app:1.0'), at('oras/copy:1.0'));
    const { digest } = await manifestOf(registry, 'oras/copy:1.0');
    assert.equal((await referrersOf(registry, 'oras/copy', digest)).length, 2);
  });

  test('28: tag, and repo tags', async () => {
    await clients.oras('tag', PLAIN, at('oras/copy:1.0'), '2.0', 'latest');
    assert.deepEqual(lines(await clients.oras('repo', 'tags', PLAIN, at('oras/copy'))), ['1.0', '2.0', 'latest']);
  });

  test('29: blobs: push, fetch, delete', async () => {
    const [name = ''] = file('blob.txt', 'a blob').split(':');
    const blob = at(`oras/blobs@${digestOf('a blob')}`);
    await clients.oras('blob', 'push', PLAIN, at('oras/blobs'), name);
    assert.equal(await clients.oras('blob', 'fetch', PLAIN, '--output', '-', blob), 'a blob');
    await clients.oras('blob', 'delete', PLAIN, '--force', blob);
    assert.equal(await statusOf(registry, `oras/blobs/blobs/${digestOf('a blob')}`), 404);
  });

  test('30: manifests: fetch with its descriptor, delete', async () => {
    const { digest } = await manifestOf(registry, 'oras/copy:1.0');
    const found = JSON.parse(await clients.oras('manifest', 'fetch', PLAIN, '--descriptor', at('oras/copy:1.0')));
    assert.equal(found.digest, digest);
    await clients.oras('manifest', 'delete', PLAIN, '--force', at(`oras/copy@${digest}`));
    assert.equal(await statusOf(registry, 'oras/copy/manifests/latest'), 404);
    const gone = await run(part('oras'), ['manifest', 'fetch', PLAIN, at('oras/copy:1.0')], { env: clients.env });
    assert.notEqual(gone.code, 0);
  });
});

suite('cosign', () => {
  const HTTP = '--allow-http-registry';
  // Nothing is told to a transparency log: that would leave this machine.
  const QUIET = ['--yes', '--tlog-upload=false', '--use-signing-config=false', HTTP];
  // Signatures without a bundle: what is in use everywhere.
  const OLD = '--new-bundle-format=false';
  const key = join(temporaryFolder(), 'key');
  const check = ['--key', `${key}.pub`, '--insecure-ignore-tlog=true', HTTP];
  let image: string;
  let digest: string;
  before(async () => {
    await clients.cosign('generate-key-pair', '--output-key-prefix', key);
    ({ digest } = await manifestOf(registry, 'base/app:1.0'));
    await clients.crane('copy', at('base/app:1.0'), at('cosign/app:1.0'));
    image = at(`cosign/app@${digest}`);
  });

  test('31: sign in the old way, by a tag, and verify', async () => {
    await clients.cosign('sign', '--key', `${key}.key`, ...QUIET, OLD, image);
    assert.equal(await statusOf(registry, `cosign/app/manifests/${digest.replace(':', '-')}.sig`), 200);
    assert.match(await clients.cosign('verify', ...check, OLD, image), new RegExp(digest));
  });

  test('32: sign by a referrer, as OCI 1.1 has it, and verify', async () => {
    await clients.cosign('sign', '--key', `${key}.key`, ...QUIET, OLD, '--registry-referrers-mode=oci-1-1', image);
    const [signature] = await referrersOf(registry, 'cosign/app', digest);
    assert.equal(signature?.artifactType, 'application/vnd.dev.cosign.artifact.sig.v1+json');
    assert.match(await clients.cosign('verify', ...check, OLD, '--experimental-oci11', image), new RegExp(digest));
  });

  test('33: attest, and verify the attestation', async () => {
    const predicate = join(clients.folder, 'predicate.json');
    writeFileSync(predicate, '{"tested":true}');
    const type = ['--type', 'custom'];
    await clients.cosign('attest', '--key', `${key}.key`, ...QUIET, ...type, '--predicate', predicate, image);
    assert.match(
      await clients.cosign('verify-attestation', ...check, ...type, image),
      /application\/vnd\.in-toto\+json/,
    );
    assert.equal((await referrersOf(registry, 'cosign/app', digest)).length, 2);
  });

  test('34: tree, and clean, which takes away what it has tags or bundles for', async () => {
    assert.equal((await clients.cosign('tree', HTTP, image)).match(/🍒/g)?.length, 3);
    await clients.cosign('clean', '--force', HTTP, image);
    const left = (await referrersOf(registry, 'cosign/app', digest)).map(({ artifactType }) => artifactType);
    assert.deepEqual(left, ['application/vnd.dev.cosign.artifact.sig.v1+json']);
    const tags = json(await askRegistry(registry, 'cosign/app/tags/list'));
    assert.deepEqual(tags, { name: 'cosign/app', tags: ['1.0'] });
  });
});

suite('buildah', () => {
  test('35: a build that stands on a pushed image is pushed', async () => {
    const container = (await clients.buildah('from', '--tls-verify=false', at('base/app:1.0'))).trim();
    mkdirSync(join(clients.folder, 'built'));
    writeFileSync(join(clients.folder, 'built', 'file'), 'built');
    await clients.buildah('copy', '--quiet', container, join(clients.folder, 'built'), '/built');
    await clients.buildah('commit', '--quiet', '--rm', container, 'built');
    await clients.buildah('push', '--tls-verify=false', 'built', docker('buildah/app:1.0'));
    assert.ok((await manifestOf(registry, 'buildah/app:1.0')).layers.length > 1);
  });

  test('36: an index made here is pushed with all that it holds', async () => {
    await clients.buildah('manifest', 'create', 'both', 'built');
    await clients.buildah('manifest', 'push', '--all', '--tls-verify=false', 'both', docker('buildah/multi:1.0'));
    assert.equal((await manifestOf(registry, 'buildah/multi:1.0')).manifests.length, 1);
  });
});

suite('podman', () => {
  test('37: log in', async () => {
    const login = ['login', '--tls-verify=false', '--username', 'anyone', '--password', server.token, server.registry];
    assert.match(await clients.podman(...login), /Login Succeeded/);
  });

  test('38: pull and push', async () => {
    const id = (await clients.podman('pull', '--quiet', '--tls-verify=false', at('buildah/app:1.0'))).trim();
    await clients.podman('push', '--tls-verify=false', id, at('podman/app:1.0'));
    assert.equal(
      (await manifestOf(registry, 'podman/app:1.0')).layers.length,
      (await manifestOf(registry, 'buildah/app:1.0')).layers.length,
    );
  });

  test('39: search, and the tags of what it finds', async () => {
    const search = ['search', '--tls-verify=false', '--format', '{{.Name}}'];
    assert.ok(lines(await clients.podman(...search, at('app'))).includes(at('podman/app')));
    const tags = lines(await clients.podman('search', '--tls-verify=false', '--list-tags', at('base/app'))).slice(1);
    assert.deepEqual(
      tags.map((line) => line.split(/\s+/).at(-1)),
      ['1.0'],
    );
  });

  test('40: log out', async () => {
    assert.match(await clients.podman('logout', server.registry), /Removed login credentials/);
  });
});
