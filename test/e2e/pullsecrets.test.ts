/** Robots: what service accounts have to be known to the registry by, used by podman, and gone with the account. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, succeed, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

const env = ownHome();
const folder = temporaryFolder();
let server: TestServer;
let kubectl: Kubectl;
let image: string;

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, env);
  await kubectl('create', 'namespace', 'robots');
  await kubectl('create', 'namespace', 'others');
  image = `${server.registry}/robots/app:1`;
  await skopeo(`any:${server.token}`, await makeImages(env).image('1.0'), image);
});
after(async () => {
  await server?.kill();
});

function skopeo(creds: string, from: string, to: string): Promise<string> {
  return succeed(part('skopeo'), ['copy', '--dest-tls-verify=false', '--dest-creds', creds, from, `docker://${to}`], {
    env,
  });
}

/** The pull secret of an account, as the file that podman reads. It takes a moment until it is there. */
async function authFileOf(account: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const path = '{.imagePullSecrets[0].name}';
    const name = await kubectl('get', 'sa', account, '-n', 'robots', '-o', `jsonpath=${path}`);
    if (name !== '') {
      const data = await kubectl('get', 'secret', name, '-n', 'robots', '-o', 'jsonpath={.data.\\.dockercfg}');
      const auths: unknown = JSON.parse(Buffer.from(data, 'base64').toString());
      const file = join(folder, `${account}.json`);
      writeFileSync(file, JSON.stringify({ auths }));
      return file;
    }
    await pause(100);
  }
  return assert.fail(`${account} has no pull secret`);
}

const podman = (file: string, ...args: string[]): [string, string[]] => [
  part('podman'),
  [...args.slice(0, 1), '--tls-verify=false', '--authfile', file, ...args.slice(1)],
];

suite('a service account at the registry', () => {
  test('pulls with its pull secret, where it may', async () => {
    const file = await authFileOf('default');
    const [program, args] = podman(file, 'pull', '-q', image);
    assert.match(await succeed(program, args, { env }), /^[0-9a-f]{64}\n$/);
    assert.match(
      await fail(...podman(file, 'push', '-q', image, `${server.registry}/robots/app:2`), { env }),
      /denied|DENIED/i,
    );
    const elsewhere = `${server.registry}/others/app:1`;
    await skopeo(`any:${server.token}`, await makeImages(env).image('1.0'), elsewhere);
    assert.match(await fail(...podman(file, 'pull', '-q', elsewhere), { env }), /denied|unauthorized/i);
  });

  test('pushes with it, if it is the one that builds', async () => {
    const [program, args] = podman(
      await authFileOf('builder'),
      'push',
      '-q',
      image,
      `${server.registry}/robots/built:1`,
    );
    await succeed(program, args, { env });
    assert.match(await kubectl('get', 'istag', 'built:1', '-n', 'robots'), /sha256:/);
  });

  test('uses a token as its password, for as long as that is good', async () => {
    await kubectl('create', 'sa', 'robot', '-n', 'robots');
    const token = (await kubectl('create', 'token', 'robot', '-n', 'robots')).trim();
    const creds = ['pull', '-q', '--tls-verify=false', '--creds', `robot:${token}`, image];
    assert.match(await succeed(part('podman'), creds, { env }), /^[0-9a-f]{64}\n$/);
    await kubectl('delete', 'sa', 'robot', '-n', 'robots');
    assert.match(await fail(part('podman'), creds, { env }), /unauthorized/i);
  });

  test('is nobody any more once the account is gone, and its secret goes too', async () => {
    const file = await authFileOf('deployer');
    const path = 'jsonpath={.imagePullSecrets[0].name} {.metadata.uid}';
    const [secret = ''] = (await kubectl('get', 'sa', 'deployer', '-n', 'robots', '-o', path)).split(' ');
    await succeed(...podman(file, 'pull', '-q', image), { env });
    await kubectl('delete', 'sa', 'deployer', '-n', 'robots');
    assert.match(await fail(...podman(file, 'pull', '-q', image), { env }), /unauthorized/i);
    await kubectl('wait', '--for=delete', `secret/${secret}`, '-n', 'robots', '--timeout=30s');
    // Every namespace has this account: another comes, with another secret.
    assert.match(
      await succeed(...podman(await authFileOf('deployer'), 'pull', '-q', image), { env }),
      /^[0-9a-f]{64}\n$/,
    );
  });
});
