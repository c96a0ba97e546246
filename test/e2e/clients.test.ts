/**
 * The steps that peers are tried with, one after the other, in repositories that nobody has made before, and each looked at
 * from another side: images, by umoci, skopeo and crane. clients.artifacts.test.ts goes on.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { DOCKER_MANIFEST } from '../../src/image/mediatype.ts';
import { type Clients, makeClients } from '../clients.ts';
import { json } from '../http.ts';
import { type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, temporaryFolder } from '../program.ts';
import { askRegistry, type ManifestSeen, manifestOf, type Registry, statusOf } from '../registry.ts';
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

const layerDigests = ({ layers }: ManifestSeen): string[] => layers.map(({ digest }) => digest);

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
    assert.equal((await manifestOf(registry, 'umoci/app:first')).layers.length, 1);
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
    const [first, second] = [
      await manifestOf(registry, 'umoci/app:first'),
      await manifestOf(registry, 'umoci/app:second'),
    ];
    assert.deepEqual(layerDigests(second).slice(0, 1), layerDigests(first));
    assert.equal(second.layers.length, 2);
  });
});

suite('skopeo', () => {
  test('4: an OCI image', async () => {
    await push(await images.image('1.0'), docker('skopeo/app:1.0'));
    const { digest } = await manifestOf(registry, 'skopeo/app:1.0');
    await pull(docker(`skopeo/app@${digest}`), `dir:${temporaryFolder()}`);
  });

  test("5: the same in Docker's schema 2", async () => {
    await push(await images.image('1.0'), docker('skopeo/app:docker'), '--format', 'v2s2');
    assert.equal((await manifestOf(registry, 'skopeo/app:docker')).mediaType, DOCKER_MANIFEST);
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
    const { manifests } = await manifestOf(registry, 'skopeo/multi:1.0');
    assert.equal(manifests.length, 2);
    for (const { digest } of manifests) assert.equal(await statusOf(registry, `skopeo/multi/manifests/${digest}`), 200);
    const arm = ['--override-arch', 'arm64', 'inspect', '--tls-verify=false', '--config', docker('skopeo/multi:1.0')];
    assert.equal(JSON.parse(await clients.skopeo(...arm)).architecture, 'arm64');
  });

  test('9: from one repository into another of another namespace', async () => {
    const flags = ['--src-tls-verify=false', '--all'];
    await push(docker('skopeo/multi:1.0'), docker('elsewhere/multi:1.0'), ...flags);
    const [from, to] = [
      await manifestOf(registry, 'skopeo/multi:1.0'),
      await manifestOf(registry, 'elsewhere/multi:1.0'),
    ];
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
    const types = (json(answer) as ManifestSeen).layers.map(({ mediaType }) => mediaType);
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
    assert.equal(await statusOf(registry, 'skopeo/app/manifests/docker'), 404);
    assert.equal(await statusOf(registry, 'skopeo/app/manifests/1.0'), 200);
    const inspect = ['inspect', '--tls-verify=false', docker('skopeo/app:docker')];
    assert.match(await fail(part('skopeo'), inspect, { env: clients.env }), /manifest unknown|no tag docker/);
  });
});

suite('crane', () => {
  test('13: push of a layout into a repository that was not there', async () => {
    const layout = join(temporaryFolder(), 'layout');
    await clients.crane('pull', '--format', 'oci', at('skopeo/app:1.0'), layout);
    await clients.crane('push', layout, at('crane/app:1.0'));
    assert.equal(
      (await manifestOf(registry, 'crane/app:1.0')).digest,
      (await manifestOf(registry, 'skopeo/app:1.0')).digest,
    );
  });

  test('14: digest, manifest, config', async () => {
    const { digest } = await manifestOf(registry, 'crane/app:1.0');
    assert.equal((await clients.crane('digest', at('crane/app:1.0'))).trim(), digest);
    assert.equal(digestOf((await clients.crane('manifest', at('crane/app:1.0'))).replace(/\n$/, '')), digest);
    assert.equal(JSON.parse(await clients.crane('config', at('crane/app:1.0'))).architecture, 'amd64');
  });

  test('15: copy and tag', async () => {
    await clients.crane('copy', at('crane/app:1.0'), at('crane/copy:1.0'));
    await clients.crane('tag', at('crane/copy:1.0'), 'again');
    assert.equal(
      (await manifestOf(registry, 'crane/copy:again')).digest,
      (await manifestOf(registry, 'crane/app:1.0')).digest,
    );
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
    const [one, two] = [await manifestOf(registry, 'crane/app:1.0'), await manifestOf(registry, 'crane/app:2.0')];
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
    assert.equal((await manifestOf(registry, 'crane/multi:1.0')).manifests.length, 2);
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
    const { digest } = await manifestOf(registry, 'crane/copy:1.0');
    await clients.crane('delete', at(`crane/copy@${digest}`));
    for (const gone of [digest, '1.0', 'again'])
      assert.equal(await statusOf(registry, `crane/copy/manifests/${gone}`), 404);
    assert.equal(await statusOf(registry, 'crane/app/manifests/1.0'), 200);
  });
});
