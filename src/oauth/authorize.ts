/**
 * `/oauth/authorize`: who asks for a token of oneself shows a password, by Basic authentication where the client is a
 * command line, else on a page, and is sent back to the client with a token or a code.
 */
import type { User } from '../access/user.ts';
import { issueCode, issueToken } from '../cluster/oauthissue.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import { DomainError } from '../objects/errors.ts';
import { OAuthRefusal, readForm, redirect, sendPage, sendText } from './answer.ts';
import { type AuthorizeRequest, authorizeRequest, withMembers } from './authorizerequest.ts';
import { csrfOf, hasCsrf } from './csrf.ts';
import type { OAuthExchange } from './exchange.ts';
import { loginPage } from './pages.ts';

/** Answers a request. @throws {OAuthRefusal}, {RedirectedError}, {DomainError}, {StoreError} */
export async function authorize(exchange: OAuthExchange): Promise<void> {
  const { req, query, issuer, services } = exchange;
  const wish = await authorizeRequest(services, query, issuer);
  if (wish.client.respondWithChallenges) return challenge(exchange, wish);
  if (req.method === 'POST') return submitted(exchange, wish);
  showLogin(exchange, wish, 200);
}

/** For command lines. A browser is never challenged: it could be made to by any site, and would remember the password. */
async function challenge(exchange: OAuthExchange, wish: AuthorizeRequest): Promise<void> {
  const { req, res } = exchange;
  const credentials = basicOf(req);
  if (!credentials) {
    if (req.headers['x-csrf-token']) return refuse(res, 'log in with your name and password');
    const why = 'A non-empty X-CSRF-Token header is required to receive basic-auth challenges';
    return sendText(res, 401, `${why}\n`, { Warning: `199 Headgate "${why}"` });
  }
  let user: User;
  try {
    user = await exchange.login(credentials.name, credentials.password);
  } catch (error) {
    if (error instanceof DomainError && error.problem.reason === 'Unauthorized') return refuse(res, error.message);
    throw error;
  }
  await finish(exchange, wish, user);
}

function refuse(res: HttpResponse, message: string): void {
  sendText(res, 401, `${message}\n`, { 'WWW-Authenticate': 'Basic realm="openshift"' });
}

function basicOf(req: HttpRequest): { readonly name: string; readonly password: string } | undefined {
  const [, value] = /^basic +([A-Za-z0-9+/_-]*={0,2}) *$/i.exec(req.headers.authorization ?? '') ?? [];
  if (value === undefined) return undefined;
  const text = Buffer.from(value, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function showLogin(
  { req, res, url }: OAuthExchange,
  { client, scopes, redirectUri }: AuthorizeRequest,
  status: number,
  more: { readonly problem?: string; readonly name?: string; readonly retryAfterSeconds?: number } = {},
): void {
  const { secret, headers } = csrfOf(req);
  const { problem, name, retryAfterSeconds } = more;
  const onward = new URL(redirectUri).origin;
  const html = loginPage({
    action: url,
    csrf: secret,
    client: client.metadata.name ?? '',
    scopes,
    onward,
    ...(problem !== undefined && { problem }),
    ...(name !== undefined && { name }),
  });
  const wait = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  sendPage(res, status, html, { ...headers, ...wait }, onward);
}

async function submitted(exchange: OAuthExchange, wish: AuthorizeRequest): Promise<void> {
  const form = await readForm(exchange.req);
  if (!hasCsrf(exchange.req, form.get('csrf'))) {
    const problem = 'This form is old, or was not made by this server: log in again.';
    return showLogin(exchange, wish, 400, { problem });
  }
  const name = form.get('username') ?? '';
  let user: User;
  try {
    user = await exchange.login(name, form.get('password') ?? '');
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { problem } = error;
    if (problem.reason === 'Unauthorized') {
      const wrong =
        problem.message === 'Unauthorized' ? 'Invalid name or password. Please try again.' : problem.message;
      return showLogin(exchange, wish, 401, { problem: wrong, name });
    }
    if (problem.reason !== 'TooManyRequests') throw error;
    const { retryAfterSeconds } = problem;
    const wait = `Too many logins have failed: wait ${retryAfterSeconds} seconds before the next.`;
    return showLogin(exchange, wish, 429, { problem: wait, name, retryAfterSeconds });
  }
  await finish(exchange, wish, user);
}

async function finish({ res, context, granted }: OAuthExchange, wish: AuthorizeRequest, user: User): Promise<void> {
  const { client, scopes, redirectUri, state, responseType } = wish;
  const ctx = context(user);
  const back = state === '' ? {} : { state };
  if (responseType === 'code') {
    const code = await issueCode(ctx, { ...wish, user });
    granted('login', 302, { user: user.name, client: client.metadata.name ?? '' });
    return redirect(res, withMembers(redirectUri, false, { code, ...back }));
  }
  const { token, expiresIn } = await issueToken(ctx, { user, client, scopes, redirectUri });
  granted('login', 302, { user: user.name, client: client.metadata.name ?? '' });
  const members = { access_token: token, expires_in: String(expiresIn), scope: scopes.join(' '), token_type: 'Bearer' };
  redirect(res, withMembers(redirectUri, true, { ...members, ...back }));
}

/** @throws {OAuthRefusal} unless the method is one of these. */
export function requireMethod({ req }: Pick<OAuthExchange, 'req'>, ...methods: readonly string[]): void {
  if (methods.includes(req.method ?? '')) return;
  throw new OAuthRefusal(405, 'invalid_request', `use ${methods.join(' or ')} here`, { Allow: methods.join(', ') });
}
