/**
 * Which registries images may come from: OpenShift's list of allowed registries, with its patterns and its words
 * (openshift-apiserver pkg/image/apis/image/validation/whitelist). Pure.
 */
import {
  asRepository,
  type DockerImageReference,
  dockerClientDefaults,
  formatReference,
  parseReference,
  ReferenceInvalid,
  registryHostPort,
} from './reference.ts';
import { matchesWildcards } from './wildcards.ts';

/** Registries by host and port, in which `*` stands for any characters and `?` for one. */
export interface RegistryPattern {
  readonly host: string;
  readonly port: string;
}

/** A text that is no pattern; the message says why. */
export class PatternInvalid extends Error {
  override name = 'PatternInvalid';
}

/** How a registry is talked to. `any`: insecure is allowed, secure is fine. */
export type Transport = 'secure' | 'any';

/** What is allowed. */
export interface AllowedRegistries {
  readonly patterns: readonly RegistryPattern[];
  /** Repositories that are allowed wherever they are: what is in use already may stay. */
  readonly repositories: ReadonlySet<string>;
}

const SECURE_PORT = '443';
const INSECURE_PORT = '80';
const INSECURE_SCHEME = 'http://';
const SECURE_SCHEME = 'https://';

/**
 * A pattern out of `HOST[:PORT]`. Without a port it is 443, or 80 for a registry without TLS, written `http://HOST`.
 * @throws {PatternInvalid}
 */
export function parsePattern(text: string): RegistryPattern {
  const insecure = text.startsWith(INSECURE_SCHEME);
  const place = insecure ? text.slice(INSECURE_SCHEME.length) : text.replace(SECURE_SCHEME, '');
  const [host = '', port, ...more] = place.split(':');
  if (more.length > 0)
    throw new PatternInvalid(`failed to parse allowed registry ${JSON.stringify(text)}: too many colons`);
  if (host === '' || port === '')
    throw new PatternInvalid(`${JSON.stringify(text)} is not of the form [http://]HOST[:PORT]`);
  if (/[/@\s]/.test(place)) throw new PatternInvalid(`${JSON.stringify(text)} must be a registry, not a repository`);
  return { host, port: port ?? (insecure ? INSECURE_PORT : SECURE_PORT) };
}

/**
 * What patterns allow, beside the own registry, which is always allowed.
 * @param ownRegistry HOST[:PORT]; without a port 443.
 */
export function allowedRegistries(patterns: readonly RegistryPattern[], ownRegistry: string): AllowedRegistries {
  const all: RegistryPattern[] = [];
  for (const pattern of [...ownPattern(ownRegistry), ...patterns]) {
    if (!all.some(({ host, port }) => host === pattern.host && port === pattern.port)) all.push(pattern);
  }
  return { patterns: all, repositories: new Set() };
}

function ownPattern(registry: string): RegistryPattern[] {
  try {
    return [parsePattern(registry)];
  } catch (error) {
    // An IPv6 address has too many colons for a pattern; images of the own registry are then not known as such (sic).
    if (error instanceof PatternInvalid) return [];
    throw error;
  }
}

/** The same, and the repositories of these references; those that are none are left out. */
export function alsoAllowed(allowed: AllowedRegistries, references: Iterable<string>): AllowedRegistries {
  const repositories = new Set(allowed.repositories);
  for (const text of references) {
    try {
      repositories.add(repositoryOf(parseReference(text)));
    } catch (error) {
      if (!(error instanceof ReferenceInvalid)) throw error;
    }
  }
  return { ...allowed, repositories };
}

function repositoryOf(reference: DockerImageReference): string {
  return formatReference(asRepository(dockerClientDefaults(reference)));
}

const PORTS_WITHOUT_ANY: ReadonlySet<string> = new Set([INSECURE_PORT, SECURE_PORT, '*']);
const HUB = 'docker.io';
const OTHER_HUB_NAMES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);
/** More patterns than this are not all named. */
const NAMED_PATTERNS = 5;

/** Why a reference is not allowed; undefined if it is. */
export function registryRefusal(
  { patterns, repositories }: AllowedRegistries,
  reference: DockerImageReference,
  transport: Transport,
): string | undefined {
  if (repositories.size > 0 && repositories.has(repositoryOf(reference))) return undefined;
  const { host, port } = placeOf(reference, transport);
  const admits = (name: string): boolean =>
    patterns.some(
      (pattern) =>
        matchesWildcards(name, pattern.host) &&
        (port === '' ? PORTS_WITHOUT_ANY.has(pattern.port) : matchesWildcards(port, pattern.port)),
    );
  if ((OTHER_HUB_NAMES.has(host) && admits(HUB)) || admits(host)) return undefined;
  const shown = reference.registry || (port === '' ? host : joined(host, port));
  const texts = patterns.map((pattern) => JSON.stringify(joined(pattern.host, pattern.port)));
  if (texts.length === 0) return `registry ${JSON.stringify(shown)} not allowed by empty whitelist`;
  const rest = texts.length - NAMED_PATTERNS + 1;
  const named = texts.length <= NAMED_PATTERNS ? texts.join(', ') : texts.slice(0, NAMED_PATTERNS - 1).join(', ');
  return `registry ${JSON.stringify(shown)} not allowed by whitelist: ${named}${rest > 1 ? `, and ${rest} more ...` : ''}`;
}

/** The port is '' if the reference names none and any transport will do. */
function placeOf(reference: DockerImageReference, transport: Transport): { host: string; port: string } {
  const { registry } = reference;
  if (transport === 'secure' || registry === '') {
    const place = registryHostPort(reference, false);
    return transport === 'secure' ? place : { host: place.host, port: '' };
  }
  const [host = '', port = '', ...more] = registry.split(':');
  return port === '' || more.length > 0 ? { host: registry, port: '' } : { host, port };
}

/** As Go's net.JoinHostPort. */
export function joined(host: string, port: string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
