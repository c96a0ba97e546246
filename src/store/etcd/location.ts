/** Where an etcd store is: `etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PREFIX][?ca=FILE&cert=FILE&key=FILE]`. */
import { resolve } from 'node:path';

export interface EtcdLocation {
  /** `HOST:PORT` each, with IPv6 addresses in brackets. */
  readonly endpoints: readonly string[];
  /** Begins with a slash and does not end with one. */
  readonly prefix: string;
  readonly user?: EtcdUser;
  /** Undefined: without TLS. */
  readonly tls?: EtcdTls;
  /** Bytes of values that are kept in memory; undefined: the default. */
  readonly cacheBytes?: number;
}

export interface EtcdUser {
  readonly name: string;
  readonly password: { readonly text: string } | { readonly file: string };
}

/** Absolute paths of PEM files. */
export interface EtcdTls {
  /** Undefined: the authorities that Node trusts. */
  readonly ca?: string;
  readonly client?: { readonly cert: string; readonly key: string };
}

const FORM = 'etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PREFIX][?ca=FILE&cert=FILE&key=FILE]';
const PARAMETERS = ['ca', 'cert', 'key', 'password-file', 'cache'] as const;
type Parameter = (typeof PARAMETERS)[number];

const DEFAULT_PORT = 2379;
const DEFAULT_PREFIX = '/headgate';
/** Each key begins with the prefix, and a commit must fit etcd's request (COMMIT_BYTES leaves room for as much). */
const PREFIX_BYTES = 128;
const MIB = 1024 * 1024;

/**
 * Reads the URL; `etcds:` is TLS with the usual authorities, and any of ca, cert and key asks for TLS as well. Returns a
 * text that says what is wrong with it, in words that never hold the password.
 */
export function parseEtcdUrl(url: string): EtcdLocation | string {
  const [, scheme, credentials, hosts, path = '', query = ''] =
    /^(etcds?):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) return `an etcd store is written ${FORM}`;
  const endpoints: string[] = [];
  for (const host of hosts.split(',')) {
    const endpoint = endpointOf(host);
    if (endpoint === undefined) return `"${host}" must be HOST or HOST:PORT: an etcd store is written ${FORM}`;
    endpoints.push(endpoint);
  }
  const prefix = prefixOf(path);
  if (prefix === undefined) return `the prefix "${path}" must be text of at most ${PREFIX_BYTES} bytes without "//"`;
  const parameters = parametersOf(query);
  if (typeof parameters === 'string') return parameters;
  const user = userOf(credentials, parameters.get('password-file'));
  if (typeof user === 'string') return user;
  const tls = tlsOf(scheme === 'etcds', parameters);
  if (typeof tls === 'string') return tls;
  const cache = parameters.get('cache');
  if (cache !== undefined && !/^[1-9]\d{0,5}$/.test(cache)) return `cache=${cache}: must be a number of MiB`;
  return {
    endpoints: [...new Set(endpoints)],
    prefix,
    ...(user && { user }),
    ...(tls && { tls }),
    ...(cache !== undefined && { cacheBytes: Number(cache) * MIB }),
  };
}

/** The location for messages: without user and password. */
export function describeLocation({ endpoints, prefix, tls }: EtcdLocation): string {
  return `${tls ? 'etcds' : 'etcd'}://${endpoints.join(',')}${prefix}`;
}

function endpointOf(text: string): string | undefined {
  const [, host, port = String(DEFAULT_PORT)] =
    /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return `${host}:${port}`;
}

function prefixOf(path: string): string | undefined {
  const prefix = decoded(path)?.replace(/\/$/, '');
  if (prefix === undefined || prefix.includes('//') || prefix.includes('\0') || !prefix.isWellFormed())
    return undefined;
  if (Buffer.byteLength(prefix) > PREFIX_BYTES) return undefined;
  return prefix || DEFAULT_PREFIX;
}

function parametersOf(query: string): ReadonlyMap<Parameter, string> | string {
  const parameters = new Map<Parameter, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const known = PARAMETERS.find((each) => each === name);
    if (!known) return `"${name}" is no parameter of an etcd store: there are ${PARAMETERS.join(', ')}`;
    if (value === '') return `${name}= needs a value`;
    parameters.set(known, value);
  }
  return parameters;
}

function userOf(credentials: string | undefined, file: string | undefined): EtcdUser | undefined | string {
  const [name, ...rest] = (credentials ?? '').split(':').map(decoded);
  const password = rest.length > 0 ? rest.join(':') : undefined;
  if (name === undefined || rest.includes(undefined)) return 'user and password must be percent-encoded UTF-8';
  if (name === '') return credentials || file !== undefined ? 'a password needs a user: USER:PASSWORD@' : undefined;
  if (file !== undefined && password === undefined) return { name, password: { file: resolve(file) } };
  if (file !== undefined) return 'password-file= and a password in the URL exclude each other';
  if (password === undefined) return 'a user needs a password: USER:PASSWORD@, or password-file=FILE';
  return { name, password: { text: password } };
}

function tlsOf(asked: boolean, parameters: ReadonlyMap<Parameter, string>): EtcdTls | undefined | string {
  const [ca, cert, key] = [parameters.get('ca'), parameters.get('cert'), parameters.get('key')];
  if ((cert === undefined) !== (key === undefined)) return 'cert= and key= go together: the certificate and its key';
  if (!asked && ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca: resolve(ca) }),
    ...(cert !== undefined && key !== undefined && { client: { cert: resolve(cert), key: resolve(key) } }),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
