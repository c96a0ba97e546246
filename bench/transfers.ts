/** A large blob in and out, by curl. */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contestant } from './contestants.ts';
import { beginUpload, REPOSITORY } from './image.ts';
import { curlGet, curlPut } from './programs.ts';
import type { Figures, Measure } from './table.ts';
import { costOf } from './usage.ts';

const MiB = 1024 * 1024;
/** Pulls that are measured together. */
const PULLS = 4;

const PUSH: Measure = { title: 'push of a large blob', unit: 's/GiB', goal: 2.2 };
const PULL: Measure = { title: 'pull of the same', unit: 's/GiB', goal: 0.6 };

/** Pushes a blob and pulls it. */
export async function transfer(contestant: Contestant, layer: Layer, figures: Figures): Promise<void> {
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
  const pulled = await costOf(pid, async () => {
    for (let time = 0; time < PULLS; time++) await curlGet(blob, headers);
  });
  figures.add(PULL, name, {
    value: pulled.cpu / gibibytes / PULLS,
    note: rate({ wall: pulled.wall / PULLS }),
  });
  removeLarge(contestant.data, layer.mebibytes * MiB);
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
