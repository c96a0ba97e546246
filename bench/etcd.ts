/**
 * Measures the etcd store against a real etcd on this machine and prints a table: `node bench/etcd.ts [etcd|etcd-3.6]`;
 * takes about 20 seconds. CPU is that of this process, the store's, and counts on a busy machine too.
 */
import { randomBytes } from 'node:crypto';
import { openEtcdStore } from '../src/store/etcd/etcd.ts';
import type { Change, Store } from '../src/store/store.ts';
import { ETCDS, startEtcd } from '../test/etcd.ts';

const SECONDS = 2;
const value = randomBytes(3072);
const hex = (): string => randomBytes(32).toString('hex');
const put = (key: string, bytes: number): Change => ({ op: 'put', key, value: value.subarray(0, bytes) });

/** What a push commits: an Image, its ImageStream's head and tag, the TagMove and a link. */
function push(count: number): Change[] {
  const stream = `ns${count % 40}/stream${count % 2000}`;
  return [
    put(`/images/sha256:${hex()}`, 2048),
    put(`/imagestreams/${stream}#`, 600),
    put(`/imagestreams/${stream}#latest`, 900),
    put(`/moves/${stream}/latest/${String(count).padStart(12, '0')}`, 300),
    put(`/links/${stream}/sha256:${hex()}`, 200),
  ];
}

function line(what: string, result: string, note: string): void {
  console.log(`| ${what.padEnd(44)} | ${result.padStart(16)} | ${note} |`);
}

/** Does something over and over with so many at once, and prints how often and at which cost. */
async function measure(what: string, lanes: number, work: (count: number) => Promise<unknown>): Promise<void> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const took: number[] = [];
  const lane = async (): Promise<void> => {
    while (performance.now() - begun < SECONDS * 1000) {
      const start = performance.now();
      await work(took.length);
      took.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  took.sort((a, b) => a - b);
  const at = (share: number): string => (took[Math.floor(took.length * share)] ?? 0).toFixed(2);
  const cost = ((user + system) / took.length).toFixed(0);
  line(what, `${(took.length / seconds).toFixed(0)} /s`, `CPU ${cost} µs each; p50 ${at(0.5)}, p99 ${at(0.99)} ms`);
}

/** From a commit on one store to the watch of another being told. */
async function propagation(one: Store, other: Store): Promise<void> {
  const took: number[] = [];
  let told: () => void = () => undefined;
  const watch = other.watch('/watched/', await other.revision(), { batch: () => told(), ended: () => undefined });
  for (let round = 0; round < 300; round++) {
    const hears = new Promise<void>((resolve) => {
      told = resolve;
    });
    await one.commit([put('/watched/key', 500)]);
    const committed = performance.now();
    await hears;
    took.push(Math.max(0, performance.now() - committed));
  }
  watch.close();
  took.sort((a, b) => a - b);
  line(
    'told on another replica after the commit',
    `p50 ${took[150]?.toFixed(2)} ms`,
    `p99 ${took[296]?.toFixed(2)} ms`,
  );
}

async function whole(store: Store, what: string, prefix: string): Promise<void> {
  const begun = performance.now();
  const cpu = process.cpuUsage();
  let rows = 0;
  for (let more = true, after: string | undefined; more; ) {
    const page = await store.list(prefix, { limit: 500, fresh: 'latest', ...(after !== undefined && { after }) });
    rows += page.entries.length;
    after = page.entries.at(-1)?.key;
    more = page.more;
  }
  const { user, system } = process.cpuUsage(cpu);
  line(
    what,
    `${(performance.now() - begun).toFixed(0)} ms`,
    `${rows} rows; CPU ${((user + system) / 1000).toFixed(0)} ms`,
  );
}

async function main(program: (typeof ETCDS)[number]): Promise<void> {
  await using etcd = await startEtcd({ program });
  const location = etcd.location();
  const store = await openEtcdStore({ location });
  const other = await openEtcdStore({ location });
  const small = (): Change[] => [put(`/one/${hex()}`, 2048)];
  await measure('put of 2 KB, 1 writer', 1, () => store.commit(small()));
  await measure('push (5 changes), 1 writer', 1, (count) => store.commit(push(count)));
  await measure('push (5 changes), 16 writers', 16, (count) => store.commit(push(count)));
  await measure('push (5 changes), 64 writers', 64, (count) => store.commit(push(count)));
  await propagation(store, other);
  const keys = Array.from({ length: 10_000 }, (_, index) => `/list/ns${index % 40}/name${index}`);
  for (let at = 0; at < keys.length; at += 100) {
    await store.commit(keys.slice(at, at + 100).map((key) => put(key, 1024)));
  }
  const key = (count: number): string => keys[(count * 7919) % keys.length] ?? '';
  await measure('get of the present, 1 at a time', 1, async (count) => store.get(key(count)));
  await measure('get of the present, 16 at a time', 16, async (count) => store.get(key(count)));
  await measure('get of the present, 64 at a time', 64, async (count) => store.get(key(count)));
  await measure('get of any, 16 at a time', 16, async (count) => {
    await null;
    return store.get(key(count), { fresh: 'any' });
  });
  await whole(store, 'list of 10,000 × 1 KB, in memory', '/list/');
  const begun = performance.now();
  const third = await openEtcdStore({ location });
  line('opening', `${(performance.now() - begun).toFixed(0)} ms`, `${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
  await whole(third, 'list of 10,000 × 1 KB, first', '/list/');
  await Promise.all([store, other, third].map((each) => each.close()));
}

await main(ETCDS.find((each) => each === process.argv[2]) ?? 'etcd-3.6');
process.exit(0);
