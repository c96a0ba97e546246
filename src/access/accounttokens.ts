/**
 * Tokens of service accounts: JSON Web Tokens with the claims of Kubernetes. A token is as good as its signature, until
 * it expires, and for as long as the account, and the object that it is bound to, are still those that it was made for.
 */
import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { ACCOUNT_TOKEN_CHARACTERS, ACCOUNT_TOKENS_KEPT, ACCOUNTS_KEPT, TOKEN_CLOCK_SECONDS } from '../limits.access.ts';
import type { Awaitable, Entry, Store } from '../store/store.ts';
import { Remembered } from './remembered.ts';
import {
  type AccountIdentity,
  accountUser,
  BOUND_PREFIXES,
  type BoundKind,
  SERVICE_ACCOUNT_PREFIX,
} from './serviceaccount.ts';
import { loadJose, openSigningKey, readSigningKey, SIGNING_ALGORITHM, type SigningKey } from './signingkey.ts';
import type { User } from './user.ts';

/** Who makes the tokens, and whom they are for unless they say otherwise: the name by which pods know an API server. */
export const ACCOUNT_TOKEN_ISSUER = 'https://kubernetes.default.svc';

/** An object whose end is the token's end. It is in the account's namespace. */
export interface BoundObject {
  readonly kind: BoundKind;
  readonly name: string;
  readonly uid: string;
}

/** What a token is to say. */
export interface TokenTerms {
  readonly account: AccountIdentity;
  /** Whom it is for. */
  readonly audiences: readonly string[];
  /** When it was made. */
  readonly issued: Date;
  /** Seconds for which it is good; undefined if it does not expire. */
  readonly seconds?: number;
  readonly bound?: BoundObject;
}

/** What a token says, once its signature has been seen to be good. */
interface Claims {
  readonly account: AccountIdentity;
  readonly audiences: readonly string[];
  /** Milliseconds since 1970; Infinity if it does not expire. */
  readonly expires: number;
  readonly notBefore: number;
  readonly bound: BoundObject | undefined;
  readonly user: User;
}

/** What of an object counts for a token. */
interface Existing {
  readonly uid: string | undefined;
  readonly deleted: boolean;
}

/** Three parts of base64url. */
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The service accounts' tokens of a store. */
export class AccountTokens {
  readonly #store: Store;
  readonly #now: () => Date;
  readonly #uid: () => string;
  readonly #accounts: Remembered<Existing>;
  /** Tokens whose signature was good, by their hash, in the order in which they were first seen. */
  readonly #verified = new Map<string, Claims>();
  #key: SigningKey | undefined;

  /** `uid` gives new ids, for tokens and for the key. */
  constructor(store: Store, now: () => Date, uid: () => string) {
    this.#store = store;
    this.#now = now;
    this.#uid = uid;
    const read = ({ value }: Entry): Existing => existing(value);
    this.#accounts = new Remembered({ store, prefix: SERVICE_ACCOUNT_PREFIX, most: ACCOUNTS_KEPT, read });
  }

  /** A new token. Nothing of it is stored, but the key if this is the first. @throws {StoreError} */
  async issue({ account, audiences, issued, seconds, bound }: TokenTerms): Promise<string> {
    this.#key ??= await openSigningKey(this.#store, this.#uid);
    const { namespace, name, uid } = account;
    const at = Math.floor(issued.getTime() / 1000);
    const payload: JWTPayload = {
      aud: [...audiences],
      ...(seconds !== undefined && { exp: at + seconds }),
      iat: at,
      iss: ACCOUNT_TOKEN_ISSUER,
      jti: this.#uid(),
      'kubernetes.io': {
        namespace,
        ...(bound && { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
        serviceaccount: { name, uid },
      },
      nbf: at,
      sub: accountUser(account).name,
    };
    const { SignJWT } = await loadJose();
    const signed = new SignJWT(payload).setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: this.#key.id });
    return signed.sign(this.#key.privateKey);
  }

  /**
   * The account that a token stands for, if it is for this server; undefined if it is not good, or no longer.
   * @throws {StoreError} if the store does not answer.
   */
  find(token: string): Awaitable<User | undefined> {
    if (!isAccountToken(token)) return undefined;
    const known = this.#verified.get(hash('sha256', token, 'base64url'));
    if (known) return this.#userOf(known);
    return this.#claims(token).then((claims) => claims && this.#userOf(claims));
  }

  /**
   * The same for whoever else accepts tokens: the user, and those of the audiences that the token is for, at least one.
   */
  async review(
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: User; readonly audiences: readonly string[] } | undefined> {
    const claims = await this.#claims(token);
    const shared = claims?.audiences.filter((audience) => audiences.includes(audience)) ?? [];
    if (!claims || shared.length === 0) return undefined;
    const user = await this.#userOf(claims, shared);
    return user && { user, audiences: shared };
  }

  /** Lets go of the store. */
  close(): void {
    this.#accounts.close();
  }

  #userOf(claims: Claims, audiences: readonly string[] = [ACCOUNT_TOKEN_ISSUER]): Awaitable<User | undefined> {
    const now = this.#now().getTime();
    if (claims.expires <= now || claims.notBefore > now + TOKEN_CLOCK_SECONDS * 1000) return undefined;
    if (!claims.audiences.some((audience) => audiences.includes(audience))) return undefined;
    const { namespace, name } = claims.account;
    const found = this.#accounts.get(`${SERVICE_ACCOUNT_PREFIX}${namespace}/${name}`);
    return found instanceof Promise ? found.then((it) => this.#asBound(claims, it)) : this.#asBound(claims, found);
  }

  #asBound(claims: Claims, account: Existing | undefined): Awaitable<User | undefined> {
    if (!isThat(account, claims.account.uid)) return undefined;
    return claims.bound ? this.#boundUser(claims, claims.bound) : claims.user;
  }

  async #boundUser({ account, user }: Claims, { kind, name, uid }: BoundObject): Promise<User | undefined> {
    const entry = await this.#store.get(`${BOUND_PREFIXES[kind]}${account.namespace}/${name}`);
    return entry && isThat(existing(entry.value), uid) ? user : undefined;
  }

  /** What a token says; undefined if it is none of ours. */
  async #claims(token: string): Promise<Claims | undefined> {
    if (!isAccountToken(token)) return undefined;
    const digest = hash('sha256', token, 'base64url');
    const known = this.#verified.get(digest);
    if (known) return known;
    const key = this.#key ?? (await readSigningKey(this.#store));
    if (!key) return undefined;
    this.#key = key;
    const claims = await verified(token, key);
    if (claims) this.#remember(digest, claims);
    return claims;
  }

  #remember(digest: string, claims: Claims): void {
    if (this.#verified.size >= ACCOUNT_TOKENS_KEPT) {
      const [oldest] = this.#verified.keys();
      if (oldest !== undefined) this.#verified.delete(oldest);
    }
    this.#verified.set(digest, claims);
  }
}

function isAccountToken(text: string): boolean {
  return text.length <= ACCOUNT_TOKEN_CHARACTERS && SHAPE.test(text);
}

function isThat(object: Existing | undefined, uid: string): boolean {
  return object !== undefined && object.uid === uid && !object.deleted;
}

/** Reads a kept object as far as tokens need it. */
function existing(value: Buffer): Existing {
  const object = JSON.parse(value.toString()) as {
    metadata: { uid?: string; deletionTimestamp?: string };
  };
  const { uid, deletionTimestamp } = object.metadata;
  return { uid, deleted: deletionTimestamp !== undefined };
}

async function verified(token: string, { id, publicKey }: SigningKey): Promise<Claims | undefined> {
  const { compactVerify, errors } = await loadJose();
  try {
    const { payload, protectedHeader } = await compactVerify(token, publicKey, { algorithms: [SIGNING_ALGORITHM] });
    if (protectedHeader.kid !== id) return undefined;
    return claimsOf(JSON.parse(Buffer.from(payload).toString()) as KubernetesPayload);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}

interface Named {
  readonly name: string;
  readonly uid: string;
}

/** Only this server signs, so the claims have the form in which `issue` makes them. */
interface KubernetesPayload {
  readonly aud: readonly string[];
  readonly exp?: number;
  readonly nbf: number;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: Named;
    readonly pod?: Named;
    readonly secret?: Named;
  };
}

function claimsOf(payload: KubernetesPayload): Claims {
  const { namespace, serviceaccount, pod, secret } = payload['kubernetes.io'];
  const account = { namespace, ...serviceaccount };
  const bound: BoundObject | undefined = pod ? { kind: 'Pod', ...pod } : secret && { kind: 'Secret', ...secret };
  return {
    account,
    audiences: payload.aud,
    expires: payload.exp === undefined ? Number.POSITIVE_INFINITY : payload.exp * 1000,
    notBefore: payload.nbf * 1000,
    bound,
    user: accountUser(account, {
      'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`],
      ...(pod && {
        'authentication.kubernetes.io/pod-name': [pod.name],
        'authentication.kubernetes.io/pod-uid': [pod.uid],
      }),
    }),
  };
}
