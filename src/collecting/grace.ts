/** How long things have been garbage, by their digests, and the waiving of what is left of their grace. */
import type { Digest } from '../image/digest.ts';
import type { Services } from '../objects/context.ts';
import type { Watch } from '../store/store.ts';
import { entriesAt } from './repositories.ts';

/** Where it is kept: `<prefix><digest>`. */
export const SINCE = '/garbage/';

/** The value of a digest whose grace is waived. */
const LONG_AGO = Buffer.from(new Date(0).toISOString());

/**
 * Waives the grace of content that somebody has found to be unused. The next run deletes it, which begins soon, and only
 * if it is garbage indeed.
 */
export async function expedite(services: Services, digest: Digest): Promise<void> {
  await services.store.commit([{ op: 'put', key: SINCE + digest, value: LONG_AGO }]);
}

/** Whether there is something whose grace was waived and that no run has dealt with. */
export async function anyExpedited({ store }: Services): Promise<boolean> {
  for await (const { value } of entriesAt(store, SINCE, await store.revision())) {
    if (value.equals(LONG_AGO)) return true;
  }
  return false;
}

/** Calls whenever the grace of something is waived, in any process, until the watch is closed. */
export async function whenExpedited(services: Services, call: () => void): Promise<Watch> {
  return services.store.watch(SINCE, await services.store.revision(), {
    batch({ events }) {
      if (events.some(({ value }) => value?.equals(LONG_AGO))) call();
    },
    // Whoever watches no more collects at the next interval.
    ended() {},
  });
}
