/** Who is calling: the credentials of a request, in the order in which they are looked at. */
import { TLSSocket } from 'node:tls';
import type { HttpRequest } from '../http/message.ts';
import { DomainError } from '../objects/errors.ts';
import type { Awaitable } from '../store/store.ts';
import { certificateUser } from './certificates.ts';
import type { Membership } from './membership.ts';
import type { Attempt } from './passwordlogin.ts';
import { isAccessToken } from './tokens.ts';
import { ANONYMOUS, type User } from './user.ts';

/** What OpenShift's token endpoint gives to those who have no credentials; it stands for nobody. */
const ANONYMOUS_TOKEN = 'anonymous';

/** Both edges' ways to find out who is calling; each knows what clients of its protocol send. */
export interface Authenticator {
  /**
   * For the Kubernetes API: a bearer token, else a client certificate, else ANONYMOUS: what that one may do is for the
   * authorizer to say.
   * As in kube-apiserver, Basic and an empty bearer token count as no credentials.
   * @throws {DomainError} Unauthorized for credentials that are not good, which never make an anonymous caller.
   */
  readonly identifyApi: (req: HttpRequest) => Awaitable<User>;
  /**
   * For the registry: the same but undefined for nobody, who is challenged; and also Basic with a name and its password, or
   * with a token as the password and any name, and the bearer token `anonymous`, which is nobody.
   * @throws {DomainError} Unauthorized; TooManyRequests for who has guessed too often.
   */
  readonly identifyRegistry: (req: HttpRequest) => Awaitable<User | undefined>;
}

/** Something that knows bearer tokens of one kind. */
export interface Bearers {
  /** Whom a token stands for; undefined if it is of another kind, or not good. */
  find(token: string): Awaitable<User | undefined>;
}

/** Those who know tokens of several kinds, as one: they are asked in order, and no token is of two kinds. */
export function anyOf(kinds: readonly Bearers[]): Bearers {
  return {
    find(token) {
      for (const [index, kind] of kinds.entries()) {
        const found = kind.find(token);
        if (found instanceof Promise) return foundLater(found, kinds.slice(index + 1), token);
        if (found) return found;
      }
      return undefined;
    },
  };
}

/** How callers are told apart. */
export interface Authentication {
  /** All tokens that are accepted everywhere. */
  readonly tokens: Bearers;
  /** Those that only the registry accepts. */
  readonly registryTokens?: Bearers;
  /** In which groups those are who show a certificate. */
  readonly membership: Membership;
  /** Whom a name and a password are; nobody where there are no passwords. May throw a DomainError. */
  readonly login?: (attempt: Attempt) => Promise<User>;
  /** The time, for what expires. */
  readonly now: () => Date;
}

/** An authenticator that goes by these. */
export function makeAuthenticator({ tokens, registryTokens, membership, login, now }: Authentication): Authenticator {
  const registryBearers = registryTokens ? anyOf([tokens, registryTokens]) : tokens;
  const byCertificate = (req: HttpRequest): Awaitable<User> | undefined => {
    const user = req.socket instanceof TLSSocket ? certificateUser(req.socket, now()) : undefined;
    return user && membership.join(user);
  };

  const byToken = (bearers: Bearers, token: string): Awaitable<User> => {
    const found = bearers.find(token);
    return found instanceof Promise ? found.then(orRefused) : orRefused(found);
  };

  return {
    identifyApi(req) {
      refuseQueryToken(req);
      const credentials = credentialsOf(req);
      if (credentials?.scheme === 'bearer' && credentials.value !== '') return byToken(tokens, credentials.value);
      if (credentials && credentials.scheme !== 'bearer' && credentials.scheme !== 'basic') throw unauthorized();
      return byCertificate(req) ?? ANONYMOUS;
    },
    identifyRegistry(req) {
      refuseQueryToken(req);
      const credentials = credentialsOf(req);
      if (!credentials) return byCertificate(req);
      if (credentials.scheme === 'basic') {
        const { name, secret } = basicPair(credentials.value);
        if (!login || looksLikeToken(secret)) return byToken(tokens, secret);
        return login({ name, password: secret, address: req.socket.remoteAddress ?? '' });
      }
      if (credentials.scheme !== 'bearer') throw unauthorized();
      return credentials.value === ANONYMOUS_TOKEN ? undefined : byToken(registryBearers, credentials.value);
    },
  };
}

/** Whether what came as a password is a token: then the name beside it says nothing, and it is not guessed at. */
export function looksLikeToken(secret: string): boolean {
  return isAccessToken(secret) || /^[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}$/.test(secret);
}

async function foundLater(
  first: Promise<User | undefined>,
  others: readonly Bearers[],
  token: string,
): Promise<User | undefined> {
  let user = await first;
  for (const kind of others) user ??= await kind.find(token);
  return user;
}

function orRefused(user: User | undefined): User {
  if (!user) throw unauthorized();
  return user;
}

function unauthorized(message = 'Unauthorized'): DomainError {
  return new DomainError({ reason: 'Unauthorized', message });
}

/** The Authorization header; the scheme in lower case, the value without the blanks around it. */
function credentialsOf(req: HttpRequest): { readonly scheme: string; readonly value: string } | undefined {
  const header = req.headers.authorization;
  if (header === undefined || header === '') return undefined;
  const blank = header.indexOf(' ');
  if (blank < 0) return { scheme: header.toLowerCase(), value: '' };
  return { scheme: header.slice(0, blank).toLowerCase(), value: header.slice(blank + 1).trim() };
}

/** Basic credentials, which are base64 of `name:password`; names hold no colon (RFC 7617). */
function basicPair(value: string): { readonly name: string; readonly secret: string } {
  const text = Buffer.from(value, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) throw unauthorized();
  return { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** URLs end up in logs, histories and Referer headers, so a token in one must not work. */
function refuseQueryToken(req: HttpRequest): void {
  const url = req.url ?? '';
  if (url.includes('access_token=') && /[?&]access_token=/.test(url)) {
    throw unauthorized("a token in the query is not accepted: send it as 'Authorization: Bearer …'");
  }
}
