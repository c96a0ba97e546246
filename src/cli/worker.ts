/** One of the processes of `headgate serve --workers N`, as it speaks with the one that started it (workers.ts). */
import cluster from 'node:cluster';
import type { Peers, Snapshot } from '../observe/metrics.ts';
import type { Answering } from './greeting.ts';

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly answering: Answering }
  /** Asks for what the others have counted. */
  | { readonly kind: 'ask'; readonly id: number }
  /** What this one has counted. */
  | { readonly kind: 'counted'; readonly id: number; readonly snapshot: Snapshot };

/** What it is told. */
export type ToWorker =
  | { readonly kind: 'count'; readonly id: number }
  | { readonly kind: 'others'; readonly id: number; readonly snapshots: readonly Snapshot[] };

/** This process among its like. */
export interface Worker {
  /** From 1; a worker that takes the place of a dead one has its number. */
  readonly number: number;
  readonly peers: Peers;
  /** Tells that it answers. */
  ready(answering: Answering): void;
}

/** The variable by which a worker learns its number. */
export const NUMBER = 'HEADGATE_WORKER';

/** This process as a worker. It ends as abruptly as its parent does, if that is killed. */
export function thisWorker(): Worker {
  // Node's own way is to end in good order, which a process that nobody looks after any more need not.
  cluster.worker?.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const waiting = new Map<number, (snapshots: readonly Snapshot[]) => void>();
  let own: () => Promise<Snapshot> = async () => [];
  let asked = 0;
  const send = (message: FromWorker): void => void process.send?.(message);
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'count') {
      void own().then((snapshot) => send({ kind: 'counted', id: message.id, snapshot }));
    } else {
      waiting.get(message.id)?.(message.snapshots);
      waiting.delete(message.id);
    }
  });
  return {
    number: Number(process.env[NUMBER]),
    peers: {
      answer: (count) => {
        own = count;
      },
      ask: () =>
        new Promise((resolve) => {
          const id = asked++;
          waiting.set(id, resolve);
          send({ kind: 'ask', id });
        }),
    },
    ready: ({ apiUrl, registryUrl }) => send({ kind: 'ready', answering: { apiUrl, registryUrl } }),
  };
}
