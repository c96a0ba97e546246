/** `headgate restore`: makes an empty store what a backup says. */
import type { Blobs } from '../blobs/blobs.ts';
import { openBlobs } from '../blobs/open.ts';
import { blobsConfig, ConfigError, storeConfig } from '../config.ts';
import { parseDigest } from '../image/digest.ts';
import { type Backup, openBackup } from '../store/backup.ts';
import { copyStore } from '../store/copy.ts';
import { flagsOf, openGuest, progressBar } from './places.ts';

const HELP = `Usage: headgate restore --from FILE [--store URL] [--blobs URL] [--data DIR]

Brings back what "headgate backup" wrote, and compares it. The store must be empty, or an earlier try of the same
that was cut off. No server may run on it meanwhile. Then it looks whether all blobs that the backup names are in
--blobs, and names those that are not. Clients that watch begin anew, because resourceVersions are others.
`;

/** Missing blobs that are named; of more only the number is told. */
const NAMED = 10;

/**
 * Runs the command; the exit status is 1 if blobs are missing.
 * @throws {ConfigError} for wrong arguments; {StoreError} and {BlobError} if something cannot be read or written.
 */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const flags = flagsOf('restore', ['from', 'store', 'blobs', 'data'], args);
  const file = flags.get('from');
  if (file === undefined) throw new ConfigError(['--from is missing: the file that "headgate backup" wrote']);
  const data = flags.get('data') ?? '';
  const place = blobsConfig(flags.get('blobs') ?? '', data, '--blobs');
  const config = storeConfig(flags.get('store') ?? '', data, '--store');
  const backup = await openBackup(file);
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openGuest(config, '--store', 'write'), (it) => it.close());
  const { keys } = await copyStore(backup.source, store, progressBar());
  process.stdout.write(`restored and compared: ${keys} keys of ${backup.head.time}\n`);
  const warn = (text: string): void => void process.stderr.write(`headgate: --blobs: ${text}\n`);
  const blobs = opened.adopt(await openBlobs(place, { store, warn }), (it) => it.close());
  const missing = await missingOf(backup, blobs);
  if (missing.length === 0) return;
  const named = `${missing.slice(0, NAMED).join(' ')}${missing.length > NAMED ? ' …' : ''}`;
  process.stderr.write(`headgate: ${missing.length} blobs are not there yet, copy them to --blobs: ${named}\n`);
  process.exitCode = 1;
}

async function missingOf(backup: Backup, blobs: Blobs): Promise<readonly string[]> {
  const missing: string[] = [];
  for await (const text of backup.blobs()) {
    const digest = parseDigest(text);
    if (!digest || (await blobs.stat(digest)) === undefined) missing.push(text);
  }
  return missing;
}
