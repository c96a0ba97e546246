/** `headgate token`: prints the administrator's API token. */
import { resolve } from 'node:path';
import { adminTokenFile, readAdminToken } from '../access/admin.ts';
import { UnusableFile } from '../access/privatefile.ts';
import { ConfigError } from '../config.ts';
import { ALL_FLAGS } from '../flags.ts';
import { gatherSettings } from '../settings.ts';

const HELP = `Usage: headgate token [--data DIR]

Prints the administrator's API token: the password for docker login (any user name), and what
kubectl --token takes. It is made at the first start of a server.
`;

/**
 * Prints the token.
 * @throws {ConfigError} for unknown flags; {UnusableFile} if there is no token.
 */
export function run(args: readonly string[]): void {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const problems: string[] = [];
  const settings = gatherSettings(args, process.env, problems);
  const extra = ALL_FLAGS.filter(({ name }) => name !== 'data' && name !== 'config');
  for (const { name } of extra) {
    if (settings.get(name)?.source === `--${name}`) problems.push(`--${name}: token takes only --data and --config`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const data = resolve(String(settings.get('data')?.value));
  const token = readAdminToken(data);
  if (token === undefined) {
    const advice = "a server makes it at its first start; name that server's folder with --data";
    throw new UnusableFile(adminTokenFile(data), `does not exist: ${advice}`);
  }
  process.stdout.write(`${token}\n`);
}
