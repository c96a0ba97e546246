/** Clients that push, create, change and delete at the same time, until the server is gone. */
import http from 'node:http';
import https from 'node:https';
import { digestOf } from '../../src/image/digest.ts';
import { type Api, type ApiAsk, askApi, IMAGE_API, streamPath } from '../api.ts';
import { json } from '../http.ts';
import {
  appendTo,
  askRegistry,
  beginUpload,
  expectStatus,
  finishUpload,
  putManifest,
  type Registry,
  Unexpected,
  uploadInPieces,
  uploadWhole,
} from '../registry.ts';
import { REPLICAS, startServer, type TestServer } from '../server.ts';
import { bytesOf, type TinyImage, tinyImage, tinyIndex } from '../tinyimage.ts';
import type { Ledger, StreamState } from './ledger.ts';
import type { Random } from './random.ts';

export const NAMESPACE = 'crash';
/** The stream in which every client has tags and labels of its own. */
export const SHARED = 'shared';

const OWNERS = 4;
const SHARERS = 3;
const UPLOADERS = 1;
const TAGS = ['a', 'b', 'c'] as const;

/** How often a refusal that says "try again" is taken at its word. */
const TRIES = 30;

/** One server and who asks it, from its start to its end. */
export interface Connection {
  readonly registry: Registry;
  readonly api: Api;
  /** Lets go of the connections. */
  close(): void;
}

/** Connections of their own to a server. */
export function connectTo(server: TestServer): Connection {
  // Behind a balancer each request is to go to any replica.
  const keepAlive = REPLICAS === 1;
  const plain = new http.Agent({ keepAlive });
  const secure = new https.Agent({ keepAlive, ca: server.ca });
  const { token, ca } = server;
  return {
    registry: { url: server.registryUrl, token, agent: plain },
    api: { url: server.apiUrl, token, ca, agent: secure },
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** Makes the namespace of all streams, with a server of its own. */
export async function makeNamespace(data: string): Promise<void> {
  await using server = await startServer({ data });
  await makeNamespaceAt(server);
}

/** The same, with one that runs. */
export async function makeNamespaceAt(server: TestServer): Promise<void> {
  const connection = connectTo(server);
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  expectStatus(await askApi(connection.api, '/api/v1/namespaces', { method: 'POST', body }), 201);
  connection.close();
}

interface Client extends Connection {
  readonly ledger: Ledger;
  readonly random: Random;
}

/**
 * Runs clients until their connections break; with several connections, they share them out. `killed` tells whether the
 * server, or one of several, has been killed: whose connection is still there then ends after what it is at.
 * @throws what a client met while the server should still have answered.
 */
export async function runClients(
  connections: Connection | readonly Connection[],
  ledger: Ledger,
  random: Random,
  killed: () => boolean,
): Promise<void> {
  const some = [connections].flat();
  const clients: Promise<void>[] = [];
  const start = (count: number, step: (client: Client, number: number) => Promise<void>): void => {
    for (let number = 0; number < count; number += 1) {
      const connection = some[clients.length % some.length];
      if (!connection) throw new Error('there is no server');
      const client = { ...connection, ledger, random: random.fork() };
      clients.push(untilKilled(() => step(client, number), killed));
    }
  };
  start(OWNERS, owner);
  start(SHARERS, sharer);
  start(UPLOADERS, uploader);
  await Promise.all(clients);
}

async function untilKilled(step: () => Promise<void>, killed: () => boolean): Promise<void> {
  try {
    while (!killed()) await step();
  } catch (error) {
    if (error instanceof Unexpected || !killed()) throw error;
  }
}

/** Does something to a stream that is this client's own. */
async function owner(client: Client, number: number): Promise<void> {
  const { random, ledger } = client;
  const name = `own-${number}-${random.between(0, 2)}`;
  const before = ledger.streams.get(`${NAMESPACE}/${name}`);
  if (before === null) return random.chance(0.4) ? createStream(client, name) : pushTag(client, name, before);
  const acts = [
    pushTag,
    pushTag,
    pushTag,
    pushIndex,
    pushUntagged,
    labelStream,
    mapTag,
    dropTag,
    deleteStream,
  ] as const;
  if (ledger.collecting && random.chance(0.3))
    return random.chance(0.5) ? dropTag(client, name, before) : dropImage(client, name, before);
  return random.pick<OwnerAct>(acts)(client, name, before);
}

type OwnerAct = (client: Client, name: string, before: NonNullable<StreamState>) => Promise<void>;

function changeStream(client: Client, name: string, after: StreamState, act: () => Promise<unknown>): Promise<void> {
  return client.ledger.streams.change(`${NAMESPACE}/${name}`, after, () => persist(act));
}

function withTag(before: StreamState, tag: string, digest: string): StreamState {
  return { labels: before?.labels ?? {}, tags: { ...before?.tags, [tag]: digest } };
}

async function pushTag(client: Client, name: string, before: StreamState): Promise<void> {
  const image = await uploadImage(client, name);
  await pushManifestTo(client, name, before, image);
}

async function pushIndex(client: Client, name: string, before: StreamState): Promise<void> {
  const children = [await uploadImage(client, name), await uploadImage(client, name)];
  for (const child of children) {
    // By digest: the stream must exist already, so that this changes no fact of it.
    await putImage(client, name, child.digest, child);
    client.ledger.pushed(`${NAMESPACE}/${name}`, child.digest, 'index');
  }
  const index = tinyIndex(children);
  client.ledger.images.set(index.digest, index);
  await pushManifestTo(client, name, before, index);
}

async function pushManifestTo(client: Client, name: string, before: StreamState, image: TinyImage): Promise<void> {
  const tag = client.random.pick(TAGS);
  const repository = `${NAMESPACE}/${name}`;
  await changeStream(client, name, withTag(before, tag, image.digest), () => putImage(client, name, tag, image));
  client.ledger.pushed(repository, image.digest, 'tag');
}

async function pushUntagged(client: Client, name: string): Promise<void> {
  // Of its own: a tag of the same image would take it over, and it would go with that.
  const image = await uploadImage(client, name, `crash ${client.random.next()}`);
  await putImage(client, name, image.digest, image);
  client.ledger.pushed(`${NAMESPACE}/${name}`, image.digest, 'digest');
}

/** Makes an image and uploads its blobs, one way or the other. */
async function uploadImage(client: Client, name: string, seed = seedOf(client)): Promise<TinyImage> {
  const { random, ledger } = client;
  const shape = SHARED_SEEDS.indexOf(seed);
  const layers = Array.from({ length: shape < 0 ? random.between(1, 3) : 2 }, (_, index) =>
    shape < 0 ? random.pick(LAYER_BYTES) : (LAYER_BYTES[(shape + index) % LAYER_BYTES.length] ?? 0),
  );
  const image = tinyImage(seed, layers);
  ledger.images.set(image.digest, image);
  await uploadBlobs(client, name, image);
  return image;
}

async function uploadBlobs(client: Client, name: string, image: TinyImage): Promise<void> {
  const { random, registry, ledger } = client;
  const whole = random.chance(0.5);
  ledger.uploaded.set(image, performance.now());
  const upload = async (blob: Buffer): Promise<void> => {
    const repository = `${NAMESPACE}/${name}`;
    if (ledger.collecting && (await isThere(client, `${repository}/blobs/${digestOf(blob)}`))) return;
    if (whole) await persist(() => uploadWhole(registry, repository, blob));
    else await persist(() => uploadInPieces(registry, repository, blob, Math.ceil(blob.length / 3)));
  };
  await Promise.all(image.blobs.map(upload));
}

/** Pushes a manifest. Who takes longer than blobs are kept without one sends them again, as clients do. */
async function putImage(client: Client, name: string, reference: string, image: TinyImage): Promise<void> {
  const { registry, ledger } = client;
  const { manifest, mediaType } = image;
  for (;;) {
    try {
      return await persist(() => putManifest(registry, `${NAMESPACE}/${name}`, reference, manifest, mediaType));
    } catch (error) {
      // A lease is renewed when half of it is over, so that is what a client can rely on.
      const since = performance.now() - (ledger.uploaded.get(image) ?? 0);
      const late = ledger.leaseMs !== undefined && since > ledger.leaseMs / 2;
      if (!late || !(error instanceof Unexpected) || !error.message.includes('MANIFEST_BLOB_UNKNOWN')) throw error;
      await uploadBlobs(client, name, image);
    }
  }
}

const LAYER_BYTES = [100, 5_000, 60_000, 600_000] as const;
/** Images that everyone makes again and again: what one deletes another is just pushing. */
const SHARED_SEEDS = ['one', 'two', 'three', 'four', 'five', 'six'];

function seedOf({ random, ledger }: Client): string {
  if (ledger.collecting && random.chance(0.7)) return SHARED_SEEDS[random.between(0, SHARED_SEEDS.length - 1)] ?? '';
  return `crash ${random.next()}`;
}

/** Whether the registry says that it has a blob: a client then does not send it, and relies on that. */
async function isThere({ registry }: Client, path: string): Promise<boolean> {
  const answer = await askRegistry(registry, path, { method: 'HEAD' });
  return answer.status === 200;
}

async function createStream(client: Client, name: string): Promise<void> {
  const labels = { made: String(client.random.between(0, 999)) };
  const body = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, labels } };
  await changeStream(client, name, { labels, tags: {} }, () =>
    write(client, streamPath(NAMESPACE, ''), { method: 'POST', body }, 201),
  );
}

async function labelStream(client: Client, name: string, before: NonNullable<StreamState>): Promise<void> {
  const labels = { ...before.labels, count: String(client.random.between(0, 999_999)) };
  const body = { metadata: { labels } };
  const type = 'application/merge-patch+json';
  await changeStream(client, name, { ...before, labels }, () =>
    write(client, streamPath(NAMESPACE, name), { method: 'PATCH', body, type }),
  );
}

/** Points a tag to an image that another tag of the stream has. */
async function mapTag(client: Client, name: string, before: NonNullable<StreamState>): Promise<void> {
  const [digest] = Object.values(before.tags);
  if (digest === undefined) return;
  const tag = client.random.pick(TAGS);
  const reference = `${new URL(client.registry.url).host}/${NAMESPACE}/${name}@${digest}`;
  const body = {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStreamMapping',
    metadata: { name, namespace: NAMESPACE },
    image: { metadata: { name: digest }, dockerImageReference: reference },
    tag,
  };
  const path = `${IMAGE_API}/namespaces/${NAMESPACE}/imagestreammappings`;
  await changeStream(client, name, withTag(before, tag, digest), () =>
    write(client, path, { method: 'POST', body }, 201),
  );
}

async function dropTag(client: Client, name: string, before: NonNullable<StreamState>): Promise<void> {
  const [tag] = Object.keys(before.tags);
  if (tag === undefined) return;
  const tags = Object.fromEntries(Object.entries(before.tags).filter(([other]) => other !== tag));
  const act = client.random.chance(0.5)
    ? () => write(client, `${IMAGE_API}/namespaces/${NAMESPACE}/imagestreamtags/${name}:${tag}`, { method: 'DELETE' })
    : () => deleteThroughRegistry(client, name, tag);
  await changeStream(client, name, { ...before, tags }, act);
}

/** Deletes an image by its digest: every tag that points to it goes as well. */
async function dropImage(client: Client, name: string, before: NonNullable<StreamState>): Promise<void> {
  const [digest] = Object.values(before.tags);
  if (digest === undefined) return;
  const tags = Object.fromEntries(Object.entries(before.tags).filter(([, image]) => image !== digest));
  await changeStream(client, name, { ...before, tags }, () => deleteThroughRegistry(client, name, digest));
}

async function deleteThroughRegistry({ registry }: Client, name: string, tag: string): Promise<void> {
  expectStatus(await askRegistry(registry, `${NAMESPACE}/${name}/manifests/${tag}`, { method: 'DELETE' }), 202);
}

async function deleteStream(client: Client, name: string): Promise<void> {
  if (client.random.chance(0.5)) return;
  await changeStream(client, name, null, () => write(client, streamPath(NAMESPACE, name), { method: 'DELETE' }));
  client.ledger.forget(`${NAMESPACE}/${name}`);
}

/** Does something to its tag, or its label, of the stream that all share. */
async function sharer(client: Client, number: number): Promise<void> {
  const { random, ledger } = client;
  const repository = `${NAMESPACE}/${SHARED}`;
  const tag = `tag-${number}`;
  const known = ledger.tags.get(`${repository}:${tag}`);
  if (known !== '' && random.chance(0.3)) {
    const value = String(random.between(0, 999_999));
    const body = { metadata: { labels: { [tag]: value } } };
    const type = 'application/merge-patch+json';
    const act = (): Promise<void> => write(client, streamPath(NAMESPACE, SHARED), { method: 'PATCH', body, type });
    return ledger.labels.change(`${repository}:${tag}`, value, () => persist(act));
  }
  if (known !== '' && random.chance(0.15)) {
    const act = (): Promise<void> => deleteThroughRegistry(client, SHARED, tag);
    return ledger.tags.change(`${repository}:${tag}`, '', () => persist(act));
  }
  const image = await uploadImage(client, SHARED);
  const { digest } = image;
  await ledger.tags.change(`${repository}:${tag}`, digest, () => putImage(client, SHARED, tag, image));
  ledger.pushed(repository, digest, 'tag');
}

/** Uploads in pieces, and often does not finish. */
async function uploader({ random, registry, ledger }: Client): Promise<void> {
  const repository = `${NAMESPACE}/uploads`;
  const bytes = bytesOf(`upload ${random.next()}`, random.between(1_000, 400_000));
  let location = await beginUpload(registry, repository);
  const upload = { repository, location, bytes, acknowledged: 0, sent: 0, finishing: false };
  ledger.uploads.push(upload);
  while (upload.acknowledged < bytes.length) {
    if (random.chance(0.2)) return;
    const end = Math.min(bytes.length, upload.acknowledged + random.between(1, 150_000));
    upload.sent = end;
    location = await appendTo(registry, location, upload.acknowledged, bytes.subarray(upload.acknowledged, end));
    upload.acknowledged = end;
  }
  if (random.chance(0.5)) return;
  upload.finishing = true;
  await finishUpload(registry, location, digestOf(bytes));
  ledger.uploads.splice(ledger.uploads.indexOf(upload), 1);
}

/** Writes through the API, and notes the resourceVersion that is answered. */
async function write({ api, ledger }: Client, path: string, asked: ApiAsk, status = 200): Promise<void> {
  const answer = expectStatus(await askApi(api, path, asked), status);
  const { metadata } = json(answer) as { readonly metadata?: { readonly resourceVersion?: string } };
  ledger.saw(metadata?.resourceVersion);
}

/** Does something again as long as the server says that another was faster. */
async function persist(act: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await act();
      return;
    } catch (error) {
      const again = error instanceof Unexpected && (error.answer.status === 409 || error.answer.status === 503);
      if (!again || tries === TRIES) throw error;
    }
  }
}
