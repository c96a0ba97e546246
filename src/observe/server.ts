/** What a server answers about itself: `/`, health and metrics. */
import { refusalOf } from '../access/authorizer.ts';
import type { Authorizer, User } from '../access/user.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import { isProblem } from '../objects/errors.ts';
import type { Awaitable } from '../store/store.ts';
import type { Audit } from './audit.ts';
import { askHealth, type HealthCheck, PING } from './health.ts';
import type { Logger } from './logs.ts';
import type { Metrics } from './metrics.ts';

export interface ObserveOptions {
  /**
   * @throws {DomainError} Unauthorized: bad credentials are refused even where none are needed, as in kube-apiserver;
   *   Forbidden or BadRequest for an impersonation that is not allowed or makes no sense.
   */
  identify(req: HttpRequest): Awaitable<User>;
  readonly authorizer: Authorizer;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** What must work for `/healthz`. */
  readonly checks: readonly HealthCheck[];
  /** Whether the server has been told to stop: `/readyz` fails from then on. */
  isDraining(): boolean;
  /** Whether a request came where only the registry is: there, `oc adm prune images` wants `/` for everybody. */
  isRegistryOnly(req: HttpRequest): boolean;
  /** Told of each request that was refused. */
  readonly audit?: Audit;
  /** Paths that `/` lists, beside those of this file. */
  readonly paths: readonly string[];
}

const OWN_PATHS = ['/healthz', '/livez', '/metrics', '/readyz'];

/** Whether this part answers a path (without its query). */
export function isObserved(path: string): boolean {
  return path === '/' || path === '/metrics' || /^\/(?:health|live|ready)z(?:\/|$)/.test(path);
}

/** Answers a request for which `isObserved` holds. Never rejects. */
export function observeHandler(options: ObserveOptions): (req: HttpRequest, res: HttpResponse) => Promise<void> {
  const shutdown: HealthCheck = {
    name: 'shutdown',
    check: () => (options.isDraining() ? Promise.reject(new Error('the server is stopping')) : Promise.resolve()),
  };
  const endpoints: Readonly<Record<string, readonly HealthCheck[]>> = {
    healthz: [PING, ...options.checks],
    livez: [PING],
    readyz: [PING, ...options.checks, shutdown],
  };
  const index = `${JSON.stringify({ paths: [...options.paths, ...OWN_PATHS].sort() }, null, 2)}\n`;

  const denied = (req: HttpRequest, code: number, reason: string, user?: User): void => {
    const { remoteAddress: from } = req.socket;
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    const who = { ...(user && { user: user.name }), ...(from !== undefined && { from }) };
    options.audit?.({ edge: 'observe', verb: 'get', path, ...who, code, reason });
  };

  const answer = async (req: HttpRequest, res: HttpResponse): Promise<void> => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      const message = 'the server does not allow this method on the requested resource';
      return sendStatus(res, 405, 'MethodNotAllowed', message, { Allow: 'GET, HEAD' });
    }
    const user = await options.identify(req);
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
    if (pathname === '/' && options.isRegistryOnly(req)) return send(res, 200, 'application/json', index);
    if (pathname === '/' || pathname === '/metrics') {
      const refusal = await refusalOfPath(user, pathname, options.authorizer);
      if (refusal !== undefined) {
        denied(req, 403, refusal, user);
        return sendStatus(res, 403, 'Forbidden', refusal);
      }
      if (pathname === '/') return send(res, 200, 'application/json', index);
      return send(res, 200, options.metrics.contentType, await options.metrics.text());
    }
    const [, endpoint = '', name, ...rest] = pathname.split('/');
    const all = endpoints[endpoint] ?? [];
    const checks = name ? all.filter((check) => check.name === name) : all;
    if (checks.length === 0 || rest.length > 0) return send(res, 404, PLAIN, '404 page not found\n');
    const health = await askHealth(endpoint, checks, searchParams, (failed, err) =>
      options.logger.warn({ err, check: failed }, 'health check failed'),
    );
    return send(res, health.healthy ? 200 : 500, PLAIN, health.body);
  };

  return async (req, res) => {
    try {
      await answer(req, res);
    } catch (error) {
      if (isProblem(error, 'Unauthorized')) {
        denied(req, 401, error.message);
        return sendStatus(res, 401, 'Unauthorized', error.message);
      }
      if (isProblem(error, 'Forbidden')) {
        denied(req, 403, error.message);
        return sendStatus(res, 403, 'Forbidden', `forbidden: ${error.message}`);
      }
      if (isProblem(error, 'BadRequest')) return sendStatus(res, 400, 'BadRequest', error.message);
      options.logger.error({ err: error }, 'a request for the state of the server failed');
      sendStatus(res, 500, 'InternalError', 'the server could not look at its own state; its log says why');
    }
  };
}

const PLAIN = 'text/plain; charset=utf-8';

/** Why a user may not read a path; undefined if they may. Health is for everybody, whatever roles say. */
async function refusalOfPath(user: User, path: string, authorizer: Authorizer): Promise<string | undefined> {
  const attributes = { verb: 'get', path };
  const decision = await authorizer.authorize(user, attributes);
  return decision.allowed ? undefined : `forbidden: ${refusalOf(user, attributes, decision)}`;
}

function send(
  res: HttpResponse,
  code: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent) return;
  res.writeHead(code, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
    ...more,
  });
  res.end(body);
}

function sendStatus(
  res: HttpResponse,
  code: number,
  reason: string,
  message: string,
  more?: Readonly<Record<string, string>>,
): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    // As kube-apiserver, which has nothing to add to a bad credential.
    ...(code !== 401 && { details: {} }),
    code,
  };
  send(res, code, 'application/json', `${JSON.stringify(status)}\n`, more);
}
