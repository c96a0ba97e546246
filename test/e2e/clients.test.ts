/**
 * The steps that peers are tried with, by umoci, skopeo, crane, oras, cosign, buildah and podman: one after the other, in
 * repositories that nobody has made before, and each looked at from another side.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { DOCKER_MANIFEST } from '../../src/image/mediatype.ts';
import { type Clients, makeClients } from '../clients.ts';
import { json } from '../http.ts';
import { type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, run, temporaryFolder } from '../program.ts';
import { askRegistry, type Registry } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

let server: TestServer;
let registry: Registry;
let clients: Clients;
let images: Images;
let at: Clients['at'];

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  clients = makeClients(server);
  images = makeImages(clients.env);
  at = clients.at;
});
after(async () => {
  await server?.kill();
});

const lines = (text: string): string[] => text.trim().split('\n');
const docker = (reference: string): string => `docker://${at(reference)}`;
const push = (from: string, to: string, ...flags: string[]): Promise<string> =>
  clients.skopeo('copy', '--dest-tls-verify=false', ...flags, from, to);
const pull = (from: string, to: string, ...flags: string[]): Promise<string> =>
  clients.skopeo('copy', '--src-tls-verify=false', ...flags, from, to);

interface Manifest {
  readonly mediaType?: string;
  readonly config: { readonly mediaType: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly manifests: readonly { readonly digest: string; readonly artifactType?: string }[];
}

/** A manifest as the registry gives it. */
async function manifestOf(reference: string): Promise<Manifest & { readonly digest: string }> {
  const [, repository, tag] = /^(.*)[:@]((?:sha256:)?[^:@/]+)$/.exec(reference) ?? [];
  const answer = await askRegistry(registry, `${repository}/manifests/${tag}`);
  assert.equal(answer.status, 200, reference);
  return { ...(json(answer) as Manifest), digest: String(answer.headers['docker-content-digest']) };
}

async function statusOf(path: string): Promise<number> {
  return (await askRegistry(registry, path, { method: 'HEAD' })).status;
}

async function referrersOf(repository: string, digest: string): Promise<Manifest['manifests']> {
  return (json(await askRegistry(registry, `${repository}/referrers/${digest}`)) as Manifest).manifests;
}

const layerDigests = ({ layers }: Manifest): string[] => layers.map(({ digest }) => digest);

suite('umoci', () => {
  const layout = join(temporaryFolder(), 'layout');
  const source = (tag: string): string => `oci:${layout}:${tag}`;
  const files = (text: string): string => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'greeting'), text);
    return folder;
  };

  test('1: an image made of nothing is pushed', async () => {
    await clients.umoci('init', '--layout', layout);
    await clients.umoci('new', '--image', `${layout}:first`);
    await clients.umoci('insert', '--rootless', '--image', `${layout}:first`, files('good day'), '/srv');
    await push(source('first'), docker('umoci/app:first'));
    assert.equal((await manifestOf('umoci/app:first')).layers.length, 1);
  });

  test('2: what is pulled back unpacks to the same files', async () => {
    const back = join(temporaryFolder(), 'layout');
    await pull(docker('umoci/app:first'), `oci:${back}:first`);
    const bundle = join(temporaryFolder(), 'bundle');
    await clients.umoci('unpack', '--rootless', '--image', `${back}:first`, bundle);
    assert.equal(readFileSync(join(bundle, 'rootfs', 'srv', 'greeting'), 'utf8'), 'good day');
  });

  test('3: a layer more, and a configuration, stand on the layers that are there', async () => {
    await clients.umoci('insert', '--rootless', '--image', `${layout}:first`, '--tag', 'second', files('more'), '/opt');
    await clients.umoci('config', '--image', `${layout}:second`, '--config.entrypoint', '/bin/app');
    await push(source('second'), docker('umoci/app:second'));
    const [first, second] = [await manifestOf('umoci/app:first'), await manifestOf('umoci/app:second')];
    assert.deepEqual(layerDigests(second).slice(0, 1), layerDigests(first));
    assert.equal(second.layers.length, 2);
  });
});

suite('skopeo', () => {
  test('4: an OCI image', async () => {
    await push(await images.image('1.0'), docker('skopeo/app:1.0'));
    const { digest } = await manifestOf('skopeo/app:1.0');
    await pull(docker(`skopeo/app@${digest}`), `dir:${temporaryFolder()}`);
  });

  test("5: the same in Docker's schema 2", async () => {
    await push(await images.image('1.0'), docker('skopeo/app:docker'), '--format', 'v2s2');
    assert.equal((await manifestOf('skopeo/app:docker')).mediaType, DOCKER_MANIFEST);
  });

  test('6: inspect, and the manifest byte for byte', async () => {
    const inspect = (...flags: string[]): Promise<string> =>
      clients.skopeo('inspect', '--tls-verify=false', ...flags, docker('skopeo/app:1.0'));
    const { Digest: digest, RepoTags: tags } = JSON.parse(await inspect()) as { Digest: string; RepoTags: string[] };
    assert.equal(digestOf(await inspect('--raw')), digest);
    assert.deepEqual(tags, ['1.0', 'docker']);
  });

  test('7: list-tags', async () => {
    const { Tags: tags } = JSON.parse(await clients.skopeo('list-tags', '--tls-verify=false', docker('skopeo/app')));
    assert.deepEqual(tags, ['1.0', 'docker']);
  });

  test('8: an index with the images of all platforms, and one of them by its platform', async () => {
    await push(await images.index(), docker('skopeo/multi:1.0'), '--all');
    const { manifests } = await manifestOf('skopeo/multi:1.0');
    assert.equal(manifests.length, 2);
    for (const { digest } of manifests) assert.equal(await statusOf(`skopeo/multi/manifests/${digest}`), 200);
    const arm = ['--override-arch', 'arm64', 'inspect', '--tls-verify=false', '--config', docker('skopeo/multi:1.0')];
    assert.equal(JSON.parse(await clients.skopeo(...arm)).architecture, 'arm64');
  });

  test('9: from one repository into another of another namespace', async () => {
    const flags = ['--src-tls-verify=false', '--all'];
    await push(docker('skopeo/multi:1.0'), docker('elsewhere/multi:1.0'), ...flags);
    const [from, to] = [await manifestOf('skopeo/multi:1.0'), await manifestOf('elsewhere/multi:1.0')];
    assert.equal(from.digest, to.digest);
  });

  test('10: layers as zstd:chunked, which come back', async () => {
    // To a server of its own: skopeo takes layers that a registry has compressed otherwise, if it remembers that.
    await using fresh = await startServer();
    const target = `docker://${fresh.registry}/skopeo/zstd:1.0`;
    const credentials = `admin:${fresh.token}`;
    const flags = ['--format', 'oci', '--dest-compress-format', 'zstd:chunked', '--dest-creds', credentials];
    await push(await images.archive('1.0'), target, ...flags);
    const answer = await askRegistry({ url: fresh.registryUrl, token: fresh.token }, 'skopeo/zstd/manifests/1.0');
    const types = (json(answer) as Manifest).layers.map(({ mediaType }) => mediaType);
    assert.deepEqual([...new Set(types)], ['application/vnd.oci.image.layer.v1.tar+zstd']);
    await pull(target, `dir:${temporaryFolder()}`, '--src-creds', credentials);
  });

  test('11: sync of a whole repository', async () => {
    const into = temporaryFolder();
    const flags = ['--src-tls-verify=false', '--src', 'docker', '--dest', 'dir'];
    await clients.skopeo('sync', ...flags, at('skopeo/app'), into);
    const back = ['--dest-tls-verify=false', '--src', 'dir', '--dest', 'docker'];
    await clients.skopeo('sync', ...back, into, at('synced'));
    const answer = await askRegistry(registry, 'synced/app/tags/list');
    assert.deepEqual(json(answer), { name: 'synced/app', tags: ['1.0', 'docker'] });
  });

  test('12: delete takes the image and its tag, and leaves the others', async () => {
    await clients.skopeo('delete', '--tls-verify=false', docker('skopeo/app:docker'));
    assert.equal(await statusOf('skopeo/app/manifests/docker'), 404);
    assert.equal(await statusOf('skopeo/app/manifests/1.0'), 200);
    const inspect = ['inspect', '--tls-verify=false', docker('skopeo/app:docker')];
    assert.match(await fail(part('skopeo'), inspect, { env: clients.env }), /manifest unknown|no tag docker/);
  });
});

suite('crane', () => {
  test('13: push of a layout into a repository that was not there', async () => {
    const layout = join(temporaryFolder(), 'layout');
    await clients.crane('pull', '--format', 'oci', at('skopeo/app:1.0'), layout);
    await clients.crane('push', layout, at('crane/app:1.0'));
    assert.equal((await manifestOf('crane/app:1.0')).digest, (await manifestOf('skopeo/app:1.0')).digest);
  });

  test('14: digest, manifest, config', async () => {
    const { digest } = await manifestOf('crane/app:1.0');
    assert.equal((await clients.crane('digest', at('crane/app:1.0'))).trim(), digest);
    assert.equal(digestOf((await clients.crane('manifest', at('crane/app:1.0'))).replace(/\n$/, '')), digest);
    assert.equal(JSON.parse(await clients.crane('config', at('crane/app:1.0'))).architecture, 'amd64');
  });

  test('15: copy and tag', async () => {
    await clients.crane('copy', at('crane/app:1.0'), at('crane/copy:1.0'));
    await clients.crane('tag', at('crane/copy:1.0'), 'again');
    assert.equal((await manifestOf('crane/copy:again')).digest, (await manifestOf('crane/app:1.0')).digest);
  });

  test('16: ls and catalog', async () => {
    assert.deepEqual(lines(await clients.crane('ls', at('crane/copy'))), ['1.0', 'again']);
    const all = lines(await clients.crane('catalog', server.registry));
    for (const name of ['crane/app', 'crane/copy', 'skopeo/multi', 'umoci/app']) assert.ok(all.includes(name), name);
  });

  test('17: append a layer', async () => {
    const archive = join(clients.folder, 'layer.tar');
    writeFileSync(join(clients.folder, 'hello'), 'hello\n');
    await clients.tool('tar', '--create', '--file', archive, '--directory', clients.folder, 'hello');
    const into = ['--base', at('crane/app:1.0'), '--new_layer', archive, '--new_tag', at('crane/app:2.0')];
    await clients.crane('append', ...into);
    const [one, two] = [await manifestOf('crane/app:1.0'), await manifestOf('crane/app:2.0')];
    assert.deepEqual(layerDigests(two).slice(0, -1), layerDigests(one));
  });

  test('18: mutate the configuration', async () => {
    await clients.crane('mutate', at('crane/app:2.0'), '--label', 'a=b', '--tag', at('crane/app:3.0'));
    const { config } = JSON.parse(await clients.crane('config', at('crane/app:3.0'))) as { config: { Labels: object } };
    assert.equal(Reflect.get(config.Labels, 'a'), 'b');
  });

  test('19: index append into a repository that was not there', async () => {
    const children = ['--manifest', at('crane/app:1.0'), '--manifest', at('crane/app:3.0')];
    await clients.crane('index', 'append', ...children, '--tag', at('crane/multi:1.0'));
    assert.equal((await manifestOf('crane/multi:1.0')).manifests.length, 2);
  });

  test('20: validate image and index by reading all of their content', async () => {
    for (const reference of ['crane/app:3.0', 'crane/multi:1.0']) {
      assert.match(
        await clients.tool(
          'sh',
          '-c',
          `"$@" 2>&1`,
          'sh',
          part('crane'),
          '--insecure',
          'validate',
          '--remote',
          at(reference),
        ),
        /PASS/,
      );
    }
  });

  test('21: export gives the files, the latest layer on top', async () => {
    const archive = join(clients.folder, 'export.tar');
    await clients.crane('export', at('crane/app:3.0'), archive);
    assert.equal(await clients.tool('tar', '--extract', '--to-stdout', '--file', archive, 'hello'), 'hello\n');
  });

  test('22: delete by digest', async () => {
    const { digest } = await manifestOf('crane/copy:1.0');
    await clients.crane('delete', at(`crane/copy@${digest}`));
    for (const gone of [digest, '1.0', 'again']) assert.equal(await statusOf(`crane/copy/manifests/${gone}`), 404);
    assert.equal(await statusOf('crane/app/manifests/1.0'), 200);
  });
});

suite('oras', () => {
  const PLAIN = '--plain-http';
  const file = (name: string, text: string): string => {
    writeFileSync(join(clients.folder, name), text);
    return `${name}:text/plain`;
  };

  test('23: push files into a repository that was not there', async () => {
    const type = ['--artifact-type', 'example/files'];
    await clients.oras('push', PLAIN, ...type, at('oras/app:1.0'), file('notes.txt', 'notes'), file('b.txt', 'b'));
    assert.equal((await manifestOf('oras/app:1.0')).layers.length, 2);
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
    const { digest } = await manifestOf('oras/app:1.0');
    const types = (await referrersOf('oras/app', digest)).map(({ artifactType = '' }) => artifactType);
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
    const { digest } = await manifestOf('oras/copy:1.0');
    assert.equal((await referrersOf('oras/copy', digest)).length, 2);
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
    assert.equal(await statusOf(`oras/blobs/blobs/${digestOf('a blob')}`), 404);
  });

  test('30: manifests: fetch with its descriptor, delete', async () => {
    const { digest } = await manifestOf('oras/copy:1.0');
    const found = JSON.parse(await clients.oras('manifest', 'fetch', PLAIN, '--descriptor', at('oras/copy:1.0')));
    assert.equal(found.digest, digest);
    await clients.oras('manifest', 'delete', PLAIN, '--force', at(`oras/copy@${digest}`));
    assert.equal(await statusOf('oras/copy/manifests/latest'), 404);
    const gone = await run(part('oras'), ['manifest', 'fetch', PLAIN, at('oras/copy:1.0')], { env: clients.env });
    assert.notEqual(gone.code, 0);
  });
});

suite('buildah', () => {
  test('31: a build that stands on a pushed image is pushed', async () => {
    const container = (await clients.buildah('from', '--tls-verify=false', at('skopeo/app:1.0'))).trim();
    mkdirSync(join(clients.folder, 'built'));
    writeFileSync(join(clients.folder, 'built', 'file'), 'built');
    await clients.buildah('copy', '--quiet', container, join(clients.folder, 'built'), '/built');
    await clients.buildah('commit', '--quiet', '--rm', container, 'built');
    await clients.buildah('push', '--tls-verify=false', 'built', docker('buildah/app:1.0'));
    assert.ok((await manifestOf('buildah/app:1.0')).layers.length > 1);
  });

  test('32: an index made here is pushed with all that it holds', async () => {
    await clients.buildah('manifest', 'create', 'both', 'built');
    await clients.buildah('manifest', 'push', '--all', '--tls-verify=false', 'both', docker('buildah/multi:1.0'));
    assert.equal((await manifestOf('buildah/multi:1.0')).manifests.length, 1);
  });
});

suite('podman', () => {
  test('33: log in', async () => {
    const login = ['login', '--tls-verify=false', '--username', 'anyone', '--password', server.token, server.registry];
    assert.match(await clients.podman(...login), /Login Succeeded/);
  });

  test('34: pull and push', async () => {
    const id = (await clients.podman('pull', '--quiet', '--tls-verify=false', at('buildah/app:1.0'))).trim();
    await clients.podman('push', '--tls-verify=false', id, at('podman/app:1.0'));
    assert.equal(
      (await manifestOf('podman/app:1.0')).layers.length,
      (await manifestOf('buildah/app:1.0')).layers.length,
    );
  });

  test('35: search, and the tags of what it finds', async () => {
    const search = ['search', '--tls-verify=false', '--format', '{{.Name}}'];
    assert.ok(lines(await clients.podman(...search, at('app'))).includes(at('podman/app')));
    const tags = lines(await clients.podman('search', '--tls-verify=false', '--list-tags', at('skopeo/app'))).slice(1);
    assert.deepEqual(
      tags.map((line) => line.split(/\s+/).at(-1)),
      ['1.0'],
    );
  });

  test('36: log out', async () => {
    assert.match(await clients.podman('logout', server.registry), /Removed login credentials/);
  });
});
