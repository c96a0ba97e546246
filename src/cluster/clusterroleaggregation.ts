/**
 * Aggregated cluster roles: their rules are those of the roles that they select by label. As in Kubernetes they are
 * written a moment after what they come from; one process does it (src/upkeep.ts).
 */
import { CLUSTER_ROLE_PREFIX, type ClusterRole, type PolicyRule } from '../access/role.ts';
import { ROLE_UPKEEP_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { selectsLabels } from '../objects/labelselector.ts';
import { nameOf } from '../objects/object.ts';
import { parsed, whole } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { StoreError } from '../store/store.ts';
import { clusterRoles } from './roles.ts';

/**
 * The rules that aggregated roles should have, by name: those of the roles that they select, in the order of the names,
 * each rule once. A role that is selected and aggregated itself stands for what it selects; circles do no harm.
 */
export function aggregatedRules(roles: readonly ClusterRole[]): Map<string, PolicyRule[]> {
  const sorted = [...roles].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const aggregated = sorted.filter((role) => role.aggregationRule);
  return new Map(aggregated.map((role) => [nameOf(role), rulesOf(role, sorted)]));
}

function rulesOf(root: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  const seen = new Set<ClusterRole>([root]);
  const collect = (role: ClusterRole): void => {
    const selectors = role.aggregationRule?.clusterRoleSelectors;
    if (!selectors) {
      for (const rule of role.rules ?? []) rules.set(JSON.stringify(rule), rule);
      return;
    }
    for (const other of roles) {
      if (seen.has(other)) continue;
      if (!selectors.some((selector) => selectsLabels(selector, other.metadata.labels))) continue;
      seen.add(other);
      collect(other);
    }
  };
  collect(root);
  return [...rules.values()];
}

/** Writes the rules of aggregated roles that are not as they should be. @throws {StoreError} */
async function aggregate(ctx: Context): Promise<void> {
  const { entries } = await ctx.store.list(CLUSTER_ROLE_PREFIX);
  const roles = entries.map((entry) => parsed(clusterRoles, ctx.settings, whole(entry)));
  for (const [name, rules] of aggregatedRules(roles)) {
    const stored = roles.find((role) => nameOf(role) === name)?.rules ?? [];
    if (JSON.stringify(stored) === JSON.stringify(rules)) continue;
    try {
      await updateObject(ctx, clusterRoles, '', name, (role) => ({ ...role, rules }), { retry: true });
    } catch (error) {
      // Deleted or changed meanwhile: the watch tells, and all is looked at again.
      if (!isProblem(error, 'NotFound') && !isProblem(error, 'Conflict')) throw error;
    }
  }
}

/** Work that goes on in the background. */
export interface Aggregation {
  /** Resolves when everything that has been written until now is aggregated. */
  settled(): Promise<void>;
  /** Ends it; what it is doing at the moment is finished. */
  close(): Promise<void>;
}

/** Keeps aggregated roles right, from now on. The context's user must hold everything. */
export function startAggregation(ctx: Context): Aggregation {
  let closed = false;
  let looked = true;
  let running = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let stop = (): void => undefined;
  /** Does something after what is under way; if it fails, later once more. */
  const enqueue = (work: () => Promise<void>): void => {
    running = running.then(work).catch((error: unknown) => {
      if (!(error instanceof StoreError)) ctx.warn(`aggregated cluster roles could not be written: ${String(error)}`);
      later(work);
    });
  };
  const later = (work: () => Promise<void>): void => {
    if (!closed) retry = setTimeout(() => enqueue(work), ROLE_UPKEEP_RETRY_SECONDS * 1000).unref();
  };
  const look = async (): Promise<void> => {
    // Whoever asked first has looked at what the others asked for as well.
    if (closed || looked) return;
    looked = true;
    try {
      await aggregate(ctx);
    } catch (error) {
      looked = false;
      throw error;
    }
  };
  const ask = (): void => {
    looked = false;
    enqueue(look);
  };
  const follow = async (): Promise<void> => {
    const revision = await ctx.store.revision();
    if (closed) return;
    const watch = ctx.store.watch(CLUSTER_ROLE_PREFIX, revision, {
      batch: ask,
      // What happens until it is followed again is seen by looking at all.
      ended: (error) => error && later(follow),
    });
    stop = () => watch.close();
    ask();
  };
  enqueue(follow);
  return {
    async settled() {
      for (let last: Promise<void> | undefined; last !== running; ) {
        last = running;
        await last;
      }
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      stop();
      await running;
    },
  };
}
