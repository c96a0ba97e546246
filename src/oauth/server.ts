/** The OAuth edge: how people get tokens. It answers `/.well-known/oauth-authorization-server` and all below `/oauth/`. */
import { USER_SCOPE_NAMES } from '../access/scopes.ts';
import type { User } from '../access/user.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import { STORAGE_RETRY_SECONDS } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import type { Audit } from '../observe/audit.ts';
import { StoreError } from '../store/store.ts';
import { OAuthRefusal, redirect, sendJson, sendPage } from './answer.ts';
import { authorize, requireMethod } from './authorize.ts';
import { RedirectedError } from './authorizerequest.ts';
import { display, implicit, request } from './display.ts';
import type { OAuthExchange } from './exchange.ts';
import { problemPage } from './pages.ts';
import { WELL_KNOWN } from './paths.ts';
import { giveToken } from './token.ts';

export interface OAuthOptions {
  /** As PasswordLogin's. */
  login(attempt: { readonly name: string; readonly password: string; readonly address: string }): Promise<User>;
  /** Scheme and authority by which the client reached the server. */
  publicUrl(req: HttpRequest): string;
  /** Hears of errors that nobody expected. */
  report(error: unknown, req: HttpRequest): void;
  /** Told of each token that is given out. */
  readonly audit?: Audit;
}

/** Answers a request for which `isOAuthPath` holds. Never rejects. */
export function oauthHandler(services: Services, options: OAuthOptions): (req: HttpRequest, res: HttpResponse) => void {
  return (req, res) => void serve(services, options, req, res);
}

async function serve(services: Services, options: OAuthOptions, req: HttpRequest, res: HttpResponse): Promise<void> {
  res.on('error', () => undefined);
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const exchange: OAuthExchange = {
    req,
    res,
    services,
    url,
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    issuer: options.publicUrl(req),
    login: (name, password) => options.login({ name, password, address: req.socket.remoteAddress ?? '' }),
    granted: (verb, code, facts) => {
      const { remoteAddress } = req.socket;
      const from = remoteAddress === undefined ? {} : { from: remoteAddress };
      options.audit?.({ edge: 'oauth', requestID: services.uid(), verb, ...facts, path, ...from, code });
    },
    context: (user) => ({ ...services, user, dryRun: false, warn: () => undefined }),
  };
  try {
    await dispatch(exchange, path);
  } catch (error) {
    fail(exchange, path, error, options);
  }
  if (!req.complete) req.resume();
}

function dispatch(exchange: OAuthExchange, path: string): Promise<void> | void {
  switch (path) {
    case WELL_KNOWN:
      requireMethod(exchange, 'GET', 'HEAD');
      return sendJson(exchange.res, 200, metadataOf(exchange.issuer));
    case '/oauth/authorize':
      requireMethod(exchange, 'GET', 'POST');
      return authorize(exchange);
    case '/oauth/token':
      return giveToken(exchange);
    case '/oauth/token/request':
      requireMethod(exchange, 'GET');
      return request(exchange);
    case '/oauth/token/display':
      return display(exchange);
    case '/oauth/token/implicit':
      return implicit(exchange);
    default:
      throw new OAuthRefusal(404, 'invalid_request', 'there is nothing at this path');
  }
}

/** RFC 8414. */
function metadataOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    scopes_supported: USER_SCOPE_NAMES,
    response_types_supported: ['code', 'token'],
    grant_types_supported: ['authorization_code', 'implicit'],
    code_challenge_methods_supported: ['plain', 'S256'],
  };
}

function fail({ req, res }: OAuthExchange, path: string, error: unknown, options: OAuthOptions): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  if (error instanceof RedirectedError) {
    redirect(res, error.location);
    return;
  }
  const { status, error: word, message, headers } = refusalOf(error);
  if (status === 500) options.report(error, req);
  if (path === '/oauth/token' || path === WELL_KNOWN) {
    sendJson(res, status, { error: word, error_description: message }, headers);
  } else {
    sendPage(res, status, problemPage(message), headers);
  }
}

function refusalOf(error: unknown): OAuthRefusal {
  if (error instanceof OAuthRefusal) return error;
  if (error instanceof DomainError && error.problem.reason === 'TooManyRequests') {
    const { message, retryAfterSeconds } = error.problem;
    return new OAuthRefusal(429, 'temporarily_unavailable', message, { 'Retry-After': String(retryAfterSeconds) });
  }
  if (error instanceof DomainError && error.problem.reason === 'Unauthorized') {
    return new OAuthRefusal(401, 'access_denied', error.message);
  }
  if (error instanceof StoreError) {
    const headers = { 'Retry-After': String(STORAGE_RETRY_SECONDS) };
    return new OAuthRefusal(
      503,
      'temporarily_unavailable',
      'the store cannot be reached or is full; try again',
      headers,
    );
  }
  return new OAuthRefusal(500, 'server_error', 'internal error; the server has logged it');
}
