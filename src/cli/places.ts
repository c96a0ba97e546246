/** The flags of the commands that work on stores and blobs without a server, and how they open them. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, type StoreConfig } from '../config.ts';
import { variableOf } from '../flags.ts';
import type { CopyProgress } from '../store/copy.ts';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';
import { type Store, StoreError } from '../store/store.ts';

/**
 * What the flags say, and with DATA, STORE and BLOBS as for a server where a flag is missing.
 * @throws {ConfigError} for anything but the flags that are named, each with a value.
 */
export function flagsOf(
  command: string,
  names: readonly string[],
  args: readonly string[],
): ReadonlyMap<string, string> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const given = new Map([
    ['data', process.env[variableOf('data')] ?? './headgate-data'],
    ['store', process.env[variableOf('store')] ?? 'sqlite:'],
    ['blobs', process.env[variableOf('blobs')] ?? 'file:'],
  ]);
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is not expected: ${command} takes only flags`);
    if (token.kind !== 'option') continue;
    if (!names.includes(token.name))
      problems.push(`${token.rawName}: there is no such flag; ${command} --help lists them`);
    else if (!token.value) problems.push(`${token.rawName}: a value is missing`);
    else given.set(token.name, token.value);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  given.set('data', resolve(given.get('data') ?? ''));
  return given;
}

/**
 * Opens a store as a guest: it leaves history to those who serve it.
 * @param use whether it must be there already.
 * @throws {StoreError} beginning with the flag.
 */
export async function openGuest(config: StoreConfig, flag: string, use: 'read' | 'write'): Promise<Store> {
  if (config.kind === 'etcd') {
    const { openEtcdStore } = await import('../store/etcd/etcd.ts');
    const warn = (text: string): void => void process.stderr.write(`headgate: ${flag}: ${text}\n`);
    return openEtcdStore({ location: config.location, historySeconds: 0, warn });
  }
  if (use === 'read' && !existsSync(config.file)) throw new StoreError(`${flag}: there is no file ${config.file}`);
  mkdirSync(dirname(config.file), { recursive: true, mode: 0o700 });
  return openSqliteStore({ file: config.file, historySeconds: 0 });
}

/** Opens a store to read from. @throws {StoreError} as `openGuest`, and if there is nothing in it. */
export async function openFilled(config: StoreConfig, flag: string): Promise<Store> {
  const store = await openGuest(config, flag, 'read');
  if ((await store.list('', { limit: 1 })).entries.length > 0) return store;
  await store.close();
  throw new StoreError(`there is nothing at ${flag}: name the store of a Headgate that has run`);
}

/** Milliseconds between two lines of progress on a terminal, and in a file. */
const TERMINAL_MS = 100;
const FILE_MS = 5_000;

/** Shows on standard error how far something with keys is. */
export function progressBar(): (progress: Omit<CopyProgress, 'phase'> & { readonly phase: string }) => void {
  const show = progressLines();
  return (progress) => show(progress, (bar) => `${progress.phase.padEnd(9)} ${bar} keys`);
}

/** Shows on standard error how far something is, now and then; the line is made around `[###   ] 50% of 8`. */
export function progressLines(): (progress: Omit<CopyProgress, 'phase'>, line: (bar: string) => string) => void {
  const { isTTY } = process.stderr;
  let said = 0;
  return ({ done, total }, line) => {
    const now = performance.now();
    if (done < total && now - said < (isTTY ? TERMINAL_MS : FILE_MS)) return;
    said = now;
    const share = total === 0 ? 1 : done / total;
    const bar = '#'.repeat(Math.floor(share * 30)).padEnd(30);
    const text = line(`[${bar}] ${Math.floor(share * 100)}% of ${total}`);
    process.stderr.write(isTTY ? `\r${text}${done === total ? '\n' : ''}` : `${text}\n`);
  };
}
