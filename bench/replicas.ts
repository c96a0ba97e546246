/** Two replicas on a real etcd and a real S3 server: what reads, writes and bytes cost one of them. */
import { once } from 'node:events';
import { request } from 'node:https';
import { join } from 'node:path';
import { startEtcd } from '../test/etcd.ts';
import { ask, json } from '../test/http.ts';
import { S3_CREDENTIALS, startS3 } from '../test/s3server.ts';
import { beginProcess, type TestServer } from '../test/server.ts';
import { load, type Work } from './connections.ts';
import { bearer, headgateAs } from './contestants.ts';
import type { Effort } from './effort.ts';
import { pushImage, REPOSITORY } from './image.ts';
import { wrk } from './programs.ts';
import { type Figures, median } from './table.ts';
import { Layer, transfer } from './transfers.ts';
import { costOf, residentMiB } from './usage.ts';

const API = '/apis/image.openshift.io/v1/namespaces/default';
const WRITERS = 64;
const MAPPED_STREAMS = 1_000;
/** Moves that are made on one replica while another is watched. */
const MOVES = 200;
const TITLE = 'etcd and S3: ';

/** Measures one of two replicas. */
export async function measureReplicas(folder: string, effort: Effort, figures: Figures): Promise<void> {
  Object.assign(process.env, S3_CREDENTIALS);
  await using etcd = await startEtcd({ program: 'etcd-3.6' });
  await using s3 = await startS3();
  await s3.makeBucket('bench');
  const flags = ['--store', `etcd://${etcd.endpoints[0]}/bench`, '--blobs', `s3://bench/all?endpoint=${s3.endpoint}`];
  const start = (name: string): Promise<TestServer> => beginProcess({ data: join(folder, name), flags }).ready;
  await using one = await start('one');
  await using other = await start('other');
  const pushed = await pushImage(headgateAs(one));
  for (let round = 0; round < effort.rounds; round++) {
    await reads(one, pushed.digest, effort, figures);
    await propagation(one, other, figures);
  }
  // By the server that has served no reads, as the one beside it has not.
  await large(other, join(folder, 'layer'), effort, figures);
  const many = { namespace: 'default', prefix: 's' };
  await write(one, { kind: 'streams', ...many, count: effort.streams }, 'ImageStream creation', figures);
  const mappings = { kind: 'mappings', ...many, count: effort.mappings, streams: MAPPED_STREAMS } as const;
  await write(one, mappings, 'ImageStreamMapping creation', figures, 1000);
  const goal = {
    title: `${TITLE}ready with ${effort.streams.toLocaleString('en-US')} streams`,
    unit: 's',
    goal: 2,
  } as const;
  for (let time = 0; time < effort.starts; time++) {
    const begun = performance.now();
    const late = await start(`late-${time}`);
    const value = (performance.now() - begun) / 1000;
    await wrk(`${late.apiUrl}${API}/imagestreams/s00001`, bearer(late), 1);
    figures.add(goal, 'headgate', { value, note: `${Math.round(residentMiB(late.pid))} MiB a second later` });
    await late.kill();
  }
  const title = `${TITLE}memory after all that`;
  figures.add({ title, unit: 'MiB' }, 'headgate', { value: residentMiB(one.pid) });
}

/** Calls to etcd that a server has made so far, by method. */
async function callsOf(server: TestServer): Promise<ReadonlyMap<string, number>> {
  const { body } = await ask(`${server.apiUrl}/metrics`, { headers: bearer(server), ca: server.ca });
  const found = body.toString().matchAll(/^headgate_etcd_calls_total\{method="(\w+)"\} (\d+)$/gm);
  return new Map([...found].map(([, method = '', count]) => [method, Number(count)]));
}

async function reads(server: TestServer, digest: string, { seconds }: Effort, figures: Figures): Promise<void> {
  for (const [name, path] of [
    ['imagestreamimage GET, TLS', `${API}/imagestreamimages/bench@${digest}`],
    ['manifest GET by tag, TLS', `/v2/${REPOSITORY}/manifests/latest`],
    ['imagestream GET, TLS', `${API}/imagestreams/bench`],
  ] as const) {
    const url = server.apiUrl + path;
    const before = await callsOf(server);
    const { cpu, result } = await costOf(server.pid, () => wrk(url, headgateAs(server).headers, seconds));
    const asked = ((await callsOf(server)).get('Range') ?? 0) - (before.get('Range') ?? 0);
    const note = `${Math.round(result.perSecond).toLocaleString('en-US')} /s; one call to etcd for ${(result.requests / asked).toFixed(1)} requests`;
    const measure = { title: TITLE + name, unit: 'µs', goal: 130 } as const;
    figures.add(measure, 'headgate', { value: (cpu * 1e6) / result.requests, note });
  }
}

async function write(server: TestServer, work: Work, what: string, figures: Figures, goal?: number): Promise<void> {
  const before = await callsOf(server);
  const { cpu, result } = await costOf(server.pid, () =>
    load({ url: server.apiUrl, headers: bearer(server), connections: WRITERS, work }),
  );
  const after = await callsOf(server);
  const each = (method: string): string =>
    (((after.get(method) ?? 0) - (before.get(method) ?? 0)) / result.requests).toFixed(2);
  const { requests, seconds, p50, p99 } = result;
  const note = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; ${each('Txn')} Txn and ${each('Range')} Range each`;
  const rate = { title: `${TITLE}${what}, 64 writers`, unit: '/s', ...(goal !== undefined && { goal }) } as const;
  figures.add(rate, 'headgate', { value: requests / seconds, note });
  figures.add({ title: `${TITLE}${what}, CPU`, unit: 'µs' }, 'headgate', { value: (cpu * 1e6) / requests });
}

/** From the answer to a move on one replica to its event on a watch of the other. */
async function propagation(one: TestServer, other: TestServer, figures: Figures): Promise<void> {
  const list = json(await ask(`${other.apiUrl}${API}/imagestreams`, { headers: bearer(other), ca: other.ca })) as {
    metadata: { resourceVersion: string };
  };
  const path = `${API}/imagestreams?watch=1&resourceVersion=${list.metadata.resourceVersion}`;
  const asked = request(other.apiUrl + path, { headers: bearer(other), ca: other.ca }).end();
  const [watch] = await once(asked, 'response');
  const took: number[] = [];
  for (let move = 0; move < MOVES; move++) {
    const arrives = once(watch, 'data').then(() => performance.now());
    const { status } = await ask(`${one.apiUrl}${API}/imagestreams/bench`, {
      method: 'PATCH',
      headers: { ...bearer(one), 'Content-Type': 'application/merge-patch+json' },
      body: JSON.stringify({ metadata: { annotations: { move: String(move) } } }),
      ca: one.ca,
    });
    if (status !== 200) throw new Error(`a change was answered ${status}`);
    const committed = performance.now();
    took.push(Math.max(0, (await arrives) - committed));
  }
  watch.destroy();
  const slowest = took.toSorted((a, b) => a - b)[Math.floor(MOVES * 0.99)] ?? 0;
  const measure = { title: `${TITLE}a move reaches a watcher of another replica`, unit: 'ms', goal: 20 } as const;
  figures.add(measure, 'headgate', { value: median(took), note: `after its answer; p99 ${slowest.toFixed(1)} ms` });
}

/** A large blob in and out, beside a server with its blobs in a folder. */
async function large(server: TestServer, file: string, effort: Effort, figures: Figures): Promise<void> {
  const layer = await Layer.make(file, effort.layerMiB);
  await using folder = await beginProcess({ data: `${file}-filesystem` }).ready;
  await pushImage(headgateAs(folder));
  for (let round = 0; round < effort.rounds; round++) {
    await transfer(headgateAs(folder), layer, figures, ', blobs in a folder');
    await transfer(headgateAs(server), layer, figures, ', blobs in S3');
  }
}
