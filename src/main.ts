/** The only file that knows every part: configuration, seams, domain, edges, start and stop. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../package.json' with { type: 'json' };
import { AccountTokens } from './access/accounttokens.ts';
import { openAdminToken, readAdminToken } from './access/admin.ts';
import { actingAs } from './access/impersonation.ts';
import type { FailedAttempt } from './access/passwordlogin.ts';
import { makePrivateFolder } from './access/privatefile.ts';
import { Rbac } from './access/rbac.ts';
import { AccessTokens } from './access/tokens.ts';
import { MASTERS } from './access/user.ts';
import { auditLogin, auditRegistry, openAuditTrail } from './auditing.ts';
import { BlobError } from './blobs/blobs.ts';
import { ensureNamespaces, SEED_NAMESPACES } from './cluster/namespaces.ts';
import { clusterResources } from './cluster/resources.ts';
import { seedAccess } from './cluster/seed.ts';
import { countLeases } from './collecting/leases.ts';
import type { Config } from './config.ts';
import type { HttpRequest } from './http/message.ts';
import { joined, keepRenewed, openIdentity, writeKubeconfig } from './identity.ts';
import { digestOf } from './image/digest.ts';
import { endWatches, type KubeHandler, kubeHandler } from './kube/server.ts';
import { DRAIN_SECONDS } from './limits.ts';
import { START_PATIENCE_MS } from './limits.work.ts';
import {
  authorityOf,
  drain,
  type Handler,
  type Handlers,
  listen,
  plainServer,
  reachableHost,
  type Server,
  secureServer,
  tlsOptions,
} from './listener.ts';
import { isOAuthPath } from './oauth/paths.ts';
import type { Services } from './objects/context.ts';
import type { Audit } from './observe/audit.ts';
import { type HealthCheck, notReady } from './observe/health.ts';
import { type Logger, makeLogger } from './observe/logs.ts';
import { type Metrics, makeMetrics, type Peers } from './observe/metrics.ts';
import { type Follow, makeFollow, type TimedResponse } from './observe/requests.ts';
import { isObserved, observeHandler } from './observe/server.ts';
import { isRegistryPath, registryHandler, whenContinueIsExpected } from './registry/server.ts';
import { countSessions } from './registry/sessions.ts';
import { openCachedBlobs, openStore, refuseUnfinished, servicesOf } from './services.ts';
import { type SignedIn, SignIn } from './signin.ts';
import { imageResources } from './streams/resources.ts';
import { startUpkeep } from './upkeep.ts';

const VERSION = manifest.version;

/** A server that answers. */
export interface Running {
  /** `https://HOST:PORT` */
  readonly apiUrl: string;
  /** `http://HOST:PORT`, or the API's if the plain listener is off. */
  readonly registryUrl: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Stops: no new connections, requests under way for up to DRAIN_SECONDS, then everything is let go. */
  close(): Promise<void>;
}

const RESOURCES = [...imageResources, ...clusterResources];

/**
 * Starts a server and resolves once all of it answers. If it cannot, nothing of it is left. While etcd is away it waits,
 * and `/readyz` says for what; `signal` ends that. `peers` are the processes that serve together with this one.
 * @throws {UnusableFile}, {StoreError}, {BlobError} or an error of the system; cli/failure.ts puts them into words.
 */
export async function serve(
  config: Config,
  logger: Logger = loggerOf(config),
  { signal, peers }: { readonly signal?: AbortSignal; readonly peers?: Peers } = {},
): Promise<Running> {
  await using opened = new AsyncDisposableStack();
  makePrivateFolder(config.data);
  // What the listeners stand on: opened after them, since it may take until etcd is there, and closed after them too.
  const seams = opened.use(new AsyncDisposableStack());
  let authority = await openIdentity(config);

  const ready = Promise.withResolvers<void>();
  const state = starting(config, ready.promise, peers !== undefined);
  const api = secureServer(authority.server, authority.certificate, dispatchers(state, 'api'), config);
  const plain = plainServer(dispatchers(state, 'registry'));
  opened.defer(() => drainAll(state, [api, plain]));
  const addresses = await listenAll(config, api, plain);

  const metrics = makeMetrics(VERSION, peers);
  const store = seams.adopt(await openStore(config, logger, { signal, figures: metrics.store }), (it) => it.close());
  metrics.content.counted({ uploads: () => countSessions(store), leases: () => countLeases(store) });
  await refuseUnfinished(store);
  authority = (await joined(config, store, api, logger)) ?? authority;
  const blobs = seams.adopt(await openCachedBlobs(config, store, logger, metrics), (it) => it.close());
  const now = (): Date => new Date();
  const tokens = seams.adopt(new AccessTokens(store, now), (it) => it.close());
  const token = await openAdminToken(config.data, tokens, now());
  const rbac = opened.adopt(new Rbac(store), (it) => it.close());
  const accountTokens = opened.adopt(new AccountTokens(store, now, randomUUID), (it) => it.close());
  const trail = openAuditTrail(config, now, logger);
  // Closed after the listeners, so that the last requests are recorded too.
  seams.defer(async () => trail?.close());
  const failed = (attempt: FailedAttempt): void => trail && auditLogin(trail.record, attempt);
  const signIn = opened.adopt(new SignIn({ config, store, tokens, accountTokens, now, logger, failed }), (it) =>
    it.close(),
  );
  const { userTokens } = signIn;
  const reach = { registryAddress: addresses.registry, rootCertificates: authority.certificate };
  const services = servicesOf(config, { store, blobs, rbac, accountTokens, userTokens }, reach);
  const ctx = { ...services, user: SYSTEM, dryRun: false, warn: (text: string): void => logger.warn(text) };
  await ensureNamespaces(ctx, SEED_NAMESPACES);
  await seedAccess(ctx);
  state.parts = partsOf(config, services, signIn.open(ctx), logger, {
    store: state.store,
    metrics,
    isDraining: () => state.draining,
    audit: trail?.record,
  });
  ready.resolve();

  const apiUrl = `https://${addresses.api}`;
  const kubeconfig = join(config.data, 'admin.kubeconfig');
  writeKubeconfig(kubeconfig, apiUrl, authority, token);
  const renewal = keepRenewed(config, logger, (renewed) => {
    api.setSecureContext(tlsOptions(renewed.server, renewed.certificate));
    // It may have been rotated meanwhile.
    writeKubeconfig(kubeconfig, apiUrl, renewed, readAdminToken(config.data) ?? token);
  });
  opened.defer(() => clearInterval(renewal));

  opened.adopt(startUpkeep(ctx, RESOURCES, { ...config, metrics: metrics.content }, logger), (it) => it.close());

  const running = opened.move();
  const registryUrl = config.registryListen ? `http://${addresses.registry}` : apiUrl;
  return { apiUrl, registryUrl, kubeconfig, close: () => running.disposeAsync() };
}

/** Takes no more connections, ends watches, and waits for what is under way. */
async function drainAll(state: State, servers: readonly Server[]): Promise<void> {
  state.draining = true;
  const drained = Promise.all(servers.map((server) => drain(server, DRAIN_SECONDS * 1000)));
  endWatches();
  await drained;
}

/** The server's own doings, before anyone calls. */
const SYSTEM = { name: 'system:headgate', groups: [MASTERS] };

const DAMAGED = 'content was damaged, and was set aside; push the images that need it again';

interface State {
  /** Undefined while the server starts: ports are taken early, so that a second server notices before it does anything. */
  parts: Parts | undefined;
  /** Until when requests wait for the parts. */
  patience: Promise<void> | undefined;
  /** Whether it is one of several processes: the others are ready, so health checks wait too. */
  readonly among: boolean;
  draining: boolean;
  /** What health checks call the store. */
  readonly store: string;
}

/** What comes before it can be answered waits: most of a start is over before a client could try again. */
function starting(config: Config, ready: Promise<void>, among: boolean): State {
  const patience = Promise.race([ready, sleep(START_PATIENCE_MS, undefined, { ref: false })]);
  return { parts: undefined, patience, among, draining: false, store: storeName(config) };
}

interface Parts {
  readonly follow: Follow;
  readonly kube: KubeHandler;
  readonly registry: Handler;
  /** For requests with `Expect: 100-continue`. */
  readonly registryExpectant: Handler;
  readonly observe: Handler;
  readonly oauth: Handler;
}

function dispatchers(state: State, listener: 'api' | 'registry'): Handlers {
  return {
    request: (req, res) => dispatch(state, listener, req, res, false),
    expectant: (req, res) => dispatch(state, listener, req, res, true),
    ...(listener === 'api' && { upgrade: (req, res, head) => dispatch(state, listener, req, res, false, head) }),
  };
}

/** Sends a request to the part that answers its path. The plain listener knows the registry, `/` and `/healthz` only. */
function dispatch(
  state: State,
  listener: 'api' | 'registry',
  req: HttpRequest,
  res: TimedResponse,
  expectant: boolean,
  upgrade?: Buffer,
): void {
  const { parts, store, patience, among } = state;
  const url = originForm(req);
  const query = url?.indexOf('?') ?? -1;
  const path = query < 0 ? url : url?.slice(0, query);
  if (!parts) {
    const asksReady = path === '/readyz' || path === '/healthz';
    if (path === '/livez') refuse(res, 200, 'ok');
    else if (patience && (among || !asksReady)) {
      void wait(state, patience, () => dispatch(state, listener, req, res, expectant, upgrade));
    } else if (asksReady) refuse(res, 500, notReady(path.slice(1), store));
    else refuse(res, 503, 'the server is starting; try again\n');
  } else if (path === undefined) {
    refuse(res, 400, 'the request target must be a path\n');
  } else if (isRegistryPath(path)) {
    parts.follow(res, 'registry');
    (expectant ? parts.registryExpectant : parts.registry)(req, res);
  } else if (listener === 'registry' && path !== '/' && path !== '/healthz') {
    refuse(res, 404, 'this address serves the registry only: its paths begin with /v2/\n');
  } else {
    const edge = edgeOf(path);
    parts.follow(res, edge);
    if (expectant) res.writeContinue();
    if (edge === 'kube') parts.kube(req, res, upgrade);
    else parts[edge](req, res);
  }
}

async function wait(state: State, patience: Promise<void>, next: () => void): Promise<void> {
  await patience;
  state.patience = undefined;
  next();
}

function edgeOf(path: string): 'kube' | 'observe' | 'oauth' {
  if (isObserved(path)) return 'observe';
  return isOAuthPath(path) ? 'oauth' : 'kube';
}

/** The target as a path; proxies may send a whole URL, which every server must accept (RFC 9112 §3.2.2). */
function originForm(req: HttpRequest): string | undefined {
  const { url = '' } = req;
  if (url.startsWith('/')) return url;
  const [, rest] = /^https?:\/\/[^/?]*(.*)$/is.exec(url) ?? [];
  if (rest === undefined) return undefined;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
  return req.url;
}

function refuse(res: TimedResponse, code: number, text: string): void {
  res.writeHead(code, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    ...(code === 503 && { 'Retry-After': '1' }),
  });
  res.end(text);
}

/** What health and metrics are told by. */
interface Observed {
  /** What health checks call the store. */
  readonly store: string;
  readonly metrics: Metrics;
  readonly isDraining: () => boolean;
  readonly audit: Audit | undefined;
}

function partsOf(
  config: Config,
  services: Services,
  signedIn: SignedIn,
  logger: Logger,
  { store, metrics, isDraining, audit }: Observed,
): Parts {
  const checks: readonly HealthCheck[] = [
    { name: store, check: async () => services.store.revision() },
    { name: config.blobs.kind === 's3' ? 's3' : 'blobs', check: () => services.blobs.stat(digestOf('')) },
  ];
  const { identifyApi, identifyRegistry, grant, oauth } = signedIn;
  const identify = actingAs(identifyApi, services.authorizer);
  const observe = observeHandler({
    identify,
    authorizer: services.authorizer,
    metrics,
    logger,
    checks,
    isDraining,
    isRegistryOnly: ({ socket }) => !('encrypted' in socket),
    ...(audit && { audit }),
    paths: apiPaths(),
  });
  const report = (err: unknown, req: HttpRequest): void => {
    const facts = { method: req.method, path: req.url?.split('?', 1)[0] };
    if (err instanceof BlobError) logger.warn({ ...facts, blobs: err.message }, 'the blob store failed a request');
    else logger.error({ ...facts, err }, 'a request met an error nobody expected');
  };
  const registry = registryHandler(
    services,
    { identify: identifyRegistry, grant, publicUrl },
    {
      report,
      ...(audit && { audit: (entry, req) => auditRegistry(audit, entry, req) }),
      damage: ({ digest, actual, images }) => logger.error({ digest, actual, images }, DAMAGED),
      metrics: metrics.ofRegistry,
    },
  );
  return {
    follow: makeFollow(metrics, logger),
    kube: kubeHandler(services, RESOURCES, identify, {
      build: { version: VERSION },
      report,
      ...(audit && { audit }),
    }),
    registry,
    registryExpectant: whenContinueIsExpected(registry),
    observe: (req, res) => void observe(req, res),
    oauth: oauth({ publicUrl, report, ...(audit && { audit }) }),
  };
}

function apiPaths(): readonly string[] {
  const paths = RESOURCES.map(({ group, version }) => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`));
  return [...new Set(['/api', '/apis', '/openapi/v2', '/openapi/v3', '/v2/', '/version', ...paths])];
}

/** Scheme and authority by which the client reached us; what proxies add is not believed. */
function publicUrl(req: HttpRequest): string {
  const { socket } = req;
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const host = req.headers.host ?? authorityOf(socket.localAddress ?? 'localhost', socket.localPort ?? 0);
  return `${scheme}://${host}`;
}

/** What health checks call the store: its engine, where that is another program. */
function storeName({ store }: Config): string {
  return store.kind === 'etcd' ? 'etcd' : 'store';
}

/** Listens on both addresses. Resolves to `host:port` of each; without a plain listener the registry's is the API's. */
async function listenAll(config: Config, api: Server, plain: Server): Promise<{ api: string; registry: string }> {
  const { listen: apiAddress, registryListen } = config;
  const reach = (host: string, port: number): string => authorityOf(reachableHost(host), port);
  const apiReached = reach(apiAddress.host, await listen(api, apiAddress));
  if (!registryListen) return { api: apiReached, registry: apiReached };
  return { api: apiReached, registry: reach(registryListen.host, await listen(plain, registryListen)) };
}

function loggerOf(config: Config): Logger {
  return makeLogger({ level: config.logLevel, format: config.logFormat });
}
