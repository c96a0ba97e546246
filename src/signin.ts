/** How callers get in: tokens, certificates, passwords, put together for the edges. */
import type { AccountTokens } from './access/accounttokens.ts';
import { type Authenticator, anyOf, type Bearers, makeAuthenticator } from './access/authenticator.ts';
import { Membership } from './access/membership.ts';
import { OAuthTokens } from './access/oauthtokens.ts';
import type { OidcConfig } from './access/oidc.ts';
import type { Attempt, FailedAttempt } from './access/passwordlogin.ts';
import type { AccessTokens } from './access/tokens.ts';
import type { User } from './access/user.ts';
import type { Config } from './config.ts';
import type { HttpRequest } from './http/message.ts';
import { lazily } from './lazily.ts';
import type { Handler } from './listener.ts';
import type { Context } from './objects/context.ts';
import type { Audit } from './observe/audit.ts';
import type { Logger } from './observe/logs.ts';
import type { PasswordSignIn } from './passwordsignin.ts';
import type { RegistryCredential, RegistryGrant } from './registry/exchange.ts';
import type { Awaitable, Store } from './store/store.ts';

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

/** For the edges. */
export interface SignedIn extends Authenticator {
  readonly grant: (credential: RegistryCredential) => Promise<RegistryGrant>;
  /** Answers the paths of OAuth. */
  readonly oauth: (options: OAuthReach) => Handler;
}

interface OAuthReach {
  publicUrl(req: HttpRequest): string;
  report(error: unknown, req: HttpRequest): void;
  readonly audit?: Audit;
}

/** What of a server lets callers in. */
export class SignIn {
  /** Tokens of people. */
  readonly userTokens: Bearers;
  readonly #options: SignInOptions;
  readonly #membership: Membership;
  readonly #oauthTokens: OAuthTokens;

  constructor(options: SignInOptions) {
    const { config, store, tokens, now } = options;
    this.#options = options;
    this.#membership = new Membership(store);
    this.#oauthTokens = new OAuthTokens(store, now, this.#membership);
    const kinds: Bearers[] = [tokens, this.#oauthTokens];
    if (config.oidc) kinds.push(this.#oidc(config.oidc));
    this.userTokens = anyOf(kinds);
  }

  /** What the edges need. `ctx` is the server's own. */
  open(ctx: Context): SignedIn {
    const { accountTokens, config, failed, logger, now } = this.#options;
    const [membership, oauthTokens] = [this.#membership, this.#oauthTokens];
    const tokens = anyOf([this.userTokens, accountTokens]);
    const warn = (text: string): void => logger.warn(text);
    const options = { ctx, file: config.htpasswd, membership, oauthTokens, tokens, failed, warn };
    const passwords = lazily<PasswordSignIn>(() =>
      import('./passwordsignin.ts').then((it) => new it.PasswordSignIn(options)),
    );
    const login = async (attempt: Attempt): Promise<User> => (await passwords()).login(attempt);
    const registryTokens = whenLoaded('registry~', () => {
      const loaded = passwords();
      return loaded instanceof Promise ? loaded.then((it) => it.registryTokens) : loaded.registryTokens;
    });
    return {
      ...makeAuthenticator({ tokens, registryTokens, membership, login, now }),
      grant: async (credential) => (await passwords()).grant(credential),
      oauth: (reach) => {
        const handler = lazily(() =>
          import('./oauth/server.ts').then((it) => it.oauthHandler(ctx, { ...reach, login })),
        );
        const answer = async (...[req, res]: Parameters<Handler>): Promise<void> => {
          try {
            (await handler())(req, res);
          } catch (error) {
            reach.report(error, req);
            res.writeHead(503, { 'Retry-After': '1' }).end();
          }
        };
        return (req, res) => void answer(req, res);
      },
    };
  }

  /** Lets go of the store. */
  close(): void {
    this.#membership.close();
    this.#oauthTokens.close();
  }

  /** Loaded with the first token that might be the provider's. */
  #oidc(config: OidcConfig): Bearers {
    const { now, logger } = this.#options;
    const options = { config, now, membership: this.#membership, warn: (text: string): void => logger.warn(text) };
    return whenLoaded(
      'ey',
      lazily(() => import('./access/oidc.ts').then((it) => new it.OidcTokens(options))),
    );
  }
}

/** Knows tokens that begin so, once what knows them is loaded. */
function whenLoaded(beginning: string, load: () => Awaitable<Bearers>): Bearers {
  return {
    find(token) {
      if (!token.startsWith(beginning)) return undefined;
      const loaded = load();
      return loaded instanceof Promise ? loaded.then((it) => it.find(token)) : loaded.find(token);
    },
  };
}
