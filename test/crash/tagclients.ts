/** Clients that move and read a few tags through a balancer, and note what they saw and when. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi, IMAGE_API, streamPath } from '../api.ts';
import { type Answer, json } from '../http.ts';
import { askRegistry, expectStatus, putManifest, Unexpected, uploadInPieces, uploadWhole } from '../registry.ts';
import { type TinyImage, tinyImage } from '../tinyimage.ts';
import type { Machines } from './machines.ts';
import type { Random } from './random.ts';
import type { Operation } from './register.ts';
import type { Connection } from './workload.ts';

export const NAMESPACE = 'faults';
export const STREAMS = ['one', 'two', 'three'] as const;
const TAGS = ['a', 'b'] as const;
const WRITERS = 4;
const READERS = 4;
/** Milliseconds after which whoever asks gives up: what a server may take, and what a fault may add. */
const PATIENCE_MS = 14_000;
/** Milliseconds that a client waits before it asks again, after a refusal. */
const PAUSE_MS = 100;
const LAYER_BYTES = [100, 5_000, 60_000, 400_000] as const;

/** What happened to the tags. */
export class Record {
  /** By `stream:tag`. */
  readonly histories = new Map<string, Operation[]>();
  /** Every image whose manifest was sent, by digest. */
  readonly images = new Map<string, TinyImage>();
  /** Manifests that were acknowledged: the stream, by digest. */
  readonly acknowledged = new Map<string, string>();
  reads = 0;
  refusals = 0;
  /** How often each thing was answered, or met, that was not what a client wanted. */
  readonly met = new Map<string, number>();
  /** Writes of which nobody knows. */
  unknown = 0;
  /** Milliseconds of the answer that took longest. */
  slowest = 0;

  meet(error: unknown): void {
    const words = error instanceof Error ? error.message.replace(/[0-9a-f]{32,}/g, '…').slice(0, 160) : String(error);
    this.met.set(words, (this.met.get(words) ?? 0) + 1);
  }

  add(tag: string, operation: Operation): void {
    const history = this.histories.get(tag) ?? [];
    this.histories.set(tag, history);
    history.push(operation);
  }
}

/** Connections by way of the balancer; each request has one of its own. */
export function connectionTo({ front }: Pick<Machines, 'front'>): Connection {
  const plain = new http.Agent({ keepAlive: false, timeout: PATIENCE_MS });
  const secure = new https.Agent({ keepAlive: false, timeout: PATIENCE_MS, ca: front.ca });
  return {
    registry: { url: front.registryUrl, token: front.token, agent: plain },
    api: { url: front.apiUrl, token: front.token, ca: front.ca, agent: secure },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** Lets clients work until `over` is aborted, and resolves when the last has its answer, or has given up. */
export async function runTagClients(
  connection: Connection,
  record: Record,
  random: Random,
  over: AbortSignal,
): Promise<void> {
  const clients = Array.from({ length: WRITERS + READERS }, async (_, number) => {
    const own = random.fork();
    while (!over.aborted) await (number < WRITERS ? write : read)(connection, record, own, over);
  });
  await Promise.all(clients);
}

function pickTag(random: Random): readonly [stream: string, tag: string] {
  return [random.pick(STREAMS), random.pick(TAGS)];
}

async function write(connection: Connection, record: Record, random: Random, over: AbortSignal): Promise<void> {
  const [stream, tag] = pickTag(random);
  const image = tinyImage(`${stream} ${tag} ${random.next()}`, [random.pick(LAYER_BYTES)]);
  if (!(await uploaded(connection, record, { random, over }, stream, image))) return;
  record.images.set(image.digest, image);
  const begin = performance.now();
  const noted = { kind: 'write', value: image.digest, begin } as const;
  try {
    await timed(record, () =>
      putManifest(connection.registry, `${NAMESPACE}/${stream}`, tag, image.manifest, image.mediaType),
    );
    record.add(`${stream}:${tag}`, { ...noted, end: performance.now() });
    record.acknowledged.set(image.digest, stream);
  } catch (error) {
    if (isRefusal(error)) return;
    record.unknown += 1;
    record.meet(error);
    record.add(`${stream}:${tag}`, { ...noted, end: undefined });
    await sleep(PAUSE_MS);
  }
}

/** Uploads the blobs of an image, each as often as it takes. False if time is over before. */
async function uploaded(
  { registry }: Connection,
  record: Record,
  { random, over }: { readonly random: Random; readonly over: AbortSignal },
  stream: string,
  image: TinyImage,
): Promise<boolean> {
  const repository = `${NAMESPACE}/${stream}`;
  for (const blob of image.blobs) {
    for (let done = false; !done; ) {
      if (over.aborted) return false;
      try {
        const act = random.chance(0.5)
          ? () => uploadWhole(registry, repository, blob)
          : () => uploadInPieces(registry, repository, blob, Math.ceil(blob.length / 3));
        await timed(record, act);
        done = true;
      } catch (error) {
        if (error instanceof Unexpected && !mayTryAgain(error.answer)) throw error;
        record.refusals += 1;
        record.meet(error);
        await sleep(PAUSE_MS);
      }
    }
  }
  return true;
}

/** Whether an answer to an upload lets one begin it anew: the server is not well, or the upload went with a replica. */
function mayTryAgain({ status }: Answer): boolean {
  return status > 500 || status === 404 || status === 409 || status === 416;
}

/** Whether a push was certainly not made: somebody else was quicker ten times, or the blobs' lease was over. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Unexpected)) return false;
  const { status } = error.answer;
  if (status === 409 || (status === 404 && error.message.includes('BLOB_UNKNOWN'))) return true;
  // A server that is not well says so by 503; 500 is a fault of its own.
  if (status <= 500) throw error;
  return false;
}

async function read(connection: Connection, record: Record, random: Random): Promise<void> {
  const [stream, tag] = pickTag(random);
  const begin = performance.now();
  try {
    const value = await timed(record, () => random.pick(LOOKS)(connection, stream, tag));
    if (value === undefined) return await sleep(PAUSE_MS);
    record.add(`${stream}:${tag}`, { kind: 'read', value, begin, end: performance.now() });
    record.reads += 1;
  } catch (error) {
    if (error instanceof Unexpected) throw error;
    record.meet(error);
    await sleep(PAUSE_MS);
  }
  await sleep(random.between(0, 20));
}

type Look = (connection: Connection, stream: string, tag: string) => Promise<string | undefined>;

/** What a read says: a digest, '' for no such tag, undefined if the server could not say. @throws {Unexpected} */
function said(answer: Answer, digest: () => string): string | undefined {
  if (answer.status === 404) return '';
  if (answer.status > 500) return undefined;
  expectStatus(answer, 200);
  return digest();
}

/** The ways to read where a tag points. */
const LOOKS: readonly [Look, ...Look[]] = [
  async ({ registry }, stream, tag) => {
    const answer = await askRegistry(registry, `${NAMESPACE}/${stream}/manifests/${tag}`, { method: 'HEAD' });
    return said(answer, () => String(answer.headers['docker-content-digest']));
  },
  async ({ api }, stream, tag) => {
    const answer = await askApi(api, `${IMAGE_API}/namespaces/${NAMESPACE}/imagestreamtags/${stream}:${tag}`);
    return said(answer, () => (json(answer) as { image: { metadata: { name: string } } }).image.metadata.name);
  },
  async ({ api }, stream, tag) => {
    const answer = await askApi(api, streamPath(NAMESPACE, stream));
    return said(answer, () => targetsOf(json(answer) as SeenStream).get(tag) ?? '');
  },
];

/** A stream as far as it is looked at. */
export interface SeenStream {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly status: {
    readonly tags?: readonly { readonly tag: string; readonly items: readonly { readonly image: string }[] }[];
  };
}

/** Where the tags of a stream point. */
export function targetsOf({ status }: SeenStream): Map<string, string> {
  return new Map((status.tags ?? []).map(({ tag, items }) => [tag, items[0]?.image ?? '']));
}

async function timed<T>(record: Record, act: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await act();
  } finally {
    record.slowest = Math.max(record.slowest, performance.now() - begin);
  }
}
