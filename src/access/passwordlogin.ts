/** Logging in with a name and a password: limited, equally slow for names that exist and names that do not, and recorded. */
import { createHmac, randomBytes } from 'node:crypto';
import {
  LOGINS_AT_ONCE,
  LOGINS_REMEMBERED,
  LOGINS_WAITING,
  PASSWORD_CHARACTERS,
  REMEMBERED_LOGIN_SECONDS,
} from '../limits.access.ts';
import { DomainError } from '../objects/errors.ts';
import type { Htpasswd } from './htpasswd.ts';
import { LoginLimit } from './loginlimit.ts';
import { hasHash } from './passwords.ts';
import type { User } from './user.ts';

/** A try to log in. */
export interface Attempt {
  readonly name: string;
  readonly password: string;
  /** Where it comes from. */
  readonly address: string;
}

/** A try that failed, as it is recorded. */
export interface FailedAttempt {
  readonly name: string;
  readonly address: string;
  /** 401, or 429 if it was not even looked at. */
  readonly code: 401 | 429;
}

export interface PasswordLoginOptions {
  readonly htpasswd: Htpasswd;
  readonly now: () => Date;
  /** The user that somebody is whose password is right; makes it at the first time. May throw a DomainError. */
  readonly userOf: (name: string) => Promise<User>;
  /** Hears of each failure. */
  readonly failed: (attempt: FailedAttempt) => void;
}

/** Everybody who comes with a password is seen here. */
export class PasswordLogin {
  readonly #options: PasswordLoginOptions;
  readonly #limit: LoginLimit;
  /** Known to this process alone, so that what is remembered says nothing of a password. */
  readonly #key = randomBytes(32);
  /** When passwords were found to be right, by what stands for name, password and hash: docker sends them each time. */
  readonly #right = new Map<string, number>();
  readonly #checks = new Map<string, Promise<boolean>>();
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(options: PasswordLoginOptions) {
    this.#options = options;
    this.#limit = new LoginLimit(options.now);
  }

  /**
   * The user whose name and password these are.
   * @throws {DomainError} Unauthorized; TooManyRequests for who must wait; what the mapping to a user throws.
   */
  async login(attempt: Attempt): Promise<User> {
    const { htpasswd, userOf } = this.#options;
    const { name, password } = attempt;
    const hash = htpasswd.hashOf(name);
    const stamp = this.#stampOf(name, password, hash);
    if (this.#isRemembered(stamp)) return userOf(name);
    // Clients send the same several times at once: that is one try.
    const right = await (this.#checks.get(stamp) ?? this.#check(attempt, hash, stamp));
    if (right) return userOf(name);
    this.#options.failed({ name, address: attempt.address, code: 401 });
    throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  }

  #check(attempt: Attempt, hash: string | undefined, stamp: string): Promise<boolean> {
    const { name, password, address } = attempt;
    const seconds = this.#limit.wait(name, address);
    if (seconds > 0) throw this.#held(attempt, seconds);
    if (this.#queue.length >= LOGINS_WAITING) throw this.#held(attempt, 1);
    this.#limit.begun(name, address);
    const check = this.#isRight(password, hash)
      .then((right) => {
        if (!right) return false;
        this.#limit.succeeded(name, address);
        this.#remember(stamp);
        return true;
      })
      .finally(() => this.#checks.delete(stamp));
    this.#checks.set(stamp, check);
    return check;
  }

  #held({ name, address }: Attempt, retryAfterSeconds: number): DomainError {
    this.#options.failed({ name, address, code: 429 });
    const message = 'too many logins have failed; wait before the next';
    return new DomainError({ reason: 'TooManyRequests', message, retryAfterSeconds });
  }

  /** For a name that does not exist, another's hash is checked in vain. */
  async #isRight(password: string, hash: string | undefined): Promise<boolean> {
    const checked = hash ?? this.#options.htpasswd.anyHash();
    if (checked === undefined || password === '' || password.length > PASSWORD_CHARACTERS) return false;
    return this.#inTurn(async () => (await hasHash(password, checked)) && hash !== undefined);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= LOGINS_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #isRemembered(stamp: string): boolean {
    const until = this.#right.get(stamp);
    return until !== undefined && until > this.#options.now().getTime();
  }

  #remember(stamp: string): void {
    if (this.#right.size >= LOGINS_REMEMBERED) {
      const [oldest] = this.#right.keys();
      if (oldest !== undefined) this.#right.delete(oldest);
    }
    const until = this.#options.now().getTime() + REMEMBERED_LOGIN_SECONDS * 1000;
    this.#right.set(stamp, until);
  }

  #stampOf(name: string, password: string, hash: string | undefined): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, password, hash]))
      .digest('base64');
  }
}
