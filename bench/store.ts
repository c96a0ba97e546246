/**
 * Measures the SQLite store on this machine's disk and prints a table. `node bench/store.ts [folder]`; takes about half
 * a minute and 500 MB.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openSqliteStore } from '../src/store/sqlite/sqlite.ts';
import type { Change, Store } from '../src/store/store.ts';

const SECONDS = 2;

interface Line {
  readonly what: string;
  readonly result: string;
  readonly note: string;
}

const value = randomBytes(3072);
const hex = (): string => randomBytes(32).toString('hex');
const put = (key: string, bytes: number): Change => ({ op: 'put', key, value: value.subarray(0, bytes) });

/** What a push commits: an Image, its ImageStream, the TagMove and a link. */
function push(count: number): Change[] {
  const stream = `ns${count % 40}/stream${count % 2000}`;
  return [
    put(`/images/sha256:${hex()}`, 2048),
    put(`/imagestreams/${stream}`, 3072),
    put(`/moves/${stream}/latest/${String(count).padStart(12, '0')}`, 300),
    put(`/links/${stream}/sha256:${hex()}`, 200),
  ];
}

/** Writers that each wait for their commit before the next. */
async function commits(
  store: Store,
  what: string,
  writers: number,
  changes: (count: number) => Change[],
): Promise<Line> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begun = performance.now();
  let count = 0;
  const write = async (): Promise<void> => {
    while (performance.now() - begun < SECONDS * 1000) await store.commit(changes(count++));
  };
  await Promise.all(Array.from({ length: writers }, write));
  const rate = (count * 1000) / (performance.now() - begun);
  delay.disable();
  const stalls = [50, 99, 100].map((share) => (delay.percentile(share) / 1e6).toFixed(1)).join(' / ');
  return { what, result: `${rate.toFixed(0)} commits/s`, note: `event loop delay p50 / p99 / max ${stalls} ms` };
}

async function gets(store: Store, keys: readonly string[]): Promise<Line> {
  const times = 200_000;
  const begun = performance.now();
  for (let count = 0; count < times; count++) await store.get(keys[(count * 7919) % keys.length] ?? '');
  const took = performance.now() - begun;
  return {
    what: 'get, 1 KB',
    result: `${((times * 1000) / took).toFixed(0)} /s`,
    note: `${((took * 1000) / times).toFixed(2)} µs each`,
  };
}

async function lists(store: Store, prefix: string, limit: number | undefined): Promise<Line> {
  const took: number[] = [];
  let rows = 0;
  for (let round = 0; round < 15; round++) {
    const begun = performance.now();
    rows = 0;
    for (let more = true, after: string | undefined; more; ) {
      const page = await store.list(prefix, { ...(limit && { limit }), ...(after && { after }) });
      rows += page.entries.length;
      after = page.entries.at(-1)?.key;
      more = page.more;
    }
    took.push(performance.now() - begun);
  }
  const median = took.sort((a, b) => a - b)[7] ?? 0;
  const note = `${((rows * 1000) / median).toFixed(0)} rows/s`;
  return {
    what: `list ${rows} × 1 KB, ${limit ? `pages of ${limit}` : 'whole'}`,
    result: `${median.toFixed(1)} ms`,
    note,
  };
}

async function fanOut(
  store: Store,
  listeners: number,
  prefixOf: (index: number) => string,
  what: string,
): Promise<Line> {
  let told = 0;
  const watches = Array.from({ length: listeners }, (_, index) =>
    store.watch(prefixOf(index), Number.MAX_SAFE_INTEGER, { batch: () => undefined, ended: () => undefined }),
  );
  for (const watch of watches) watch.close();
  const after = await store.revision();
  const live = Array.from({ length: listeners }, (_, index) =>
    store.watch(prefixOf(index), after, {
      batch: () => {
        told += 1;
      },
      ended: () => undefined,
    }),
  );
  const line = await commits(store, what, 64, (count) => [put(`/w/ns${count % 1000}/name`, 2048)]);
  const perCommit = told / ((await store.revision()) - after);
  for (const watch of live) watch.close();
  return { ...line, note: `${perCommit.toFixed(0)} listeners told a commit; ${line.note}` };
}

async function replay(store: Store, after: number): Promise<Line> {
  const begun = performance.now();
  let events = 0;
  const last = await store.revision();
  const watch = store.watch('', after, {
    batch: (batch) => {
      events += batch.events.length;
    },
    ended: () => undefined,
  });
  while (watch.delivered < last) await new Promise((resolve) => setImmediate(resolve));
  watch.close();
  const took = performance.now() - begun;
  return {
    what: 'watch from an old revision',
    result: `${((events * 1000) / took).toFixed(0)} events/s`,
    note: `${events} events`,
  };
}

async function compaction(store: Store): Promise<Line> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begun = performance.now();
  await store.compact(await store.revision());
  const took = performance.now() - begun;
  delay.disable();
  return {
    what: 'compaction of all this',
    result: `${took.toFixed(0)} ms`,
    note: `event loop delay max ${(delay.max / 1e6).toFixed(1)} ms`,
  };
}

async function opening(file: string): Promise<Line> {
  const begun = performance.now();
  const store = await openSqliteStore({ file });
  await store.get('/x');
  const took = performance.now() - begun;
  await store.close();
  return { what: 'opening', result: `${took.toFixed(1)} ms`, note: `${((await stat(file)).size / 1e6).toFixed(0)} MB` };
}

async function main(folder: string): Promise<void> {
  const file = join(folder, 'store.db');
  const store = await openSqliteStore({ file });
  const lines: Line[] = [];
  const small = (count: number): Change[] => [put(`/one/${count}/${hex()}`, 2048)];
  lines.push(await commits(store, '1 put of 2 KB, 1 writer', 1, small));
  lines.push(await commits(store, '1 put of 2 KB, 64 writers', 64, small));
  const before = await store.revision();
  lines.push(await commits(store, 'push (4 changes), 1 writer', 1, push));
  lines.push(await commits(store, 'push (4 changes), 64 writers', 64, push));
  const keys = Array.from({ length: 10_000 }, (_, index) => `/list/ns${index % 40}/name${index}`);
  for (let at = 0; at < keys.length; at += 100)
    await store.commit(keys.slice(at, at + 100).map((key) => put(key, 1024)));
  lines.push(await gets(store, keys), await lists(store, '/list/', undefined), await lists(store, '/list/', 500));
  lines.push(await fanOut(store, 1, () => '/none/', 'put with 1 idle watch'));
  lines.push(await fanOut(store, 1000, () => '/w/', 'put with 1,000 watches of all'));
  lines.push(await fanOut(store, 1000, (index) => `/w/ns${index}/`, 'put with 1,000 watches of one each'));
  lines.push(await replay(store, before));
  await store.close();
  lines.push(await opening(file));
  const again = await openSqliteStore({ file });
  lines.push(await compaction(again));
  await again.close();
  for (const { what, result, note } of lines) console.log(`| ${what.padEnd(36)} | ${result.padStart(17)} | ${note} |`);
}

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'headgate-bench-'));
try {
  await main(folder);
} finally {
  await rm(folder, { recursive: true });
}
