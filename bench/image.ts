/** An image as the benchmark pushes it, by the protocol's own requests. */
import { digestOf } from '../src/image/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../src/image/mediatype.ts';
import { ask } from '../test/http.ts';
import type { Contestant } from './contestants.ts';

/** The repository that everything is pushed into. */
export const REPOSITORY = 'default/bench';
const SMALL_BYTES = 2048;

/** An image that a registry holds, and a blob of 2 KB in its repository. */
export interface Pushed {
  readonly digest: string;
  readonly blob: string;
}

/** Pushes an image of three layers under the tag `latest`. */
export async function pushImage(contestant: Contestant): Promise<Pushed> {
  const config = Buffer.from(JSON.stringify(imageConfig()));
  const layers = [0, 1, 2].map((index) => Buffer.alloc(SMALL_BYTES, `layer ${index}`));
  for (const blob of [config, ...layers]) await pushBlob(contestant, blob);
  const descriptor = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(OCI_CONFIG, config),
      layers: layers.map((layer) => descriptor(OCI_LAYER, layer)),
    }),
  );
  const { status } = await ask(`${contestant.url}/v2/${REPOSITORY}/manifests/latest`, {
    method: 'PUT',
    headers: { ...contestant.headers, 'Content-Type': OCI_MANIFEST },
    body: manifest,
  });
  if (status !== 201) throw new Error(`${contestant.name} refused the manifest: ${status}`);
  return { digest: digestOf(manifest), blob: digestOf(layers[0] ?? config) };
}

async function pushBlob(contestant: Contestant, bytes: Buffer): Promise<void> {
  const location = await beginUpload(contestant);
  location.searchParams.set('digest', digestOf(bytes));
  const headers = { ...contestant.headers, 'Content-Type': 'application/octet-stream' };
  const { status } = await ask(location, { method: 'PUT', headers, body: bytes });
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
export async function beginUpload({ url, headers }: Contestant): Promise<URL> {
  const { status, headers: answered } = await ask(`${url}/v2/${REPOSITORY}/blobs/uploads/`, {
    method: 'POST',
    headers,
  });
  if (status !== 202 || answered.location === undefined) throw new Error(`an upload could not be begun: ${status}`);
  return new URL(answered.location, url);
}
