/** `headgate token`: the administrator's API token, and those of users. */
import { join, resolve } from 'node:path';
import { adminTokenFile, readAdminToken, rotateAdminToken } from '../access/admin.ts';
import { shareAdminToken } from '../access/installation.ts';
import { readPrivateFile, replacePrivateFile, UnusableFile } from '../access/privatefile.ts';
import { AccessTokens } from '../access/tokens.ts';
import { ConfigError, storeConfig } from '../config.ts';
import { ALL_FLAGS } from '../flags.ts';
import { gatherSettings } from '../settings.ts';
import { flagsOf, openGuest } from './places.ts';

const HELP = `Usage: headgate token [--data DIR]
       headgate token create USER [--expires 90d|never] [--scope SCOPE]... [--data DIR]
       headgate token list [USER] [--data DIR]
       headgate token revoke NAME|TOKEN|--user USER [--data DIR]
       headgate token rotate [--data DIR] [--store URL]

Prints the administrator's API token: the password for docker login (any user name), and what
kubectl --token takes. It is made at the first start of a server.

  create   makes a token of a user, who is made if need be, and prints it; it cannot be printed again.
           Scopes: user:full (all rights of the user; the default), user:info, role:ROLE:NAMESPACE…
  list     tells which tokens there are, and when they end
  revoke   ends a token, given as itself or by the name that list prints, or all tokens of a user
  rotate   gives this folder's administrator another token, and ends the one before at once

create, list and revoke need a running server; rotate works with and without.
`;

/**
 * Prints the token, or does what is asked.
 * @throws {ConfigError} for what cannot be done; {UnusableFile} if there is no token; {ServerRefusal}; {StoreError}.
 */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const [command, ...rest] = args;
  if (command === 'rotate') return rotate(rest);
  if (command !== undefined && !command.startsWith('-')) return (await import('./usertokens.ts')).run(command, rest);
  const problems: string[] = [];
  const settings = gatherSettings(args, process.env, problems);
  const extra = ALL_FLAGS.filter(({ name }) => name !== 'data' && name !== 'config');
  for (const { name } of extra) {
    if (settings.get(name)?.source === `--${name}`) problems.push(`--${name}: token takes only --data and --config`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const data = resolve(String(settings.get('data')?.value));
  const token = readAdminToken(data);
  if (token === undefined) throw missing(data);
  process.stdout.write(`${token}\n`);
}

function missing(data: string): UnusableFile {
  const advice = "a server makes it at its first start; name that server's folder with --data";
  return new UnusableFile(adminTokenFile(data), `does not exist: ${advice}`);
}

/** The old token is worth nothing before the new one is printed. */
async function rotate(args: readonly string[]): Promise<void> {
  const given = flagsOf('token rotate', ['data', 'store'], args);
  const data = given.get('data') ?? '';
  const old = readAdminToken(data);
  if (old === undefined) throw missing(data);
  const store = await openGuest(storeConfig(given.get('store') ?? '', data, '--store'), '--store', 'read');
  try {
    const now = new Date();
    const tokens = new AccessTokens(store, () => now);
    const token = await rotateAdminToken(data, tokens, now, (made) => shareAdminToken(store, made));
    tokens.close();
    const kubeconfig = join(data, 'admin.kubeconfig');
    const text = readPrivateFile(kubeconfig);
    if (text !== undefined) replacePrivateFile(kubeconfig, text.replaceAll(old, token));
    process.stdout.write(`${token}\n`);
  } finally {
    await store.close();
  }
}
