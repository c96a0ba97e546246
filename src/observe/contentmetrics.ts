/** What Prometheus may know of content: its storage, by the names of OpenShift's registry, and the collection of garbage. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StorageMeter } from '../blobs/measured.ts';

/** What a run of the collection came to. */
export interface CollectionFigures {
  readonly deleted: number;
  /** Bytes. */
  readonly freed: number;
  readonly waiting: number;
  readonly live: number;
}

export interface ContentMetrics extends StorageMeter {
  collected(figures: CollectionFigures, seconds: number): void;
  /** A run could not be done. */
  notCollected(): void;
  /** Asks for how many there are whenever the metrics are read. All processes that share a store see the same ones. */
  counted(counts: Readonly<Record<keyof typeof COUNTED, () => Promise<number>>>): void;
}

const COUNTED = {
  uploads: ['headgate_uploads_open', 'Uploads that were begun and neither finished nor cancelled.'],
  leases: ['headgate_leases', 'Content that stays for a while though nothing may refer to it yet.'],
} as const;

/** Upper bounds in seconds: from a look at a file to what a large layer takes. */
const BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** Begins to count, in a registry. */
export function contentMetrics(registry: Registry): ContentMetrics {
  const registers = [registry];
  const durations = new Histogram({
    name: 'imageregistry_storage_duration_seconds',
    help: 'Latency of operations with the storage.',
    labelNames: ['operation'],
    buckets: BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'imageregistry_storage_errors_total',
    help: 'Cumulative number of failed operations with the storage.',
    labelNames: ['operation', 'code'],
    registers,
  });
  return {
    took: (operation, seconds) => durations.observe({ operation }, seconds),
    failed: (operation, code) => errors.inc({ operation, code }),
    ...collectionMetrics(registry),
    counted(counts) {
      for (const what of ['uploads', 'leases'] as const) countedBy(registry, what, counts[what]);
    },
  };
}

function countedBy(registry: Registry, what: keyof typeof COUNTED, count: () => Promise<number>): void {
  const [name, help] = COUNTED[what];
  const collect = async (): Promise<void> => {
    try {
      gauge.set(await count());
    } catch {
      // The store is away, which other metrics tell: this says what was known last.
    }
  };
  const gauge = new Gauge({ name, help, aggregator: 'max', registers: [registry], collect });
}

function collectionMetrics(registry: Registry): Pick<ContentMetrics, 'collected' | 'notCollected'> {
  const registers = [registry];
  const runs = new Counter({
    name: 'headgate_gc_runs_total',
    help: 'Runs of the collection of garbage.',
    labelNames: ['outcome'],
    registers,
  });
  const deleted = new Counter({
    name: 'headgate_gc_deleted_total',
    help: 'Manifests and blobs that were garbage and were deleted, or let go of by the repositories that had them.',
    registers,
  });
  const freed = new Counter({ name: 'headgate_gc_freed_bytes_total', help: 'Bytes that were freed so.', registers });
  const last = (name: string, help: string): Gauge => new Gauge({ name, help, aggregator: 'max', registers });
  const seconds = last('headgate_gc_last_duration_seconds', 'How long the last run took.');
  const at = last('headgate_gc_last_run_timestamp_seconds', 'When the last run ended, in seconds since 1970.');
  const waiting = last('headgate_gc_waiting', 'What the last run left because it is garbage for too short a time.');
  const live = last('headgate_gc_live', 'Manifests and blobs that the last run found something to lead to.');
  return {
    collected(figures, took) {
      runs.inc({ outcome: 'done' });
      deleted.inc(figures.deleted);
      freed.inc(figures.freed);
      waiting.set(figures.waiting);
      live.set(figures.live);
      seconds.set(took);
      at.setToCurrentTime();
    },
    notCollected: () => runs.inc({ outcome: 'failed' }),
  };
}
