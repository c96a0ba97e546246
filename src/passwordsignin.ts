/** Logging in with passwords, put together: loaded with the first one that comes, for no start needs it. */
import { type Bearers, looksLikeToken } from './access/authenticator.ts';
import { Htpasswd } from './access/htpasswd.ts';
import type { Membership } from './access/membership.ts';
import type { OAuthTokens } from './access/oauthtokens.ts';
import { type Attempt, type FailedAttempt, PasswordLogin } from './access/passwordlogin.ts';
import { RegistryTokens } from './access/registrytokens.ts';
import { FULL_SCOPE } from './access/scopes.ts';
import type { User } from './access/user.ts';
import { COMMAND_CLIENT, findClient } from './cluster/oauthclients.ts';
import { issueToken } from './cluster/oauthissue.ts';
import { provisionedUser } from './cluster/provisioning.ts';
import { REGISTRY_LOGIN_SECONDS, REGISTRY_REFRESH_SECONDS } from './limits.access.ts';
import { REGISTRY_TOKEN_SECONDS } from './limits.ts';
import type { Context } from './objects/context.ts';
import { DomainError } from './objects/errors.ts';
import type { RegistryCredential, RegistryGrant } from './registry/exchange.ts';

/** The provider of identities of users in the file of passwords. */
const PROVIDER = 'htpasswd';

export interface PasswordSignInOptions {
  /** The server's own. */
  readonly ctx: Context;
  /** The file of users and passwords. */
  readonly file: string;
  readonly membership: Membership;
  readonly oauthTokens: OAuthTokens;
  /** All tokens that are good everywhere. */
  readonly tokens: Bearers;
  /** Hears of each login that failed. */
  readonly failed: (attempt: FailedAttempt) => void;
  readonly warn: (text: string) => void;
}

/** Whoever comes with a password, or with what the registry gave for one. */
export class PasswordSignIn {
  /** Tokens that only the registry accepts. */
  readonly registryTokens: RegistryTokens;
  readonly #options: PasswordSignInOptions;
  readonly #logins: PasswordLogin;

  constructor(options: PasswordSignInOptions) {
    const { ctx, file, membership, oauthTokens, failed, warn } = options;
    this.#options = options;
    const now = (): Date => ctx.now();
    const htpasswd = new Htpasswd(file, now, warn);
    this.registryTokens = new RegistryTokens({ store: ctx.store, now, htpasswd, users: oauthTokens });
    const userOf = async (name: string): Promise<User> =>
      membership.join(await provisionedUser(ctx, { provider: PROVIDER, name }));
    this.#logins = new PasswordLogin({ htpasswd, now, userOf, failed });
  }

  /** The user whose name and password these are. @throws {DomainError} Unauthorized, TooManyRequests; {StoreError} */
  login(attempt: Attempt): Promise<User> {
    return this.#logins.login(attempt);
  }

  /**
   * What the registry's token endpoint gives: a token for itself; for a password, one that ends soon, and one to keep if
   * that is wanted. Throws as `login`.
   */
  async grant({ name, secret, address, offline }: RegistryCredential): Promise<RegistryGrant> {
    const { tokens } = this.#options;
    if ((await tokens.find(secret)) || (await this.registryTokens.find(secret))) {
      return { token: secret, seconds: REGISTRY_TOKEN_SECONDS, ...(offline && { refreshToken: secret }) };
    }
    if (looksLikeToken(secret) || name === '') {
      throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
    }
    const user = await this.login({ name, password: secret, address });
    const token = await this.registryTokens.issue(user);
    const refresh = offline ? { refreshToken: await this.#lastingToken(user) } : {};
    return { token, seconds: REGISTRY_LOGIN_SECONDS, ...refresh };
  }

  /** What docker keeps instead of the password: the user finds it among the tokens, and can end it there. */
  async #lastingToken(user: User): Promise<string> {
    const { ctx } = this.#options;
    const client = await findClient(ctx, COMMAND_CLIENT);
    if (!client) throw new Error(`the client ${COMMAND_CLIENT} is always there`);
    const terms = { user, client, scopes: [FULL_SCOPE], redirectUri: 'headgate:registry' };
    return (await issueToken({ ...ctx, user }, terms, REGISTRY_REFRESH_SECONDS)).token;
  }
}
