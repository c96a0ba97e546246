/** A real etcd on free ports, with its data in a temporary folder: one member, or several. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EtcdLocation, EtcdTls } from '../src/store/etcd/location.ts';
import { type Part, part } from './parts.ts';
import { freePorts, listens } from './ports.ts';
import { temporaryFolder } from './program.ts';

/** The programs that tests run etcd as. */
export const ETCDS = ['etcd', 'etcd-3.6'] as const satisfies readonly Part[];

/** Milliseconds that a cluster may take until it answers; one member takes about half a second. */
const READY_TIMEOUT_MS = 30_000;

export interface EtcdOptions {
  readonly program?: (typeof ETCDS)[number];
  readonly members?: number;
  /** Further flags of each member. */
  readonly flags?: readonly string[];
  /** With which clients are served: without it, without TLS. */
  readonly tls?: EtcdTls;
}

/** A cluster that answers. */
export interface TestEtcd extends AsyncDisposable {
  /** `HOST:PORT` of each member's clients. */
  readonly endpoints: readonly string[];
  /** The location of a store that nobody has used yet. */
  location(): EtcdLocation;
  /** Sends a signal to a member. */
  signal(member: number, signal: NodeJS.Signals): void;
  /** Starts a member again that was killed. */
  restart(member: number): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a cluster and resolves when it answers. It does not outlive this process, however that ends. */
export async function startEtcd({
  program = 'etcd',
  members = 1,
  flags = [],
  tls,
}: EtcdOptions = {}): Promise<TestEtcd> {
  const folder = temporaryFolder();
  const ports = await freePorts(2 * members);
  const clients = ports.slice(0, members);
  const peers = ports.slice(members);
  const peerUrls = peers.map((port, index) => `m${index}=http://127.0.0.1:${port}`).join(',');
  const children: ChildProcess[] = [];
  const start = (index: number): void => {
    const client = `${tls ? 'https' : 'http'}://127.0.0.1:${clients[index]}`;
    const peer = `http://127.0.0.1:${peers[index]}`;
    const args = ['--name', `m${index}`, '--data-dir', join(folder, `m${index}`), '--listen-client-urls', client];
    args.push('--advertise-client-urls', client, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer);
    args.push('--initial-cluster', peerUrls, '--log-level', 'error', ...flags);
    const child = spawn(part(program), args, { stdio: 'ignore' });
    running.add(child);
    child.on('exit', () => running.delete(child));
    children[index] = child;
  };
  for (let index = 0; index < members; index++) start(index);
  const endpoints = clients.map((port) => `127.0.0.1:${port}`);
  let stores = 0;
  const cluster: TestEtcd = {
    endpoints,
    location: () => ({ endpoints, prefix: `/test/${stores++}` }),
    signal: (member, signal) => children[member]?.kill(signal),
    async restart(member) {
      start(member);
      await healthy(endpoints[member] ?? '', tls);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(ended));
    },
  };
  try {
    await Promise.all(endpoints.map((endpoint) => healthy(endpoint, tls)));
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await gone;
}

/** Whoever is asked over TLS counts as healthy as soon as it listens: stores wait for etcd by themselves. */
async function healthy(endpoint: string, tls: EtcdTls | undefined): Promise<void> {
  for (const until = performance.now() + READY_TIMEOUT_MS; ; ) {
    try {
      if (tls) return await listens(Number(endpoint.split(':')[1]));
      const answer = await fetch(`http://${endpoint}/health`);
      if (answer.ok && (await answer.text()).includes('true')) return;
    } catch {
      // It does not listen yet.
    }
    if (performance.now() > until) throw new Error(`etcd at ${endpoint} was not ready in time`);
    await sleep(20);
  }
}
