/**
 * A backup of a store as one file: gzip of lines of JSON. The first line says what it is, then come the keys in their order
 * with their values, then the digests of the blobs that there were, and the last line has the hash of all before it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Snapshot, Source } from './copy.ts';
import { compareKeys } from './key.ts';
import { type Revision, StoreError } from './store.ts';

/** The format that this program writes; it reads no newer one. */
const FORMAT = 1;

/** What the first line says. */
export interface BackupHead {
  readonly headgate: 'backup';
  readonly format: number;
  readonly revision: Revision;
  /** RFC 3339. */
  readonly time: string;
}

type Line =
  | BackupHead
  | { readonly key: string; readonly value: string }
  | { readonly blob: string }
  | { readonly keys: number; readonly blobs: number; readonly sha256: string };

/** A file that is a backup, whole and undamaged. */
export interface Backup {
  readonly head: BackupHead;
  readonly keys: number;
  /** What a store can be made equal to. */
  readonly source: Source;
  /** The digests of the blobs that there were. */
  blobs(): AsyncGenerator<string, undefined>;
}

/** A file cannot be read as a backup. */
export class BadBackup extends StoreError {
  override name = 'BadBackup';
}

/**
 * Writes a backup; the file is there whole, and on the disk, or not at all. Only its owner may read it.
 * @param blobs their digests; asked for after the keys were read, so that no key names one that came later.
 * @param heard is told of each key, with how many there have been.
 */
export async function writeBackup(
  file: string,
  snapshot: Snapshot,
  blobs: () => AsyncIterable<string>,
  { time, heard }: { readonly time: Date; readonly heard: (keys: number) => void },
): Promise<{ readonly keys: number; readonly blobs: number }> {
  const counts = { keys: 0, blobs: 0 };
  const hash = createHash('sha256');
  const text = (line: Line): string => {
    const written = `${JSON.stringify(line)}\n`;
    hash.update(written);
    return written;
  };
  async function* lines(): AsyncGenerator<string> {
    yield text({ headgate: 'backup', format: FORMAT, revision: snapshot.revision, time: time.toISOString() });
    for await (const { key, value } of snapshot.entries()) {
      heard(++counts.keys);
      yield text({ key, value: value.toString('base64') });
    }
    for await (const blob of blobs()) {
      counts.blobs += 1;
      yield text({ blob });
    }
    yield `${JSON.stringify({ ...counts, sha256: hash.digest('hex') } satisfies Line)}\n`;
  }
  const unfinished = `${file}.unfinished`;
  try {
    await pipeline(Readable.from(lines()), createGzip(), createWriteStream(unfinished, { mode: 0o600 }));
    await sync(unfinished);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  return counts;
}

async function sync(file: string): Promise<void> {
  const handle = await open(file);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a backup through once and sees that nothing of it is missing or damaged.
 * @throws {BadBackup}
 */
export async function openBackup(file: string): Promise<Backup> {
  const hash = createHash('sha256');
  let head: BackupHead | undefined;
  let [keys, blobs, last] = [0, 0, ''];
  let whole = false;
  for await (const { text, line } of linesOf(file)) {
    if (whole) throw new BadBackup(`${file} goes on after its end`);
    if (!head) head = headOf(file, line);
    else if ('key' in line) {
      if (keys++ > 0 && compareKeys(last, line.key) >= 0) throw new BadBackup(`${file} is damaged: keys out of order`);
      last = line.key;
    } else if ('blob' in line) blobs += 1;
    else if ('sha256' in line) {
      whole = line.keys === keys && line.blobs === blobs && line.sha256 === hash.digest('hex');
      if (!whole) throw new BadBackup(`${file} is damaged: its contents are not what they were when it was written`);
      continue;
    }
    hash.update(`${text}\n`);
  }
  if (!head || !whole) throw new BadBackup(`${file} is not whole: its end is missing`);
  const { revision } = head;
  const snapshot: Snapshot = { revision, total: keys, entries: () => entriesOf(file) };
  return { head, keys, source: { snapshot: async () => snapshot }, blobs: () => blobsOf(file) };
}

function headOf(file: string, line: Line): BackupHead {
  if (!('headgate' in line)) throw new BadBackup(`${file} is no backup of a Headgate`);
  if (line.format <= FORMAT) return line;
  throw new BadBackup(`${file} was written by a newer Headgate (format ${line.format}): restore it with that version`);
}

async function* entriesOf(file: string): AsyncGenerator<{ key: string; value: Buffer }, undefined> {
  for await (const { line } of linesOf(file)) {
    if ('key' in line) yield { key: line.key, value: Buffer.from(line.value, 'base64') };
    else if ('blob' in line) return undefined;
  }
  return undefined;
}

async function* blobsOf(file: string): AsyncGenerator<string, undefined> {
  for await (const { line } of linesOf(file)) if ('blob' in line) yield line.blob;
  return undefined;
}

async function* linesOf(file: string): AsyncGenerator<{ readonly text: string; readonly line: Line }, undefined> {
  const source = createReadStream(file);
  const unzipped = createGunzip();
  source.on('error', (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  try {
    const lines = createInterface({ input: unzipped, crlfDelay: Number.POSITIVE_INFINITY });
    for await (const text of lines) yield { text, line: lineOf(file, text) };
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BadBackup(`${file} cannot be read as a backup: ${reason}`, { cause: error });
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}

function lineOf(file: string, text: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Line;
  } catch {
    // Said below.
  }
  throw new BadBackup(`${file} is damaged, or no backup of a Headgate`);
}
