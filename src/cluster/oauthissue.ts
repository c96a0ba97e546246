/** Giving out tokens and codes: the client gets them once, the store holds their hashes. */
import { hash, timingSafeEqual } from 'node:crypto';
import { expiryOf, tokenObjectName } from '../access/oauthtokens.ts';
import { newAccessToken } from '../access/tokens.ts';
import type { User } from '../access/user.ts';
import { OAUTH_CODE_SECONDS, OAUTH_TOKEN_SECONDS } from '../limits.access.ts';
import type { Context } from '../objects/context.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject, creation } from '../objects/writes.ts';
import { CommitConflict } from '../store/store.ts';
import { oauthAccessTokens } from './oauthaccesstokens.ts';
import { type OAuthAuthorizeToken, oauthAuthorizeTokens } from './oauthauthorizetokens.ts';
import type { OAuthClient } from './oauthclients.ts';

/** What is given to whom. */
export interface GrantTerms {
  readonly user: User;
  readonly client: OAuthClient;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
}

/** A token as its client gets it. */
export interface IssuedToken {
  readonly token: string;
  /** Seconds; 0 if it does not end. */
  readonly expiresIn: number;
  readonly scopes: readonly string[];
}

/** What a code is given out with, beside the terms. */
export interface CodeTerms extends GrantTerms {
  readonly state: string;
  /** PKCE (RFC 7636); '' without. */
  readonly challenge: string;
  readonly challengeMethod: string;
}

/** What a client shows to get a token for its code. */
export interface Exchange {
  readonly code: string;
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly verifier: string;
  /** Whether the code was brought by this server itself, so that no proof is needed that nobody else has read it. */
  readonly trusted?: boolean;
}

function grantOf({ user, client, scopes, redirectUri }: GrantTerms) {
  return {
    clientName: client.metadata.name ?? '',
    scopes: [...scopes],
    redirectURI: redirectUri,
    userName: user.name,
    userUID: user.uid ?? '',
  };
}

/** Makes a token. @throws {DomainError} Invalid for what may not be given; {StoreError}. */
export async function issueToken(
  ctx: Context,
  terms: GrantTerms,
  seconds = terms.client.accessTokenMaxAgeSeconds ?? OAUTH_TOKEN_SECONDS,
): Promise<IssuedToken> {
  const token = newAccessToken();
  const object = { metadata: { name: tokenObjectName(token) }, ...grantOf(terms), expiresIn: seconds };
  await createObject(ctx, oauthAccessTokens, '', object);
  return { token, expiresIn: seconds, scopes: terms.scopes };
}

/** Makes a code. Throws as `issueToken`. */
export async function issueCode(ctx: Context, terms: CodeTerms): Promise<string> {
  const code = newAccessToken();
  await createObject(ctx, oauthAuthorizeTokens, '', {
    metadata: { name: tokenObjectName(code) },
    ...grantOf(terms),
    expiresIn: OAUTH_CODE_SECONDS,
    state: terms.state,
    codeChallenge: terms.challenge,
    codeChallengeMethod: terms.challengeMethod,
  });
  return code;
}

/**
 * The token for a code; undefined if the code is not good, or was used: the code goes in the commit that makes the token,
 * so it can be used once. Throws as `issueToken`.
 */
export async function exchangeCode(ctx: Context, exchange: Exchange): Promise<IssuedToken | undefined> {
  const { code, client, redirectUri } = exchange;
  const kept = await readKept(ctx.store, oauthAuthorizeTokens, '', tokenObjectName(code));
  const granted = kept && parsed(oauthAuthorizeTokens, ctx.settings, kept);
  if (!granted || expiryOf(granted) <= ctx.now().getTime()) return undefined;
  const { name: clientName = '' } = client.metadata;
  if (granted.clientName !== clientName || granted.redirectURI !== redirectUri) return undefined;
  if (!exchange.trusted && !proves(granted, exchange)) return undefined;
  const token = newAccessToken();
  const expiresIn = client.accessTokenMaxAgeSeconds ?? OAUTH_TOKEN_SECONDS;
  const { scopes = [], userName = '', userUID = '' } = granted;
  const made = await creation(ctx, oauthAccessTokens, '', {
    metadata: { name: tokenObjectName(token) },
    clientName,
    expiresIn,
    scopes,
    redirectURI: redirectUri,
    userName,
    userUID,
    authorizeToken: granted.metadata.name ?? '',
  });
  try {
    const used = { op: 'delete', key: kept.head.key, expect: kept.head.revision } as const;
    await ctx.store.commit([...made.changes, used]);
  } catch (error) {
    // The same code came twice at the same moment.
    if (error instanceof CommitConflict) return undefined;
    throw error;
  }
  return { token, expiresIn, scopes };
}

/**
 * Whether the client has the secret of the code's challenge. A client that has a secret of its own has shown that; any
 * other must have sent a challenge, or whoever sees the code could use it.
 */
function proves(
  { codeChallenge = '', codeChallengeMethod }: OAuthAuthorizeToken,
  { verifier, client }: Exchange,
): boolean {
  if (codeChallenge === '') return (client.secret ?? '') !== '';
  const shown = codeChallengeMethod === 'S256' ? hash('sha256', verifier, 'base64url') : verifier;
  const [expected, given] = [Buffer.from(codeChallenge), Buffer.from(shown)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}
