/**
 * What docker gets for a name and a password: tokens for the registry alone, which end soon, and at once when the password
 * changes or the user goes. Nothing of them is stored: they are signed, with a key that all replicas find in the store.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { REGISTRY_LOGIN_SECONDS, REGISTRY_TOKENS_KEPT } from '../limits.access.ts';
import { type Awaitable, CommitConflict, type Store } from '../store/store.ts';
import type { Htpasswd } from './htpasswd.ts';
import { loggedInUser, type OAuthTokens } from './oauthtokens.ts';
import { FULL_SCOPE } from './scopes.ts';
import type { User } from './user.ts';

const KEY = '/signingkeys/registry';
const SCHEME = 'registry~';
const SHAPE = /^registry~([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{43})$/;

/** What a token says. */
interface Claims {
  readonly name: string;
  readonly uid: string;
  /** Seconds since 1970. */
  readonly expires: number;
  /** Stands for the password's hash. */
  readonly password: string;
}

interface Known extends Claims {
  readonly user: User;
}

export interface RegistryTokensOptions {
  readonly store: Store;
  readonly now: () => Date;
  readonly htpasswd: Htpasswd;
  /** Says whether the user is still there, and its groups. */
  readonly users: Pick<OAuthTokens, 'confirm'>;
}

/** Tokens for who has shown a password to the registry. */
export class RegistryTokens {
  readonly #options: RegistryTokensOptions;
  #key: Buffer | undefined;
  /** Tokens whose signature was good, in the order in which they were first seen. */
  readonly #known = new Map<string, Known>();

  constructor(options: RegistryTokensOptions) {
    this.#options = options;
  }

  /** A token of a user whose password was just right. @throws {StoreError} */
  async issue(user: User): Promise<string> {
    const { now, htpasswd } = this.#options;
    const claims: Claims = {
      name: user.name,
      uid: user.uid ?? '',
      expires: Math.floor(now().getTime() / 1000) + REGISTRY_LOGIN_SECONDS,
      password: stampOf(htpasswd.hashOf(user.name) ?? ''),
    };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${SCHEME}${body}.${signature(body, await this.#openKey())}`;
  }

  /** The user that a token stands for; undefined if it is none, or no longer. @throws {StoreError} */
  find(token: string): Awaitable<User | undefined> {
    if (!token.startsWith(SCHEME)) return undefined;
    const known = this.#known.get(token);
    return known ? this.#userOf(known) : this.#verify(token);
  }

  #userOf({ user, expires, password }: Known): Awaitable<User | undefined> {
    const { now, htpasswd, users } = this.#options;
    if (expires * 1000 <= now().getTime()) return undefined;
    if (password !== stampOf(htpasswd.hashOf(user.name) ?? '')) return undefined;
    return users.confirm(user);
  }

  async #verify(token: string): Promise<User | undefined> {
    const [, body, given] = SHAPE.exec(token) ?? [];
    if (body === undefined || given === undefined) return undefined;
    const expected = signature(body, await this.#openKey());
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(given))) return undefined;
    // Only this server signs, so it is what `issue` wrote.
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims;
    const known: Known = { ...claims, user: loggedInUser(claims.name, claims.uid, [FULL_SCOPE]) };
    if (this.#known.size >= REGISTRY_TOKENS_KEPT) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(token, known);
    return this.#userOf(known);
  }

  async #openKey(): Promise<Buffer> {
    const { store } = this.#options;
    while (!this.#key) {
      this.#key = (await store.get(KEY))?.value;
      if (this.#key) break;
      try {
        await store.commit([{ op: 'put', key: KEY, value: randomBytes(32), expect: 0 }]);
      } catch (error) {
        // Another process made one at this moment: its key it is.
        if (!(error instanceof CommitConflict)) throw error;
      }
    }
    return this.#key;
  }
}

function signature(body: string, key: Buffer): string {
  return createHmac('sha256', key).update(body).digest('base64url');
}

function stampOf(passwordHash: string): string {
  return hash('sha256', passwordHash, 'base64url').slice(0, 22);
}
