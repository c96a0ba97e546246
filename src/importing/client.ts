/** The plain client of other registries (OCI distribution), over node:http and node:https. */
import { type Digest, digestAlgorithm, digestOf, parseDigest } from '../image/digest.ts';
import { manifestDigest } from '../image/manifest.ts';
import { baseMediaType, isSchema1Type, MANIFEST_TYPES } from '../image/mediatype.ts';
import { type DockerImageReference, dockerClientDefaults, registryHost, repositoryName } from '../image/reference.ts';
import {
  MANIFEST_BYTES,
  REMOTE_EXCHANGES,
  REMOTE_PING_SECONDS,
  REMOTE_RETRY_MS,
  REMOTE_SMALL_BYTES,
  REMOTE_TAGS,
  REMOTE_TAGS_PAGE_BYTES,
} from '../limits.ts';
import { type Authorize, authorizeBy } from './authorization.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { exchange, makeAgents, type Reply, type Wire } from './exchange.ts';
import { type Guard, makeGuard, type Reach, type Zone } from './guard.ts';
import {
  type OpenOptions,
  RemoteError,
  type RemoteManifest,
  type RemoteRegistries,
  type RemoteRepository,
} from './remote.ts';
import { jsonObject, refusalOf } from './remotefailure.ts';
import { makeTurns } from './turns.ts';

export interface ClientOptions {
  /** In place of the guard of the reach. */
  readonly guard?: Guard;
  /** Milliseconds between two tries; REMOTE_RETRY_MS if it is not given. */
  readonly retryMs?: number;
}

/** Other registries within a reach. */
export function openRegistries(reach: Reach, options: ClientOptions = {}): RemoteRegistries {
  const wire: Wire = {
    guard: options.guard ?? makeGuard(reach),
    turns: makeTurns(REMOTE_EXCHANGES),
    agents: makeAgents(),
    retryMs: options.retryMs ?? REMOTE_RETRY_MS,
  };
  return { open: (reference, open) => repositoryAt(wire, reference, open) };
}

/** What is known of a registry once it has been reached. */
interface Connection {
  /** `https://host/` or, where that is let pass, `http://host/`. */
  readonly base: URL;
  readonly zone: Zone;
  authorize: Authorize;
}

interface Get {
  readonly method?: 'GET' | 'HEAD';
  /** Below `/v2/`, or a whole URL of the same server. */
  readonly path: string;
  readonly accept?: string;
  readonly maxBytes: number;
}

function repositoryAt(wire: Wire, reference: DockerImageReference, options: OpenOptions): RemoteRepository {
  const named = dockerClientDefaults(reference);
  const repository = repositoryName(named);
  let connecting: Promise<Connection> | undefined;

  const get = async (what: Get): Promise<Reply> => {
    connecting ??= connect(wire, registryHost(named), repository, options);
    const connection = await connecting;
    const { reply, authorization } = await ask(wire, connection, what, options);
    const challenges = reply.status === 401 ? parseChallenges(reply.headers['www-authenticate']) : [];
    if (!isWorthAnswering(challenges, authorization)) return reply;
    connection.authorize = authorizeBy(wire, { repository, ...options }, { ...connection, challenges });
    return (await ask(wire, connection, what, options)).reply;
  };

  return {
    getManifest: (which) => getManifest(get, repository, which),
    getBlob: (digest, maxBytes) => getBlob(get, repository, digest, maxBytes),
    statBlob: (digest) => statBlob(get, repository, digest),
    listTags: () => listTags(get, repository),
  };
}

/** Some registries ask only where it matters, and tokens may end early. A password that was refused stays refused. */
function isWorthAnswering(challenges: readonly Challenge[], sent: string | undefined): boolean {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (sent === undefined) return challenges.length > 0;
  return bearer !== undefined && bearer.parameters.get('error') !== 'insufficient_scope' && sent.startsWith('Bearer ');
}

type Getter = (what: Get) => Promise<Reply>;

/** Finds out whether there is a registry, by which scheme, and how it wants to be asked. */
async function connect(
  wire: Wire,
  host: string,
  repository: string,
  { insecure, signal, credentials }: OpenOptions,
): Promise<Connection> {
  const ping = async (scheme: 'https' | 'http'): Promise<Connection> => {
    const base = URL.parse(`${scheme}://${host}/`);
    if (base?.pathname !== '/') throw new RemoteError('failed', `${host} is not a host to connect to`);
    const url = new URL('v2/', base);
    const reply = await exchange(wire, {
      url,
      insecure,
      signal,
      maxBytes: REMOTE_SMALL_BYTES,
      seconds: REMOTE_PING_SECONDS,
      tries: 1,
    });
    if (!speaksV2(reply)) {
      const got = `${reply.status} ${reply.statusText}`.trim();
      throw new RemoteError('failed', `endpoint "${scheme}://${host}" does not support v2 API (got ${got})`);
    }
    const challenges = reply.status === 401 ? parseChallenges(reply.headers['www-authenticate']) : [];
    const challenger = { base, zone: reply.zone, challenges };
    return {
      base,
      zone: reply.zone,
      authorize: authorizeBy(wire, { repository, credentials, insecure, signal }, challenger),
    };
  };
  if (!insecure) return ping('https');
  try {
    return await ping('https');
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    return ping('http');
  }
}

function speaksV2({ status, headers }: Reply): boolean {
  if (String(headers['docker-distribution-api-version'] ?? '').includes('registry/2.0')) return true;
  return (status >= 200 && status < 300) || status === 401 || status === 403;
}

async function ask(
  wire: Wire,
  { base, authorize }: Connection,
  { method = 'GET', path, accept, maxBytes }: Get,
  { insecure, signal }: OpenOptions,
): Promise<{ readonly reply: Reply; readonly authorization: string | undefined }> {
  const url = new URL(path, new URL('v2/', base));
  const authorization = await authorize(method, url);
  const reply = await exchange(wire, {
    method,
    url,
    authorization,
    maxBytes,
    insecure,
    signal,
    ...(accept !== undefined && { headers: { Accept: accept } }),
  });
  return { reply, authorization };
}

/** @throws {RemoteError} unless the answer is a success. */
function succeeded(reply: Reply): Reply {
  if (reply.status >= 200 && reply.status < 300) return reply;
  throw refusalOf(reply.status, reply.statusText, reply.body);
}

async function getManifest(
  get: Getter,
  repository: string,
  which: { readonly tag: string } | { readonly digest: Digest },
): Promise<RemoteManifest> {
  const asked = 'digest' in which ? which.digest : undefined;
  const name = 'digest' in which ? which.digest : encodeURIComponent(which.tag);
  const path = `${repository}/manifests/${name}`;
  const reply = succeeded(await get({ path, accept: MANIFEST_TYPES.join(', '), maxBytes: MANIFEST_BYTES }));
  const mediaType = baseMediaType(reply.headers['content-type'] ?? '');
  const { body: bytes } = reply;
  // A signed manifest of schema 1 may not be declared as such; its own form tells.
  const type = isSchema1Type(mediaType) ? mediaType : '';
  const header = parseDigest(String(reply.headers['docker-content-digest'] ?? ''));
  const promised = asked ?? (type === '' ? header : undefined);
  const algorithm = promised && digestAlgorithm(promised);
  const digest = algorithm === 'sha512' ? digestOf(bytes, algorithm) : manifestDigest(bytes, type);
  if (promised !== undefined && digest !== promised) {
    const why = `the manifest retrieved (media type: ${mediaType}) with digest ${promised}`;
    throw new RemoteError(
      'failed',
      `content integrity error: ${why} does not match the digest calculated from the content ${digest}`,
    );
  }
  return { bytes, mediaType, digest };
}

async function getBlob(get: Getter, repository: string, digest: Digest, maxBytes: number): Promise<Buffer> {
  const { body } = succeeded(await get({ path: `${repository}/blobs/${digest}`, maxBytes }));
  const found = digestOf(body, digestAlgorithm(digest));
  if (found === digest) return body;
  throw new RemoteError('failed', `content integrity error: the blob ${digest} has content of the digest ${found}`);
}

async function statBlob(get: Getter, repository: string, digest: Digest): Promise<number> {
  const { headers } = succeeded(
    await get({ method: 'HEAD', path: `${repository}/blobs/${digest}`, maxBytes: REMOTE_SMALL_BYTES }),
  );
  const length = headers['content-length'];
  if (length !== undefined && /^\d{1,15}$/.test(length)) return Number(length);
  throw new RemoteError('failed', `the registry does not say how large the blob ${digest} is`);
}

async function listTags(get: Getter, repository: string): Promise<readonly string[]> {
  const tags: string[] = [];
  const seen = new Set<string>();
  let path: string | undefined = `${repository}/tags/list`;
  while (path !== undefined) {
    seen.add(path);
    const reply = succeeded(await get({ path, accept: 'application/json', maxBytes: REMOTE_TAGS_PAGE_BYTES }));
    const list = jsonObject(reply.body)?.tags;
    if (list !== null && list !== undefined && !Array.isArray(list)) {
      throw new RemoteError('failed', "the registry's list of tags is not in the form that registries use");
    }
    for (const tag of list ?? []) if (typeof tag === 'string') tags.push(tag);
    if (tags.length > REMOTE_TAGS) {
      throw new RemoteError(
        'failed',
        `the repository has more than ${REMOTE_TAGS} tags: import the tags you need one by one`,
      );
    }
    path = nextPage(reply, seen);
  }
  return tags;
}

/** Where the next page is, on the same server; undefined at the end. */
function nextPage({ headers }: Reply, seen: ReadonlySet<string>): string | undefined {
  const link = /^\s*<([^>]*)>\s*;\s*rel="?next"?/i.exec(String(headers.link ?? ''))?.[1];
  if (link === undefined) return undefined;
  // Of a whole URL, only path and query count: another server has nothing to say here.
  const url = URL.parse(link, 'http://registry.invalid/v2/');
  const path = url && `${url.pathname}${url.search}`;
  if (!path?.startsWith('/v2/') || seen.has(path)) {
    throw new RemoteError('failed', "the registry's list of tags does not go on where it says");
  }
  return path;
}
