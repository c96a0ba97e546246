/** What keeps roles as they should be while a server runs: default ones are there, aggregated ones hold what they select. */
import { ROLE_UPKEEP_DELAY_MS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { type Aggregation, startAggregation } from './clusterroleaggregation.ts';
import { restoreSeeds } from './seed.ts';

/**
 * Begins a moment after the start, of which it is no part. `failed` hears of default roles that could not be restored; the
 * next start tries again.
 */
export function startRoleUpkeep(ctx: Context, failed: (error: unknown) => void): { close(): Promise<void> } {
  let restored = Promise.resolve();
  let aggregation: Aggregation | undefined;
  const begin = (): void => {
    restored = restoreSeeds(ctx).catch(failed);
    aggregation = startAggregation(ctx);
  };
  const timer = setTimeout(begin, ROLE_UPKEEP_DELAY_MS).unref();
  return {
    async close() {
      clearTimeout(timer);
      await restored;
      await aggregation?.close();
    },
  };
}
