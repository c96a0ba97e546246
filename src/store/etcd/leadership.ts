/**
 * Leading work that only one process may do: a key that lives as long as a lease. Its revision is the fence: whatever
 * the leader does, it does in a transaction that compares it, so a leader that slept past its lease can do nothing.
 */
import { ETCD_LEASE_SECONDS } from '../../limits.ts';
import type { Revision } from '../store.ts';
import type { Layout } from './layout.ts';
import { LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_REVOKE } from './leasemessages.ts';
import type { Members } from './members.ts';
import { type Compare, TXN } from './messages.ts';

interface Held {
  readonly lease: bigint;
  readonly fence: Revision;
}

/** One kind of work, as one process sees it. */
export class Leadership {
  readonly #members: Members;
  readonly #key: Buffer;
  readonly #identity: string;
  #held: Held | undefined;
  #renewal: NodeJS.Timeout | undefined;

  /** @param identity who this is, for people who look at the key. */
  constructor(members: Members, layout: Layout, work: string, identity: string) {
    this.#members = members;
    this.#key = layout.leaders(work);
    this.#identity = identity;
  }

  /** Whether this process leads now, or has just become the leader. Rejects with gRPC's errors, and then it does not. */
  async take(): Promise<boolean> {
    if (this.#held && (await this.#holds(this.#held))) return true;
    this.#drop();
    const lease = await this.#members.call(LEASE_GRANT, { seconds: ETCD_LEASE_SECONDS }, { repeatable: true });
    const value = Buffer.from(this.#identity);
    const request = {
      compare: [{ from: this.#key, what: 'created', equals: 0 } as const],
      success: [{ op: 'put', key: this.#key, value, lease: lease.id } as const],
      failure: [],
    };
    const { succeeded, header } = await this.#members.call(TXN, request, { repeatable: false });
    if (!succeeded) {
      await this.#revoke(lease.id);
      return false;
    }
    this.#held = { lease: lease.id, fence: header.revision };
    this.#renewal = setInterval(() => void this.#renew(), (ETCD_LEASE_SECONDS * 1000) / 3).unref();
    return true;
  }

  /** What a transaction of the leader must compare; undefined if this process does not lead. */
  get fence(): Compare | undefined {
    return this.#held && { from: this.#key, what: 'revision', equals: this.#held.fence };
  }

  /** Lets another lead at once. */
  async resign(): Promise<void> {
    const held = this.#held;
    this.#drop();
    if (held) await this.#revoke(held.lease);
  }

  async #holds({ fence }: Held): Promise<boolean> {
    const compare = [{ from: this.#key, what: 'revision', equals: fence } as const];
    const { succeeded } = await this.#members.call(TXN, { compare, success: [], failure: [] }, { repeatable: true });
    return succeeded;
  }

  #drop(): void {
    this.#held = undefined;
    clearInterval(this.#renewal);
  }

  async #renew(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    try {
      const { seconds } = await this.#members.exchange(LEASE_KEEP_ALIVE, { id: held.lease });
      if (seconds === 0 && this.#held === held) this.#drop();
    } catch {
      // The next renewal is a new try; if the lease runs out meanwhile, the fence keeps this process from doing harm.
    }
  }

  async #revoke(id: bigint): Promise<void> {
    try {
      await this.#members.call(LEASE_REVOKE, { id }, { repeatable: true });
    } catch {
      // Not revoked, or over already: it runs out.
    }
  }
}
