/** The registry beside docker-registry: small reads at 16 connections, and a large blob in and out. */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../src/image/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../src/image/mediatype.ts';
import { ask } from '../test/http.ts';
import { load } from './connections.ts';
import { type Contestant, startDockerRegistry, startHeadgate } from './contestants.ts';
import type { Effort } from './effort.ts';
import { imageStreamReads } from './objects.ts';
import { curlGet, curlPut, wrk } from './programs.ts';
import type { Figures, Measure } from './table.ts';
import { costOf } from './usage.ts';

const MiB = 1024 * 1024;
const REPOSITORY = 'default/bench';
const SMALL_BYTES = 2048;

/** An image that both registries hold, and a blob of 2 KB in its repository. */
interface Pushed {
  readonly digest: string;
  readonly blob: string;
}

/** Measures both, in turn; Headgate's API over the same image too. */
export async function measureRegistry(folder: string, effort: Effort, figures: Figures): Promise<void> {
  const headgate = await startHeadgate(folder);
  const peer = await startDockerRegistry(folder);
  const layer = await Layer.make(join(folder, 'layer'), effort.layerMiB);
  try {
    const pushed = await pushImage(headgate);
    await pushImage(peer);
    for (let round = 0; round < effort.rounds; round++) {
      const both = round % 2 === 0 ? [headgate, peer] : [peer, headgate];
      for (const measure of readsOf(pushed)) {
        for (const contestant of both) figures.add(measure, contestant.name, await measure.run(contestant, effort));
      }
      for (const contestant of both) await transfer(contestant, layer, figures);
      await imageStreamReads(headgate.server, 'default', 'bench', pushed.digest, effort, figures);
    }
  } finally {
    await Promise.all([headgate.stop(), peer.stop()]);
  }
}

interface Read extends Measure {
  readonly run: (contestant: Contestant, effort: Effort) => Promise<{ readonly value: number; readonly note: string }>;
}

function readsOf({ digest, blob }: Pushed): readonly Read[] {
  const get = (title: string, path: string, goal?: number): Read => ({
    title,
    unit: 'µs',
    ...(goal !== undefined && { goal }),
    run: async ({ pid, url, headers }, { seconds }) => {
      const { cpu, result } = await costOf(pid, () => wrk(`${url}/v2/${path}`, headers, seconds));
      return { value: (cpu * 1e6) / result.requests, note: perSecond(result.perSecond) };
    },
  });
  return [
    get('GET /v2/', ''),
    get('manifest GET by tag', `${REPOSITORY}/manifests/latest`, 60),
    get('manifest GET by digest', `${REPOSITORY}/manifests/${digest}`, 60),
    get('blob GET, 2 KB', `${REPOSITORY}/blobs/${blob}`, 80),
    { title: 'blob HEAD', unit: 'µs', goal: 80, run: (contestant, effort) => headBlob(contestant, blob, effort) },
  ];
}

async function headBlob({ pid, url, headers }: Contestant, blob: string, { seconds }: Effort) {
  const path = `/v2/${REPOSITORY}/blobs/${blob}`;
  const work = { kind: 'repeat', method: 'HEAD', path, seconds } as const;
  const { cpu, result } = await costOf(pid, () => load({ url, headers, connections: 16, work }));
  return { value: (cpu * 1e6) / result.requests, note: perSecond(result.requests / result.seconds) };
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en-US')} /s`;
}

const PUSH: Measure = { title: 'push of a large blob', unit: 's/GiB', goal: 2.2 };
const PULL: Measure = { title: 'pull of the same', unit: 's/GiB', goal: 0.6 };

async function transfer(contestant: Contestant, layer: Layer, figures: Figures): Promise<void> {
  const { name, pid, url, headers } = contestant;
  const gibibytes = layer.mebibytes / 1024;
  const digest = await layer.renew();
  const pushed = await costOf(pid, async () => {
    const location = await beginUpload(contestant);
    location.searchParams.set('digest', digest);
    await curlPut(location.href, headers, layer.file);
  });
  const rate = ({ wall }: { readonly wall: number }): string => `${Math.round(layer.mebibytes / wall)} MiB/s`;
  figures.add(PUSH, name, { value: pushed.cpu / gibibytes, note: rate(pushed) });
  const blob = `${url}/v2/${REPOSITORY}/blobs/${digest}`;
  // The first brings the file's pages and the program's own into memory.
  await curlGet(blob, headers);
  const times = 4;
  const pulled = await costOf(pid, async () => {
    for (let time = 0; time < times; time++) await curlGet(blob, headers);
  });
  figures.add(PULL, name, {
    value: pulled.cpu / gibibytes / times,
    note: rate({ wall: pulled.wall / times }),
  });
  removeLarge(contestant.data, layer.mebibytes * MiB);
}

async function beginUpload({ url, headers }: Contestant): Promise<URL> {
  const { status, headers: answered } = await ask(`${url}/v2/${REPOSITORY}/blobs/uploads/`, {
    method: 'POST',
    headers,
  });
  if (status !== 202 || answered.location === undefined) throw new Error(`an upload could not be begun: ${status}`);
  return new URL(answered.location, url);
}

/** Takes a layer off the disk behind the registry's back, for it will not be asked for again. */
function removeLarge(folder: string, bytes: number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(path).size >= bytes) rmSync(path);
  }
}

async function pushImage(contestant: Contestant): Promise<Pushed> {
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

/** A file of random bytes on the disk that is another blob each time. */
class Layer {
  readonly file: string;
  readonly mebibytes: number;
  #times = 0;

  private constructor(file: string, mebibytes: number) {
    this.file = file;
    this.mebibytes = mebibytes;
  }

  static async make(file: string, mebibytes: number): Promise<Layer> {
    mkdirSync(join(file, '..'), { recursive: true });
    const handle = await open(file, 'w');
    const piece = Buffer.allocUnsafe(64 * MiB);
    try {
      for (let written = 0; written < mebibytes; written += 64) await handle.write(randomFillSync(piece));
    } finally {
      await handle.close();
    }
    return new Layer(file, mebibytes);
  }

  /** Makes it another blob; resolves to its digest. */
  async renew(): Promise<string> {
    const handle = await open(this.file, 'r+');
    try {
      await handle.write(Buffer.from(String(++this.#times).padStart(16, '0')), 0, 16, 0);
    } finally {
      await handle.close();
    }
    const hash = createHash('sha256');
    for await (const piece of createReadStream(this.file, { highWaterMark: MiB })) hash.update(piece as Buffer);
    return `sha256:${hash.digest('hex')}`;
  }
}
