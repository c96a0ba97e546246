/** A client's wish for a token or a code, checked before anybody is asked for a password. */
import { FULL_SCOPE, scopeProblem } from '../access/scopes.ts';
import { findClient, type OAuthClient, restrictionProblem } from '../cluster/oauthclients.ts';
import { redirectProblem } from '../cluster/oauthfields.ts';
import { OAUTH_STATE_CHARACTERS } from '../limits.access.ts';
import type { Services } from '../objects/context.ts';
import { OAuthRefusal } from './answer.ts';

/** What the client wishes, and where the answer goes. */
export interface AuthorizeRequest {
  readonly client: OAuthClient;
  readonly responseType: 'code' | 'token';
  /** As the client wrote it: what exchanges the code must show the same. */
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly state: string;
  readonly challenge: string;
  readonly challengeMethod: string;
}

/** What the client is told through the redirect: the word of RFC 6749, and why. */
export class RedirectedError extends Error {
  override name = 'RedirectedError';
  readonly location: string;
  constructor(redirectUri: string, fragment: boolean, members: Readonly<Record<string, string>>) {
    super(members.error_description);
    this.location = withMembers(redirectUri, fragment, members);
  }
}

/** A redirect with members in its query, or its fragment. */
export function withMembers(uri: string, fragment: boolean, members: Readonly<Record<string, string>>): string {
  const url = new URL(uri);
  if (fragment) url.hash = new URLSearchParams(members).toString();
  else for (const [name, value] of Object.entries(members)) url.searchParams.append(name, value);
  return url.href;
}

/**
 * @param issuer How the client reached this server: scheme, host and port.
 * @throws {OAuthRefusal} where there is nobody to redirect to; {RedirectedError} for all else that is wrong.
 */
export async function authorizeRequest(
  services: Pick<Services, 'store' | 'settings'>,
  query: URLSearchParams,
  issuer: string,
): Promise<AuthorizeRequest> {
  for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'code_challenge']) {
    if (query.getAll(name).length > 1) throw new OAuthRefusal(400, 'invalid_request', `${name} stands twice`);
  }
  const name = query.get('client_id') ?? '';
  const client = await findClient(services, name);
  if (!client) {
    throw new OAuthRefusal(400, 'unauthorized_client', `there is no client ${JSON.stringify(name)} (client_id)`);
  }
  const redirectUri = redirectOf(client, query.get('redirect_uri') ?? '', issuer);
  const state = query.get('state') ?? '';
  const responseType = query.get('response_type');
  const refuse = (error: string, why: string): RedirectedError => {
    const members = { error, error_description: why, ...(state && { state: state.slice(0, OAUTH_STATE_CHARACTERS) }) };
    return new RedirectedError(redirectUri, responseType === 'token', members);
  };
  if (state.length > OAUTH_STATE_CHARACTERS) throw refuse('invalid_request', 'the state is too long');
  if (responseType !== 'code' && responseType !== 'token') {
    throw refuse('unsupported_response_type', 'response_type must be code or token');
  }
  const scopes = scopesOf(query.get('scope'));
  const problem = scopes.map(scopeProblem).find((one) => one !== undefined) ?? restrictionProblem(client, scopes);
  if (problem !== undefined) throw refuse('invalid_scope', problem);
  const challenge = query.get('code_challenge') ?? '';
  const challengeMethod = query.get('code_challenge_method') ?? (challenge === '' ? '' : 'plain');
  if (challengeMethod !== '' && !/^(?:S256|plain)$/.test(challengeMethod)) {
    throw refuse('invalid_request', 'code_challenge_method must be S256 or plain');
  }
  if ((challenge !== '' || challengeMethod !== '') && !/^[A-Za-z0-9._~-]{43,128}$/.test(challenge)) {
    throw refuse('invalid_request', 'code_challenge must be 43 to 128 letters, digits, dots, hyphens or tildes');
  }
  return { client, responseType, redirectUri, scopes, state, challenge, challengeMethod };
}

function scopesOf(text: string | null): string[] {
  const scopes = (text ?? '').split(' ').filter((scope) => scope !== '');
  return scopes.length === 0 ? [FULL_SCOPE] : [...new Set(scopes)];
}

function redirectOf(client: OAuthClient, wanted: string, issuer: string): string {
  const allowed = (client.redirectURIs ?? []).map((uri) => (uri.startsWith('/') ? issuer + uri : uri));
  if (wanted === '' && allowed[0] !== undefined) return allowed[0];
  if (redirectProblem(wanted) === undefined && allowed.some((uri) => covers(uri, wanted))) return wanted;
  const { name } = client.metadata;
  const message = `the client ${name} may not be answered at ${JSON.stringify(wanted)} (redirect_uri)`;
  throw new OAuthRefusal(400, 'invalid_request', message);
}

/** Whether a redirect is the one that is registered, or below it. On the loopback the port is the client's choice (RFC 8252). */
function covers(registered: string, wanted: string): boolean {
  if (!URL.canParse(registered) || !URL.canParse(wanted)) return false;
  const [allowed, asked] = [new URL(registered), new URL(wanted)];
  if (asked.username !== '' || asked.password !== '' || asked.hash !== '') return false;
  if (allowed.protocol !== asked.protocol || !/^https?:$/.test(asked.protocol)) return false;
  const anyPort =
    asked.protocol === 'http:' && allowed.port === '' && /^(?:127\.0\.0\.1|\[::1\])$/.test(allowed.hostname);
  if (allowed.hostname !== asked.hostname || (!anyPort && allowed.port !== asked.port)) return false;
  return asked.pathname === allowed.pathname || asked.pathname.startsWith(`${allowed.pathname.replace(/\/$/, '')}/`);
}
