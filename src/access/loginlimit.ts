/**
 * Holds back whoever guesses passwords: after some failures an account, and an address, must wait before each further try,
 * longer each time. What is held back is refused before any password is looked at, so it costs next to nothing.
 */
import {
  ACCOUNT_FAILURES,
  ACCOUNT_WAIT_SECONDS,
  ADDRESS_FAILURES,
  ADDRESS_WAIT_SECONDS,
  FAILURE_CHARACTERS,
  FAILURES_FORGOTTEN_SECONDS,
  FAILURES_KEPT,
} from '../limits.access.ts';

interface Failures {
  count: number;
  /** Milliseconds since 1970. */
  last: number;
}

/** Failures of accounts or of addresses. */
class Failed {
  readonly #free: number;
  readonly #mostSeconds: number;
  readonly #failures = new Map<string, Failures>();

  /** `free` failures cost nothing; the longest wait is `mostSeconds`. */
  constructor(free: number, mostSeconds: number) {
    this.#free = free;
    this.#mostSeconds = mostSeconds;
  }

  /** Milliseconds until the next try. */
  wait(whole: string, now: number): number {
    const key = keyOf(whole);
    const failures = this.#failures.get(key);
    if (!failures || failures.count < this.#free) return 0;
    if (now - failures.last > FAILURES_FORGOTTEN_SECONDS * 1000) return 0;
    const seconds = Math.min(2 ** Math.min(failures.count - this.#free, 30), this.#mostSeconds);
    return Math.max(0, failures.last + seconds * 1000 - now);
  }

  add(whole: string, now: number): void {
    const key = keyOf(whole);
    const before = this.#failures.get(key);
    const recent = before && now - before.last <= FAILURES_FORGOTTEN_SECONDS * 1000 ? before.count : 0;
    // The latest stand last, so that those are dropped first that are quiet.
    this.#failures.delete(key);
    if (this.#failures.size >= FAILURES_KEPT) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { count: recent + 1, last: now });
  }

  forget(key: string): void {
    this.#failures.delete(keyOf(key));
  }

  takeBack(key: string): void {
    const failures = this.#failures.get(keyOf(key));
    if (failures) failures.count--;
  }
}

/** What is kept of a name: whoever sends long ones must not fill the memory. No user has one so long. */
function keyOf(whole: string): string {
  return whole.slice(0, FAILURE_CHARACTERS);
}

/** Tries of one process; each replica counts for itself. */
export class LoginLimit {
  readonly #now: () => Date;
  readonly #accounts = new Failed(ACCOUNT_FAILURES, ACCOUNT_WAIT_SECONDS);
  readonly #addresses = new Failed(ADDRESS_FAILURES, ADDRESS_WAIT_SECONDS);

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Whole seconds that a try must wait; 0 if it may be made. */
  wait(account: string, address: string): number {
    const now = this.#now().getTime();
    return Math.ceil(Math.max(this.#accounts.wait(account, now), this.#addresses.wait(address, now)) / 1000);
  }

  /** A try is made; it counts as failed until it has succeeded, so that tries at the same moment do not all pass. */
  begun(account: string, address: string): void {
    const now = this.#now().getTime();
    this.#accounts.add(account, now);
    this.#addresses.add(address, now);
  }

  /** The try was right: the account is no longer held back. The address may be guessing at others still. */
  succeeded(account: string, address: string): void {
    this.#accounts.forget(account);
    this.#addresses.takeBack(address);
  }
}
