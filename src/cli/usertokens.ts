/** `headgate token create`, `list` and `revoke`: tokens of users, through the API of the running server. */
import { expiryOf, tokenObjectName } from '../access/oauthtokens.ts';
import { isAccessToken, newAccessToken } from '../access/tokens.ts';
import type { OAuthAccessToken } from '../cluster/oauthaccesstokens.ts';
import { COMMAND_CLIENT } from '../cluster/oauthclients.ts';
import { OAUTH_GROUP } from '../cluster/oauthfields.ts';
import type { User } from '../cluster/users.ts';
import { ConfigError, secondsIn } from '../config.ts';
import { nameOf } from '../objects/object.ts';
import { type ApiClient, apiClient } from './apiclient.ts';
import { flagsOf } from './places.ts';
import { commandLine } from './words.ts';

const OPTIONS = {
  data: { type: 'string' },
  expires: { type: 'string' },
  scope: { type: 'string', multiple: true },
  user: { type: 'string' },
} as const;

const TOKENS = `/apis/${OAUTH_GROUP}/v1/oauthaccesstokens`;
const USERS = '/apis/user.openshift.io/v1/users';

/**
 * Does what is asked.
 * @throws {ConfigError} for what cannot be done; {UnusableFile}; {ServerRefusal}.
 */
export async function run(command: string, args: readonly string[]): Promise<void> {
  const { values, positionals } = commandLine('token', args, OPTIONS);
  const api = apiClient(
    flagsOf('token', ['data'], values.data === undefined ? [] : ['--data', values.data]).get('data') ?? '',
  );
  const [first = '', ...more] = positionals;
  if (more.length > 0)
    throw new ConfigError([`token: "${more[0]}" is not expected; "headgate token --help" tells more`]);
  switch (command) {
    case 'create':
      if (first === '') throw new ConfigError(['token create: name the USER whose token it shall be']);
      return create(api, first, values.scope ?? ['user:full'], secondsOf(values.expires ?? '90d'));
    case 'list':
      return list(api, first);
    case 'revoke':
      if ((first === '') === (values.user === undefined)) {
        throw new ConfigError(['token revoke: give either a TOKEN, its NAME, or --user USER']);
      }
      return revoke(api, first, values.user);
    default:
      throw new ConfigError([`token: there is no "${command}"; "headgate token --help" tells more`]);
  }
}

function secondsOf(text: string): number {
  return text === 'never' ? 0 : secondsIn(text, '--expires');
}

async function create(api: ApiClient, user: string, scopes: readonly string[], seconds: number): Promise<void> {
  const owner = (await userNamed(api, user)) ?? ((await api('POST', USERS, { metadata: { name: user } })) as User);
  const token = newAccessToken();
  await api('POST', TOKENS, {
    metadata: { name: tokenObjectName(token) },
    clientName: COMMAND_CLIENT,
    expiresIn: seconds,
    scopes,
    redirectURI: 'headgate:command',
    userName: user,
    userUID: owner.metadata.uid,
  });
  process.stdout.write(`${token}\n`);
}

async function userNamed(api: ApiClient, name: string): Promise<User | undefined> {
  const selector = encodeURIComponent(`metadata.name=${name}`);
  const { items } = (await api('GET', `${USERS}?fieldSelector=${selector}`)) as { items: User[] };
  return items[0];
}

async function tokensOf(api: ApiClient, user: string): Promise<OAuthAccessToken[]> {
  const query = user === '' ? '' : `?fieldSelector=${encodeURIComponent(`userName=${user}`)}`;
  return ((await api('GET', TOKENS + query)) as { items: OAuthAccessToken[] }).items;
}

async function list(api: ApiClient, user: string): Promise<void> {
  const tokens = await tokensOf(api, user);
  const rows = tokens.map((token) => [
    nameOf(token),
    token.userName ?? '',
    token.clientName ?? '',
    endOf(token),
    (token.scopes ?? []).join(','),
  ]);
  const table = [['NAME', 'USER', 'CLIENT', 'ENDS', 'SCOPES'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

function endOf(token: OAuthAccessToken): string {
  const end = expiryOf({ metadata: token.metadata, expiresIn: token.expiresIn ?? 0 });
  return end === Number.POSITIVE_INFINITY ? 'never' : new Date(end).toISOString().slice(0, 16).replace('T', ' ');
}

async function revoke(api: ApiClient, token: string, user: string | undefined): Promise<void> {
  // A token and the name of one look alike; the name of what is given as a token is tried first.
  const known = new Set((await tokensOf(api, user ?? '')).map(nameOf));
  const asToken = isAccessToken(token) ? tokenObjectName(token) : '';
  const names = user === undefined ? [known.has(asToken) ? asToken : token] : [...known];
  for (const name of names) await api('DELETE', `${TOKENS}/${encodeURIComponent(name)}`);
  process.stdout.write(`${names.length === 1 ? '1 token is' : `${names.length} tokens are`} revoked\n`);
}
