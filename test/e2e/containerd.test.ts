/** Pushes and pulls with a real containerd, which is what most Kubernetes nodes pull with. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { json } from '../http.ts';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, manifestOf, type Registry } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';

let server: TestServer;
let registry: Registry;
let daemon: ChildProcess;
let archive: string;
const folder = temporaryFolder();
const socket = join(folder, 'containerd.sock');
const env = ownHome();

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  archive = join(folder, 'image.tar');
  const images = makeImages(env);
  await succeed(part('skopeo'), ['copy', '--all', await images.index(), `oci-archive:${archive}:1.0`], { env });
  const config = join(folder, 'config.toml');
  const quoted = (name: string): string => JSON.stringify(join(folder, name));
  writeFileSync(
    config,
    `version = 2
root = ${quoted('root')}
state = ${quoted('state')}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = ${JSON.stringify(socket)}
[ttrpc]
address = ${quoted('ttrpc.sock')}
`,
  );
  daemon = spawn(part('containerd'), ['--config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  daemon.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('successfully booted')) resolve();
  });
  daemon.on('exit', () => reject(new Error(`containerd ended: ${said}`)));
  process.on('exit', () => daemon.kill('SIGKILL'));
  await promise;
});
after(async () => {
  daemon?.kill();
  if (daemon?.exitCode === null) await once(daemon, 'exit');
  await server?.kill();
});

/** In a namespace of containerd: what one holds, another does not. */
const ctr = (namespace: string, ...args: string[]): Promise<string> =>
  succeed(part('ctr'), ['--address', socket, '--namespace', namespace, ...args], { env });
const access = (): string[] => ['--plain-http', '--user', `anyone:${server.token}`];

/** The digests of an index, of what it refers to, and of what that does. */
async function digestsBelow(reference: string): Promise<ReadonlySet<string>> {
  const index = await manifestOf(registry, reference);
  const digests = new Set([index.digest]);
  for (const child of index.manifests) {
    const { digest, config, layers } = await manifestOf(registry, `ctr/app@${child.digest}`);
    for (const each of [digest, config?.digest ?? '', ...layers.map((layer) => layer.digest)]) digests.add(each);
  }
  return digests;
}

suite('containerd', () => {
  test('an index is pushed with all that it holds, into a repository that was not there', async () => {
    await ctr(
      'one',
      'images',
      'import',
      '--no-unpack',
      '--all-platforms',
      '--base-name',
      `${server.registry}/ctr/app`,
      archive,
    );
    await ctr('one', 'images', 'push', ...access(), `${server.registry}/ctr/app:1.0`);
    const answer = await askRegistry(registry, 'ctr/app/manifests/1.0');
    const { manifests } = json(answer) as { readonly manifests: readonly { readonly digest: string }[] };
    assert.equal(manifests.length, 2);
    for (const { digest } of manifests) {
      assert.equal((await askRegistry(registry, `ctr/app/manifests/${digest}`, { method: 'HEAD' })).status, 200);
    }
  });

  test('pushed again, under another name and with its layers in the other repository, it is mounted', async () => {
    await ctr('one', 'images', 'tag', `${server.registry}/ctr/app:1.0`, `${server.registry}/ctr/copy:1.0`);
    await ctr('one', 'images', 'push', ...access(), `${server.registry}/ctr/copy:1.0`);
    assert.equal((await askRegistry(registry, 'ctr/copy/manifests/1.0')).status, 200);
  });

  test('what is pulled elsewhere has the same digest, and every blob of it', async () => {
    const reference = `${server.registry}/ctr/app:1.0`;
    await ctr('two', 'content', 'fetch', '--all-platforms', ...access(), reference);
    const held = (await ctr('two', 'content', 'ls', '--quiet')).trim().split('\n').sort();
    assert.deepEqual(held, [...(await digestsBelow('ctr/app:1.0'))].sort());
    const line = (await ctr('two', 'images', 'ls', `name==${reference}`)).trim().split('\n').at(-1) ?? '';
    const { headers } = await askRegistry(registry, 'ctr/app/manifests/1.0', { method: 'HEAD' });
    assert.ok(line.includes(String(headers['docker-content-digest'])), line);
  });

  test('without the right it is told so', async () => {
    const args = ['--address', socket, '--namespace', 'one', 'images', 'push', '--plain-http'];
    const refused = [...args, '--user', 'anyone:sha256~wrong', `${server.registry}/ctr/app:1.0`];
    assert.match(await fail(part('ctr'), refused, { env }), /401|unauthorized|authorization failed/i);
  });
});
