/** One event to many watchers: what it costs the server until the last of them has it. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { Agent, request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, json } from '../test/http.ts';
import { startServer, type TestServer } from '../test/server.ts';
import { bearer } from './contestants.ts';
import { type Figures, type Measure, median } from './table.ts';
import { cpuSeconds, residentMiB } from './usage.ts';

const WATCHERS = 1_000;
/** Events that are sent, one after the other; their median counts. */
const EVENTS = 30;
/** Handshakes at the same time. */
const DIALS = 50;

/** Watches of many programs that wait for something. */
const IDLE_WATCHES = 5_000;
/** Milliseconds until what the handshakes left behind is collected. */
const SETTLE_MS = 3_000;

/** Watches of one HTTP/2 connection: as many as a server of Kubernetes takes. */
const SHARED_WATCHES = 250;
const IMAGE_STREAMS = '/apis/image.openshift.io/v1/namespaces/default/imagestreams';

const IDLE_MEMORY: Measure = { title: 'memory, whole server with 5,000 idle watches, TLS', unit: 'MiB', goal: 200 };
const IDLE_MEMORY_HTTP1: Measure = { title: 'the same by HTTP/1.1, each a connection of its own', unit: 'MiB' };
const EVENT: Measure = { title: 'watch event to 1,000 watchers, TLS, CPU', unit: 'ms', goal: 50 };
const MEMORY: Measure = { title: 'memory, 1,000 watches more, TLS', unit: 'MiB' };

/** What servers of their own hold when they are watched by many, and nothing happens: by HTTP/1.1 and as client-go does. */
export async function measureIdleWatches(figures: Figures): Promise<void> {
  await measureIdle(figures, IDLE_MEMORY, openShared);
  await measureIdle(figures, IDLE_MEMORY_HTTP1, async (server) => {
    const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ca: server.ca });
    await open(server, agent, IMAGE_STREAMS, IDLE_WATCHES);
    return () => agent.destroy();
  });
}

async function measureIdle(
  figures: Figures,
  measure: Measure,
  watched: (server: TestServer) => Promise<() => void>,
): Promise<void> {
  await using server = await startServer();
  const leave = await watched(server);
  try {
    await pause(SETTLE_MS);
    const begun = performance.now();
    await ask(`${server.apiUrl}/api/v1/namespaces/default`, { headers: bearer(server), ca: server.ca });
    const note = `another request is answered after ${(performance.now() - begun).toFixed(0)} ms`;
    figures.add(measure, 'headgate', { value: residentMiB(server.pid), note });
  } finally {
    leave();
  }
}

/** Opens watches as Go's clients do: over one connection until the server takes no more on it, then over another. */
async function openShared(server: TestServer): Promise<() => void> {
  const sessions: ClientHttp2Session[] = [];
  for (let count = 0; count < IDLE_WATCHES; count += SHARED_WATCHES) {
    const session = connect(server.apiUrl, { ca: server.ca });
    sessions.push(session);
    const watches = Array.from({ length: SHARED_WATCHES }, async () => {
      const stream = session.request({ ':path': `${IMAGE_STREAMS}?watch=true`, ...bearer(server) });
      const [headers] = await once(stream, 'response');
      if (headers[':status'] !== 200) throw new Error(`a watch was answered ${headers[':status']}`);
    });
    await Promise.all(watches);
  }
  return () => {
    for (const session of sessions) session.destroy();
  };
}

/** Opens watches on a collection and changes one object of it, time after time. */
export async function measureWatches(
  server: TestServer,
  collection: string,
  name: string,
  figures: Figures,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ca: server.ca });
  const before = residentMiB(server.pid);
  try {
    const streams = await open(server, agent, collection, WATCHERS);
    figures.add(MEMORY, 'headgate', { value: residentMiB(server.pid) - before });
    const walls: number[] = [];
    const costs: number[] = [];
    for (let event = 0; event < EVENTS; event++) {
      const cpu = cpuSeconds(server.pid);
      const begun = performance.now();
      const arrived = Promise.all(streams.map((stream) => once(stream, 'data')));
      await change(server, agent, `${collection}/${name}`, event);
      await arrived;
      walls.push(performance.now() - begun);
      costs.push((cpuSeconds(server.pid) - cpu) * 1000);
    }
    const mean = costs.reduce((sum, cost) => sum + cost, 0) / EVENTS;
    figures.add(EVENT, 'headgate', { value: mean, note: `the last one has it after ${median(walls).toFixed(0)} ms` });
    for (const stream of streams) stream.destroy();
  } finally {
    agent.destroy();
  }
}

async function open(server: TestServer, agent: Agent, collection: string, count: number): Promise<IncomingMessage[]> {
  const { body } = await ask(`${server.apiUrl}${collection}?limit=1`, {
    headers: bearer(server),
    agent,
    ca: server.ca,
  });
  const { metadata } = JSON.parse(body.toString()) as { metadata: { resourceVersion: string } };
  const url = `${server.apiUrl}${collection}?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const streams: IncomingMessage[] = [];
  while (streams.length < count) {
    const dialled = Array.from({ length: DIALS }, async () => {
      const [response]: IncomingMessage[] = await once(
        request(url, { agent, headers: bearer(server) }).end(),
        'response',
      );
      if (response?.statusCode !== 200) throw new Error(`a watch was answered ${response?.statusCode}`);
      return response;
    });
    streams.push(...(await Promise.all(dialled)));
  }
  return streams;
}

async function change(server: TestServer, agent: Agent, path: string, event: number): Promise<void> {
  const answer = await ask(server.apiUrl + path, {
    method: 'PATCH',
    headers: { ...bearer(server), 'Content-Type': 'application/merge-patch+json' },
    body: Buffer.from(JSON.stringify({ metadata: { annotations: { event: String(event) } } })),
    agent,
    ca: server.ca,
  });
  if (answer.status !== 200) throw new Error(`a change was answered ${answer.status}: ${JSON.stringify(json(answer))}`);
}
