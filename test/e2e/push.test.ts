/** Pushes and pulls with skopeo, podman and buildah. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { ask, json } from '../http.ts';
import { CONTENT, filesOf, type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, type Registry } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

let server: TestServer;
let images: Images;
let registry: Registry;
const env = ownHome();

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  images = makeImages(env);
});
after(async () => {
  await server?.kill();
});

const skopeo = (...args: string[]): Promise<string> => succeed(part('skopeo'), args, { env });
const creds = (): string => `admin:${server.token}`;
const remote = (reference: string): string => `docker://${server.registry}/${reference}`;

function push(source: string, reference: string, ...flags: string[]): Promise<string> {
  return skopeo('copy', '--dest-tls-verify=false', '--dest-creds', creds(), ...flags, source, remote(reference));
}

/** Pulls into a folder; the manifest and all blobs, by name. */
async function pull(reference: string, ...flags: string[]): Promise<ReadonlyMap<string, Buffer>> {
  const folder = temporaryFolder();
  await skopeo('copy', '--src-tls-verify=false', '--src-creds', creds(), ...flags, remote(reference), `dir:${folder}`);
  return filesOf(folder);
}

/** The manifest and all blobs of an image that is on this machine. */
async function local(source: string, ...flags: string[]): Promise<ReadonlyMap<string, Buffer>> {
  const folder = temporaryFolder();
  await skopeo('copy', ...flags, source, `dir:${folder}`);
  return filesOf(folder);
}

async function digestOfRemote(reference: string): Promise<string> {
  const { headers } = await askRegistry(registry, reference.replace(/:([^:]*)$/, '/manifests/$1'), { method: 'HEAD' });
  return String(headers['docker-content-digest']);
}

suite('an image that was pushed comes back byte for byte', () => {
  test('as an OCI image, by tag', async () => {
    const source = await images.image('1.0');
    await push(source, 'demo/oci:1.0');
    const pulled = await pull('demo/oci:1.0');
    assert.deepEqual(pulled, await local(source));
    assert.equal(pulled.size, CONTENT.layers + 2);
  });

  test("as an image of Docker's schema 2, by tag", async () => {
    const source = await images.image('1.0', 'docker');
    await push(source, 'demo/docker:1.0');
    const pulled = await pull('demo/docker:1.0');
    assert.deepEqual(pulled, await local(source));
    assert.match(String(pulled.get('manifest.json')), /distribution\.manifest\.v2\+json/);
  });

  test('by digest', async () => {
    const source = await images.image('1.0');
    const files = await local(source);
    const digest = digestOf(files.get('manifest.json') ?? '');
    await push(source, `demo/untagged@${digest}`);
    assert.deepEqual(await pull(`demo/untagged@${digest}`), files);
  });

  test('as an index, with the images of every platform', async () => {
    const source = await images.index();
    await push(source, 'demo/multi:1.0', '--all');
    const pulled = await pull('demo/multi:1.0', '--all');
    assert.deepEqual(pulled, await local(source, '--all'));
    const arm = await skopeo(
      'inspect',
      ...['--override-arch', 'arm64', '--tls-verify=false', '--creds', creds(), '--config'],
      remote('demo/multi:1.0'),
    );
    assert.equal(JSON.parse(arm).architecture, 'arm64');
  });

  test('from a docker-archive, whose layers the client compresses on the way', async () => {
    await push(await images.archive('1.0'), 'demo/archive:1.0');
    const config = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--creds',
      creds(),
      '--config',
      remote('demo/archive:1.0'),
    );
    assert.deepEqual(JSON.parse(config).config.Entrypoint, CONTENT.entrypoint);
    await pull('demo/archive:1.0');
  });

  test('over TLS, with the certificate verified', async () => {
    const certificates = temporaryFolder();
    writeFileSync(join(certificates, 'ca.crt'), server.ca);
    const source = await images.image('1.0');
    const reference = `docker://${new URL(server.apiUrl).host}/demo/tls:1.0`;
    await skopeo('copy', '--dest-cert-dir', certificates, '--dest-creds', creds(), source, reference);
    const folder = temporaryFolder();
    await skopeo('copy', '--src-cert-dir', certificates, '--src-creds', creds(), reference, `dir:${folder}`);
    assert.deepEqual(filesOf(folder), await local(source));
  });

  test('with buildah', async () => {
    const source = await images.archive('1.0');
    const buildah = (...args: string[]): Promise<string> => succeed(part('buildah'), args, { env });
    const id = (await buildah('pull', '--quiet', source)).trim();
    await buildah('push', '--tls-verify=false', '--creds', creds(), id, remote('demo/buildah:1.0'));
    await buildah('pull', '--tls-verify=false', '--creds', creds(), `${server.registry}/demo/buildah:1.0`);
  });

  test('after the server was stopped and started again', async () => {
    const source = await images.image('1.0');
    const first = await startServer();
    const target = (at: TestServer): string => `docker://${at.registry}/demo/kept:1.0`;
    const login = `admin:${first.token}`;
    await skopeo('copy', '--dest-tls-verify=false', '--dest-creds', login, source, target(first));
    assert.equal(await first.stop(), 0);
    await using second = await startServer({ data: first.data });
    const folder = temporaryFolder();
    await skopeo('copy', '--src-tls-verify=false', '--src-creds', login, target(second), `dir:${folder}`);
    assert.deepEqual(filesOf(folder), await local(source));
  });
});

suite('the registry tells what it holds', () => {
  test('skopeo inspect shows name, digest, tags, labels, environment and layers', async () => {
    const source = await images.image('1.0');
    await push(source, 'demo/shown:1.0');
    const shown = JSON.parse(
      await skopeo('inspect', '--tls-verify=false', '--creds', creds(), remote('demo/shown:1.0')),
    );
    const manifest = (await local(source)).get('manifest.json') ?? Buffer.alloc(0);
    const { layers } = JSON.parse(manifest.toString()) as { layers: { digest: string }[] };
    assert.equal(shown.Name, `${server.registry}/demo/shown`);
    assert.equal(shown.Digest, digestOf(manifest));
    assert.deepEqual(shown.RepoTags, ['1.0']);
    assert.deepEqual(shown.Env, CONTENT.env);
    assert.equal(shown.Labels.vendor, CONTENT.labels.vendor);
    assert.deepEqual(
      shown.Layers,
      layers.map(({ digest }) => digest),
    );
  });

  test('skopeo list-tags lists every tag in order', async () => {
    for (const tag of ['2.0', '1.0', 'latest']) await push(await images.image('1.0'), `demo/tags:${tag}`);
    const { Tags } = JSON.parse(
      await skopeo('list-tags', '--tls-verify=false', '--creds', creds(), remote('demo/tags')),
    );
    assert.deepEqual(Tags, ['1.0', '2.0', 'latest']);
  });

  test('a tag that is pushed again points to the new image, and the old one is still there by digest', async () => {
    const old = await images.image('1.0');
    const files = await local(old);
    await push(old, 'demo/again:stable');
    await push(await images.image('1.1'), 'demo/again:stable');
    assert.deepEqual(await pull('demo/again:stable'), await local(await images.image('1.1')));
    assert.deepEqual(await pull(`demo/again@${digestOf(files.get('manifest.json') ?? '')}`), files);
  });

  test('skopeo delete removes the image and its tags', async () => {
    await push(await images.image('1.0'), 'demo/doomed:1.0');
    await push(await images.image('1.1'), 'demo/doomed:1.1');
    await skopeo('delete', '--tls-verify=false', '--creds', creds(), remote('demo/doomed:1.0'));
    const said = await fail(
      part('skopeo'),
      ['inspect', '--tls-verify=false', '--creds', creds(), remote('demo/doomed:1.0')],
      { env },
    );
    assert.match(said, /manifest unknown/i);
    await pull('demo/doomed:1.1');
  });
});

suite('an image moves between repositories and registries', () => {
  test('skopeo copies it to another repository, and blobs are mounted, not sent again', async () => {
    const source = await images.image('1.0');
    await push(source, 'demo/origin:1.0');
    const flags = [
      '--src-tls-verify=false',
      '--src-creds',
      creds(),
      '--dest-tls-verify=false',
      '--dest-creds',
      creds(),
    ];
    await skopeo('copy', ...flags, remote('demo/origin:1.0'), remote('other/copy:1.0'));
    assert.deepEqual(await pull('other/copy:1.0'), await local(source));
    const layer = [...(await local(source)).keys()].find((name) => name !== 'manifest.json');
    const mounted = await askRegistry(registry, `other/mounted/blobs/uploads/?mount=sha256:${layer}&from=demo/origin`, {
      method: 'POST',
    });
    assert.equal(mounted.status, 201);
    const unknown = `other/mounted/blobs/uploads/?mount=${digestOf('not there')}&from=demo/origin`;
    assert.equal((await askRegistry(registry, unknown, { method: 'POST' })).status, 202);
  });

  test('skopeo copies it into another registry and back, and its digest stays', async () => {
    await using upstream = await startUpstream();
    const source = await images.index();
    await push(source, 'demo/travel:1.0', '--all');
    const ours = ['--src-tls-verify=false', '--src-creds', creds(), '--dest-tls-verify=false'];
    const theirs = `docker://${upstream.address}/travel:1.0`;
    await skopeo('copy', '--all', ...ours, remote('demo/travel:1.0'), theirs);
    const back = ['--src-tls-verify=false', '--dest-tls-verify=false', '--dest-creds', creds()];
    await skopeo('copy', '--all', ...back, theirs, remote('demo/back:1.0'));
    assert.equal(await digestOfRemote('demo/back:1.0'), await digestOfRemote('demo/travel:1.0'));
    assert.deepEqual(await pull('demo/back:1.0', '--all'), await local(source, '--all'));
  });
});

suite('who may come in', () => {
  test('a request without a token is challenged, and the challenge leads to a token', async () => {
    const { status, headers } = await ask(`${server.registryUrl}/v2/`);
    assert.equal(status, 401);
    const [, realm = ''] = /^Bearer realm="([^"]+)"/.exec(headers['www-authenticate'] ?? '') ?? [];
    const basic = `Basic ${Buffer.from(creds()).toString('base64')}`;
    const given = json(await ask(realm, { headers: { Authorization: basic } })) as Record<string, string>;
    const answer = await ask(`${server.registryUrl}/v2/`, { headers: { Authorization: `Bearer ${given.token}` } });
    assert.equal(answer.status, 200);
  });

  test('podman logs in, pushes and pulls', async () => {
    const podman = (args: string[], input = ''): Promise<string> => succeed(part('podman'), args, { env, input });
    const login = ['login', '--tls-verify=false', '--username', 'anyone', '--password-stdin', server.registry];
    assert.match(await podman(login, server.token), /Login Succeeded/);
    const id = (await podman(['pull', '--quiet', await images.archive('1.0')])).trim();
    await podman(['push', '--tls-verify=false', id, `${server.registry}/demo/podman:1.0`]);
    const again = await podman(['pull', '--quiet', '--tls-verify=false', `${server.registry}/demo/podman:1.0`]);
    assert.equal(again.trim(), id);
    await podman(['logout', server.registry]);
    const refused = await run(part('podman'), ['pull', '--tls-verify=false', `${server.registry}/demo/podman:1.0`], {
      env,
    });
    assert.notEqual(refused.code, 0);
  });

  test('a wrong password is refused, and the client says so', async () => {
    for (const client of ['podman', 'skopeo', 'buildah'] as const) {
      const args = ['login', '--tls-verify=false', '--username', 'admin', '--password-stdin', server.registry];
      const said = await fail(part(client), args, { env, input: 'sha256~wrong' });
      assert.match(said, /invalid username\/password|unauthorized/i, client);
    }
  });

  test('nobody may push or pull without logging in', async () => {
    const source = await images.image('1.0');
    await push(source, 'demo/closed:1.0');
    const copy = (...args: string[]): Promise<string> => fail(part('skopeo'), ['copy', ...args], { env: ownHome() });
    const folder = `dir:${temporaryFolder()}`;
    assert.match(await copy('--src-tls-verify=false', remote('demo/closed:1.0'), folder), /unauthorized|denied/i);
    assert.match(await copy('--dest-tls-verify=false', source, remote('demo/closed:2.0')), /unauthorized|denied/i);
  });
});

suite('names', () => {
  test('a name of one part lies in the namespace default', async () => {
    await push(await images.image('1.0'), 'short:1.0');
    assert.equal(await digestOfRemote('default/short:1.0'), await digestOfRemote('short:1.0'));
  });

  test('a deeper name is refused, and the client shows why', async () => {
    const args = [
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      creds(),
      await images.image('1.0'),
      remote('a/b/c:1.0'),
    ];
    assert.match(await fail(part('skopeo'), args, { env }), /namespace.*stream/i);
    const refused = await askRegistry(registry, 'a/b/c/tags/list');
    assert.equal(refused.status, 400);
    assert.match(refused.body.toString(), /NAME_INVALID/);
  });
});

interface Upstream extends AsyncDisposable {
  /** `HOST:PORT` */
  readonly address: string;
}

/** Debian's docker-registry on a free port, open to all. */
async function startUpstream(): Promise<Upstream> {
  const folder = temporaryFolder();
  const config = join(folder, 'config.yml');
  mkdirSync(join(folder, 'content'));
  const content = JSON.stringify(join(folder, 'content'));
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: ${content}}}\nhttp: {addr: '127.0.0.1:0'}\n`,
  );
  const child = spawn(part('docker-registry'), ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const gone = once(child, 'close');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const [, address] = /listening on ([0-9.:]+)/.exec(said) ?? [];
    if (address !== undefined) resolve(address);
  });
  void gone.then(() => reject(new Error(`docker-registry ended: ${said}`)));
  return {
    address: await promise,
    [Symbol.asyncDispose]: async () => {
      kill();
      process.off('exit', kill);
      await gone;
    },
  };
}
