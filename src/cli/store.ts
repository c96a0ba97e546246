/** `headgate store copy`: everything that is stored, from one engine or place to another. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, type StoreConfig, storeConfig } from '../config.ts';
import { variableOf } from '../flags.ts';
import { type CopyProgress, copyStore } from '../store/copy.ts';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';
import { type Store, StoreError } from '../store/store.ts';

const HELP = `Usage: headgate store copy --from URL --to URL [--data DIR]

Makes the store at --to equal to the one at --from, and compares them when that is done. URLs are those of
"headgate serve --store": sqlite:[FILE] (without FILE under DATA) or etcd://HOST:PORT,…/PREFIX.

The store at --to must be empty, or an earlier copy that nobody has written to: then only what differs is
copied. So a copy that was cut off goes on when it is begun again, and the way to move without a long pause is
to copy while the old server runs, to stop it, to copy once more, and to start the new one.

The content of images is not in the store, and stays where it is. Clients that watch begin anew, because
resourceVersions of the new store are others.
`;

/** Milliseconds between two lines of progress on a terminal, and in a file. */
const TERMINAL_MS = 100;
const FILE_MS = 5_000;

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
  const { from, to } = placesOf(rest);
  await using opened = new AsyncDisposableStack();
  const source = opened.adopt(await open(from, 'from'), (it) => it.close());
  if ((await source.list('', { limit: 1 })).entries.length === 0) {
    throw new StoreError('there is nothing at --from: name the store of a Headgate that has run');
  }
  const target = opened.adopt(await open(to, 'to'), (it) => it.close());
  const { keys, changed, revision, behind } = await copyStore(source, target, progress());
  process.stdout.write(`copied and compared: ${keys} keys as of revision ${revision}, ${changed} of them written\n`);
  if (behind) {
    process.stdout.write(
      'the source has been written to meanwhile: stop its server and copy again to bring the rest\n',
    );
  }
}

function placesOf(args: readonly string[]): { readonly from: StoreConfig; readonly to: StoreConfig } {
  const text = { type: 'string' } as const;
  const { tokens } = parseArgs({
    args: [...args],
    options: { from: text, to: text, data: text },
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string>();
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is not expected: store copy takes only flags`);
    if (token.kind !== 'option') continue;
    if (!['from', 'to', 'data'].includes(token.name)) problems.push(`${token.rawName}: there is no such flag`);
    else if (!token.value) problems.push(`${token.rawName}: a value is missing`);
    else given.set(token.name, token.value);
  }
  const data = resolve(given.get('data') ?? process.env[variableOf('data')] ?? './headgate-data');
  const [from, to] = ['from', 'to'].map((name) => {
    const url = given.get(name);
    if (url === undefined) problems.push(`--${name} is missing: the URL of a store`);
    return storeConfig(url ?? 'sqlite:', data, `--${name}`);
  });
  if (problems.length > 0 || !from || !to) throw new ConfigError(problems);
  if (JSON.stringify(from) === JSON.stringify(to)) throw new ConfigError(['--from and --to are the same store']);
  return { from, to };
}

/** Opens a store as a guest: it leaves history to those who serve it. */
async function open(config: StoreConfig, flag: 'from' | 'to'): Promise<Store> {
  if (config.kind === 'etcd') {
    const { openEtcdStore } = await import('../store/etcd/etcd.ts');
    const warn = (text: string): void => void process.stderr.write(`headgate: --${flag}: ${text}\n`);
    return openEtcdStore({ location: config.location, historySeconds: 0, warn });
  }
  if (flag === 'from' && !existsSync(config.file)) throw new StoreError(`--from: there is no file ${config.file}`);
  mkdirSync(dirname(config.file), { recursive: true, mode: 0o700 });
  return openSqliteStore({ file: config.file, historySeconds: 0 });
}

function progress(): (progress: CopyProgress) => void {
  const { isTTY } = process.stderr;
  let said = 0;
  return ({ phase, done, total }) => {
    const now = performance.now();
    if (done < total && now - said < (isTTY ? TERMINAL_MS : FILE_MS)) return;
    said = now;
    const share = total === 0 ? 1 : done / total;
    const bar = '#'.repeat(Math.floor(share * 30)).padEnd(30);
    const line = `${phase.padEnd(9)} [${bar}] ${Math.floor(share * 100)}% of ${total} keys`;
    process.stderr.write(isTTY ? `\r${line}${done === total ? '\n' : ''}` : `${line}\n`);
  };
}
