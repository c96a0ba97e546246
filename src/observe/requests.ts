/** Requests as they are counted and logged: which edge, what verb, how long, what came of it. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { HttpResponse } from '../http/message.ts';
import type { Logger } from './logs.ts';
import type { Metrics } from './metrics.ts';
import { type Traffic, trafficSince } from './traffic.ts';

/** Which part of the server answers. */
export type Edge = 'kube' | 'registry' | 'observe' | 'oauth';

/** A response that knows when its request came. */
export interface TimedResponse extends HttpResponse {
  /** As `performance.now()` has it. */
  readonly began: number;
  edge: Edge;
  /** What request and answer took of the connection so far. To be asked once, at their end. */
  traffic(): Traffic;
}

/** That of HTTP/1.1; made by node:http, so it costs a request no further object. */
export class TimedServerResponse extends ServerResponse<IncomingMessage> implements TimedResponse {
  readonly began = performance.now();
  edge: Edge = 'observe';
  operation: string | undefined;

  traffic(): Traffic {
    return trafficSince(this.req.socket);
  }
}

/** Follows a response until it ends. Call it once the edge is known. */
export type Follow = (res: TimedResponse, edge: Edge) => void;

/** One listener for all responses, so that nothing is made for each. */
export function makeFollow(metrics: Metrics, logger: Logger): Follow {
  function ended(this: TimedResponse): void {
    const { req, edge } = this;
    const seconds = (performance.now() - this.began) / 1000;
    const code = this.headersSent ? String(this.statusCode) : 'aborted';
    const verb = verbOf(edge, req.method ?? '', req.url ?? '');
    metrics.ended(edge, verb, code, seconds);
    metrics.moved(edge, this.traffic(), seconds, this.operation);
    if (this.statusCode >= 500) logger.warn(fieldsOf(this, verb, code, seconds), 'request failed');
    else if (logger.isLevelEnabled('debug')) logger.debug(fieldsOf(this, verb, code, seconds), 'request');
  }
  return (res, edge) => {
    res.edge = edge;
    metrics.begun(edge);
    res.on('close', ended);
  };
}

/** The query is left out: it may hold what is nobody's business. */
function fieldsOf(res: TimedResponse, verb: string, code: string, seconds: number): Readonly<Record<string, unknown>> {
  const { req, edge } = res;
  const path = (req.url ?? '').split('?', 1)[0];
  const client = req.socket.remoteAddress;
  return { edge, verb, method: req.method, path, code, ms: Math.round(seconds * 1e6) / 1000, client };
}

const KUBE_VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The verb under which a request is counted: one of few, whatever a client sends. */
export function verbOf(edge: Edge, method: string, url: string): string {
  const written = edge === 'kube' ? KUBE_VERBS[method] : undefined;
  if (written) return written;
  if (edge !== 'kube' || (method !== 'GET' && method !== 'DELETE')) {
    return METHODS.has(method) ? method.toLowerCase() : 'other';
  }
  const query = url.indexOf('?');
  const collection = namesCollection(query < 0 ? url : url.slice(0, query));
  if (method === 'DELETE') return collection ? 'deletecollection' : 'delete';
  if (query >= 0 && /[?&]watch=(?:1|true)/.test(url.slice(query))) return 'watch';
  return collection ? 'list' : 'get';
}

/** Whether a path such as `/apis/GROUP/VERSION/namespaces/NS/RESOURCE` names all objects of a resource. */
function namesCollection(path: string): boolean {
  const parts = path.split('/');
  // Before the resource: '', 'apis', group, version; or '', 'api', version.
  const prefix = parts[1] === 'apis' ? 4 : 3;
  const namespaced = parts[prefix] === 'namespaces' && parts.length > prefix + 2;
  return (parts[1] === 'apis' || parts[1] === 'api') && parts.length - prefix - (namespaced ? 2 : 0) === 1;
}
