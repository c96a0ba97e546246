/**
 * The token endpoint of Docker's token authentication. As in OpenShift's registry, whoever comes with an API token as the
 * password is given that; who comes with a password is given a token for it. Its realm is named in the challenge of every 401.
 */
import type { HttpRequest } from '../http/message.ts';
import { REGISTRY_TOKEN_SECONDS, TOKEN_FORM_BYTES } from '../limits.ts';
import { isProblem } from '../objects/errors.ts';
import { type Coming, readBody } from './body.ts';
import { RegistryError } from './errors.ts';
import { API_VERSION, type RegistryAccess, type RegistryCredential, type RegistryGrant } from './exchange.ts';
import { type Route, TOKEN_PATH } from './route.ts';

/** What a client without a credential is given, and sends as its bearer token: it stands for nobody. */
const ANONYMOUS_TOKEN = 'anonymous';

const SERVICE = 'headgate';
const BASIC = /^basic +([A-Za-z0-9+/_-]*={0,2}) *$/i;
const BEARER = /^bearer +(\S+) *$/i;

/** Whether the request carries the token of nobody. */
export function isAnonymousToken(req: HttpRequest): boolean {
  const header = req.headers.authorization;
  return header !== undefined && header.length < 32 && BEARER.exec(header)?.[1] === ANONYMOUS_TOKEN;
}

/**
 * The WWW-Authenticate header of a 401: where to get a token, and for what. A credential that was refused, or that
 * stood for nobody, is named as such, so that clients do not try the same again.
 */
export function challenge(access: RegistryAccess, req: HttpRequest, route: Route): string {
  // The authority comes from the client; what could end the quoted string is left out.
  const realm = (access.publicUrl(req) + TOKEN_PATH).replaceAll(/[^\x21\x23-\x5b\x5d-\x7e]/g, '');
  const scope = scopeOf(route, req.method);
  const error = errorOf(req);
  return `Bearer realm="${realm}",service="${SERVICE}"${scope === '' ? '' : `,scope="${scope}"`}${error}`;
}

function errorOf(req: HttpRequest): string {
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
 * GET with Basic credentials, or POST with a form (`grant_type` password or refresh_token): a name and its password, or an
 * API token as the password of any name.
 * @throws {DomainError} Unauthorized, TooManyRequests; {RegistryError} for a form that cannot be used.
 */
export async function giveToken(access: RegistryAccess, coming: Coming): Promise<void> {
  const { req, res } = coming;
  const form = req.method === 'POST' ? await readForm(coming) : undefined;
  const credential = credentialOf(req, form);
  const grant = credential ? await granted(access, req, credential, form) : ANONYMOUS_GRANT;
  const body = JSON.stringify({
    token: grant.token,
    access_token: grant.token,
    token_type: 'Bearer',
    expires_in: grant.seconds,
    issued_at: new Date().toISOString(),
    ...(form ? { scope: form.get('scope') ?? '' } : {}),
    ...(grant.refreshToken !== undefined ? { refresh_token: grant.refreshToken } : {}),
  });
  res.writeHead(200, {
    'Docker-Distribution-Api-Version': API_VERSION,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  res.end(body);
}

const ANONYMOUS_GRANT: RegistryGrant = { token: ANONYMOUS_TOKEN, seconds: REGISTRY_TOKEN_SECONDS };

async function granted(
  access: RegistryAccess,
  req: HttpRequest,
  credential: Credential,
  form: URLSearchParams | undefined,
): Promise<RegistryGrant> {
  try {
    const address = req.socket.remoteAddress ?? '';
    return await access.grant({ ...credential, address, offline: wantsOffline(req, form) });
  } catch (error) {
    // Where there is more to say than that it is wrong, that is said.
    if (isProblem(error, 'Unauthorized') && error.message === 'Unauthorized') throw refused();
    throw error;
  }
}

function wantsOffline({ url = '' }: HttpRequest, form: URLSearchParams | undefined): boolean {
  if (form) return form.get('access_type') === 'offline';
  const mark = url.indexOf('?');
  return mark >= 0 && new URLSearchParams(url.slice(mark + 1)).get('offline_token') === 'true';
}

async function readForm(coming: Coming): Promise<URLSearchParams> {
  return new URLSearchParams((await readBody(coming, TOKEN_FORM_BYTES, 'SIZE_INVALID')).toString());
}

function refused(): RegistryError {
  const message = 'the name and password are not right; the password may be an API token too, with any name';
  return new RegistryError('UNAUTHORIZED', message);
}

type Credential = Pick<RegistryCredential, 'name' | 'secret'>;

/** The credential that the request carries; undefined if it carries none at all. */
function credentialOf(req: HttpRequest, form: URLSearchParams | undefined): Credential | undefined {
  const { authorization } = req.headers;
  const fromForm = form && formCredential(form);
  if (fromForm) return fromForm;
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
    return { name: colon < 0 ? pair : pair.slice(0, colon), secret: colon < 0 ? '' : pair.slice(colon + 1) };
  }
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer !== undefined) return { name: '', secret: bearer };
  throw refused();
}

function formCredential(form: URLSearchParams): Credential | undefined {
  switch (form.get('grant_type')) {
    case 'password':
      return { name: form.get('username') ?? '', secret: form.get('password') ?? '' };
    case 'refresh_token':
      return { name: '', secret: form.get('refresh_token') ?? '' };
    default:
      return undefined;
  }
}
