/** For tests: a registry on 127.0.0.1 with everything in memory, and a client that hides nothing of HTTP. */
import { randomUUID } from 'node:crypto';
import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { AccountTokens } from '../access/accounttokens.ts';
import { AccessTokens } from '../access/tokens.ts';
import type { Attributes, Authorizer, User } from '../access/user.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { cachedBlobs } from '../blobs/cache.ts';
import { openMemoryBlobs } from '../blobs/memory/memory.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import { BLOB_CACHE_BYTES, HEADER_BYTES } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Store } from '../store/store.ts';
import { PACE, type Pace } from './body.ts';
import type { RegistryCredential, RegistryGrant } from './exchange.ts';
import { type AuditEntry, registryHandler, whenContinueIsExpected } from './server.ts';

/** Users by their token: `admin` may do everything, `dev` everything in the namespace dev, `reader` pulls from there. */
const USERS: Readonly<Record<string, User>> = {
  'admin-token': { name: 'admin', groups: ['system:masters'] },
  'dev-token': { name: 'dev', groups: [] },
  'reader-token': { name: 'reader', groups: [] },
};

/** Anonymous users may pull from the namespace `public`. */
const authorizer: Authorizer = {
  authorize: (user, attributes) => ({ allowed: may(user.name, attributes), reason: '' }),
};

function may(user: string, attributes: Attributes): boolean {
  if (user === 'admin') return true;
  if (!('resource' in attributes)) return false;
  const { namespace, subresource, verb } = attributes;
  const pull = subresource === 'layers' && verb === 'get';
  if (pull && namespace === 'public') return true;
  return namespace === 'dev' && (user === 'dev' || (user === 'reader' && pull));
}

function identify(req: IncomingMessage): User | undefined {
  const { authorization } = req.headers;
  if (authorization === undefined) return undefined;
  const [scheme, text = ''] = authorization.split(' ');
  const token = scheme === 'Basic' ? Buffer.from(text, 'base64').toString().split(':')[1] : text;
  const user = USERS[token ?? ''];
  if (!user) throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  return user;
}

export interface Call {
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer | string;
  /** `admin-token` if it is not given; null for none. */
  readonly token?: string | null;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of the first error in the body. */
  readonly code: string | undefined;
}

/** As for a server without passwords: a token is given for itself. */
async function grant({ secret }: RegistryCredential): Promise<RegistryGrant> {
  const req = { headers: { authorization: `Bearer ${secret}` } } as IncomingMessage;
  if (secret === '' || identify(req) === undefined) {
    throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  }
  return { token: secret, seconds: 3600, refreshToken: secret };
}

export interface Trial {
  readonly port: number;
  readonly services: Services;
  /** Errors that were reported as the server's own fault. */
  readonly faults: unknown[];
  /** Writes that were told to the audit. */
  readonly audits: AuditEntry[];
  readonly agent: Agent;
  call(method: string, path: string, call?: Call): Promise<Reply>;
  /** Uploads a blob and returns its digest. */
  pushBlob(name: string, bytes: Buffer | string): Promise<Digest>;
  /** Uploads config, layer and manifest of an image. */
  pushImage(name: string, reference: string, more?: object): Promise<{ digest: Digest; bytes: Buffer }>;
  readonly stop: () => Promise<void>;
}

/** What a trial runs on, if not on plain memory. */
export interface Ground {
  readonly store?: Store;
  readonly blobs?: Blobs;
  readonly autoNamespaces?: boolean;
  readonly pace?: Pace;
}

/** Starts a registry. */
export async function startTrial(ground: Ground = {}): Promise<Trial> {
  const store = ground.store ?? openMemoryStore();
  const now = (): Date => new Date();
  const services: Services = {
    store,
    blobs: cachedBlobs(ground.blobs ?? openMemoryBlobs(), BLOB_CACHE_BYTES),
    authorizer,
    settings: { registryHost: 'registry.test:5000', autoNamespaces: ground.autoNamespaces ?? true },
    accountTokens: new AccountTokens(store, now, randomUUID),
    userTokens: new AccessTokens(store, now),
    now,
    uid: randomUUID,
    suffix: (characters) => 'x'.repeat(characters),
  };
  const faults: unknown[] = [];
  const audits: AuditEntry[] = [];
  const publicUrl = (req: IncomingMessage): string => `http://${req.headers.host}`;
  const handler = registryHandler(
    services,
    { identify, grant, publicUrl },
    {
      report: (error) => faults.push(error),
      audit: (entry) => audits.push(entry),
      metrics: async () => ({ text: 'imageregistry_http_requests_total 0\n', contentType: 'text/plain' }),
    },
    ground.pace ?? PACE,
  );
  const server = createServer({ requestTimeout: 0, maxHeaderSize: HEADER_BYTES }, handler);
  server.on('checkContinue', whenContinueIsExpected(handler));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const call = (method: string, path: string, options: Call = {}): Promise<Reply> =>
    send(agent, port, method, path, options);
  const pushBlob = async (name: string, bytes: Buffer | string): Promise<Digest> => {
    const digest = digestOf(bytes);
    const reply = await call('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes });
    if (reply.status !== 201) throw new Error(`the blob was refused: ${reply.body.toString()}`);
    return digest;
  };
  const pushImage = async (name: string, reference: string, more: object = {}) => {
    const bytes = Buffer.from(JSON.stringify(await imageManifest(name, pushBlob, more)));
    const headers = { 'Content-Type': OCI_MANIFEST };
    const reply = await call('PUT', `/v2/${name}/manifests/${reference}`, { headers, body: bytes });
    if (reply.status !== 201) throw new Error(`the manifest was refused: ${reply.body.toString()}`);
    return { digest: digestOf(bytes), bytes };
  };
  const stop = async (): Promise<void> => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await services.blobs.close();
    await services.store.close();
  };
  return { port, services, faults, audits, agent, call, pushBlob, pushImage, stop };
}

async function imageManifest(name: string, push: Trial['pushBlob'], more: object): Promise<object> {
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
  const layer = `a layer of ${name}`;
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: await push(name, config), size: config.length },
    layers: [{ mediaType: OCI_LAYER, digest: await push(name, layer), size: layer.length }],
    ...more,
  };
}

function send(agent: Agent, port: number, method: string, path: string, call: Call): Promise<Reply> {
  const token = call.token === undefined ? 'admin-token' : call.token;
  const headers = {
    ...(token !== null && { Authorization: `Bearer ${token}` }),
    ...(call.body !== undefined &&
      !call.headers?.['Transfer-Encoding'] && { 'Content-Length': Buffer.byteLength(call.body) }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const req = request({ agent, host: '127.0.0.1', port, method, path, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const body = Buffer.concat(chunks);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body, code: codeOf(body) });
      });
    });
    req.on('error', reject);
    req.end(call.body);
  });
}

function codeOf(body: Buffer): string | undefined {
  if (!body.includes('"errors"')) return undefined;
  const { errors } = JSON.parse(body.toString()) as { readonly errors: readonly { readonly code: string }[] };
  return errors[0]?.code;
}
