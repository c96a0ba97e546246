/**
 * Tokens of administrators, which no API shows: opaque, as OpenShift's (`sha256~` and 43 characters), and stored only as
 * their hash, as OpenShift hashes them: the unpadded base64url SHA-256 of what follows `sha256~`. Those of users are
 * objects (oauthtokens.ts).
 */
import { hash, randomBytes } from 'node:crypto';
import { ACCESS_TOKENS_KEPT } from '../limits.access.ts';
import type { Awaitable, Entry, Store } from '../store/store.ts';
import { Remembered } from './remembered.ts';
import { AUTHENTICATED, type User } from './user.ts';

/** Where tokens are kept: `<prefix><hash>`. */
export const ACCESS_TOKENS = '/accesstokens/';

/** What every token begins with. */
export const TOKEN_SCHEME = 'sha256~';
const SHAPE = /^sha256~[A-Za-z0-9_-]{43}$/;

/** Whom a token stands for. Times are RFC 3339. */
export interface AccessToken {
  readonly user: string;
  readonly groups: readonly string[];
  readonly created: string;
  /** From this time on it is worth nothing; without it, it does not expire. */
  readonly expires?: string;
}

/** A token that was found: the user as requests carry it. */
interface Known {
  readonly user: User;
  /** Milliseconds since 1970; Infinity if it does not expire. */
  readonly expires: number;
}

/** A new token: 256 random bits. */
export function newAccessToken(): string {
  return TOKEN_SCHEME + randomBytes(32).toString('base64url');
}

/** Whether a text looks like a token. */
export function isAccessToken(text: string): boolean {
  return SHAPE.test(text);
}

/** The key under which a token is stored. */
export function accessTokenKey(token: string): string {
  return ACCESS_TOKENS + hash('sha256', token.slice(TOKEN_SCHEME.length), 'base64url');
}

/** The tokens of a store. */
export class AccessTokens {
  readonly #store: Store;
  readonly #now: () => Date;
  readonly #known: Remembered<Known>;

  constructor(store: Store, now: () => Date) {
    this.#store = store;
    this.#now = now;
    this.#known = new Remembered({
      store,
      prefix: ACCESS_TOKENS,
      most: ACCESS_TOKENS_KEPT,
      read: knownOf,
      absences: true,
    });
  }

  /**
   * The user that a token stands for, or undefined if there is no such token, or no longer.
   * @throws {StoreError} if the store does not answer.
   */
  find(token: string): Awaitable<User | undefined> {
    if (!SHAPE.test(token)) return undefined;
    // The lookup compares hashes, so how long it takes says nothing about a token.
    const known = this.#known.get(accessTokenKey(token));
    return known instanceof Promise ? known.then((it) => unexpired(it, this.#now())) : unexpired(known, this.#now());
  }

  /** Stores a token, or what it now stands for. Durable when it resolves. */
  async keep(token: string, value: AccessToken): Promise<void> {
    const key = accessTokenKey(token);
    await this.#store.commit([{ op: 'put', key, value: Buffer.from(JSON.stringify(value)) }]);
    this.#known.forget(key);
  }

  /** Stores a token in place of another, in one commit. */
  async exchange(old: string | undefined, token: string, value: AccessToken): Promise<void> {
    const key = accessTokenKey(token);
    await this.#store.commit([
      { op: 'put', key, value: Buffer.from(JSON.stringify(value)) },
      ...(old === undefined ? [] : [{ op: 'delete' as const, key: accessTokenKey(old) }]),
    ]);
    this.#known.forget(key);
    if (old !== undefined) this.#known.forget(accessTokenKey(old));
  }

  /** Revokes a token. From then on no process accepts it, but for the moment that it takes another to hear of it. */
  async revoke(token: string): Promise<void> {
    const key = accessTokenKey(token);
    await this.#store.commit([{ op: 'delete', key }]);
    this.#known.forget(key);
  }

  /** Lets go of the store. */
  close(): void {
    this.#known.close();
  }
}

function unexpired(known: Known | undefined, now: Date): User | undefined {
  if (!known) return undefined;
  return known.expires === Number.POSITIVE_INFINITY || known.expires > now.getTime() ? known.user : undefined;
}

function knownOf(entry: Entry): Known {
  const token = JSON.parse(entry.value.toString()) as AccessToken;
  return {
    user: { name: token.user, groups: [...new Set([...token.groups, AUTHENTICATED])] },
    expires: token.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(token.expires),
  };
}
