/** What a server is told, checked: the settings (settings.ts) as the values that the rest of the server uses. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import type { OidcConfig } from './access/oidc.ts';
import type { BlobsPlace } from './blobs/open.ts';
import { parseS3Address } from './blobs/s3/address.ts';
import { type FlagName, LOG_FORMATS, LOG_LEVELS } from './flags.ts';
import { PatternInvalid, parsePattern, type RegistryPattern } from './image/allowedregistries.ts';
import { WORKERS } from './limits.work.ts';
import { oidcOf } from './oidcconfig.ts';
import { type Given, gatherSettings, type Settings } from './settings.ts';
import { type EtcdLocation, parseEtcdUrl } from './store/etcd/location.ts';

/** Where to listen. */
export interface Address {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Where objects are kept. */
export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'etcd'; readonly location: EtcdLocation };

export interface Config {
  /** Absolute path of the folder. */
  readonly data: string;
  readonly listen: Address;
  /** Undefined if there is to be no plain HTTP listener. */
  readonly registryListen: Address | undefined;
  /** Undefined: where the registry listens. */
  readonly registryHost: string | undefined;
  readonly registryPublicHost: string | undefined;
  /** Whether clients that ask for HTTP/2 get it. */
  readonly http2: boolean;
  /** Processes that serve together on the same addresses and data. */
  readonly workers: number;
  /** Further names for the server's certificate. */
  readonly tlsNames: readonly string[];
  readonly store: StoreConfig;
  readonly blobs: BlobsPlace;
  /** Undefined if there is no OpenID Connect provider. */
  readonly oidc: OidcConfig | undefined;
  /** Absolute path of the file of users and passwords, which need not be there. */
  readonly htpasswd: string;
  /** Seconds; `intervalSeconds` undefined: garbage is collected only when someone calls `headgate gc`. */
  readonly collection: {
    readonly intervalSeconds: number | undefined;
    readonly graceSeconds: number;
    readonly leaseSeconds: number;
  };
  readonly autoNamespaces: boolean;
  readonly importAllowPrivate: boolean;
  /** Networks as ADDRESS/BITS. */
  readonly importDeny: readonly string[];
  /** Empty: any. */
  readonly importRegistries: readonly RegistryPattern[];
  /** A file, or `-` for standard output; undefined if nothing is recorded. */
  readonly auditLog: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
}

/** Settings that cannot be used; each problem says where it stands and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * The configuration of `headgate serve`.
 * @param args what follows the command.
 * @throws {ConfigError} naming all problems at once.
 */
export function parseConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const settings = gatherSettings(args, environment, problems);
  const config = configOf(settings, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function configOf(settings: Settings, problems: string[]): Config {
  const read = <T>(name: FlagName, parse: (text: string) => T | Problem, otherwise: T): T => {
    const given = settings.get(name);
    if (typeof given?.value !== 'string') return otherwise;
    const value = parse(given.value);
    if (!(value instanceof Problem)) return value;
    problems.push(`${given.source}: ${value.text}`);
    return otherwise;
  };
  const items = <T>(name: FlagName, parse: (item: string) => T | Problem): readonly T[] => {
    const given = settings.get(name);
    if (!given || !Array.isArray(given.value)) return [];
    const values: T[] = [];
    for (const item of given.value) {
      const parsed = parse(item);
      if (parsed instanceof Problem) problems.push(`${given.source}: ${parsed.text}`);
      else values.push(parsed);
    }
    return values;
  };
  const yes = (name: FlagName): boolean => settings.get(name)?.value === true;

  const data = read('data', (text) => resolve(text), '');
  const registryListen = read<Address | undefined>('registry-listen', listenerOf, undefined);
  checkExposure(registryListen, settings.get('registry-listen'), yes('registry-insecure'), problems);
  return {
    data,
    listen: read('listen', addressOf, { host: '', port: 0 }),
    registryListen,
    registryHost: read<string | undefined>('registry-host', hostOf, undefined),
    registryPublicHost: read<string | undefined>('registry-public-host', hostOf, undefined),
    http2: !yes('disable-http2-serving'),
    workers: read('workers', workersOf, 1),
    tlsNames: items('tls-san', (item) =>
      isName(item) ? item : new Problem(`"${item}" is neither a DNS name nor an IP address`),
    ),
    store: read<StoreConfig>('store', (text) => storeOf(text, data), { kind: 'sqlite', file: '' }),
    blobs: read<BlobsPlace>('blobs', (text) => blobsIn(text, data), { kind: 'filesystem', folder: '' }),
    htpasswd: read('htpasswd', (text) => resolve(text), htpasswdFile(data)),
    oidc: oidcOf(settings, problems),
    collection: {
      intervalSeconds: read<number | undefined>('gc-interval', intervalOf, undefined),
      graceSeconds: read('gc-grace', durationOf, 0),
      leaseSeconds: read('gc-lease', leaseOf, 0),
    },
    autoNamespaces: yes('auto-namespaces'),
    importAllowPrivate: yes('import-allow-private'),
    importDeny: items('import-deny', networkOf),
    importRegistries: items('import-registries', patternOf),
    auditLog: read<string | undefined>('audit-log', auditLogOf, resolve(data, 'audit.log')),
    logLevel: read('log-level', (text) => choiceOf(text, LOG_LEVELS), 'info'),
    logFormat: read('log-format', (text) => choiceOf(text, LOG_FORMATS), 'pretty'),
  };
}

function auditLogOf(text: string): string | undefined {
  if (text === 'off') return undefined;
  return text === '-' ? text : resolve(text);
}

/** Where users and passwords are unless a flag says otherwise. */
export function htpasswdFile(data: string): string {
  return resolve(data, 'htpasswd');
}

/** What is wrong with a value; the message goes on from "where it stands: ". */
class Problem {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function addressOf(text: string): Address | Problem {
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const wanted = 'must be HOST:PORT, such as 127.0.0.1:8443, [::1]:8443 or 0.0.0.0:8443';
  if (digits === '' || port > 65535) return new Problem(`"${text}" ${wanted}`);
  // As Go programs have it, no host means every address.
  if (host === '') return { host: '0.0.0.0', port };
  const fine = bracketed === undefined ? isIPv4(host) || isDnsName(host) : isIPv6(host);
  return fine ? { host, port } : new Problem(`"${text}" ${wanted}`);
}

function listenerOf(text: string): Address | undefined | Problem {
  if (text === 'off') return undefined;
  const address = addressOf(text);
  return address instanceof Problem ? new Problem(`${address.text}, or off`) : address;
}

function workersOf(text: string): number | Problem {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= WORKERS ? number : new Problem(`"${text}" must be a number from 1 to ${WORKERS}`);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds. */
function durationOf(text: string): number | Problem {
  const [, digits, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (digits === undefined) return new Problem(`"${text}" must be a number and a unit, such as 90s, 10m, 1h or 7d`);
  return Number(digits) * (UNIT_SECONDS[unit] ?? 1);
}

/**
 * The seconds of a duration such as `90d`.
 * @param source where it stands, for messages.
 * @throws {ConfigError}
 */
export function secondsIn(text: string, source: string): number {
  const seconds = durationOf(text);
  if (seconds instanceof Problem) throw new ConfigError([`${source}: ${seconds.text}`]);
  return seconds;
}

function intervalOf(text: string): number | undefined | Problem {
  if (text === 'off') return undefined;
  const seconds = durationOf(text);
  if (seconds instanceof Problem) return new Problem(`${seconds.text}, or off`);
  return seconds === 0 ? new Problem('must be at least 1s, or off') : seconds;
}

/** Without any lease a layer could go before the image comes that needs it. */
function leaseOf(text: string): number | Problem {
  const seconds = durationOf(text);
  return seconds === 0 ? new Problem('must be at least 1s; a push needs its layers until its image comes') : seconds;
}

/** Over plain HTTP anyone on the way reads the tokens, so other machines may use it only if someone said so. */
function checkExposure(
  address: Address | undefined,
  given: Given | undefined,
  insecure: boolean,
  problems: string[],
): void {
  if (!address || insecure || isLoopback(address.host)) return;
  problems.push(
    `${given?.source}: ${address.host} can be reached by other machines, and this listener is plain HTTP: ` +
      'use a loopback address such as 127.0.0.1:5000 (the registry is on --listen too, over HTTPS), ' +
      'or add --registry-insecure if the network is trusted or a proxy in front adds TLS',
  );
}

/** Whether only this machine can reach an address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** A host, perhaps with a port, as it begins an image reference. */
function hostOf(text: string): string | Problem {
  const [, bracketed, plain = '', digits = '0'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const fine = bracketed === undefined ? isIPv4(plain) || isDnsName(plain) : isIPv6(bracketed);
  if (fine && Number(digits) <= 65535) return text;
  return new Problem(`"${text}" must be HOST or HOST:PORT, without a scheme and a path`);
}

/**
 * The store that a URL names, as `--store` takes it.
 * @param source where the URL stands, for messages.
 * @throws {ConfigError}
 */
export function storeConfig(url: string, data: string, source: string): StoreConfig {
  const store = storeOf(url, data);
  if (store instanceof Problem) throw new ConfigError([`${source}: ${store.text}`]);
  return store;
}

function storeOf(text: string, data: string): StoreConfig | Problem {
  if (!/^etcds?:/.test(text)) {
    const file = pathIn(text, 'sqlite', data, 'headgate.db');
    return file instanceof Problem ? file : { kind: 'sqlite', file };
  }
  const location = parseEtcdUrl(text);
  return typeof location === 'string' ? new Problem(location) : { kind: 'etcd', location };
}

function pathIn(text: string, scheme: string, data: string, initial: string): string | Problem {
  const [, found, rest = ''] = /^([a-z0-9+.-]+):(.*)$/s.exec(text) ?? [];
  const wanted = `${scheme}: (under the data folder) or ${scheme}:PATH`;
  if (found === undefined) return new Problem(`"${text}" must be a URL: ${wanted}`);
  if (found !== scheme) {
    return new Problem(`"${found}:" is not supported: use sqlite: or etcd: for --store and file: or s3: for --blobs`);
  }
  if (rest === '' || rest === '//') return resolve(data, initial);
  // After two slashes comes a host, and there is none: sqlite:///path is a path, sqlite://path is not.
  if (rest.startsWith('//') && !rest.startsWith('///')) return new Problem(`"${text}" names a host: write ${wanted}`);
  return resolve(rest.replace(/^\/+/, '/'));
}

/**
 * Where a URL as that of --blobs points.
 * @param source where the URL stands, for messages.
 * @throws {ConfigError}
 */
export function blobsConfig(url: string, data: string, source: string): BlobsPlace {
  const place = blobsIn(url, data);
  if (place instanceof Problem) throw new ConfigError([`${source}: ${place.text}`]);
  return place;
}

function blobsIn(text: string, data: string): BlobsPlace | Problem {
  if (!text.startsWith('s3:')) {
    const folder = pathIn(text, 'file', data, 'blobs');
    return folder instanceof Problem ? folder : { kind: 'filesystem', folder };
  }
  const address = parseS3Address(text);
  return 'problem' in address ? new Problem(address.problem) : { kind: 's3', address };
}

function choiceOf<T extends string>(text: string, choices: readonly T[]): T | Problem {
  return choices.find((choice) => choice === text) ?? new Problem(`"${text}" must be one of ${choices.join(', ')}`);
}

function networkOf(text: string): string | Problem {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (bits !== '' && Number(bits) <= most) return text;
  return new Problem(`"${text}" must be a network such as 10.0.0.0/8 or fd00::/8`);
}

function patternOf(text: string): RegistryPattern | Problem {
  try {
    return parsePattern(text);
  } catch (error) {
    if (error instanceof PatternInvalid) return new Problem(error.message);
    throw error;
  }
}

function isName(text: string): boolean {
  return isIP(text) !== 0 || isDnsName(text.replace(/^\*\./, ''));
}

/** Letters, digits and hyphens, in labels of at most 63 (RFC 1123); underscores are common within companies. */
export function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i.test(text)
  );
}
