/**
 * Counts what ResourceQuotas limit, for those that are new or limit something new. From then on every creation and deletion
 * keeps the count (src/objects/charges.ts). One process does (src/upkeep.ts).
 */
import { CONFLICT_TRIES, PURGE_RETRY_SECONDS } from '../limits.ts';
import { counted, quotaChange, quotaNames, storedQuota } from '../objects/charges.ts';
import type { Context } from '../objects/context.ts';
import type { Resource } from '../objects/resource.ts';
import { QUOTA_PREFIX } from '../objects/restrictions.ts';
import { nameOfKey } from '../objects/values.ts';
import { CommitConflict, type Entry, StoreError, type Watch } from '../store/store.ts';
import { resourceQuotas } from './resourcequotas.ts';

/** Work that goes on in the background. */
export interface QuotaCounts {
  /** Ends it; what it is doing at the moment is finished. */
  close(): Promise<void>;
}

/** Begins to count: for the quotas that are there already, and for each that is made or changed from now on. */
export function startQuotaCounts(ctx: Context, resources: readonly Resource[]): QuotaCounts {
  const resourceOf = new Map(
    resources
      .filter(({ kept, namespaced }) => kept && namespaced)
      .flatMap((resource) => quotaNames(resource).map((name) => [name, resource] as const)),
  );
  let closed = false;
  let running = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let watch: Watch | undefined;
  const again = (): void => {
    if (!closed) retry = setTimeout(countAll, PURGE_RETRY_SECONDS * 1000).unref();
  };
  const countAll = (): void => {
    clearTimeout(retry);
    running = running.then(async () => {
      if (closed) return;
      watch ??= await follow();
      if (!watch || !(await areCounted(ctx, resourceOf))) again();
    });
  };
  const follow = async (): Promise<Watch | undefined> => {
    try {
      return ctx.store.watch(QUOTA_PREFIX, await ctx.store.revision(), {
        batch({ events }) {
          if (events.some(({ value, previous }) => value && isRewritten(value, previous))) countAll();
        },
        ended() {
          watch = undefined;
          again();
        },
      });
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  };
  countAll();
  return {
    async close() {
      closed = true;
      clearTimeout(retry);
      watch?.close();
      await running;
    },
  };
}

/** Whether more than the count may have changed. */
function isRewritten(value: Buffer, previous: Entry | undefined): boolean {
  return !previous || specText(value) !== specText(previous.value);
}

function specText(value: Buffer): string {
  return JSON.stringify((JSON.parse(value.toString()) as { spec?: unknown }).spec ?? {});
}

/** Counts for all quotas that need it. Whether all are counted now. */
async function areCounted(ctx: Context, resourceOf: ReadonlyMap<string, Resource>): Promise<boolean> {
  try {
    let done = true;
    const { entries } = await ctx.store.list(QUOTA_PREFIX);
    for (const entry of entries) done = (await isCounted(ctx, entry, resourceOf)) && done;
    return done;
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
}

async function isCounted(ctx: Context, listed: Entry, resourceOf: ReadonlyMap<string, Resource>): Promise<boolean> {
  const { namespace } = nameOfKey(resourceQuotas, listed.key);
  let entry: Entry | undefined = listed;
  for (let tries = 1; entry && tries <= CONFLICT_TRIES; tries++) {
    const quota = await counted(ctx.store, namespace, storedQuota(entry), resourceOf);
    if (!quota) return true;
    try {
      await ctx.store.commit([quotaChange(entry, quota)]);
      return true;
    } catch (error) {
      // Somebody was charged, or another process has counted.
      if (!(error instanceof CommitConflict)) throw error;
      entry = await ctx.store.get(listed.key);
    }
  }
  return entry === undefined;
}
