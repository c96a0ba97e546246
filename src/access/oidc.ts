/**
 * Tokens of an OpenID Connect provider, by the rules of kube-apiserver's flags of the same names. The provider is asked for
 * its keys when the first such token comes, and again when a token names a key that is not known.
 */
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import {
  OIDC_CLOCK_SECONDS,
  OIDC_KEPT_CHARACTERS,
  OIDC_KEYS_SECONDS,
  OIDC_RETRY_SECONDS,
  OIDC_TOKEN_CHARACTERS,
  OIDC_TOKENS_KEPT,
  OIDC_TRUST_SECONDS,
  OIDC_WAIT_SECONDS,
} from '../limits.access.ts';
import type { Awaitable } from '../store/store.ts';
import type { Membership } from './membership.ts';
import { fetcher, fetchJson } from './oidcfetch.ts';
import { loadJose } from './signingkey.ts';
import { AUTHENTICATED, type User } from './user.ts';

/** The provider, and how its claims become users. */
export interface OidcConfig {
  /** `https://…`: who signs; it must stand in tokens just so. */
  readonly issuer: string;
  /** For whom tokens must be made (`aud`). */
  readonly clientId: string;
  readonly usernameClaim: string;
  /** Put before names; `-` stands for nothing, undefined for the issuer and `#`, unless the claim is `email`. */
  readonly usernamePrefix: string | undefined;
  readonly groupsClaim: string | undefined;
  readonly groupsPrefix: string;
  /** Claims that must have these values. */
  readonly requiredClaims: ReadonlyMap<string, string>;
  readonly algorithms: readonly string[];
  /** PEM of the authorities to trust; the system's otherwise. */
  readonly authorities: string | undefined;
}

export interface OidcOptions {
  readonly config: OidcConfig;
  readonly now: () => Date;
  readonly membership: Membership;
  /** Told why a token was refused, or the provider did not answer. */
  readonly warn: (text: string) => void;
}

/** What is known of a token that was seen. */
interface Known {
  /** Undefined if it is none of this provider's, or not good. */
  readonly user: User | undefined;
  /** Milliseconds since 1970 until which that is believed. */
  readonly until: number;
}

const SHAPE = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/;
/** Names and groups of the system are not for providers to give. */
const RESERVED = 'system:';

/** Why a token is not accepted. */
class Refused extends Error {
  override name = 'Refused';
}

/** The tokens of one provider. */
export class OidcTokens {
  readonly #options: OidcOptions;
  readonly #known = new Map<string, Known>();
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #retryAt = 0;
  #quietUntil = 0;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  /** The user that a token stands for; undefined if it is not this provider's, or not good. @throws {StoreError} */
  find(token: string): Awaitable<User | undefined> {
    if (token.length > OIDC_TOKEN_CHARACTERS || !token.includes('.')) return undefined;
    const known = this.#known.get(token);
    if (!known || known.until <= this.#options.now().getTime()) return this.#look(token);
    return known.user && this.#options.membership.join(known.user);
  }

  async #look(token: string): Promise<User | undefined> {
    const now = this.#options.now().getTime();
    if (issuerOf(token) !== this.#options.config.issuer) {
      this.#remember(token, { user: undefined, until: now + OIDC_TRUST_SECONDS * 1000 });
      return undefined;
    }
    try {
      const { payload, user } = await this.#verified(token);
      const until = Math.min((payload.exp ?? 0) * 1000, now + OIDC_TRUST_SECONDS * 1000);
      this.#remember(token, { user, until });
      return this.#options.membership.join(user);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#warn(error, now);
      return undefined;
    }
  }

  /** Says why, but not each time: anybody can send such tokens. */
  #warn({ message }: Error, now: number): void {
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + OIDC_RETRY_SECONDS * 1000;
    this.#options.warn(`a token of ${this.#options.config.issuer} was refused: ${message}`);
  }

  async #verified(token: string): Promise<{ readonly payload: JWTPayload; readonly user: User }> {
    const { config, now } = this.#options;
    const keys = await this.#openKeys();
    const { jwtVerify, errors } = await loadJose();
    const verify = (currentDate: Date): Promise<{ readonly payload: JWTPayload }> =>
      jwtVerify(token, keys, {
        issuer: config.issuer,
        audience: config.clientId,
        algorithms: [...config.algorithms],
        currentDate,
        requiredClaims: ['exp'],
      });
    const { payload } = await verify(now()).catch((error: unknown) => {
      // A provider whose clock is a little ahead makes tokens that begin in the future.
      if (!(error instanceof errors.JWTClaimValidationFailed) || error.claim !== 'nbf') throw error;
      return verify(new Date(now().getTime() + OIDC_CLOCK_SECONDS * 1000));
    });
    return { payload, user: userOf(config, payload) };
  }

  /** Asks the provider where its keys are; if that fails, not again for a while. */
  #openKeys(): Promise<JWTVerifyGetKey> {
    const now = this.#options.now().getTime();
    if (!this.#keys) {
      if (now < this.#retryAt) return Promise.reject(new Refused('the provider did not answer a moment ago'));
      this.#retryAt = now + OIDC_RETRY_SECONDS * 1000;
      this.#keys = this.#discover();
      this.#keys.catch(() => {
        this.#keys = undefined;
      });
    }
    return this.#keys;
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer, authorities } = this.#options.config;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = (await fetchJson(url, authorities)) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
    if (found.issuer !== issuer) throw new Refused(`${url} is of another issuer: ${JSON.stringify(found.issuer)}`);
    const keys = found.jwks_uri;
    if (typeof keys !== 'string' || !URL.canParse(keys) || new URL(keys).protocol !== 'https:') {
      throw new Refused(`${url} names no jwks_uri with https`);
    }
    const { createRemoteJWKSet, customFetch } = await loadJose();
    return createRemoteJWKSet(new URL(keys), {
      timeoutDuration: OIDC_WAIT_SECONDS * 1000,
      cooldownDuration: OIDC_RETRY_SECONDS * 1000,
      cacheMaxAge: OIDC_KEYS_SECONDS * 1000,
      [customFetch]: fetcher(authorities),
    });
  }

  #remember(token: string, known: Known): void {
    if (token.length > OIDC_KEPT_CHARACTERS) return;
    this.#known.delete(token);
    if (this.#known.size >= OIDC_TOKENS_KEPT) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(token, known);
  }
}

/** Who says to have made a token; nothing of it has been checked. */
function issuerOf(token: string): unknown {
  const [, body] = SHAPE.exec(token) ?? [];
  if (body === undefined) return undefined;
  try {
    const payload: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
    return typeof payload === 'object' && payload !== null && 'iss' in payload ? payload.iss : undefined;
  } catch {
    return undefined;
  }
}

/** The user that claims make. @throws {Refused} */
function userOf(config: OidcConfig, payload: JWTPayload): User {
  for (const [claim, value] of config.requiredClaims) {
    if (payload[claim] !== value) throw new Refused(`the claim ${claim} is not ${JSON.stringify(value)}`);
  }
  const { usernameClaim } = config;
  const given = payload[usernameClaim];
  if (typeof given !== 'string' || given === '') throw new Refused(`the claim ${usernameClaim} is no name`);
  const { email_verified: verified } = payload;
  if (usernameClaim === 'email' && verified !== undefined && verified !== true) {
    throw new Refused('the e-mail address is not verified');
  }
  const name = prefixOf(config) + given;
  if (name.startsWith(RESERVED)) throw new Refused(`${JSON.stringify(name)} would be a name of the system`);
  const groups = groupsOf(config, payload).filter((group) => !group.startsWith(RESERVED));
  const { jti } = payload;
  return {
    name,
    groups: [...new Set([...groups, AUTHENTICATED])],
    ...(jti !== undefined && { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] } }),
  };
}

function prefixOf({ usernamePrefix, usernameClaim, issuer }: OidcConfig): string {
  if (usernamePrefix === '-') return '';
  if (usernamePrefix !== undefined) return usernamePrefix;
  return usernameClaim === 'email' ? '' : `${issuer}#`;
}

function groupsOf({ groupsClaim, groupsPrefix }: OidcConfig, payload: JWTPayload): string[] {
  const given = groupsClaim === undefined ? undefined : payload[groupsClaim];
  if (given === undefined || given === null) return [];
  const groups: readonly unknown[] = Array.isArray(given) ? given : [given];
  return groups.map((group) => {
    if (typeof group !== 'string') throw new Refused(`the claim ${groupsClaim} holds something else than names`);
    return groupsPrefix + group;
  });
}
