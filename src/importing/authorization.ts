/** Telling a registry who is asking: Basic, or a token that is fetched from where the registry says. */
import { REMOTE_SMALL_BYTES } from '../limits.ts';
import type { Challenge } from './challenge.ts';
import { exchange, type Wire } from './exchange.ts';
import type { Zone } from './guard.ts';
import { type RegistryCredentials, RemoteError } from './remote.ts';
import { jsonObject, refusalOf, unsent } from './remotefailure.ts';

/** Seconds that a token is good for at least, whatever its issuer says. */
const TOKEN_SECONDS = 60;
/** A token is not used in its last seconds: it must last until the request arrives. */
const TOKEN_MARGIN_SECONDS = 5;

/** For whom and what an authorization is. */
export interface Authorizing {
  /** `namespace/name` at the registry. */
  readonly repository: string;
  readonly credentials: RegistryCredentials | undefined;
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The registry's server, which sent the challenges. */
export interface Challenger {
  readonly base: URL;
  readonly zone: Zone;
  readonly challenges: readonly Challenge[];
}

/** Gives the Authorization header for a request to that URL; undefined where none is asked for. Throws RemoteError. */
export type Authorize = (method: string, url: URL) => Promise<string | undefined>;

/** How to answer a registry's challenges. A token is fetched when it is first needed, and again before it ends. */
export function authorizeBy(wire: Wire, who: Authorizing, challenger: Challenger): Authorize {
  const bearer = challenger.challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer) return tokens(wire, who, challenger, bearer);
  const basic = challenger.challenges.find(({ scheme }) => scheme === 'basic');
  if (!basic) return async () => undefined;
  return async (method, url) => {
    if (!who.credentials) throw unsent('no-credentials', method, url, 'no basic auth credentials');
    return basicOf(who.credentials);
  };
}

function basicOf({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

interface Token {
  readonly text: string;
  /** Milliseconds of the process's clock. */
  readonly until: number;
}

function tokens(wire: Wire, who: Authorizing, challenger: Challenger, bearer: Challenge): Authorize {
  let current: Promise<Token> | undefined;
  return async (method, url) => {
    try {
      const known = await current;
      if (known && performance.now() < known.until) return `Bearer ${known.text}`;
      current = fetchToken(wire, who, challenger, bearer);
      return `Bearer ${(await current).text}`;
    } catch (error) {
      current = undefined;
      if (!(error instanceof RemoteError)) throw error;
      throw unsent(error.kind, method, url, error.message);
    }
  };
}

async function fetchToken(wire: Wire, who: Authorizing, challenger: Challenger, bearer: Challenge): Promise<Token> {
  const { credentials, insecure, signal } = who;
  const url = realmOf(challenger, bearer, insecure);
  const service = bearer.parameters.get('service');
  if (service) url.searchParams.append('service', service);
  url.searchParams.append('scope', `repository:${who.repository}:pull`);
  if (credentials) url.searchParams.append('account', credentials.username);
  const reply = await exchange(wire, {
    url,
    headers: { Accept: 'application/json' },
    authorization: credentials && basicOf(credentials),
    maxBytes: REMOTE_SMALL_BYTES,
    insecure,
    signal,
    from: challenger.zone,
  });
  if (reply.status < 200 || reply.status > 299) {
    const refusal = refusalOf(reply.status, reply.statusText, reply.body);
    if (refusal.kind !== 'unauthorized') throw new RemoteError('failed', refusal.message);
    throw new RemoteError(credentials ? 'wrong-credentials' : 'unauthorized', refusal.message);
  }
  const answer = jsonObject(reply.body);
  const text = [answer?.access_token, answer?.token].find((value) => typeof value === 'string' && value !== '');
  if (typeof text !== 'string' || /[^\x21-\x7e]/.test(text)) {
    throw new RemoteError('failed', 'authorization server did not include a token in the response');
  }
  const given = typeof answer?.expires_in === 'number' ? answer.expires_in : 0;
  const seconds = Math.max(TOKEN_SECONDS, given) - TOKEN_MARGIN_SECONDS;
  return { text, until: performance.now() + seconds * 1000 };
}

function realmOf({ base }: Challenger, { parameters }: Challenge, insecure: boolean): URL {
  const realm = parameters.get('realm');
  if (!realm) throw new RemoteError('failed', 'no realm specified for token auth challenge');
  const url = URL.parse(realm, base);
  if (!url || !/^https?:$/.test(url.protocol)) throw new RemoteError('failed', 'invalid token auth challenge realm');
  if (url.protocol === 'http:' && !insecure) {
    throw new RemoteError('failed', `the registry sends us for a token to plain HTTP at ${url.host}`);
  }
  url.username = '';
  url.password = '';
  return url;
}
