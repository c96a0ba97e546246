/**
 * Tokens of users, as OpenShift keeps them: OAuthAccessToken objects, each named by the hash of its token. A token is good
 * until it expires or is deleted, and for as long as its user is the one that it was made for.
 */
import { hash } from 'node:crypto';
import { OAUTH_TOKENS_KEPT, OAUTH_USERS_KEPT } from '../limits.access.ts';
import type { Awaitable, Entry, Store } from '../store/store.ts';
import type { Membership } from './membership.ts';
import { USER_PREFIX } from './person.ts';
import { Remembered } from './remembered.ts';
import { SCOPES } from './scopes.ts';
import { isAccessToken, TOKEN_SCHEME } from './tokens.ts';
import { AUTHENTICATED, AUTHENTICATED_OAUTH, type User } from './user.ts';

/** Where OAuthAccessToken objects are kept: `<prefix><name>`. */
export const OAUTH_TOKEN_PREFIX = '/oauthaccesstokens/';

/** The name of the object of a token, or of a code: its scheme, and the hash of what follows that. */
export function tokenObjectName(token: string): string {
  return TOKEN_SCHEME + hash('sha256', token.slice(TOKEN_SCHEME.length), 'base64url');
}

/** The members of an OAuthAccessToken that count here. */
interface TokenObject {
  readonly metadata: { readonly creationTimestamp?: string | null; readonly deletionTimestamp?: string };
  readonly userName?: string;
  readonly userUID?: string;
  readonly expiresIn?: number;
  readonly scopes?: readonly string[];
}

interface Known {
  readonly user: User;
  /** Milliseconds since 1970; Infinity if it does not expire. */
  readonly expires: number;
}

/** The users' tokens of a store. */
export class OAuthTokens {
  readonly #now: () => Date;
  readonly #tokens: Remembered<Known>;
  /** The uids of users. */
  readonly #users: Remembered<string>;
  readonly #membership: Membership;

  constructor(store: Store, now: () => Date, membership: Membership) {
    this.#now = now;
    this.#membership = membership;
    this.#tokens = new Remembered({
      store,
      prefix: OAUTH_TOKEN_PREFIX,
      most: OAUTH_TOKENS_KEPT,
      read: knownOf,
      absences: true,
    });
    this.#users = new Remembered({ store, prefix: USER_PREFIX, most: OAUTH_USERS_KEPT, read: uidOf });
  }

  /**
   * The user that a token stands for, with the groups that name it; undefined if it is not good, or no longer.
   * @throws {StoreError} if the store does not answer.
   */
  find(token: string): Awaitable<User | undefined> {
    if (!isAccessToken(token)) return undefined;
    const known = this.#tokens.get(OAUTH_TOKEN_PREFIX + tokenObjectName(token));
    return known instanceof Promise ? known.then((it) => this.#userOf(it)) : this.#userOf(known);
  }

  /**
   * The same user with its groups, if it still is the one of that uid: for tokens that are not kept.
   * @throws {StoreError} if the store does not answer.
   */
  confirm(user: User): Awaitable<User | undefined> {
    const uid = this.#users.get(USER_PREFIX + user.name);
    if (uid instanceof Promise) return uid.then((it) => (it === user.uid ? this.#membership.join(user) : undefined));
    return uid === user.uid ? this.#membership.join(user) : undefined;
  }

  /** Lets go of the store. */
  close(): void {
    this.#tokens.close();
    this.#users.close();
  }

  #userOf(known: Known | undefined): Awaitable<User | undefined> {
    return known && known.expires > this.#now().getTime() ? this.confirm(known.user) : undefined;
  }
}

/** Somebody who has logged in, as requests carry them, without the groups of the store. */
export function loggedInUser(name: string, uid: string, scopes: readonly string[]): User {
  return { name, uid, groups: [AUTHENTICATED_OAUTH, AUTHENTICATED], extra: { [SCOPES]: scopes } };
}

/** When a token or code ends: milliseconds since 1970; Infinity if it does not. */
export function expiryOf({ metadata, expiresIn = 0 }: Pick<TokenObject, 'metadata' | 'expiresIn'>): number {
  if (metadata.deletionTimestamp) return 0;
  if (expiresIn <= 0) return Number.POSITIVE_INFINITY;
  return Date.parse(metadata.creationTimestamp ?? '') + expiresIn * 1000;
}

function knownOf({ value }: Entry): Known {
  const object = JSON.parse(value.toString()) as TokenObject;
  const { userName = '', userUID = '', scopes = [] } = object;
  return { user: loggedInUser(userName, userUID, scopes), expires: expiryOf(object) };
}

function uidOf({ value }: Entry): string {
  const { metadata } = JSON.parse(value.toString()) as { metadata: { uid?: string; deletionTimestamp?: string } };
  return metadata.deletionTimestamp ? '' : (metadata.uid ?? '');
}
