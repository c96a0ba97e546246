/** Pull secrets: which user and password a registry is asked with. As kubelets look them up. */
import { DOCKER_CFG, DOCKER_CONFIG_JSON, type Secret, secrets } from '../cluster/secrets.ts';
import { isJsonObject, JsonInvalid, type JsonObject, parseJson } from '../image/json.ts';
import { matchesWildcards } from '../image/wildcards.ts';
import { PULL_SECRET_BYTES } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { eachKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import type { RegistryCredentials } from './remote.ts';

/** On a secret: imports shall not use it. */
const EXCLUDE_SECRET_ANNOTATION = 'openshift.io/image.excludeSecret';

/** Types of secrets that hold pull secrets, and in which key. */
const KEYS: Readonly<Record<string, string>> = {
  [DOCKER_CONFIG_JSON]: '.dockerconfigjson',
  [DOCKER_CFG]: '.dockercfg',
};

/** What one secret says: users by the registry, or part of one, that they are for. */
export type PullSecret = ReadonlyMap<string, RegistryCredentials>;

/** The pull secrets of a namespace that imports may use, in the order of their names. Those that cannot be read are left out. */
export async function importSecrets(
  ctx: Pick<Services, 'store' | 'settings'>,
  namespace: string,
): Promise<readonly PullSecret[]> {
  const found: PullSecret[] = [];
  await eachKept(ctx.store, secrets, namespace, (kept) => {
    const secret = pullSecretOf(parsed(secrets, ctx.settings, kept));
    if (secret) found.push(secret);
  });
  return found;
}

/** Whether a secret is a pull secret that imports may use, whatever it holds. */
export function isImportSecret({ type = '', metadata }: Secret): boolean {
  return Object.hasOwn(KEYS, type) && metadata.annotations?.[EXCLUDE_SECRET_ANNOTATION] !== 'true';
}

/** What a secret says; undefined if it is no pull secret, is excluded, or cannot be read. */
export function pullSecretOf(secret: Secret): PullSecret | undefined {
  const key = isImportSecret(secret) ? KEYS[secret.type ?? ''] : undefined;
  const encoded = key === undefined ? undefined : secret.data?.[key];
  if (!encoded) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length > PULL_SECRET_BYTES) return undefined;
  let document: unknown;
  try {
    document = parseJson(bytes);
  } catch (error) {
    if (error instanceof JsonInvalid) return undefined;
    throw error;
  }
  const users = key === '.dockerconfigjson' && isJsonObject(document) ? document.auths : document;
  return isJsonObject(users) ? usersOf(users) : undefined;
}

function usersOf(users: JsonObject): PullSecret {
  const found = new Map<string, RegistryCredentials>();
  for (const [place, user] of Object.entries(users)) {
    const credentials = isJsonObject(user) ? credentialsOf(user) : undefined;
    if (credentials) found.set(place, credentials);
  }
  return found;
}

function credentialsOf({ auth, username, password }: JsonObject): RegistryCredentials | undefined {
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString();
    const colon = text.indexOf(':');
    return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (typeof username !== 'string' || typeof password !== 'string') return undefined;
  return { username, password };
}

/** Finds the user for a repository, given as `host[:port]/path`; of several the one for the longest path. */
export type Keyring = (repository: string) => RegistryCredentials | undefined;

const HUB = ['index.docker.io', 'docker.io', 'registry-1.docker.io'];

interface Lock {
  readonly host: readonly string[];
  readonly port: string;
  readonly path: string;
}

/** The users of several secrets; where two have one for the same place, the first secret's. */
export function keyringOf(secrets: readonly PullSecret[]): Keyring {
  const users = new Map<string, RegistryCredentials>();
  for (const secret of secrets) {
    for (const [place, credentials] of secret) {
      const key = placeOf(place);
      if (!users.has(key)) users.set(key, credentials);
    }
  }
  // In the reverse order of bytes, longer paths come before those that they begin with.
  const places = [...users.keys()].sort().reverse();
  const locks = places.map((place) => ({ place, lock: lockOf(place) }));
  return (repository) => {
    const wanted = lockOf(repository);
    const found = locks.find(({ lock }) => opens(lock, wanted));
    if (found) return users.get(found.place);
    if (!HUB.includes(wanted.host.join('.'))) return undefined;
    return users.get(HUB.find((name) => users.has(name)) ?? '');
  };
}

/** A key of a docker config without scheme, and without the version of the protocol at its end. */
function placeOf(key: string): string {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(.*)$/s.exec(key) ?? [];
  const rest = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return rest === '' || rest === '/' ? host : host + rest;
}

function lockOf(place: string): Lock {
  const slash = place.indexOf('/');
  const [authority, path] = slash < 0 ? [place, ''] : [place.slice(0, slash), place.slice(slash)];
  const [, host = authority, port = ''] = /^(.*?)(?::(\d+))?$/s.exec(authority) ?? [];
  return { host: host.split('.'), port, path };
}

function opens(lock: Lock, wanted: Lock): boolean {
  return (
    lock.port === wanted.port &&
    lock.host.length === wanted.host.length &&
    wanted.path.startsWith(lock.path) &&
    lock.host.every((pattern, index) => matchesWildcards(wanted.host[index] ?? '', pattern))
  );
}
