/** `headgate blobs copy`: the content of images, from one place to another. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BlobError, type Blobs } from '../blobs/blobs.ts';
import { type BlobsCopyProgress, copyBlobs } from '../blobs/copy.ts';
import { type BlobsPlace, openBlobs } from '../blobs/open.ts';
import { nameOf } from '../blobs/s3/address.ts';
import { blobsConfig, ConfigError } from '../config.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import { flagsOf, progressLines } from './places.ts';
import { bytesText } from './words.ts';

const HELP = `Usage: headgate blobs copy --from URL --to URL [--data DIR]

Copies the content of images that --to does not have yet, and checks each blob by its digest on the way. URLs
are those of "headgate serve --blobs": file:[DIR] (without DIR under DATA; DIR may also be the data folder of a
server) or s3://BUCKET/PREFIX?endpoint=URL.

Nothing is deleted at --to. A copy that was cut off goes on when it is begun again, and the way to move without
a long pause is to copy while the old server runs, to stop it, to copy once more, and to start the new one.

Uploads that clients have not finished are not copied: they begin anew.
`;

/**
 * Runs the command.
 * @throws {ConfigError} for wrong arguments; {BlobError} if the copy cannot be made, or not of all blobs.
 */
export async function run(args: readonly string[]): Promise<void> {
  const [action, ...rest] = args;
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  if (action !== 'copy') throw new ConfigError([`blobs: "${action ?? ''}" is no action: there is "blobs copy"`]);
  const { from, to } = placesOf(rest);
  await using opened = new AsyncDisposableStack();
  if (from.kind === 'filesystem' && !existsSync(join(from.folder, 'blobs'))) {
    throw new BlobError(`--from: there are no blobs in ${from.folder}: name the folder of a Headgate that has run`);
  }
  const source = opened.adopt(await open(from, 'from'), (it) => it.close());
  const target = opened.adopt(await open(to, 'to'), (it) => it.close());
  const { blobs, copied, bytes, damaged } = await copyBlobs(source, target, progress());
  process.stdout.write(`copied and checked: ${copied} of ${blobs} blobs, ${bytesText(bytes)}; the others were there\n`);
  if (damaged.length === 0) return;
  for (const digest of damaged) process.stderr.write(`headgate: ${digest} is damaged at --from and was not copied\n`);
  throw new BlobError(`${damaged.length} blobs are damaged: push their images again, or restore them from a backup`);
}

function placesOf(args: readonly string[]): { readonly from: BlobsPlace; readonly to: BlobsPlace } {
  const flags = flagsOf('blobs copy', ['from', 'to', 'data'], args);
  const [from, to] = ['from', 'to'].map((name) => {
    const url = flags.get(name);
    if (url === undefined) throw new ConfigError([`--${name} is missing: the URL of blobs`]);
    return placeOf(url, flags.get('data') ?? '', `--${name}`);
  });
  if (!from || !to || JSON.stringify(from) === JSON.stringify(to)) {
    throw new ConfigError(['--from and --to are the same place']);
  }
  return { from, to };
}

/** The data folder of a server stands for the blobs in it. */
function placeOf(url: string, data: string, source: string): BlobsPlace {
  const place = blobsConfig(url, data, source);
  if (place.kind !== 'filesystem') return place;
  const within = join(place.folder, 'blobs');
  return existsSync(join(within, 'blobs')) ? { kind: 'filesystem', folder: within } : place;
}

/** Opens blobs as a guest, who leaves unfinished uploads to those who serve them. S3 that is away is a failure here. */
async function open(place: BlobsPlace, flag: 'from' | 'to'): Promise<Blobs> {
  const warnings: string[] = [];
  const blobs = await openBlobs(place, { store: openMemoryStore(), warn: (text) => warnings.push(text) });
  if (warnings.length === 0) return blobs;
  await blobs.close();
  const name = place.kind === 's3' ? nameOf(place.address) : place.folder;
  throw new BlobError(`--${flag}: ${name} cannot be used: ${warnings.join('; ')}`);
}

function progress(): (progress: BlobsCopyProgress) => void {
  const show = progressLines();
  const began = performance.now();
  return (progress) =>
    show(progress, (bar) => {
      const pace = bytesText((progress.bytes / Math.max(1, performance.now() - began)) * 1000);
      return `copying ${bar} blobs, ${bytesText(progress.bytes)}, ${pace}/s`;
    });
}
