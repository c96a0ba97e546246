/** Blobs in and out: large ones by curl, one and several at a time, and many of 1 MiB. */
import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../src/image/digest.ts';
import { succeed } from '../test/program.ts';
import { peakMemoryMiB } from '../test/server.ts';
import type { Contestant } from './contestants.ts';
import { beginUpload, inLanes, pushBlob, REPOSITORY } from './image.ts';
import { curlGet, curlPut } from './programs.ts';
import type { Figures, Measure } from './table.ts';
import { type Cost, costOf, forgetPeak, residentMiB } from './usage.ts';

const MiB = 1024 * 1024;
/** Pulls that are measured together. */
const PULLS = 4;

/** Blobs of 1 MiB that are pushed, and by how many connections. */
const SMALLER = 200;
const SMALLER_CONNECTIONS = 8;
/** Pulls at the same time. */
const TOGETHER = 8;

const PUSH: Measure = {
  title: 'push of a large blob',
  unit: 's/GiB',
  goal: 2.2,
  ratios: { zot: 0.8, 'distribution v3': 1, 'docker-registry': 1 },
};
const PULL: Measure = {
  title: 'pull of the same',
  unit: 's/GiB',
  goal: 0.6,
  ratios: { zot: 0.75, 'distribution v3': 1, 'docker-registry': 1 },
};
const MEMORY: Measure = { title: 'memory, peak of that push', unit: 'MiB', goal: 170 };
const MANY: Measure = {
  title: `push of ${SMALLER} × 1 MiB, ${SMALLER_CONNECTIONS} at once`,
  unit: '/s',
  ratios: { zot: 1, 'distribution v3': 1, 'docker-registry': 1 },
};
const MANY_CPU: Measure = { title: 'CPU of the same', unit: 'ms' };
const PULLS_TOGETHER: Measure = {
  title: `pull of ${TOGETHER} × 100 MiB at once`,
  unit: 's/GiB',
  ratios: { zot: 0.75, 'distribution v3': 1 },
};

/** Pushes a large blob and pulls it. @param where Stands behind what is measured. */
export async function transfer(contestant: Contestant, layer: Layer, figures: Figures, where = ''): Promise<void> {
  const at = (measure: Measure): Measure => ({ ...measure, title: measure.title + where });
  const { name, pid } = contestant;
  const gibibytes = layer.mebibytes / 1024;
  forgetPeak(pid);
  const before = residentMiB(pid);
  const { blob, cost } = await pushLayer(contestant, layer);
  figures.add(at(PUSH), name, { value: cost.cpu / gibibytes, note: rate(layer.mebibytes, cost.wall) });
  figures.add(at(MEMORY), name, { value: peakMemoryMiB(pid), note: `${Math.round(before)} MiB before it` });
  const pulled = await pull(contestant, blob, PULLS, 1);
  figures.add(at(PULL), name, {
    value: pulled.cpu / gibibytes / PULLS,
    note: rate(layer.mebibytes, pulled.wall / PULLS),
  });
  removeLarge(contestant.data, layer.mebibytes * MiB);
}

/** Pulls one blob by several clients at once. */
export async function transferTogether(contestant: Contestant, layer: Layer, figures: Figures): Promise<void> {
  const { blob } = await pushLayer(contestant, layer);
  const mebibytes = layer.mebibytes * TOGETHER;
  const { cpu, wall } = await pull(contestant, blob, PULLS, TOGETHER);
  figures.add(PULLS_TOGETHER, contestant.name, {
    value: (cpu * 1024) / mebibytes / PULLS,
    note: rate(mebibytes * PULLS, wall),
  });
  removeLarge(contestant.data, layer.mebibytes * MiB);
}

/** Pushes many blobs of 1 MiB. */
export async function transferMany(contestant: Contestant, figures: Figures): Promise<void> {
  const { name, pid } = contestant;
  const blobs = Array.from({ length: SMALLER }, () => {
    const bytes = randomBytes(MiB);
    return { bytes, digest: digestOf(bytes) };
  });
  const { cpu, wall } = await costOf(pid, () =>
    inLanes(blobs, SMALLER_CONNECTIONS, ({ bytes, digest }, agent) =>
      pushBlob(contestant, REPOSITORY, bytes, { digest, agent }),
    ),
  );
  figures.add(MANY, name, { value: SMALLER / wall });
  figures.add(MANY_CPU, name, { value: cpu * 1000 });
}

async function pushLayer(
  contestant: Contestant,
  layer: Layer,
): Promise<{ readonly blob: string; readonly cost: Cost }> {
  const { pid, url, headers } = contestant;
  const digest = await layer.renew();
  // What others have written must not wait for the disk any more: whoever syncs first would pay for it.
  await succeed('sync', []);
  const cost = await costOf(pid, async () => {
    const location = await beginUpload(contestant, REPOSITORY);
    location.searchParams.set('digest', digest);
    await curlPut(location.href, headers, layer.file);
  });
  return { blob: `${url}/v2/${REPOSITORY}/blobs/${digest}`, cost };
}

async function pull({ pid, headers }: Contestant, blob: string, times: number, together: number): Promise<Cost> {
  // The first brings the file's pages and the program's own into memory.
  await curlGet(blob, headers);
  return costOf(pid, async () => {
    for (let time = 0; time < times; time++) {
      await Promise.all(Array.from({ length: together }, () => curlGet(blob, headers)));
    }
  });
}

function rate(mebibytes: number, seconds: number): string {
  return `${Math.round(mebibytes / seconds)} MiB/s`;
}

/** Takes a layer off the disk behind the registry's back, for it will not be asked for again. */
function removeLarge(folder: string, bytes: number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(path).size >= bytes) rmSync(path);
  }
}

/** A file of random bytes on the disk that is another blob each time. */
export class Layer {
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
