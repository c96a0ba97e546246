/** What Prometheus may know: requests by edge, verb and code, and the process. */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BlobFigures } from '../blobs/figures.ts';
import type { StoreFigures } from '../store/figures.ts';
import { type ContentMetrics, contentMetrics } from './contentmetrics.ts';
import { asImageRegistry } from './imageregistry.ts';
import type { Edge } from './requests.ts';
import { blobFigures, storeFigures } from './storemetrics.ts';
import { Sums, type Traffic } from './traffic.ts';

export interface Metrics {
  /** A request has begun. */
  begun(edge: Edge): void;
  /** It has ended. `code` is the status, or `aborted` if the client left before there was one. */
  ended(edge: Edge, verb: string, code: string, seconds: number): void;
  /** Of blobs, and of what is kept until it is garbage. */
  readonly content: ContentMetrics;
  readonly store: StoreFigures;
  readonly blobs: BlobFigures;
  /** What a request brought and took, and which operation of the registry it was, if it was one. */
  moved(edge: Edge, traffic: Traffic, seconds: number, operation: string | undefined): void;
  /** All of it, in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
  /** What is about the registry, by the names that OpenShift's registry gives it. */
  readonly ofRegistry: () => Promise<{ readonly text: string; readonly contentType: string }>;
}

/** What one process has counted, as it goes to another; made and read by prom-client. */
export type Snapshot = readonly object[];

/** The processes that serve together with this one. */
export interface Peers {
  /** Sets what this process tells of itself when another asks. */
  answer(own: () => Promise<Snapshot>): void;
  /** What the others have counted, also those that have died. */
  ask(): Promise<readonly Snapshot[]>;
}

/** Upper bounds in seconds: from what a read takes to what a large layer takes. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Begins to count; what the process itself does is read when it is asked for.
 * @param peers If there are any, what is told is the sum of all.
 */
export function makeMetrics(version: string, peers?: Peers): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'headgate_build_info',
    help: 'Always 1.',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    registers,
  }).set({ version, node: process.versions.node }, 1);
  const requests = new Counter({
    name: 'headgate_requests_total',
    help: 'Requests that have been answered.',
    labelNames: ['edge', 'verb', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'headgate_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer; watches are not in it.',
    labelNames: ['edge', 'verb'],
    buckets: BUCKETS,
    registers,
  });
  const running: Record<Edge, number> = { kube: 0, registry: 0, observe: 0, oauth: 0 };
  new Gauge({
    name: 'headgate_requests_in_flight',
    help: 'Requests that are being answered, watches among them.',
    labelNames: ['edge'],
    registers,
    collect() {
      for (const [edge, count] of Object.entries(running)) this.set({ edge }, count);
    },
  });
  const sums = new Sums(registers);
  const own = async (): Promise<Snapshot> => registry.getMetricsAsJSON();
  peers?.answer(own);
  const text = async (): Promise<string> => {
    if (!peers) return registry.metrics();
    const [mine, others] = await Promise.all([own(), peers.ask()]);
    return sumOf([mine, ...others]).metrics();
  };
  return {
    begun(edge) {
      running[edge]++;
    },
    ended(edge, verb, code, seconds) {
      running[edge]--;
      requests.inc({ edge, verb, code });
      // How long a watch lasts says nothing about the server, and would drown what does.
      if (verb !== 'watch') durations.observe({ edge, verb }, seconds);
    },
    content: contentMetrics(registry),
    store: storeFigures(registry),
    blobs: blobFigures(registry),
    moved(edge, traffic, seconds, operation) {
      sums.add(edge, traffic);
      if (operation !== undefined) sums.took(operation, seconds);
    },
    text,
    contentType: registry.contentType,
    ofRegistry: async () => ({ text: asImageRegistry(await text()), contentType: registry.contentType }),
  };
}

/** The sum of what several processes have counted; of what cannot be added, the mean or the first, as each says. */
export function sumOf(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
}

/** What is left of a process that has died: what it has counted. What it held is gone. */
export function remainsOf(snapshot: Snapshot): Snapshot {
  return snapshot.filter((metric) => 'type' in metric && (metric.type === 'counter' || metric.type === 'histogram'));
}
