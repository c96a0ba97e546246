/** The programs that people push and pull with, logged in at one server, with a home folder of their own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Part, part } from './parts.ts';
import { ownHome, succeed, temporaryFolder } from './program.ts';
import type { TestServer } from './server.ts';

/** Runs a program to its end and resolves to what it prints. @throws {Error} if it fails. */
export type Client = (...args: string[]) => Promise<string>;

export interface Clients {
  readonly env: NodeJS.ProcessEnv;
  /** Where files of tests lie; `oras` runs in it, since names of files become names in artifacts. */
  readonly folder: string;
  readonly umoci: Client;
  readonly skopeo: Client;
  readonly crane: Client;
  readonly oras: Client;
  readonly cosign: Client;
  readonly buildah: Client;
  readonly podman: Client;
  /** Any other program. */
  readonly tool: (name: string, ...args: string[]) => Promise<string>;
  /** `HOST:PORT/REFERENCE` */
  readonly at: (reference: string) => string;
}

/** Logs all of them in: crane, oras and cosign read docker's file, the others their own. */
export function makeClients({ registry, token }: Pick<TestServer, 'registry' | 'token'>): Clients {
  const folder = temporaryFolder();
  const env: NodeJS.ProcessEnv = { ...ownHome(), COSIGN_PASSWORD: '', COSIGN_EXPERIMENTAL: '1' };
  const auths = JSON.stringify({ auths: { [registry]: { auth: Buffer.from(`admin:${token}`).toString('base64') } } });
  mkdirSync(join(env.HOME ?? '', '.docker'), { recursive: true });
  writeFileSync(join(env.HOME ?? '', '.docker', 'config.json'), auths);
  writeFileSync(env.REGISTRY_AUTH_FILE ?? '', auths);
  const client =
    (name: Part, ...always: string[]): Client =>
    (...args) =>
      succeed(part(name), [...always, ...args], { env });
  const tool = (name: string, ...args: string[]): Promise<string> => succeed(name, args, { env });
  return {
    env,
    folder,
    umoci: client('umoci'),
    skopeo: client('skopeo'),
    crane: client('crane', '--insecure'),
    oras: (...args) => tool('sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, part('oras'), ...args),
    cosign: client('cosign'),
    buildah: client('buildah'),
    podman: client('podman'),
    tool,
    at: (reference) => `${registry}/${reference}`,
  };
}
