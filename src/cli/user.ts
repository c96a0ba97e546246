/** `headgate user`: who may log in with a password. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { parseHtpasswd } from '../access/htpasswd.ts';
import { removeUser, setPassword } from '../access/htpasswdfile.ts';
import { hashPassword } from '../access/passwords.ts';
import { userName } from '../access/person.ts';
import { readPrivateFile } from '../access/privatefile.ts';
import { ConfigError, htpasswdFile } from '../config.ts';
import { PASSWORD_CHARACTERS } from '../limits.access.ts';
import { gatherSettings } from '../settings.ts';
import { commandLine } from './words.ts';

const OPTIONS = {
  data: { type: 'string' },
  config: { type: 'string' },
  htpasswd: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Usage: headgate user add|passwd|remove NAME [--data DIR] [--htpasswd FILE]
       headgate user list [--data DIR] [--htpasswd FILE]

Says who may log in with a password: in oc login, in a browser, in docker login. Servers notice at once.
The password is asked for; without a terminal it is the first line of standard input.

  add      a user who is not there yet
  passwd   gives a user another password: what docker got for the old one is worth nothing from then on
  remove   ends a user's logins; tokens stay good until they are revoked: headgate token revoke --user NAME
  list     prints the names

What a user may do is for roles to say: kubectl create rolebinding NAME -n NAMESPACE --clusterrole=edit --user=NAME
`;

/**
 * Changes or prints the users.
 * @throws {ConfigError} for what cannot be done; {UnusableFile}.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = commandLine('user', args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [command, name = '', ...more] = positionals;
  const file = fileOf(values);
  if (command === 'list' && name === '') return list(file);
  if (!['add', 'passwd', 'remove'].includes(command ?? '') || name === '' || more.length > 0) {
    throw new ConfigError(['user takes: add, passwd or remove and a NAME, or list; "headgate user --help" tells more']);
  }
  const detail = userName(name);
  if (detail !== undefined) throw new ConfigError([`user: the name ${JSON.stringify(name)} is not allowed: ${detail}`]);
  const known = parseHtpasswd(readPrivateFile(file) ?? '').hashes.has(name);
  if (command === 'add' && known) {
    throw new ConfigError([`user: ${name} is there already; "headgate user passwd ${name}" gives another password`]);
  }
  if (command !== 'add' && !known) throw new ConfigError([`user: there is no user ${name} in ${file}`]);
  if (command === 'remove') await removeUser(file, name);
  else await setPassword(file, name, await hashPassword(await askPassword(name)));
  process.stdout.write(`${name}: ${command === 'remove' ? 'removed' : 'the password is set'}\n`);
}

function list(file: string): void {
  const { hashes, problems } = parseHtpasswd(readPrivateFile(file) ?? '');
  for (const name of [...hashes.keys()].sort()) process.stdout.write(`${name}\n`);
  for (const problem of problems) process.stderr.write(`headgate: ${file}, ${problem}\n`);
}

function fileOf(values: Readonly<Record<string, string | boolean | undefined>>): string {
  const flags = ['data', 'config', 'htpasswd'].flatMap((name) =>
    typeof values[name] === 'string' ? [`--${name}=${values[name]}`] : [],
  );
  const problems: string[] = [];
  const settings = gatherSettings(flags, process.env, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const given = settings.get('htpasswd')?.value;
  return typeof given === 'string' ? resolve(given) : htpasswdFile(resolve(String(settings.get('data')?.value)));
}

/** Asks twice on a terminal, without showing what is typed. */
async function askPassword(name: string): Promise<string> {
  const { isTTY } = process.stdin;
  const password = await ask(isTTY ? `Password of ${name}: ` : '');
  if (password === '') throw new ConfigError(['user: the password is empty']);
  if (password.length > PASSWORD_CHARACTERS) {
    throw new ConfigError([`user: the password is longer than ${PASSWORD_CHARACTERS} characters`]);
  }
  if (isTTY && (await ask('Once more: ')) !== password) throw new ConfigError(['user: the two are not the same']);
  return password;
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY });
  const ended = once(lines, 'close').then(() => ['']);
  const [line = ''] = (await Promise.race([once(lines, 'line'), ended])) as string[];
  lines.close();
  if (question !== '') process.stderr.write('\n');
  return line;
}
