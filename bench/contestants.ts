/** The servers that are measured: Headgate, and other registries beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../test/http.ts';
import { part } from '../test/parts.ts';
import { freePort } from '../test/ports.ts';
import { startServer, type TestServer } from '../test/server.ts';
import { type Image, putTags } from './image.ts';
import type { Peer } from './table.ts';

/** A registry that answers. */
export interface Contestant {
  readonly name: 'headgate' | Peer;
  readonly pid: number;
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Headers that each request needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** The folder below which it keeps its blobs. */
  readonly data: string;
  /** Seconds from its start to its first answer. */
  readonly startSeconds: number;
  /** Makes tags that point to an image of a repository; not measured. */
  fill(repository: string, tags: readonly string[], image: Image): Promise<void>;
  stop(): Promise<void>;
}

/** Headgate, and its API beside the registry. */
export interface HeadgateContestant extends Contestant {
  readonly server: TestServer;
}

/** Starts another registry with its data under a folder. */
export type StartPeer = (folder: string) => Promise<Contestant>;

const START_MS = 10_000;
/** Milliseconds between two looks whether a server answers. */
const LOOK_MS = 5;
/** Connections by which tags are made where nothing is measured. */
const FILL_CONNECTIONS = 8;
/** distribution hides OCI manifests from clients that do not say that they know them. */
const ACCEPT = { Accept: '*/*, application/vnd.oci.image.manifest.v1+json' };

/** Starts Headgate with its data under a folder. */
export async function startHeadgate(folder: string): Promise<HeadgateContestant> {
  const begun = performance.now();
  const server = await startServer({ data: join(folder, 'headgate') });
  return headgateAs(server, (performance.now() - begun) / 1000);
}

/** A server of ours that runs. */
export function headgateAs(server: TestServer, startSeconds = 0): HeadgateContestant {
  const contestant = {
    name: 'headgate',
    pid: server.pid,
    url: server.registryUrl,
    headers: { ...ACCEPT, ...bearer(server) },
    data: server.data,
    startSeconds,
  } as const;
  return { ...contestant, fill: byPushing(contestant), server, stop: async () => void (await server.stop()) };
}

/** The header by which a server knows its administrator. */
export function bearer({ token }: TestServer): { readonly Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}

/** Debian's docker-registry, which is distribution 2.8. */
export const startDockerRegistry: StartPeer = (folder) =>
  startDistribution('docker-registry', part('docker-registry'), folder);

/** distribution v3. */
export const startDistributionV3: StartPeer = (folder) =>
  startDistribution('distribution v3', part('distribution'), folder);

/** zot, where the environment names its program: it can neither be installed nor built as a Go module. */
export function startZot(program: string): StartPeer {
  return async (folder) => {
    const data = join(folder, 'zot');
    const contestant = await startProgram('zot', program, data, (port) => ({
      args: (config) => ['serve', config],
      // Collection off, as in the others; it does not fsync, and would with `commit`.
      config: JSON.stringify({
        distSpecVersion: '1.1.1',
        storage: { rootDirectory: join(data, 'store'), gc: false, dedupe: true, commit: false },
        http: { address: '127.0.0.1', port: String(port) },
        log: { level: 'error' },
      }),
    }));
    // It writes the list of all tags anew for each, so that 10,000 of them would take many minutes.
    const fill: Contestant['fill'] = async (repository, tags, image) => {
      const file = join(data, 'store', repository, 'index.json');
      const index = JSON.parse(readFileSync(file, 'utf8')) as { readonly manifests: readonly object[] };
      const { mediaType, digest, bytes } = image;
      const made = tags.map((tag) => ({
        mediaType,
        digest,
        size: bytes.length,
        annotations: { 'org.opencontainers.image.ref.name': tag },
      }));
      writeFileSync(file, JSON.stringify({ ...index, manifests: [...index.manifests, ...made] }));
    };
    return { ...contestant, fill };
  };
}

/** Starts distribution as its own documentation does, but without an access log. */
async function startDistribution(name: Peer, program: string, folder: string): Promise<Contestant> {
  const data = join(folder, name.replace(' ', '-'));
  const contestant = await startProgram(name, program, data, (port) => ({
    args: (config) => ['serve', config],
    config: `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${JSON.stringify(data)}}, cache: {blobdescriptor: inmemory}}
http: {addr: '127.0.0.1:${port}'}
`,
  }));
  return { ...contestant, fill: byPushing(contestant) };
}

interface Orders {
  /** What goes into its configuration file. */
  readonly config: string;
  readonly args: (file: string) => readonly string[];
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a registry that reads a configuration, and waits until it answers. @throws {Error} if it does not. */
async function startProgram(
  name: Peer,
  program: string,
  data: string,
  ordersFor: (port: number) => Orders,
): Promise<Omit<Contestant, 'fill'>> {
  mkdirSync(data, { recursive: true });
  const port = await freePort();
  const { config, args } = ordersFor(port);
  const file = join(data, 'config.yml');
  writeFileSync(file, config);
  const begun = performance.now();
  const child = spawn(program, args(file), { stdio: 'ignore' });
  running.add(child);
  const gone = once(child, 'exit').finally(() => running.delete(child));
  const url = `http://127.0.0.1:${port}`;
  while (!(await answers(url))) {
    if (performance.now() - begun > START_MS) throw new Error(`${name} does not answer`);
    await sleep(LOOK_MS);
  }
  const startSeconds = (performance.now() - begun) / 1000;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
  };
  return { name, pid: child.pid ?? 0, url, headers: ACCEPT, data, startSeconds, stop };
}

function byPushing(contestant: Pick<Contestant, 'url' | 'headers' | 'name'>): Contestant['fill'] {
  return (repository, tags, image) => putTags(contestant, repository, tags, image, FILL_CONNECTIONS);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await ask(`${url}/v2/`)).status === 200;
  } catch {
    return false;
  }
}
