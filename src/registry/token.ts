/**
 * The token endpoint of Docker's token authentication, as OpenShift's registry has it: the token that it gives out is
 * the API token that came as the password. Its realm is named in the challenge of every 401.
 */
import type { IncomingMessage } from 'node:http';
import { REGISTRY_TOKEN_SECONDS, TOKEN_FORM_BYTES } from '../limits.ts';
import { type Coming, readBody } from './body.ts';
import { RegistryError } from './errors.ts';
import { API_VERSION, type RegistryAccess } from './exchange.ts';
import { type Route, TOKEN_PATH } from './route.ts';

/** What a client without a credential is given, and sends as its bearer token: it stands for nobody. */
const ANONYMOUS_TOKEN = 'anonymous';

const SERVICE = 'headgate';
const BASIC = /^basic +([A-Za-z0-9+/_-]*={0,2}) *$/i;
const BEARER = /^bearer +(\S+) *$/i;

/** Whether the request carries the token of nobody. */
export function isAnonymousToken(req: IncomingMessage): boolean {
  const header = req.headers.authorization;
  return header !== undefined && header.length < 32 && BEARER.exec(header)?.[1] === ANONYMOUS_TOKEN;
}

/**
 * The WWW-Authenticate header of a 401: where to get a token, and for what. A credential that was refused, or that
 * stood for nobody, is named as such, so that clients do not try the same again.
 */
export function challenge(access: RegistryAccess, req: IncomingMessage, route: Route): string {
  // The authority comes from the client; what could end the quoted string is left out.
  const realm = (access.publicUrl(req) + TOKEN_PATH).replaceAll(/[^\x21\x23-\x5b\x5d-\x7e]/g, '');
  const scope = scopeOf(route, req.method);
  const error = errorOf(req);
  return `Bearer realm="${realm}",service="${SERVICE}"${scope === '' ? '' : `,scope="${scope}"`}${error}`;
}

function errorOf(req: IncomingMessage): string {
  if (req.headers.authorization === undefined) return '';
  return isAnonymousToken(req) ? ',error="insufficient_scope"' : ',error="invalid_token"';
}

const READS = new Set(['GET', 'HEAD']);

function scopeOf(route: Route, method: string | undefined): string {
  if (route.kind === 'catalog') return 'registry:catalog:*';
  if (!/^[a-z0-9._/-]+$/.test(route.name)) return '';
  return `repository:${route.name}:${actionsOf(route, method ?? 'GET')}`;
}

function actionsOf(route: Route, method: string): string {
  if (route.kind === 'upload' || route.kind === 'uploads') return 'pull,push';
  if (READS.has(method)) return 'pull';
  return method === 'DELETE' ? 'delete' : 'pull,push';
}

/**
 * GET with Basic credentials (any user name), or POST with a form (`grant_type` password or refresh_token).
 * @throws {DomainError} Unauthorized; {RegistryError} for a form that cannot be used.
 */
export async function giveToken(access: RegistryAccess, coming: Coming): Promise<void> {
  const { req, res } = coming;
  const form = req.method === 'POST' ? await readForm(coming) : undefined;
  const credential = credentialOf(req, form);
  if (credential !== undefined) {
    // However it came, the credential is checked as a bearer token would be.
    req.headers.authorization = `Bearer ${credential}`;
    if ((await access.identify(req)) === undefined) throw refused();
  }
  const token = credential ?? ANONYMOUS_TOKEN;
  const offline = form?.get('access_type') === 'offline';
  const body = JSON.stringify({
    token,
    access_token: token,
    token_type: 'Bearer',
    expires_in: REGISTRY_TOKEN_SECONDS,
    issued_at: new Date().toISOString(),
    ...(form ? { scope: form.get('scope') ?? '' } : {}),
    ...(offline ? { refresh_token: token } : {}),
  });
  res.writeHead(200, {
    'Docker-Distribution-Api-Version': API_VERSION,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  res.end(body);
}

async function readForm(coming: Coming): Promise<URLSearchParams> {
  return new URLSearchParams((await readBody(coming, TOKEN_FORM_BYTES, 'SIZE_INVALID')).toString());
}

function refused(): RegistryError {
  return new RegistryError('UNAUTHORIZED', 'the password must be an API token that is valid; any user name will do');
}

/** The API token that the request carries as a password; undefined if it carries no credential at all. */
function credentialOf(req: IncomingMessage, form: URLSearchParams | undefined): string | undefined {
  const { authorization } = req.headers;
  const fromForm = form && formToken(form);
  if (fromForm !== undefined) return printable(fromForm);
  if (authorization === undefined || isAnonymousToken(req)) {
    if (form === undefined) return undefined;
    throw new RegistryError('UNSUPPORTED', 'the form needs grant_type=password or grant_type=refresh_token', {
      status: 400,
    });
  }
  const basic = BASIC.exec(authorization)?.[1];
  if (basic !== undefined) {
    const pair = Buffer.from(basic, 'base64').toString();
    const colon = pair.indexOf(':');
    return printable(colon === -1 ? '' : pair.slice(colon + 1));
  }
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer !== undefined) return printable(bearer);
  throw refused();
}

function formToken(form: URLSearchParams): string | undefined {
  switch (form.get('grant_type')) {
    case 'password':
      return form.get('password') ?? '';
    case 'refresh_token':
      return form.get('refresh_token') ?? '';
    default:
      return undefined;
  }
}

/** A token is printable ASCII without blanks; anything else cannot be one, and must not become part of a header. */
function printable(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw refused();
  return text;
}
