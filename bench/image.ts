/** An image as the benchmark pushes it, by the protocol's own requests. */
import { Agent } from 'node:http';
import { digestOf } from '../src/image/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../src/image/mediatype.ts';
import { ask } from '../test/http.ts';
import type { Contestant } from './contestants.ts';

/** The repository that everything is pushed into. */
export const REPOSITORY = 'default/bench';
const SMALL_BYTES = 2048;

/** A manifest as it is pushed. */
export interface Image {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An image that a registry holds, and a blob of 2 KB in its repository. */
export interface Pushed extends Image {
  readonly blob: string;
}

/** Where a registry is, and what requests to it need. */
type Address = Pick<Contestant, 'name' | 'url' | 'headers'>;

/** Pushes an image of three layers under the tag `latest`. */
export async function pushImage(contestant: Address, repository = REPOSITORY): Promise<Pushed> {
  const config = Buffer.from(JSON.stringify(imageConfig()));
  const layers = [0, 1, 2].map((index) => Buffer.alloc(SMALL_BYTES, `layer ${index}`));
  for (const blob of [config, ...layers]) await pushBlob(contestant, repository, blob);
  const descriptor = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(OCI_CONFIG, config),
      layers: layers.map((layer) => descriptor(OCI_LAYER, layer)),
    }),
  );
  const image = { digest: digestOf(bytes), mediaType: OCI_MANIFEST, bytes };
  await putTags(contestant, repository, ['latest'], image, 1);
  return { ...image, blob: digestOf(layers[0] ?? config) };
}

/** Pushes a manifest under many tags, by so many connections. @throws {Error} if one of them is refused. */
export async function putTags(
  { name, url, headers }: Address,
  repository: string,
  tags: readonly string[],
  { mediaType, bytes }: Image,
  connections: number,
): Promise<void> {
  await inLanes(tags, connections, async (tag, agent) => {
    const { status } = await ask(`${url}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { ...headers, 'Content-Type': mediaType },
      body: bytes,
      agent,
    });
    if (status !== 201) throw new Error(`${name} refused the manifest: ${status}`);
  });
}

/** Does the work for each item, by so many connections that are kept. */
export async function inLanes<T>(
  items: readonly T[],
  connections: number,
  work: (item: T, agent: Agent) => Promise<void>,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item, agent);
  };
  try {
    await Promise.all(Array.from({ length: connections }, lane));
  } finally {
    agent.destroy();
  }
}

/** Pushes a blob by POST and PUT, as containerd does. @throws {Error} if it is refused. */
export async function pushBlob(
  contestant: Address,
  repository: string,
  bytes: Buffer,
  { digest = digestOf(bytes), agent }: { readonly digest?: string; readonly agent?: Agent } = {},
): Promise<void> {
  const location = await beginUpload(contestant, repository, agent);
  location.searchParams.set('digest', digest);
  const headers = { ...contestant.headers, 'Content-Type': 'application/octet-stream' };
  const { status } = await ask(location, { method: 'PUT', headers, body: bytes, ...(agent && { agent }) });
  if (status !== 201) throw new Error(`${contestant.name} refused a blob: ${status}`);
}

/** A config as `docker build` makes it: the image stream shows all of it. */
function imageConfig(): object {
  const created = '2026-01-01T00:00:00Z';
  return {
    architecture: 'amd64',
    os: 'linux',
    created,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'APP_HOME=/srv'],
      Entrypoint: ['/bin/app'],
      Cmd: ['--listen', ':8080'],
      ExposedPorts: { '8080/tcp': {} },
      Labels: { 'org.opencontainers.image.title': 'bench', 'org.opencontainers.image.version': '1.0' },
      WorkingDir: '/srv',
    },
    rootfs: { type: 'layers', diff_ids: [0, 1, 2].map((index) => digestOf(`layer ${index}`)) },
    history: [0, 1, 2].map((index) => ({ created, created_by: `RUN /bin/sh -c step-${index} --of the build` })),
  };
}

/** Where the bytes of a new upload go. */
export async function beginUpload({ url, headers }: Address, repository: string, agent?: Agent): Promise<URL> {
  const begun = await ask(`${url}/v2/${repository}/blobs/uploads/`, {
    method: 'POST',
    headers,
    ...(agent && { agent }),
  });
  const { location } = begun.headers;
  if (begun.status !== 202 || location === undefined) throw new Error(`an upload could not be begun: ${begun.status}`);
  return new URL(location, url);
}
