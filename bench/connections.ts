/**
 * A load generator of few words: keep-alive connections that each send a request as soon as the one before is answered.
 * Run as a process of its own, it takes an Assignment over IPC and answers with a Result. It speaks HTTP by hand, for
 * node:http would take more CPU than the server; so it does HEAD, which wrk cannot, and POST with bodies of its own.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';

/** What the connections send. */
export type Work =
  /** One request over and over, for so many seconds. */
  | { readonly kind: 'repeat'; readonly method: 'GET' | 'HEAD'; readonly path: string; readonly seconds: number }
  /** New ImageStreams `PREFIX00000`, … in a namespace. */
  | { readonly kind: 'streams'; readonly namespace: string; readonly prefix: string; readonly count: number }
  /** A GET of each of those. */
  | { readonly kind: 'read streams'; readonly namespace: string; readonly prefix: string; readonly count: number }
  /** ImageStreamMappings of new images, spread over so many of those streams. */
  | {
      readonly kind: 'mappings';
      readonly namespace: string;
      readonly prefix: string;
      readonly count: number;
      readonly streams: number;
    }
  /**
   * Moves of the tag `live` of so many of those streams, each in turn to one of two images of the stream `source`, as
   * `oc tag` makes them.
   */
  | {
      readonly kind: 'moves';
      readonly namespace: string;
      readonly prefix: string;
      readonly count: number;
      readonly streams: number;
      readonly source: string;
      readonly images: readonly [string, string];
    };

export interface Assignment {
  /** `http://HOST:PORT` or `https://HOST:PORT`; the certificate is not verified. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly work: Work;
}

export interface Result {
  readonly requests: number;
  readonly seconds: number;
  /** CPU seconds of the load generator itself. */
  readonly cpu: number;
  /** Milliseconds from a request to its answer. */
  readonly p50: number;
  readonly p99: number;
}

const FILE = fileURLToPath(import.meta.url);

/** Has a process of its own do the work. @throws {Error} if any answer is not 2xx. */
export async function load(assignment: Assignment): Promise<Result> {
  const child = fork(FILE, ['work']);
  child.send(assignment);
  const [answer] = (await once(child, 'message')) as [Result | { readonly error: string }];
  child.disconnect();
  if ('error' in answer) throw new Error(answer.error);
  return answer;
}

/** The name of the stream with a number, so that names sort as numbers do. */
export function streamName(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(5, '0')}`;
}

/** Requests by number, whole as they go over the wire; undefined when there are no more. */
type Requests = (index: number) => Buffer | undefined;

function requestsOf({ url, headers, work }: Assignment): Requests {
  const { host } = new URL(url);
  const fixed = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const bare = (method: string, path: string): Buffer =>
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${fixed.join('')}\r\n`);
  if (work.kind === 'repeat') {
    const request = bare(work.method, work.path);
    const deadline = performance.now() + work.seconds * 1000;
    return () => (performance.now() < deadline ? request : undefined);
  }
  const { namespace, prefix, count } = work;
  const base = `/apis/image.openshift.io/v1/namespaces/${namespace}`;
  const send = (method: 'POST' | 'PUT', resource: string, body: object): Buffer => {
    const text = JSON.stringify(body);
    const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
    return Buffer.from(`${method} ${base}/${resource} HTTP/1.1\r\n${fixed.join('')}${length}\r\n${text}`);
  };
  const one = (index: number): Buffer => {
    switch (work.kind) {
      case 'streams':
        return send('POST', 'imagestreams', imageStream(streamName(prefix, index)));
      case 'read streams':
        return bare('GET', `${base}/imagestreams/${streamName(prefix, index)}`);
      case 'mappings': {
        const name = streamName(prefix, index % work.streams);
        return send('POST', 'imagestreammappings', mapping(namespace, name, Math.floor(index / work.streams), index));
      }
      case 'moves': {
        const name = `${streamName(prefix, index % work.streams)}:live`;
        const image = work.images[Math.floor(index / work.streams) % 2];
        return send('PUT', `imagestreamtags/${name}`, tagging(name, `${work.source}@${image}`));
      }
    }
  };
  const all = Array.from({ length: count }, (_, index) => one(index));
  return (index) => all[index];
}

function imageStream(name: string): object {
  return {
    kind: 'ImageStream',
    apiVersion: 'image.openshift.io/v1',
    metadata: { name, labels: { app: name, tier: 'backend' }, annotations: { description: 'made by the benchmark' } },
    spec: { lookupPolicy: { local: false } },
  };
}

function tagging(name: string, image: string): object {
  return {
    kind: 'ImageStreamTag',
    apiVersion: 'image.openshift.io/v1',
    metadata: { name },
    tag: { name: 'live', from: { kind: 'ImageStreamImage', name: image } },
  };
}

/** As OpenShift's registry sends it after a push: with manifest and config. */
function mapping(namespace: string, name: string, version: number, index: number): object {
  const layers = [0, 1, 2].map((layer) => hex(`layer ${layer} of ${index}`));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], Cmd: ['/bin/app'], Labels: { version: String(index) } },
    rootfs: { type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`) },
    history: layers.map((_, layer) => ({ created: '2026-01-01T00:00:00Z', created_by: `RUN step ${layer}` })),
  };
  const configText = JSON.stringify(config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: configText.length,
      digest: `sha256:${hex(configText)}`,
    },
    layers: layers.map((digest) => ({
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      size: 123_456,
      digest: `sha256:${digest}`,
    })),
  });
  const digest = `sha256:${hex(manifest)}`;
  return {
    kind: 'ImageStreamMapping',
    apiVersion: 'image.openshift.io/v1',
    metadata: { name, namespace },
    tag: `v${version}`,
    image: {
      metadata: { name: digest, annotations: { 'openshift.io/image.managed': 'true' } },
      dockerImageReference: `registry.example/${namespace}/${name}@${digest}`,
      dockerImageManifest: manifest,
      dockerImageManifestMediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      dockerImageConfig: configText,
    },
  };
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function perform(assignment: Assignment): Promise<Result> {
  const { url, connections } = assignment;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(new URL(url))));
  const requests = requestsOf(assignment);
  const bodiless = assignment.work.kind === 'repeat' && assignment.work.method === 'HEAD';
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const begun = performance.now();
  let next = 0;
  await Promise.all(sockets.map((socket) => drive(socket, () => requests(next++), bodiless, took)));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  for (const socket of sockets) socket.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  return { requests: took.length, seconds, cpu: (user + system) / 1e6, p50: at(0.5), p99: at(0.99) };
}

async function open({ protocol, hostname, port }: URL): Promise<Socket> {
  const address = { host: hostname, port: Number(port) };
  const secure = protocol === 'https:';
  const socket = secure ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
  await once(socket, secure ? 'secureConnect' : 'connect');
  return socket.setNoDelay(true);
}

/** Sends requests one after the other until there are no more. */
function drive(socket: Socket, next: () => Buffer | undefined, bodiless: boolean, took: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let held: Buffer | undefined;
    const send = (): void => {
      const request = next();
      if (request === undefined) {
        resolve();
        return;
      }
      sent = performance.now();
      socket.write(request);
    };
    socket.on('data', (chunk: Buffer) => {
      held = held ? Buffer.concat([held, chunk]) : chunk;
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = held.toString('latin1', 0, end);
      if (head[9] !== '2') return reject(new Error(`the server answered ${held.toString()}`));
      const [, length] = /\r\nContent-Length: (\d+)/i.exec(head) ?? [];
      if (length === undefined) return reject(new Error(`the server answered without a length: ${head}`));
      if (!bodiless && held.length < end + 4 + Number(length)) return;
      held = undefined;
      took.push(performance.now() - sent);
      send();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed a connection')));
    send();
  });
}

if (process.argv[2] === 'work' && process.send) {
  process.on('message', (assignment: Assignment) => {
    perform(assignment).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}
