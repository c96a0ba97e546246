/** Who collects: one run at a time among all processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTION_LEAD_SECONDS, LEAD_POLL_MS } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import { type Change, CommitConflict, type Revision } from '../store/store.ts';

const KEY = '/collecting/leader';

/** The lead of a run, for as long as it is renewed. */
export class Leadership {
  /** Names the run. */
  readonly owner: string;
  readonly #services: Services;
  #revision: Revision = 0;

  constructor(services: Services, owner: string) {
    this.#services = services;
    this.owner = owner;
  }

  /** Takes the lead, or renews it. Whether nobody else has it. */
  async take(): Promise<boolean> {
    const { store } = this.#services;
    const entry = await store.get(KEY);
    const leader = entry && (JSON.parse(entry.value.toString()) as { readonly owner: string; readonly until: number });
    const now = this.#services.now().getTime();
    if (leader && leader.owner !== this.owner && leader.until > now) return false;
    const value = Buffer.from(JSON.stringify({ owner: this.owner, until: now + COLLECTION_LEAD_SECONDS * 1000 }));
    try {
      this.#revision = await store.commit([{ op: 'put', key: KEY, value, expect: entry?.revision ?? 0 }]);
      return true;
    } catch (error) {
      if (error instanceof CommitConflict) return false;
      throw error;
    }
  }

  /**
   * Takes the lead as soon as nobody else has it.
   * @throws {DomainError} ServiceUnavailable if that takes much longer than a lead lasts.
   */
  async await(): Promise<void> {
    const patience = performance.now() + 2 * COLLECTION_LEAD_SECONDS * 1000;
    while (!(await this.take())) {
      if (performance.now() > patience) {
        const message = 'garbage is being collected all the time; try again later';
        throw new DomainError({ reason: 'ServiceUnavailable', message, retryAfterSeconds: COLLECTION_LEAD_SECONDS });
      }
      await sleep(LEAD_POLL_MS);
    }
  }

  /** Makes a commit fail unless this run still leads. */
  get check(): Change {
    return { op: 'check', key: KEY, expect: this.#revision };
  }

  /** Lets others lead. */
  async end(): Promise<void> {
    try {
      await this.#services.store.commit([{ op: 'delete', key: KEY, expect: this.#revision }]);
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}
