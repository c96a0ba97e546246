/** The servers that are measured: Headgate, and Debian's docker-registry beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../test/http.ts';
import { part } from '../test/parts.ts';
import { startServer, type TestServer } from '../test/server.ts';

/** A registry that answers. */
export interface Contestant {
  readonly name: 'headgate' | 'docker-registry';
  readonly pid: number;
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Headers that each request needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** The folder below which it keeps its blobs. */
  readonly data: string;
  stop(): Promise<void>;
}

const START_MS = 10_000;
/** docker-registry hides OCI manifests from clients that do not say that they know them. */
const ACCEPT = { Accept: '*/*, application/vnd.oci.image.manifest.v1+json' };

/** Starts Headgate with its data under a folder. */
export async function startHeadgate(folder: string): Promise<Contestant & { readonly server: TestServer }> {
  const data = join(folder, 'headgate');
  const server = await startServer({ data });
  return {
    name: 'headgate',
    pid: server.pid,
    url: server.registryUrl,
    headers: { ...ACCEPT, ...bearer(server) },
    data,
    server,
    stop: async () => void (await server.stop()),
  };
}

/** The header by which a server knows its administrator. */
export function bearer({ token }: TestServer): { readonly Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts docker-registry as its own documentation does, but without an access log. */
export async function startDockerRegistry(folder: string): Promise<Contestant> {
  const data = join(folder, 'docker-registry');
  mkdirSync(data, { recursive: true });
  const port = await freePort();
  const config = join(data, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${JSON.stringify(data)}}, cache: {blobdescriptor: inmemory}}
http: {addr: '127.0.0.1:${port}'}
`,
  );
  const child = spawn(part('docker-registry'), ['serve', config], { stdio: 'ignore' });
  running.add(child);
  const gone = once(child, 'exit').finally(() => running.delete(child));
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_MS;
  while (!(await answers(url))) {
    if (performance.now() > deadline) throw new Error('docker-registry does not answer');
    await sleep(10);
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
  };
  return { name: 'docker-registry', pid: child.pid ?? 0, url, headers: ACCEPT, data, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await ask(`${url}/v2/`)).status === 200;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
