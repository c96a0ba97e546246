/** What other registries are tried with: the steps of a client script, by crane, oras, skopeo and buildah. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { json } from '../http.ts';
import { type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, type Registry } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

let server: TestServer;
let images: Images;
let registry: Registry;
const env = ownHome();
const folder = temporaryFolder();

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  images = makeImages(env);
  // Both read the same file, as docker's own client does.
  mkdirSync(join(env.HOME ?? '', '.docker'), { recursive: true });
  const auth = Buffer.from(`admin:${server.token}`).toString('base64');
  writeFileSync(
    join(env.HOME ?? '', '.docker', 'config.json'),
    JSON.stringify({ auths: { [server.registry]: { auth } } }),
  );
});
after(async () => {
  await server?.kill();
});

const at = (reference: string): string => `${server.registry}/${reference}`;
const crane = (...args: string[]): Promise<string> => succeed(part('crane'), ['--insecure', ...args], { env });
const oras = (...args: string[]): Promise<string> => succeed(part('oras'), args, { env });
const skopeo = (...args: string[]): Promise<string> => succeed(part('skopeo'), args, { env });
const lines = (text: string): string[] => text.trim().split('\n');

async function pushed(reference: string): Promise<void> {
  const source = await images.image('1.0');
  const creds = `admin:${server.token}`;
  await skopeo('copy', '--dest-tls-verify=false', '--dest-creds', creds, source, `docker://${at(reference)}`);
}

suite('crane', () => {
  test('digest, manifest, config, ls, catalog, validate', async () => {
    await pushed('crane/app:1.0');
    const digest = (await crane('digest', at('crane/app:1.0'))).trim();
    assert.equal(digestOf((await crane('manifest', at('crane/app:1.0'))).replace(/\n$/, '')), digest);
    assert.equal(JSON.parse(await crane('config', at('crane/app:1.0'))).architecture, 'amd64');
    assert.deepEqual(lines(await crane('ls', at('crane/app'))), ['1.0']);
    assert.ok(lines(await crane('catalog', server.registry)).includes('crane/app'));
    await crane('validate', '--remote', at('crane/app:1.0'));
  });

  test('copy, tag, pull and push, delete', async () => {
    await pushed('crane/first:1.0');
    await crane('copy', at('crane/first:1.0'), at('crane/second:1.0'));
    await crane('tag', at('crane/second:1.0'), 'again');
    const digest = (await crane('digest', at('crane/first:1.0'))).trim();
    assert.equal((await crane('digest', at('crane/second:again'))).trim(), digest);
    const layout = join(folder, 'layout');
    await crane('pull', '--format', 'oci', at('crane/second:again'), layout);
    await crane('push', layout, at('crane/third:1.0'));
    assert.equal((await crane('digest', at('crane/third:1.0'))).trim(), digest);
    await crane('delete', at(`crane/second@${digest}`));
    assert.match(
      await fail(part('crane'), ['--insecure', 'digest', at('crane/second:1.0')], { env }),
      /MANIFEST_UNKNOWN|404/,
    );
    assert.equal((await crane('digest', at('crane/first:1.0'))).trim(), digest);
  });

  test('append and mutate make new images from one that is there', async () => {
    await pushed('crane/base:1.0');
    const file = join(folder, 'hello');
    writeFileSync(file, 'hello\n');
    const archive = join(folder, 'layer.tar');
    await succeed('tar', ['--create', '--file', archive, '--directory', folder, 'hello'], { env });
    await crane('append', '--base', at('crane/base:1.0'), '--new_layer', archive, '--new_tag', at('crane/base:2.0'));
    await crane('mutate', at('crane/base:2.0'), '--label', 'a=b', '--tag', at('crane/base:3.0'));
    const config = JSON.parse(await crane('config', at('crane/base:3.0'))) as { config: { Labels: object } };
    assert.equal(Reflect.get(config.config.Labels, 'a'), 'b');
    await crane('validate', '--remote', at('crane/base:3.0'));
  });

  test('index append makes an index in a repository that did not exist', async () => {
    await pushed('crane/child:1.0');
    await crane('index', 'append', '--manifest', at('crane/child:1.0'), '--tag', at('crane/multi:1.0'));
    const { manifests } = JSON.parse(await crane('manifest', at('crane/multi:1.0'))) as { manifests: unknown[] };
    assert.equal(manifests.length, 1);
    await crane('validate', '--remote', at('crane/multi:1.0'));
  });
});

suite('oras', () => {
  const plain = '--plain-http';
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return `${name}:text/plain`;
  };
  const inFolder = (...args: string[]): Promise<string> =>
    succeed('sh', ['-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, part('oras'), ...args], { env });

  test('push and pull files as an artifact, which is an Image too', async () => {
    await inFolder('push', plain, '--artifact-type', 'example/files', at('oras/files:1.0'), file('notes.txt', 'notes'));
    const into = temporaryFolder();
    await oras('pull', plain, '--output', into, at('oras/files:1.0'));
    assert.equal(readFileSync(join(into, 'notes.txt'), 'utf8'), 'notes');
    assert.deepEqual(lines(await oras('repo', 'tags', plain, at('oras/files'))), ['1.0']);
  });

  test('attach, discover, copy with all referrers, delete', async () => {
    await inFolder('push', plain, at('oras/signed:1.0'), file('app.txt', 'app'));
    await inFolder('attach', plain, '--artifact-type', 'example/sbom', at('oras/signed:1.0'), file('sbom.txt', 'sbom'));
    const tree = await oras('discover', plain, '--format', 'json', at('oras/signed:1.0'));
    assert.match(tree, /"artifactType": "example\/sbom"/);
    await oras(
      'cp',
      '--from-plain-http',
      '--to-plain-http',
      '--recursive',
      at('oras/signed:1.0'),
      at('oras/copied:1.0'),
    );
    assert.match(await oras('discover', plain, '--format', 'json', at('oras/copied:1.0')), /example\/sbom/);
    await oras('manifest', 'delete', plain, '--force', at('oras/signed:1.0'));
    const gone = await run(part('oras'), ['manifest', 'fetch', plain, at('oras/signed:1.0')], { env });
    assert.notEqual(gone.code, 0);
  });

  test('blobs one by one, and ten tags at once', async () => {
    const [name] = file('blob.txt', 'a blob').split(':');
    const blob = join(folder, name ?? '');
    const digest = digestOf('a blob');
    await oras('blob', 'push', plain, at('oras/blobs'), blob);
    assert.equal(await oras('blob', 'fetch', plain, '--output', '-', at(`oras/blobs@${digest}`)), 'a blob');
    await oras('blob', 'delete', plain, '--force', at(`oras/blobs@${digest}`));
    await inFolder('push', plain, at('oras/tags:first'), file('tags.txt', 'tags'));
    const tags = Array.from({ length: 10 }, (_, index) => `t${index}`);
    await oras('tag', plain, at('oras/tags:first'), ...tags);
    assert.deepEqual(lines(await oras('repo', 'tags', plain, at('oras/tags'))), ['first', ...tags]);
  });
});

suite('skopeo', () => {
  test('zstd:chunked layers are pushed and come back', async () => {
    // Layers that are not compressed yet, so that any version of skopeo compresses them. To a server of their own:
    // skopeo remembers for the whole machine where a registry has the same layers compressed otherwise, and takes those.
    await using fresh = await startServer();
    const creds = `admin:${fresh.token}`;
    const target = `docker://${new URL(fresh.registryUrl).host}/skopeo/zstd:1.0`;
    const flags = ['--format', 'oci', '--dest-compress-format', 'zstd:chunked', '--dest-tls-verify=false'];
    await skopeo('copy', ...flags, '--dest-creds', creds, await images.archive('1.0'), target);
    const at = { url: fresh.registryUrl, token: fresh.token };
    const manifest = json(await askRegistry(at, 'skopeo/zstd/manifests/1.0')) as {
      readonly layers: readonly { readonly mediaType: string }[];
    };
    assert.deepEqual(
      [...new Set(manifest.layers.map(({ mediaType }) => mediaType))],
      ['application/vnd.oci.image.layer.v1.tar+zstd'],
    );
    await skopeo('copy', '--src-tls-verify=false', '--src-creds', creds, target, `dir:${temporaryFolder()}`);
  });

  test('sync brings every tag of a repository', async () => {
    await pushed('skopeo/many:1.0');
    await pushed('skopeo/many:2.0');
    const into = temporaryFolder();
    const from = ['--src-tls-verify=false', '--src-creds', `admin:${server.token}`, '--src', 'docker', '--dest', 'dir'];
    await skopeo('sync', ...from, at('skopeo/many'), into);
    const target = [
      '--dest-tls-verify=false',
      '--dest-creds',
      `admin:${server.token}`,
      '--src',
      'dir',
      '--dest',
      'docker',
    ];
    await skopeo('sync', ...target, into, at('synced'));
    const answer = await askRegistry(registry, 'synced/many/tags/list');
    assert.deepEqual(json(answer), { name: 'synced/many', tags: ['1.0', '2.0'] });
  });
});

suite('what users are told when a push fails', () => {
  test('without rights: that they must log in', async () => {
    const other = ownHome();
    const copy = ['copy', '--dest-tls-verify=false', await images.image('1.0'), `docker://${at('closed/app:1.0')}`];
    assert.match(await fail(part('skopeo'), copy, { env: other }), /log in first|unauthorized|denied/i);
  });

  test('content that is not what its digest says: both digests', async () => {
    const path = `told/app/blobs/uploads/?digest=${digestOf('one thing')}`;
    const answer = await askRegistry(registry, path, { method: 'POST', body: 'another thing' });
    assert.equal(answer.status, 400);
    const { errors } = json(answer) as { readonly errors: readonly { readonly message: string }[] };
    assert.equal(
      errors[0]?.message,
      `the content has digest ${digestOf('another thing')}, not ${digestOf('one thing')}`,
    );
  });
});
