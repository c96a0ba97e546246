/** One request and its answer: the one place that writes heads, bodies and errors. */

import type { User } from '../access/user.ts';
import { endsAlone, type HttpRequest, type HttpResponse } from '../http/message.ts';
import {
  LINGER_BYTES,
  LINGER_SECONDS,
  REFUSED_BODY_BYTES,
  WARNING_CHARACTERS,
  WARNINGS_CHARACTERS,
} from '../limits.ts';
import type { Context, Services } from '../objects/context.ts';
import { quoted } from '../objects/quoting.ts';
import { endWith } from '../observe/answer.ts';
import { managerOfAgent, type Query, type WriteOptions } from './options.ts';
import type { RequestInfo } from './route.ts';
import { type Failure, type Status, statusOf } from './status.ts';
import { yamlText } from './yaml.ts';

/** A request that can be answered, though it may not have been let in. */
export interface Reply {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly auditId: string;
  /** What the client is told beside the answer. */
  readonly warnings: string[];
  /** Set if the client asks for a WebSocket: what it has sent after its request. */
  readonly upgrade?: Buffer;
  /** Who sends the request, and what it is about, as soon as that is known: for the audit trail. */
  acting: User | undefined;
  about: RequestInfo | undefined;
}

/** A request that has been let in. */
export interface Exchange extends Reply {
  readonly info: RequestInfo;
  readonly query: Query;
  readonly user: User;
  readonly services: Services;
}

/** One request as domain code sees it. A class, because making an object of so many closures costs more than a read. */
class RequestContext implements Context {
  readonly store: Services['store'];
  readonly blobs: Services['blobs'];
  readonly authorizer: Services['authorizer'];
  readonly settings: Services['settings'];
  readonly accountTokens: Services['accountTokens'];
  readonly userTokens: Services['userTokens'];
  readonly user: User;
  readonly dryRun: boolean;
  declare readonly fieldManager?: string;
  readonly #exchange: Exchange;
  #gone: AbortController | undefined;

  constructor(exchange: Exchange, dryRun: boolean, fieldManager: string | undefined) {
    const { store, blobs, authorizer, settings, accountTokens, userTokens } = exchange.services;
    this.store = store;
    this.blobs = blobs;
    this.authorizer = authorizer;
    this.settings = settings;
    this.accountTokens = accountTokens;
    this.userTokens = userTokens;
    this.user = exchange.user;
    this.dryRun = dryRun;
    if (fieldManager) this.fieldManager = fieldManager;
    this.#exchange = exchange;
  }

  now(): Date {
    return this.#exchange.services.now();
  }

  uid(): string {
    return this.#exchange.services.uid();
  }

  suffix(characters: number): string {
    return this.#exchange.services.suffix(characters);
  }

  /** Made when somebody asks: most requests are over before a client could go. */
  get signal(): AbortSignal {
    if (!this.#gone) {
      const controller = new AbortController();
      this.#gone = controller;
      const { res } = this.#exchange;
      if (res.destroyed) controller.abort();
      else res.once('close', () => controller.abort());
    }
    return this.#gone.signal;
  }

  warn(text: string): void {
    const { warnings } = this.#exchange;
    if (!warnings.includes(text)) warnings.push(text);
  }
}

/** What domain code is given for this request. Reads need no options. */
export function contextOf(exchange: Exchange, options?: Partial<WriteOptions>): Context {
  const manager = options && (options.fieldManager || managerOfAgent(exchange.req.headers['user-agent']));
  return new RequestContext(exchange, options?.dryRun ?? false, manager);
}

/** Sends the whole answer. */
export function send(exchange: Reply, code: number, contentType: string, body: string | Buffer): void {
  const { res } = exchange;
  if (res.headersSent || res.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  res.writeHead(code, [...headOf(exchange, contentType), 'Content-Length', String(bytes.length)]);
  endWith(res, bytes);
}

/** Headers of every answer, in the flat form that Node takes without copying. */
export function headOf(exchange: Reply, contentType: string | undefined): string[] {
  const head = ['Audit-Id', exchange.auditId, 'Cache-Control', 'no-cache, private'];
  if (contentType !== undefined) head.push('Content-Type', contentType);
  if (exchange.warnings.length > 0) {
    for (const warning of warningHeaders(exchange.warnings)) head.push('Warning', warning);
  }
  return head;
}

/** As kube-apiserver: where all warnings together are too long, each is shortened, and the rest is left out. */
function warningHeaders(warnings: readonly string[]): string[] {
  const total = warnings.reduce((sum, { length }) => sum + length, 0);
  const headers: string[] = [];
  let left = WARNINGS_CHARACTERS;
  for (const warning of warnings) {
    const text = total > WARNINGS_CHARACTERS ? warning.slice(0, WARNING_CHARACTERS) : warning;
    left -= text.length;
    if (left < 0) break;
    // Bytes of UTF-8, one a character: Node writes headers as Latin-1.
    headers.push(Buffer.from(`299 - ${quoted(text)}`).toString('latin1'));
  }
  return headers;
}

/** Sends a Status, which has no other forms. */
export function sendStatus(
  exchange: Reply,
  code: number,
  status: Status,
  { encoding }: { readonly encoding: 'json' | 'yaml' } = { encoding: 'json' },
): void {
  send(exchange, code, `application/${encoding}`, encoding === 'yaml' ? yamlText(status) : JSON.stringify(status));
}

/**
 * Answers with what went wrong, and gives it. If the answer had begun, it is broken off, so that nobody takes it for
 * complete.
 */
export function fail(exchange: Reply, error: unknown): Failure {
  const { res, req } = exchange;
  const failure = statusOf(error);
  if (res.headersSent) {
    res.destroy();
    return failure;
  }
  const { code, status, retryAfterSeconds } = failure;
  const yaml = req.headers.accept === 'application/yaml';
  const body = Buffer.from(yaml ? yamlText(status) : JSON.stringify(status));
  const head = headOf(exchange, yaml ? 'application/yaml' : 'application/json');
  if (retryAfterSeconds !== undefined) head.push('Retry-After', String(retryAfterSeconds));
  const lingers = leavesMuch(req);
  if (lingers) head.push('Connection', 'close');
  head.push('Content-Length', String(body.length));
  res.writeHead(code, head);
  if (lingers) linger(req, res, body);
  else res.end(req.method === 'HEAD' ? undefined : body);
  return failure;
}

/** Whether more of the request is still to come than is worth reading for the sake of the connection. */
function leavesMuch(req: HttpRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
  if (req.complete || endsAlone(req)) return false;
  return encoding !== undefined || Number(length ?? 0) > REFUSED_BODY_BYTES;
}

/**
 * Sends an answer and goes on reading for a while: were the connection closed at once, a client that is still sending
 * would see it broken and never read why.
 */
function linger(req: HttpRequest, res: HttpResponse, body: Buffer): void {
  let left = LINGER_BYTES;
  const over = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(over, LINGER_SECONDS * 1000);
  const take = (piece: Buffer): void => {
    left -= piece.length;
    if (left < 0) over();
  };
  res.write(body);
  req.on('data', take).on('end', over).on('error', over).on('close', over).resume();
}
