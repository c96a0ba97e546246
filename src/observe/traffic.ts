/** Bytes in and out by edge, and what the registry's operations took: counted by hand, since each request pays for it. */
import type { Socket } from 'node:net';
import { Counter, type Registry } from 'prom-client';
import type { Edge } from './requests.ts';

/** What went over a connection. */
export interface Traffic {
  /** Bytes, with headers and whatever TLS adds. */
  readonly received: number;
  readonly sent: number;
}

const seen = new WeakMap<Socket, Traffic>();

/** What went over a connection since this was last asked: of one request, if it is asked at the end of each. */
export function trafficSince(socket: Socket): Traffic {
  const before = seen.get(socket);
  const now = { received: socket.bytesRead, sent: socket.bytesWritten };
  seen.set(socket, now);
  if (!before) return now;
  return { received: now.received - before.received, sent: now.sent - before.sent };
}

interface Took {
  seconds: number;
  times: number;
}

/** The sums of one process. */
export class Sums {
  readonly #received: Record<Edge, number> = { kube: 0, registry: 0, oauth: 0, observe: 0 };
  readonly #sent: Record<Edge, number> = { kube: 0, registry: 0, oauth: 0, observe: 0 };
  readonly #operations = new Map<string, Took>();

  constructor(registers: Registry[]) {
    const byEdge = (name: string, help: string, sums: Record<Edge, number>): void => {
      const counter = new Counter({
        name,
        help,
        labelNames: ['edge'],
        registers,
        collect() {
          counter.reset();
          for (const [edge, sum] of Object.entries(sums)) counter.inc({ edge }, sum);
        },
      });
    };
    byEdge('headgate_received_bytes_total', 'Bytes of requests, with their headers.', this.#received);
    byEdge('headgate_sent_bytes_total', 'Bytes of answers, with their headers.', this.#sent);
    const byOperation = (name: string, help: string, value: (took: Took) => number): void => {
      const counter = new Counter({
        name,
        help,
        labelNames: ['operation'],
        registers,
        collect: () => {
          counter.reset();
          for (const [operation, took] of this.#operations) counter.inc({ operation }, value(took));
        },
      });
    };
    byOperation('headgate_registry_operations_total', "The registry's operations.", ({ times }) => times);
    byOperation('headgate_registry_operation_seconds_total', 'Time that they took.', ({ seconds }) => seconds);
  }

  add(edge: Edge, { received, sent }: Traffic): void {
    this.#received[edge] += received;
    this.#sent[edge] += sent;
  }

  took(operation: string, seconds: number): void {
    const took = this.#operations.get(operation);
    if (took) {
      took.seconds += seconds;
      took.times++;
    } else this.#operations.set(operation, { seconds, times: 1 });
  }
}
