/** `headgate store copy`: everything that is stored, from one engine or place to another. */
import { ConfigError, storeConfig } from '../config.ts';
import { copyStore, storeSource } from '../store/copy.ts';
import { flagsOf, openFilled, openGuest, progressBar } from './places.ts';

const HELP = `Usage: headgate store copy --from URL --to URL [--data DIR]

Makes the store at --to equal to the one at --from, and compares them when that is done. URLs are those of
"headgate serve --store": sqlite:[FILE] (without FILE under DATA) or etcd://HOST:PORT,…/PREFIX.

The store at --to must be empty, or an earlier copy that nobody has written to: then only what differs is
copied. So a copy that was cut off goes on when it is begun again, and the way to move without a long pause is
to copy while the old server runs, to stop it, to copy once more, and to start the new one.

The content of images is not in the store, and stays where it is. Clients that watch begin anew, because
resourceVersions of the new store are others.
`;

/**
 * Runs the command.
 * @throws {ConfigError} for wrong arguments; {StoreError} if the copy cannot be made.
 */
export async function run(args: readonly string[]): Promise<void> {
  const [action, ...rest] = args;
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  if (action !== 'copy') throw new ConfigError([`store: "${action ?? ''}" is no action: there is "store copy"`]);
  const flags = flagsOf('store copy', ['from', 'to', 'data'], rest);
  const [from, to] = ['from', 'to'].map((name) => {
    const url = flags.get(name);
    if (url === undefined) throw new ConfigError([`--${name} is missing: the URL of a store`]);
    return storeConfig(url, flags.get('data') ?? '', `--${name}`);
  });
  if (!from || !to || JSON.stringify(from) === JSON.stringify(to)) {
    throw new ConfigError(['--from and --to are the same store']);
  }
  await using opened = new AsyncDisposableStack();
  const source = opened.adopt(await openFilled(from, '--from'), (it) => it.close());
  const target = opened.adopt(await openGuest(to, '--to', 'write'), (it) => it.close());
  const { keys, changed, revision } = await copyStore(storeSource(source), target, progressBar());
  process.stdout.write(`copied and compared: ${keys} keys as of revision ${revision}, ${changed} of them written\n`);
  if ((await source.revision()) === revision) return;
  process.stdout.write('the source has been written to meanwhile: stop its server and copy again to bring the rest\n');
}
