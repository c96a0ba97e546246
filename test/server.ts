/** A real server in a process of its own, on free ports, with its data in a temporary folder. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../src/image/digest.ts';
import { openEtcdStore } from '../src/store/etcd/etcd.ts';
import { parseEtcdUrl } from '../src/store/etcd/location.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { temporaryFolder } from './program.ts';
import { beginReplicas } from './replicas.ts';

const BIN = fileURLToPath(new URL('../bin/headgate.js', import.meta.url));
const READY = /^headgate ready api=(https:\/\/\S+) registry=(https?:\/\/\S+)$/m;

/** `HOST:PORT` of an etcd on which servers run, each below a prefix of its own: any test can be run so. */
const ETCD = process.env.TEST_ETCD;

/** `http://HOST:PORT` of an S3 server with a bucket `tests`, in which servers keep content, each below a prefix of its own. */
const S3 = process.env.TEST_S3;

/** How many processes are one server behind a balancer; they need TEST_ETCD and TEST_S3. */
export const REPLICAS = Number(process.env.TEST_REPLICAS ?? 1);

/** Milliseconds that a server may take until it is ready; it takes about one second. */
const READY_TIMEOUT_MS = 30_000;
const SAID_LOOKS = 1_000;
const SAID_LOOK_MS = 20;

/** A server that answers. */
export interface TestServer extends AsyncDisposable {
  /** `https://HOST:PORT` */
  readonly apiUrl: string;
  /** `http://HOST:PORT` */
  readonly registryUrl: string;
  /** `HOST:PORT` of the registry, as image references begin. */
  readonly registry: string;
  /** The administrator's API token. */
  readonly token: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** PEM of the authority to trust. */
  readonly ca: string;
  /** The data folder. */
  readonly data: string;
  readonly pid: number;
  /** All that it has printed so far. */
  output(): string;
  /** Ends it with SIGTERM; resolves to its exit status (null: a signal ended it). */
  stop(): Promise<number | null>;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** The data folder of a server before; a new one otherwise. */
  readonly data?: string;
  /** The data folder of another, whose store and content it shares. */
  readonly shared?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** Seconds that its clock is ahead of this machine's. */
  readonly clockSeconds?: number;
}

/** A server that has been started and may not answer yet. */
export interface Starting {
  readonly pid: number;
  /** Resolves when it answers. @throws {Error} with its output, if it ends before or takes too long. */
  readonly ready: Promise<TestServer>;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Flags of every server, so that all tests can be run with other engines: `TEST_SERVER_FLAGS='--blobs s3://…'`. */
const OTHER_FLAGS = (process.env.TEST_SERVER_FLAGS ?? '').split(' ').filter(Boolean);

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server and resolves when it answers. It does not outlive this process, however that ends. */
export function startServer(options: StartOptions = {}): Promise<TestServer> {
  return beginServer(options).ready;
}

/** Resolves when a server has said something: its log comes through a pipe, perhaps after an answer. @throws {AssertionError} */
export async function untilSaid(server: Pick<TestServer, 'output'>, text: RegExp): Promise<void> {
  for (let looks = 0; looks < SAID_LOOKS && !text.test(server.output()); looks++) await sleep(SAID_LOOK_MS);
  assert.match(server.output(), text);
}

/** Starts a server, without waiting. */
export function beginServer(options: StartOptions = {}): Starting {
  const { flags = [] } = options;
  return REPLICAS > 1 && !flags.includes('--store') ? beginReplicas(REPLICAS, options) : beginProcess(options);
}

/** Starts one process of a server, without waiting. */
export function beginProcess(options: StartOptions = {}): Starting {
  const { data = join(temporaryFolder(), 'data'), shared = data, flags = [], clockSeconds } = options;
  const args = [
    'serve',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    '--registry-listen',
    '127.0.0.1:0',
    ...flags,
    ...OTHER_FLAGS,
  ];
  if (ETCD !== undefined && !flags.includes('--store')) args.push('--store', etcdUrl(ETCD, shared));
  if (S3 !== undefined && !flags.includes('--blobs')) args.push('--blobs', s3Url(S3, shared));
  // With this channel and variable the command ends when its parent does, even if that is killed.
  const clock = clockSeconds === undefined ? [] : ['--import', clockAhead(clockSeconds)];
  const child = spawn(process.execPath, ['--max-semi-space-size=16', ...clock, BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...withoutSettings(process.env), HEADGATE_CHILD: '1' },
  });
  running.add(child);
  let output = '';
  const gone = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const pid = child.pid ?? 0;
  const ready = new Promise<TestServer>((resolve, reject) => {
    const timer = setTimeout(() => {
      void kill();
      reject(new Error(`the server was not ready in time; it said:\n${output}`));
    }, READY_TIMEOUT_MS);
    const hear = (chunk: Buffer): void => {
      const before = READY.test(output);
      output += chunk.toString();
      const [, apiUrl = '', registryUrl = ''] = READY.exec(output) ?? [];
      if (before || apiUrl === '') return;
      clearTimeout(timer);
      resolve(answering({ child, pid, data, apiUrl, registryUrl, gone, kill, output: () => output }));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    void gone.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code ?? 'a signal'} before it was ready; it said:\n${output}`));
    });
  });
  // Whoever kills a starting server need not wait for it to be ready.
  ready.catch(() => undefined);
  return { pid, ready, kill };
}

/** A module that sets the clock of its process ahead. */
function clockAhead(seconds: number): string {
  const source = `
    const real = Date, ahead = ${seconds * 1000};
    globalThis.Date = class extends real {
      constructor(...given) { given.length > 0 ? super(...given) : super(real.now() + ahead); }
      static now() { return real.now() + ahead; }
    };`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** The store of a server with that data folder, to look at it beside the server. */
export function openStoreOf(data: string): Promise<Store> {
  if (ETCD === undefined) return openSqliteStore({ file: join(data, 'headgate.db'), historySeconds: 0 });
  const location = parseEtcdUrl(etcdUrl(ETCD, data));
  if (typeof location === 'string') throw new Error(location);
  return openEtcdStore({ location, historySeconds: 0 });
}

function etcdUrl(endpoint: string, data: string): string {
  return `etcd://${endpoint}/${digestOf(data)}`;
}

function s3Url(endpoint: string, data: string): string {
  return `s3://tests/${digestOf(data).replace(':', '-')}?endpoint=${endpoint}`;
}

interface Answering extends Pick<TestServer, 'pid' | 'data' | 'apiUrl' | 'registryUrl' | 'kill' | 'output'> {
  readonly child: ChildProcess;
  readonly gone: Promise<number | null>;
}

function answering({ child, gone, ...server }: Answering): TestServer {
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return gone;
  };
  return {
    ...server,
    registry: new URL(server.registryUrl).host,
    token: readFileSync(join(server.data, 'admin.token'), 'utf8').trim(),
    kubeconfig: join(server.data, 'admin.kubeconfig'),
    ca: readFileSync(join(server.data, 'tls', 'ca.crt'), 'utf8'),
    stop,
    [Symbol.asyncDispose]: server.kill,
  };
}

/** The environment without what would change the server's settings or make its process a test of Node's runner. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(?:HEADGATE|NODE_TEST)_/.test(name)));
}

/** The most memory that a process has held so far, in MiB. */
export function peakMemoryMiB(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status tells no peak of memory`);
  return Number(kibibytes) / 1024;
}
