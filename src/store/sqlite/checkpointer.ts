/** A thread that moves pages of a SQLite log into the file. This file is both what starts it and what it runs. */
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** The name under which the thread finds the file; it tells this thread from others. */
const FILE = 'headgate-checkpoint';

/** Moves pages when asked; the thread begins with the first time. */
export class Checkpointer {
  readonly #file: string;
  #worker: Worker | undefined;
  #busy = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** Begins to move all pages that the log holds now, unless that is already going on. */
  start(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#worker ??= this.#begin();
    this.#worker.postMessage('move');
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const exit = once(worker, 'exit');
    worker.ref();
    worker.postMessage('close');
    await exit;
  }

  #begin(): Worker {
    const worker = new Worker(new URL(import.meta.url), { workerData: { [FILE]: this.#file } });
    worker.unref();
    worker.on('message', () => {
      this.#busy = false;
    });
    // Without the thread the log gets longer, and then the writer moves all its pages; the next start is a new try.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#busy = false;
    });
    return worker;
  }
}

function serve(file: string, port: NonNullable<typeof parentPort>): void {
  const db = new DatabaseSync(file);
  port.on('message', (request: 'move' | 'close') => {
    if (request === 'close') {
      db.close();
      port.close();
      return;
    }
    try {
      db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } finally {
      port.postMessage('moved');
    }
  });
}

if (!isMainThread && parentPort && typeof workerData?.[FILE] === 'string') serve(workerData[FILE], parentPort);
