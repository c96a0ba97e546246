/** The image API over TLS: reads of views and of lists, durable writes, and the memory that many streams take. */
import { Agent } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, json } from '../test/http.ts';
import { peakMemoryMiB, type TestServer } from '../test/server.ts';
import { load, streamName, type Work } from './connections.ts';
import { bearer, startHeadgate } from './contestants.ts';
import type { Effort } from './effort.ts';
import { wrk } from './programs.ts';
import { type Figures, type Measure, median } from './table.ts';
import { costOf, forgetPeak, residentMiB } from './usage.ts';
import { measureIdleWatches, measureWatches } from './watches.ts';

const API = '/apis/image.openshift.io/v1';
const NAMESPACE = 'default';
const PREFIX = 's';
const WRITERS = 64;
/** Streams that the mappings are spread over, as in the figures of OpenShift's API server. */
const MAPPED_STREAMS = 1_000;
/** Lists of each kind; their median counts. */
const LISTS = 5;
const LAYERS_TAGS = 20;
const LAYERS_SECONDS = 3;
const SETTLE_MS = 2_000;

/** GETs of what a pushed image looks like through the API. */
export async function imageStreamReads(
  server: TestServer,
  namespace: string,
  stream: string,
  digest: string,
  { seconds }: Effort,
  figures: Figures,
): Promise<void> {
  const base = `${API}/namespaces/${namespace}`;
  const reads: readonly (Measure & { readonly path: string })[] = [
    { title: 'imagestreamimage GET, TLS', path: `${base}/imagestreamimages/${stream}@${digest}`, unit: 'µs', goal: 80 },
    { title: 'imagestreamtag GET, TLS', path: `${base}/imagestreamtags/${stream}:latest`, unit: 'µs', goal: 80 },
    { title: 'imagestream GET, TLS', path: `${base}/imagestreams/${stream}`, unit: 'µs', goal: 80 },
    { title: 'GET /healthz, TLS', path: '/healthz', unit: 'µs' },
  ];
  for (const measure of reads) {
    const { cpu, result } = await costOf(server.pid, () => wrk(server.apiUrl + measure.path, bearer(server), seconds));
    const note = `${Math.round(result.perSecond).toLocaleString('en-US')} /s`;
    figures.add(measure, 'headgate', { value: (cpu * 1e6) / result.requests, note });
  }
}

/** Creates many streams and mappings with 64 writers, lists and reads them, and looks at the memory meanwhile. */
export async function measureObjects(folder: string, effort: Effort, figures: Figures): Promise<void> {
  for (let round = 0; round < effort.rounds; round++) {
    const contestant = await startHeadgate(join(folder, `objects-${round}`));
    try {
      await oneRound(contestant.server, effort, figures);
    } finally {
      await contestant.stop();
    }
  }
}

async function oneRound(server: TestServer, { streams, mappings }: Effort, figures: Figures): Promise<void> {
  const memory = async (title: string, goal: number): Promise<void> => {
    await sleep(SETTLE_MS);
    figures.add({ title, unit: 'MiB', goal }, 'headgate', { value: residentMiB(server.pid) });
  };
  await memory('memory, idle after the start', 120);
  const each = { namespace: NAMESPACE, prefix: PREFIX };
  await write(server, { kind: 'streams', ...each, count: streams }, 'ImageStream creation', 3000, figures);
  const path = `${API}/namespaces/${NAMESPACE}/imagestreams`;
  const many = streams.toLocaleString('en-US');
  forgetPeak(server.pid);
  const before = residentMiB(server.pid);
  await lists(server, path, { title: `LIST of ${many} imagestreams`, unit: 'ms', goal: 100 }, figures);
  figures.add({ title: 'memory, more at the peak of those LISTs', unit: 'MiB', goal: 64 }, 'headgate', {
    value: peakMemoryMiB(server.pid) - before,
  });
  const page = { title: 'LIST of imagestreams, limit=500', unit: 'ms', goal: 8 } as const;
  await lists(server, `${path}?limit=500`, page, figures);
  const { cpu, result } = await costOf(server.pid, () =>
    perform(server, { kind: 'read streams', ...each, count: streams }),
  );
  figures.add({ title: 'GET of each imagestream once, 64 connections', unit: 'µs' }, 'headgate', {
    value: (cpu * 1e6) / result.requests,
    note: `${Math.round(result.requests / result.seconds).toLocaleString('en-US')} /s`,
  });
  await memory(`memory, ${many} streams created, listed, read`, 250);
  const mapped = { ...each, count: mappings, streams: MAPPED_STREAMS };
  await write(server, { kind: 'mappings', ...mapped }, 'ImageStreamMapping creation', 1500, figures);
  await memory(`memory, after ${mappings.toLocaleString('en-US')} mappings more`, 250);
  const source = streamName(PREFIX, 0);
  const images = [await imageOf(server, `${source}:v0`), await imageOf(server, `${source}:v1`)] as const;
  await write(server, { kind: 'moves', ...mapped, source, images }, 'tag move (PUT imagestreamtag)', 2000, figures);
  await layersRead(server, figures);
  await measureWatches(server, path, source, figures);
  await measureIdleWatches(figures);
}

/** The image that a tag of the namespace leads to. */
async function imageOf(server: TestServer, tag: string): Promise<string> {
  const { image } = (await api(server, 'GET', `imagestreamtags/${tag}`)) as { image: { metadata: { name: string } } };
  return image.metadata.name;
}

/** GETs of `/layers` of a stream with 20 tags. */
async function layersRead(server: TestServer, figures: Figures): Promise<void> {
  for (let tag = 0; tag < LAYERS_TAGS; tag++) {
    const name = `layers:t${tag}`;
    const from = { kind: 'ImageStreamTag', name: `${streamName(PREFIX, tag)}:v0` };
    const body = { kind: 'ImageStreamTag', apiVersion: 'image.openshift.io/v1', metadata: { name }, tag: { from } };
    await api(server, 'PUT', `imagestreamtags/${name}`, body);
  }
  const url = `${server.apiUrl}${API}/namespaces/${NAMESPACE}/imagestreams/layers/layers`;
  const { cpu, result } = await costOf(server.pid, () => wrk(url, bearer(server), LAYERS_SECONDS));
  figures.add({ title: '/layers of 20 tags GET, TLS', unit: 'µs', goal: 150 }, 'headgate', {
    value: (cpu * 1e6) / result.requests,
    note: `${Math.round(result.perSecond).toLocaleString('en-US')} /s`,
  });
}

/** @throws {Error} if the answer is not 2xx. */
async function api(server: TestServer, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await ask(`${server.apiUrl}${API}/namespaces/${NAMESPACE}/${path}`, {
    method,
    headers: { ...bearer(server), 'Content-Type': 'application/json' },
    ...(body && { body: Buffer.from(JSON.stringify(body)) }),
    ca: server.ca,
  });
  if (answer.status >= 300)
    throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body.toString()}`);
  return json(answer);
}

function perform(server: TestServer, work: Work) {
  return load({ url: server.apiUrl, headers: bearer(server), connections: WRITERS, work });
}

async function write(server: TestServer, work: Work, what: string, goal: number, figures: Figures): Promise<void> {
  const { cpu, result } = await costOf(server.pid, () => perform(server, work));
  const { requests, seconds, p50, p99 } = result;
  const client = Math.round((result.cpu * 1e6) / requests);
  const note = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; the load generator takes ${client} µs CPU a request`;
  figures.add({ title: `${what}, 64 writers`, unit: '/s', goal }, 'headgate', {
    value: requests / seconds,
    note,
  });
  figures.add({ title: `${what}, CPU`, unit: 'µs' }, 'headgate', { value: (cpu * 1e6) / requests });
}

async function lists(server: TestServer, path: string, measure: Measure, figures: Figures): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const walls: number[] = [];
  let bytes = 0;
  try {
    const { cpu } = await costOf(server.pid, async () => {
      for (let time = 0; time < LISTS; time++) {
        const begun = performance.now();
        const { status, body } = await ask(server.apiUrl + path, { headers: bearer(server), agent, ca: server.ca });
        if (status !== 200) throw new Error(`${path} was answered ${status}`);
        walls.push(performance.now() - begun);
        bytes = body.length;
      }
    });
    const note = `${(bytes / 1e6).toFixed(2)} MB, ${Math.round((cpu * 1000) / LISTS)} ms CPU`;
    figures.add(measure, 'headgate', { value: median(walls), note });
  } finally {
    agent.destroy();
  }
}
