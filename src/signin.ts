/** How callers get in: tokens, certificates, passwords, put together for the edges. */
import type { IncomingMessage } from 'node:http';
import type { AccountTokens } from './access/accounttokens.ts';
import { type Authenticator, anyOf, type Bearers, looksLikeToken, makeAuthenticator } from './access/authenticator.ts';
import { Htpasswd } from './access/htpasswd.ts';
import { Membership } from './access/membership.ts';
import { OAuthTokens } from './access/oauthtokens.ts';
import type { OidcOptions } from './access/oidc.ts';
import { type FailedAttempt, PasswordLogin } from './access/passwordlogin.ts';
import { RegistryTokens } from './access/registrytokens.ts';
import type { AccessTokens } from './access/tokens.ts';
import type { User } from './access/user.ts';
import type { Config } from './config.ts';
import { REGISTRY_LOGIN_SECONDS, REGISTRY_REFRESH_SECONDS } from './limits.access.ts';
import { REGISTRY_TOKEN_SECONDS } from './limits.ts';
import type { Handler } from './listener.ts';
import type { Context } from './objects/context.ts';
import { DomainError } from './objects/errors.ts';
import type { Audit } from './observe/audit.ts';
import type { Logger } from './observe/logs.ts';
import type { RegistryCredential, RegistryGrant } from './registry/exchange.ts';
import type { Store } from './store/store.ts';

/** The provider of identities of users in the file of passwords. */
const PROVIDER = 'htpasswd';

export interface SignInOptions {
  readonly config: Config;
  readonly store: Store;
  /** Of administrators. */
  readonly tokens: AccessTokens;
  readonly accountTokens: AccountTokens;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Hears of each login that failed. */
  readonly failed: (attempt: FailedAttempt) => void;
}

/** What of a server lets callers in. */
export class SignIn {
  /** Tokens of people. */
  readonly userTokens: Bearers;
  readonly #options: SignInOptions;
  readonly #membership: Membership;
  readonly #oauthTokens: OAuthTokens;
  readonly #htpasswd: Htpasswd;
  readonly #registryTokens: RegistryTokens;

  constructor(options: SignInOptions) {
    const { config, store, tokens, now, logger } = options;
    this.#options = options;
    this.#membership = new Membership(store);
    this.#oauthTokens = new OAuthTokens(store, now, this.#membership);
    const warn = (text: string): void => logger.warn(text);
    this.#htpasswd = new Htpasswd(config.htpasswd, now, warn);
    this.#registryTokens = new RegistryTokens({ store, now, htpasswd: this.#htpasswd, users: this.#oauthTokens });
    const kinds: Bearers[] = [tokens, this.#oauthTokens];
    if (config.oidc) kinds.push(lazyOidc({ config: config.oidc, now, membership: this.#membership, warn }));
    this.userTokens = anyOf(kinds);
  }

  /** What the edges need. `ctx` is the server's own. */
  open(ctx: Context): SignedIn {
    const { accountTokens, now, failed } = this.#options;
    const passwords = new PasswordLogin({
      htpasswd: this.#htpasswd,
      now,
      userOf: async (name) => {
        const { provisionedUser } = await import('./cluster/provisioning.ts');
        return this.#membership.join(await provisionedUser(ctx, { provider: PROVIDER, name }));
      },
      failed,
    });
    const login = passwords.login.bind(passwords);
    const tokens = anyOf([this.userTokens, accountTokens]);
    const { identifyApi, identifyRegistry } = makeAuthenticator({
      tokens,
      registryTokens: this.#registryTokens,
      membership: this.#membership,
      login,
      now,
    });
    const granting: Granting = { tokens: anyOf([tokens, this.#registryTokens]), issued: this.#registryTokens, login };
    return {
      identifyApi,
      identifyRegistry,
      grant: (credential) => granted(ctx, granting, credential),
      oauth: (options) => lazyOAuth(ctx, { ...options, login }),
    };
  }

  /** Lets go of the store. */
  close(): void {
    this.#membership.close();
    this.#oauthTokens.close();
  }
}

/** Loaded with the first token that might be the provider's. */
function lazyOidc(options: OidcOptions): Bearers {
  let made: Promise<Bearers> | undefined;
  let known: Bearers | undefined;
  return {
    find(token) {
      if (known) return known.find(token);
      if (!token.includes('.')) return undefined;
      made ??= import('./access/oidc.ts').then(({ OidcTokens }) => {
        known = new OidcTokens(options);
        return known;
      });
      return made.then((it) => it.find(token));
    },
  };
}

/** For the edges. */
export interface SignedIn extends Authenticator {
  readonly grant: (credential: RegistryCredential) => Promise<RegistryGrant>;
  /** Answers the paths of OAuth. */
  readonly oauth: (options: OAuthReach) => Handler;
}

interface OAuthReach {
  publicUrl(req: IncomingMessage): string;
  report(error: unknown, req: IncomingMessage): void;
  readonly audit?: Audit;
}

type Login = (attempt: { readonly name: string; readonly password: string; readonly address: string }) => Promise<User>;

/** Loaded with the first request for it: no start needs it. */
function lazyOAuth(ctx: Context, options: OAuthReach & { readonly login: Login }): Handler {
  let made: Promise<Handler> | undefined;
  return (req, res) => {
    made ??= import('./oauth/server.ts').then(({ oauthHandler }) => oauthHandler(ctx, options));
    void made.then((handler) => handler(req, res));
  };
}

interface Granting {
  readonly tokens: Bearers;
  readonly issued: RegistryTokens;
  readonly login: Login;
}

/** A token is given for itself; for a password, one that ends soon, and one to keep if that is wanted. */
async function granted(
  ctx: Context,
  { tokens, issued, login }: Granting,
  { name, secret, address, offline }: RegistryCredential,
): Promise<RegistryGrant> {
  const known = await tokens.find(secret);
  if (known) return { token: secret, seconds: REGISTRY_TOKEN_SECONDS, ...(offline && { refreshToken: secret }) };
  if (looksLikeToken(secret) || name === '') throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  const user = await login({ name, password: secret, address });
  const token = await issued.issue(user);
  const refresh = offline ? { refreshToken: await lastingToken(ctx, user) } : {};
  return { token, seconds: REGISTRY_LOGIN_SECONDS, ...refresh };
}

/** What docker keeps instead of the password: the user finds it among the tokens, and can end it there. */
async function lastingToken(ctx: Context, user: User): Promise<string> {
  const { issueToken } = await import('./cluster/oauthissue.ts');
  const { COMMAND_CLIENT, findClient } = await import('./cluster/oauthclients.ts');
  const client = await findClient(ctx, COMMAND_CLIENT);
  if (!client) throw new Error(`the client ${COMMAND_CLIENT} is always there`);
  const terms = { user, client, scopes: ['user:full'], redirectUri: 'headgate:registry' };
  return (await issueToken({ ...ctx, user }, terms, REGISTRY_REFRESH_SECONDS)).token;
}
