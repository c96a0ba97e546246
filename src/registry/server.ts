/** The OCI edge: every request to `/v2/…`, to the token endpoint and to OpenShift's own paths (route.ts) comes in here. */
import { ANONYMOUS } from '../access/user.ts';
import { expedite } from '../collecting/grace.ts';
import type { Hurt } from '../collecting/scrub.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Digest } from '../image/digest.ts';
import { parseRepositoryName } from '../image/name.ts';
import type { Services } from '../objects/context.ts';
import type { Awaitable } from '../store/store.ts';
import { deleteBlob, getBlob, requireDigest } from './blobs.ts';
import { answerEarly, ClientGone, dropRest, PACE, type Pace } from './body.ts';
import { listRepositories } from './catalog.ts';
import { ContentDamaged, setDamageAside } from './damage.ts';
import { RegistryError, reasonPhrase, refusalOf } from './errors.ts';
import { API_VERSION, answerEmpty, answerJson, type Exchange, type RegistryAccess, type Target } from './exchange.ts';
import { deleteReference, getManifest, putManifest } from './manifests.ts';
import { permit, permitMetrics, permitPruning, unauthorized } from './permission.ts';
import { listReferrers } from './referrers.ts';
import { parseRoute, type RepositoryRoute, type Route, TOKEN_PATH } from './route.ts';
import { listSignatures, putSignature, SUPPORTS_SIGNATURES } from './signatures.ts';
import { listTags } from './tags.ts';
import { challenge, giveToken, isAnonymousToken } from './token.ts';
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts';

export { whenContinueIsExpected } from './body.ts';
export type { RegistryAccess } from './exchange.ts';
export { isRegistryPath } from './route.ts';

/** An act of the protocol: what it asks the caller to be allowed, and what it does. */
interface Act {
  /** `inside`: the act itself asks, since it depends on more than the repository. */
  readonly needs: 'pull' | 'push' | 'inside';
  /** What metrics call it: as OpenShift's do, where that has the same. */
  readonly operation: string;
  readonly run: (exchange: Exchange, target: Target) => Awaitable<void>;
}

const act =
  (needs: Act['needs']) =>
  (operation: string, run: Act['run']): Act => ({ needs, operation, run });
const PULL = act('pull');
const PUSH = act('push');
const INSIDE = act('inside');

/** Every act by route and method. Cancelling an upload is part of pushing, unlike deleting. */
const ACTS: Readonly<Record<RepositoryRoute, Readonly<Record<string, Act>>>> = {
  manifest: {
    GET: PULL('ManifestService.Get', getManifest),
    HEAD: PULL('ManifestService.Exists', getManifest),
    PUT: PUSH('ManifestService.Put', putManifest),
    DELETE: INSIDE('ManifestService.Delete', deleteReference),
  },
  blob: {
    GET: PULL('BlobStore.ServeBlob', getBlob),
    HEAD: PULL('BlobStore.Stat', getBlob),
    DELETE: INSIDE('BlobStore.Delete', deleteBlob),
  },
  uploads: { POST: PUSH('BlobStore.Create', startUpload) },
  upload: {
    GET: PUSH('BlobStore.Resume', uploadStatus),
    HEAD: PUSH('BlobStore.Resume', uploadStatus),
    PATCH: PUSH('BlobWriter.ReadFrom', appendUpload),
    PUT: PUSH('BlobWriter.Commit', finishUpload),
    DELETE: PUSH('BlobWriter.Cancel', cancelUpload),
  },
  tags: { GET: PULL('TagService.All', listTags), HEAD: PULL('TagService.All', listTags) },
  referrers: { GET: PULL('Referrers.Get', listReferrers), HEAD: PULL('Referrers.Get', listReferrers) },
  signatures: { GET: PULL('Signatures.Get', listSignatures), PUT: INSIDE('Signatures.Put', putSignature) },
};

/** A write that has come to its end, well or not. */
export interface AuditEntry {
  readonly user: string;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly status: number;
  /** The code of the first error, if it was refused. */
  readonly code?: string;
}

/** Who follows what the registry does. */
export interface Watchers {
  /** Told of errors that are the server's own fault; the client is only told that there was one. */
  readonly report?: (error: unknown, req: HttpRequest) => void;
  /** Told of each write but the steps of an upload, whoever tried it, and of each request that was refused. */
  readonly audit?: (entry: AuditEntry, req: HttpRequest) => void;
  /** Told of content that was found damaged while somebody read it, and set aside. */
  readonly damage?: (hurt: Hurt) => void;
  /** What Prometheus may know of the registry. */
  readonly metrics?: () => Promise<{ readonly text: string; readonly contentType: string }>;
}

/**
 * The handler of all paths for which `isRegistryPath` holds. It answers every request and never throws. A server should call
 * it for `request` and, wrapped in `whenContinueIsExpected`, for `checkContinue`, and must not limit the time that a
 * request takes (`requestTimeout: 0`): uploads that stand still are ended here.
 */
export function registryHandler(
  services: Services,
  access: RegistryAccess,
  watch: Watchers = {},
  pace = PACE,
): (req: HttpRequest, res: HttpResponse) => void {
  return (req, res) => {
    void serve({ services, access, watch, pace }, req, res);
  };
}

interface Edge {
  readonly services: Services;
  readonly access: RegistryAccess;
  readonly watch: Watchers;
  readonly pace: Pace;
}

async function serve(edge: Edge, req: HttpRequest, res: HttpResponse): Promise<void> {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const route = parseRoute(path);
  let caller = '';
  try {
    if (route.kind === 'token') return await serveToken(edge, req, res);
    // Only what is not at hand is awaited, here and below: on the way of a pull every hop shows.
    const identified = isAnonymousToken(req) ? undefined : edge.access.identify(req);
    const user = identified instanceof Promise ? await identified : identified;
    caller = (user ?? ANONYMOUS).name;
    const exchange: Exchange = {
      services: edge.services,
      req,
      res,
      pace: edge.pace,
      query: mark === -1 ? '' : url.slice(mark + 1),
      user: user ?? ANONYMOUS,
      anonymous: user === undefined,
      warnings: undefined,
    };
    const served = dispatch(exchange, route, edge);
    if (served instanceof Promise) await served;
    if (!req.complete) dropRest(exchange);
    if (isWrite(req) && !isStep(req, res)) audit(edge, { user: caller, path, req, res });
  } catch (error) {
    const code = refuse(edge, req, res, route, error);
    if ((isWrite(req) && path !== TOKEN_PATH) || isDenial(req, res)) {
      audit(edge, { user: caller, path, req, res }, code);
    }
  }
}

/** Whether a request was a step of an upload: that is no write yet; what refused or finished it is. */
function isStep({ method }: HttpRequest, { statusCode }: HttpResponse): boolean {
  return statusCode === 202 && method !== 'DELETE';
}

/** Whether somebody was not let. That who shows no credential is asked for one is how the protocol begins. */
function isDenial(req: HttpRequest, { statusCode }: HttpResponse): boolean {
  if (statusCode === 403 || statusCode === 429) return true;
  return statusCode === 401 && req.headers.authorization !== undefined && !isAnonymousToken(req);
}

function isWrite({ method }: HttpRequest): boolean {
  return method === 'PUT' || method === 'DELETE' || method === 'POST' || method === 'PATCH';
}

function audit(
  { watch }: Edge,
  { user, path, req, res }: { user: string; path: string; req: HttpRequest; res: HttpResponse },
  code?: string,
): void {
  const entry = { user, method: req.method ?? '', path, status: res.statusCode, ...(code !== undefined && { code }) };
  watch.audit?.(entry, req);
}

function dispatch(exchange: Exchange, route: Route, edge: Edge): Awaitable<void> {
  switch (route.kind) {
    case 'ping':
      return ping(exchange);
    case 'catalog':
      requireRead(exchange.req);
      return listRepositories(exchange);
    case 'pruned':
      return prune(exchange, route.last);
    case 'metrics':
      requireRead(exchange.req);
      return exposeMetrics(exchange, edge);
    case 'token':
    case 'none':
      throw new RegistryError('UNSUPPORTED', 'there is nothing at this path of the registry', { status: 404 });
    default:
      return perform(exchange, route, route.kind);
  }
}

function perform(exchange: Exchange, route: Route, kind: RepositoryRoute): Awaitable<void> {
  const chosen = ACTS[kind][exchange.req.method ?? ''];
  if (!chosen) throw methodNotAllowed(Object.keys(ACTS[kind]));
  exchange.res.operation = chosen.operation;
  const repo = parseRepositoryName(route.name);
  if (!repo.valid) {
    // An answer to HEAD cannot say why. After 404 skopeo and podman go on to a request whose answer can.
    const seen = exchange.req.method === 'HEAD' ? { status: 404 } : {};
    throw new RegistryError('NAME_INVALID', repo.reason, { detail: { name: route.name }, ...seen });
  }
  const target: Target = { repo, name: route.name, last: route.last };
  if (chosen.needs === 'inside') return chosen.run(exchange, target);
  const permitted = permit(exchange, target, chosen.needs);
  if (permitted instanceof Promise) return permitted.then(() => chosen.run(exchange, target));
  return chosen.run(exchange, target);
}

/**
 * `/v2/`: says that this is a registry, and, to whoever has not authenticated, how to. The token of nobody passes, since
 * clients ask here whether what the token endpoint gave them works.
 */
function ping(exchange: Exchange): void {
  requireRead(exchange.req);
  if (exchange.anonymous && !isAnonymousToken(exchange.req)) {
    throw unauthorized();
  }
  answerJson(exchange, '{}', SUPPORTS_SIGNATURES);
}

/** DELETE of `/admin/blobs/<digest>`: what `oc adm prune images` has found to be unused goes without its grace. */
async function prune(exchange: Exchange, text: string): Promise<void> {
  if (exchange.req.method !== 'DELETE') throw methodNotAllowed(['DELETE']);
  const digest = requireDigest(text);
  await permitPruning(exchange);
  await expedite(exchange.services, digest);
  answerEmpty(exchange, 204);
}

async function exposeMetrics(exchange: Exchange, { watch }: Edge): Promise<void> {
  await permitMetrics(exchange);
  if (!watch.metrics) throw new RegistryError('UNSUPPORTED', 'there are no metrics here', { status: 404 });
  const { text, contentType } = await watch.metrics();
  exchange.res.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) });
  exchange.res.end(exchange.req.method === 'HEAD' ? undefined : text);
}

function requireRead(req: HttpRequest): void {
  if (req.method !== 'GET' && req.method !== 'HEAD') throw methodNotAllowed(['GET', 'HEAD']);
}

async function serveToken(edge: Edge, req: HttpRequest, res: HttpResponse): Promise<void> {
  if (req.method !== 'GET' && req.method !== 'POST') throw methodNotAllowed(['GET', 'POST']);
  await giveToken(edge.access, { req, res, pace: edge.pace });
}

function methodNotAllowed(methods: readonly string[]): RegistryError {
  return new RegistryError('UNSUPPORTED', `use ${methods.join(', ')} here`, { headers: { Allow: methods.join(', ') } });
}

/**
 * Answers with what an error means; if an answer is on its way already, the connection is closed instead. Returns the
 * code.
 */
function refuse(edge: Edge, req: HttpRequest, res: HttpResponse, route: Route, error: unknown): string {
  if (error instanceof ContentDamaged) void setAside(edge, req, error.digest);
  if (error instanceof ClientGone || (req.destroyed && !req.complete)) {
    res.destroy();
    return 'CLIENT_GONE';
  }
  try {
    const { status: said, errors, headers, fault } = refusalOf(error);
    // As above: a push begins with looking for its blobs, and the upload that follows is told why it may not be.
    const status = said === 403 && req.method === 'HEAD' && route.kind === 'blob' ? 404 : said;
    const code = errors[0]?.code ?? 'UNKNOWN';
    if (fault) edge.watch.report?.(error, req);
    if (res.headersSent) {
      res.destroy();
      return code;
    }
    const body = Buffer.from(JSON.stringify({ errors }));
    const all: Record<string, string | number> = {
      'Docker-Distribution-Api-Version': API_VERSION,
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ...headers,
    };
    if (status === 401) all['WWW-Authenticate'] = authenticate(edge, req, route);
    if (route.kind === 'ping') Object.assign(all, SUPPORTS_SIGNATURES);
    if (status >= 500) res.statusMessage = reasonPhrase(errors[0]?.message ?? code);
    answerEarly({ req, res, pace: edge.pace }, status, all, req.method === 'HEAD' ? undefined : body);
    return code;
  } catch (failure) {
    edge.watch.report?.(failure, req);
    res.destroy();
    return 'UNKNOWN';
  }
}

/** Whoever was reading is refused, or broken off, and need not wait for this. */
async function setAside({ services, watch }: Edge, req: HttpRequest, digest: Digest): Promise<void> {
  try {
    const hurt = await setDamageAside(services, digest);
    if (hurt) watch.damage?.(hurt);
  } catch (error) {
    watch.report?.(error, req);
  }
}

function authenticate(edge: Edge, req: HttpRequest, route: Route): string {
  return route.kind === 'token' ? 'Basic realm="headgate"' : challenge(edge.access, req, route);
}
