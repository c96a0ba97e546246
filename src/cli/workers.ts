/**
 * `headgate serve --workers N`: several processes that serve on the same addresses, the same store and the same blobs.
 * This one only starts them, and another for each that dies. They take connections from one queue of the system
 * (SCHED_NONE): what waits there when one is killed goes to the others, and whoever is busy takes none.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Config } from '../config.ts';
import { DRAIN_SECONDS } from '../limits.ts';
import { WORKER_EARLY_MS, WORKER_METRICS_MS, WORKER_MOST_PAUSE_MS, WORKER_PAUSE_MS } from '../limits.work.ts';
import type { Logger } from '../observe/logs.ts';
import type { Snapshot } from '../observe/metrics.ts';
import type { Answering } from './greeting.ts';
import { type FromWorker, NUMBER, type ToWorker } from './worker.ts';

/** Seconds beyond those for which a worker drains, until it is killed. */
const PATIENCE_SECONDS = 5;

/** The workers of one server. */
export class Workers {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #counts = new Counts();
  /** Those that live, by their number. */
  readonly #living = new Map<number, Worker>();
  readonly #stopped = new AbortController();
  #answering: Answering | undefined;

  constructor(config: Config, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    // What is counted holds numbers that JSON has no words for.
    cluster.setupPrimary({ serialization: 'advanced' });
  }

  /** Whether they have been told to end. */
  get stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  /**
   * Starts all; resolves when all answer. The first makes what an installation begins with, and finds what is wrong.
   * @throws {WorkerEnded} if one ends before; it has said why.
   */
  async start(): Promise<Answering> {
    const answering = await this.#first(1);
    this.#answering = answering;
    const rest = Array.from({ length: this.#config.workers - 1 }, (_, index) => this.#first(index + 2));
    await Promise.all(rest);
    return answering;
  }

  /** Lets all finish what they are at; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const late = setTimeout(() => this.#signal('SIGKILL'), (DRAIN_SECONDS + PATIENCE_SECONDS) * 1000);
    const gone = [...this.#living.values()].map((worker) => once(worker, 'exit'));
    this.#signal('SIGTERM');
    await Promise.all(gone);
    clearTimeout(late);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const worker of this.#living.values()) worker.process.kill(signal);
  }

  /** Starts a worker that must come up, and keeps its place filled from then on. */
  async #first(number: number): Promise<Answering> {
    const worker = this.#fork(number);
    const answering = await answers(worker);
    void this.#keep(number, worker);
    return answering;
  }

  /** Replaces a worker each time that it ends. */
  async #keep(number: number, first: Worker): Promise<void> {
    let pause = 0;
    for (let worker = first; ; worker = this.#fork(number)) {
      const begun = performance.now();
      const [code, signal] = (await ended(worker)) as [number | null, string | null];
      if (this.stopping) return;
      const early = performance.now() - begun < WORKER_EARLY_MS;
      pause = early ? Math.min(pause * 2 || WORKER_PAUSE_MS, WORKER_MOST_PAUSE_MS) : 0;
      this.#logger.error(
        { worker: number, pid: worker.process.pid, ended: signal ?? code },
        'a worker died; another takes its place',
      );
      if (pause > 0) await sleep(pause);
      if (this.stopping) return;
    }
  }

  #fork(number: number): Worker {
    // Ports that were free to choose stay what they were told to be, also if no worker is left that has them.
    const args = this.#living.size > 0 || !this.#answering ? [] : portsOf(this.#config, this.#answering);
    cluster.setupPrimary({ args: [...process.argv.slice(2), ...args] });
    const worker = cluster.fork({ [NUMBER]: String(number) });
    this.#living.set(number, worker);
    worker.on('exit', () => {
      if (this.#living.get(number) === worker) this.#living.delete(number);
      void this.#counts.bury(worker);
    });
    // A signal that ended it is told by its exit; what could not be sent to it needs no telling.
    worker.on('error', () => undefined);
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') {
        this.#logger.info({ worker: number, pid: worker.process.pid }, 'a worker answers');
      } else void this.#counts.hear(worker, message, [...this.#living.values()]);
    });
    return worker;
  }
}

/** A worker that had to come up has ended instead. */
export class WorkerEnded extends Error {
  override name = 'WorkerEnded';
  /** With which status the parent ends. */
  readonly status: number;
  constructor(status: number) {
    super('a worker could not start');
    this.status = status;
  }
}

async function ended(worker: Worker): Promise<unknown[]> {
  if (worker.isDead()) return [worker.process.exitCode, worker.process.signalCode];
  return once(worker, 'exit');
}

/** Resolves when a worker says that it answers. @throws {WorkerEnded} */
function answers(worker: Worker): Promise<Answering> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') resolve(message.answering);
    });
    worker.on('exit', (code) => reject(new WorkerEnded(code || 1)));
  });
}

function portsOf({ listen, registryListen }: Config, { apiUrl, registryUrl }: Answering): string[] {
  const flags = (name: string, address: Address | undefined, url: string): string[] => {
    if (address?.port !== 0) return [];
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return [`--${name}`, `${host}:${new URL(url).port}`];
  };
  return [...flags('listen', listen, apiUrl), ...flags('registry-listen', registryListen, registryUrl)];
}

/** What the workers have counted: each may ask for that of the others. */
class Counts {
  /** What the dead had counted when they last told: a sum must not go back because one died. */
  #remains: Snapshot = [];
  /** What each has told last. */
  readonly #last = new Map<Worker, Snapshot>();
  readonly #waiting = new Map<number, (snapshot: Snapshot | undefined) => void>();
  #asked = 0;

  async hear(
    worker: Worker,
    message: Exclude<FromWorker, { kind: 'ready' }>,
    living: readonly Worker[],
  ): Promise<void> {
    if (message.kind === 'counted') {
      this.#last.set(worker, message.snapshot);
      this.#waiting.get(message.id)?.(message.snapshot);
      return;
    }
    const counted = await Promise.all(living.filter((other) => other !== worker).map((other) => this.#count(other)));
    const snapshots = [this.#remains, ...counted.filter((snapshot) => snapshot !== undefined)];
    tell(worker, { kind: 'others', id: message.id, snapshots });
  }

  /** What one has counted; what it told last, if it takes too long. */
  async #count(worker: Worker): Promise<Snapshot | undefined> {
    const id = this.#asked++;
    const { promise, resolve } = Promise.withResolvers<Snapshot | undefined>();
    this.#waiting.set(id, resolve);
    const late = setTimeout(() => resolve(this.#last.get(worker)), WORKER_METRICS_MS);
    tell(worker, { kind: 'count', id });
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  /** Adds what a worker that died has told last to what the dead have counted. */
  async bury(worker: Worker): Promise<void> {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    if (!last) return;
    const { remainsOf, sumOf } = await import('../observe/metrics.ts');
    this.#remains = await sumOf([this.#remains, remainsOf(last)]).getMetricsAsJSON();
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
