/** `headgate backup`: writes everything that is stored to a file, while servers go on. */
import { digestsOf } from '../blobs/copy.ts';
import { openBlobs } from '../blobs/open.ts';
import { blobsConfig, ConfigError, storeConfig } from '../config.ts';
import { writeBackup } from '../store/backup.ts';
import { storeSource } from '../store/copy.ts';
import { flagsOf, openFilled, progressBar } from './places.ts';

const HELP = `Usage: headgate backup --to FILE [--store URL] [--blobs URL] [--data DIR]

Writes everything that is stored, as it is at one revision, to a file: objects, histories, roles and the hashes
of tokens. Servers may run meanwhile. The file also names the blobs that there are; their content is copied by
whatever copies the folder or bucket, after this command so that no blob is missing. --store, --blobs and --data
are those of "headgate serve", and are taken from the same variables.
`;

/**
 * Runs the command.
 * @throws {ConfigError} for wrong arguments; {StoreError} and {BlobError} if something cannot be read.
 */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const flags = flagsOf('backup', ['to', 'store', 'blobs', 'data'], args);
  const file = flags.get('to');
  if (file === undefined) throw new ConfigError(['--to is missing: the file to write']);
  const data = flags.get('data') ?? '';
  const place = blobsConfig(flags.get('blobs') ?? '', data, '--blobs');
  await using opened = new AsyncDisposableStack();
  const config = storeConfig(flags.get('store') ?? '', data, '--store');
  const store = opened.adopt(await openFilled(config, '--store'), (it) => it.close());
  const warn = (text: string): void => void process.stderr.write(`headgate: --blobs: ${text}\n`);
  const blobs = opened.adopt(await openBlobs(place, { store, warn }), (it) => it.close());
  const snapshot = await storeSource(store).snapshot();
  const show = progressBar();
  const heard = (done: number): void => show({ phase: 'writing', done, total: snapshot.total });
  const written = await writeBackup(file, snapshot, () => digestsOf(blobs), { time: new Date(), heard });
  const what = `${written.keys} keys as of revision ${snapshot.revision}, and the names of ${written.blobs} blobs`;
  process.stdout.write(`wrote ${file}: ${what}\n`);
}
