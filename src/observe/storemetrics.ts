/** What Prometheus may know of the store and of the blobs. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BlobFigures } from '../blobs/figures.ts';
import type { StoreFigures, StoreLevel } from '../store/figures.ts';

/** Upper bounds in seconds: from a commit to a quick disk to the patience of the drivers. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const LEVELS: Readonly<Record<StoreLevel, string>> = {
  mirror_keys: 'Keys of etcd that are kept in memory.',
  mirror_value_bytes: 'Bytes of values of etcd that are kept in memory, with what keeping them costs.',
  watch_lag_revisions: 'Revisions that etcd is known to have and the watch has not brought yet.',
  watch_up: 'Whether the watch of etcd stands: 1 or 0.',
};

/** How the levels of several processes become one: memory is added, of the rest the worst counts. */
const WORST: Readonly<Record<StoreLevel, 'sum' | 'max' | 'min'>> = {
  mirror_keys: 'max',
  mirror_value_bytes: 'sum',
  watch_lag_revisions: 'max',
  watch_up: 'min',
};

/** The store's figures, in the registry from the moment that there are any. */
export function storeFigures(registry: Registry): StoreFigures {
  const registers = [registry];
  const commits = new Histogram({
    name: 'headgate_store_commit_duration_seconds',
    help: 'Time of a commit of the store, until it is durable or refused.',
    labelNames: ['outcome'],
    buckets: BUCKETS,
    registers,
  });
  // Made when there is something to count: on SQLite there never is.
  let calls: Counter<'method'> | undefined;
  let waits: Counter | undefined;
  return {
    committed: (outcome, seconds) => commits.observe({ outcome }, seconds),
    called(method) {
      calls ??= new Counter({
        name: 'headgate_etcd_calls_total',
        help: 'Calls to etcd, each try of them.',
        labelNames: ['method'],
        registers,
      });
      calls.inc({ method });
    },
    waited() {
      waits ??= new Counter({
        name: 'headgate_etcd_present_reads_total',
        help: 'Reads that had to know the present revision; those that wait together make one call of Range.',
        registers,
      });
      waits.inc();
    },
    level(level, read) {
      new Gauge({
        name: `headgate_etcd_${level}`,
        help: LEVELS[level],
        aggregator: WORST[level],
        registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}

/** The blobs' figures, in the registry from the moment that there are any. */
export function blobFigures(registry: Registry): BlobFigures {
  let requests: Histogram<'operation' | 'outcome'> | undefined;
  return {
    asked(operation, outcome, seconds) {
      requests ??= new Histogram({
        name: 'headgate_s3_request_duration_seconds',
        help: 'Time of a request of S3 with all its tries; of a read, until its first byte.',
        labelNames: ['operation', 'outcome'],
        buckets: BUCKETS,
        registers: [registry],
      });
      requests.observe({ operation, outcome }, seconds);
    },
  };
}
