/** Real images, built with buildah and without any network: small, but they run. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { part } from './parts.ts';
import { succeed, temporaryFolder } from './program.ts';

/** What the images say of themselves; as `buildah config` takes it, and as clients must see it again. */
export const CONTENT = {
  env: ['PATH=/bin', 'GREETING=good day'],
  entrypoint: ['/bin/busybox', 'cat'],
  cmd: ['/srv/greeting'],
  labels: { 'org.opencontainers.image.title': 'app', vendor: 'Headgate' },
  ports: ['8080/tcp', '9090/udp'],
  volume: '/data',
  workingDir: '/srv',
  user: '1000:1000',
  stopSignal: 'SIGINT',
  created: '2023-11-14T22:13:20Z',
  layers: 3,
} as const;

/** How an image's manifest is written: OCI, or Docker's schema 2. */
export type Form = 'oci' | 'docker';

/** Sources for skopeo, made when they are first asked for. Each version is an image of its own with the same base. */
export interface Images {
  /** An `oci:` source, or a `dir:` source in Docker's form. */
  image(version: string, form?: Form): Promise<string>;
  /** A `docker-archive:` source, as `docker save` writes it: its layers are not compressed. */
  archive(version: string): Promise<string>;
  /** An `oci:` source of an index of two platforms, amd64 and arm64. */
  index(): Promise<string>;
}

/** Builds images in the home that `ownHome` made. */
export function makeImages(env: NodeJS.ProcessEnv): Images {
  const folder = temporaryFolder();
  const made = new Map<string, Promise<string>>();
  const once = (name: string, make: () => Promise<string>): Promise<string> => {
    const promise = made.get(name) ?? make();
    made.set(name, promise);
    return promise;
  };
  const buildah = async (...args: string[]): Promise<string> => (await succeed(part('buildah'), args, { env })).trim();
  const base = (): Promise<string> => once('base', () => buildBase(buildah, folder));
  const built = (version: string, architecture = 'amd64'): Promise<string> =>
    once(`${version} ${architecture}`, async () => buildApp(buildah, folder, await base(), version, architecture));
  const pushed = (destination: string, ...args: string[]): Promise<string> =>
    once(destination, async () => {
      await buildah(...args, destination);
      return destination;
    });

  return {
    async image(version, form = 'oci') {
      const id = await built(version);
      if (form === 'oci') return pushed(`oci:${folder}/oci:${version}`, 'push', '--format', 'oci', id);
      return pushed(`dir:${folder}/docker-${version}`, 'push', '--format', 'v2s2', id);
    },
    async archive(version) {
      return pushed(`docker-archive:${folder}/${version}.tar:app:${version}`, 'push', await built(version));
    },
    async index() {
      const children = [await built('index', 'amd64'), await built('index', 'arm64')];
      return once('index', async () => {
        await buildah('manifest', 'create', 'index', ...children);
        return pushed(`oci:${folder}/index:index`, 'manifest', 'push', '--all', '--format', 'oci', 'index');
      });
    },
  };
}

type Buildah = (...args: string[]) => Promise<string>;

async function buildBase(buildah: Buildah, folder: string): Promise<string> {
  const context = join(folder, 'context');
  mkdirSync(context);
  copyFileSync(part('busybox'), join(context, 'busybox'));
  writeFileSync(join(context, 'greeting'), 'good day\n');
  const first = await buildah('from', 'scratch');
  await buildah('copy', '--quiet', first, join(context, 'busybox'), '/bin/busybox');
  const second = await buildah('from', await commit(buildah, first));
  await buildah('copy', '--quiet', second, join(context, 'greeting'), '/srv/greeting');
  return commit(buildah, second);
}

async function buildApp(
  buildah: Buildah,
  folder: string,
  base: string,
  version: string,
  architecture: string,
): Promise<string> {
  const container = await buildah('from', base);
  const file = join(folder, `version-${version}-${architecture}`);
  writeFileSync(file, `${version} for ${architecture}\n`);
  await buildah('copy', '--quiet', container, file, '/etc/version');
  const { env, entrypoint, cmd, labels, ports, volume, workingDir, user, stopSignal } = CONTENT;
  const settings = [
    ...env.flatMap((pair) => ['--env', pair]),
    ...Object.entries({ ...labels, version }).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...ports.flatMap((port) => ['--port', port]),
    ...['--entrypoint', JSON.stringify(entrypoint), '--cmd', cmd.join(' '), '--volume', volume],
    ...['--workingdir', workingDir, '--user', user, '--stop-signal', stopSignal, '--arch', architecture],
  ];
  await buildah('config', ...settings, container);
  return commit(buildah, container);
}

/** The image of a container's state, with the time that CONTENT says. */
function commit(buildah: Buildah, container: string): Promise<string> {
  const seconds = String(Date.parse(CONTENT.created) / 1000);
  return buildah('commit', '--quiet', '--rm', '--timestamp', seconds, container);
}

/** The files of a `dir:` folder: the manifest and, by the hexadecimal digits of their digests, all blobs. */
export function filesOf(folder: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(folder).filter((name) => name !== 'version');
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name))]));
}
