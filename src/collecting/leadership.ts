/** Who collects: one run at a time among all processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTION_PATIENCE_SECONDS, LEAD_LOOK_MS } from '../limits.work.ts';
import { DomainError } from '../objects/errors.ts';
import { Leadership } from '../store/leadership.ts';
import type { Store } from '../store/store.ts';

/** The lead of one run. */
export function collectionLead(store: Store): Leadership {
  return new Leadership(store, 'collection');
}

/**
 * Takes the lead as soon as nobody else has it.
 * @throws {DomainError} ServiceUnavailable if that takes much longer than a dead leader is waited for.
 */
export async function awaitLead(lead: Leadership): Promise<void> {
  const patience = performance.now() + COLLECTION_PATIENCE_SECONDS * 1000;
  while (!(await lead.take())) {
    if (performance.now() > patience) {
      const message = 'garbage is being collected all the time; try again later';
      throw new DomainError({ reason: 'ServiceUnavailable', message, retryAfterSeconds: COLLECTION_PATIENCE_SECONDS });
    }
    await sleep(LEAD_LOOK_MS);
  }
}
