/** One request to the OAuth pages, as those who answer it see it. */
import type { User } from '../access/user.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Context, Services } from '../objects/context.ts';

export interface OAuthExchange {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly services: Services;
  /** The target, as the client wrote it. */
  readonly url: string;
  readonly query: URLSearchParams;
  /** How the client reached this server: scheme, host and port. */
  readonly issuer: string;
  /** The user whose name and password these are. @throws {DomainError} Unauthorized, TooManyRequests */
  readonly login: (name: string, password: string) => Promise<User>;
  /** Records that somebody got a code or a token. */
  readonly granted: (
    verb: 'login' | 'exchange',
    code: number,
    facts: { readonly user?: string; readonly client: string },
  ) => void;
  /** For what is done for a user who has logged in. */
  readonly context: (user: User) => Context;
}
