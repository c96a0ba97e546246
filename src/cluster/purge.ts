/**
 * Clears namespaces that are being deleted, and then removes them. Every process does; when several meet, the store's
 * comparison lets one of them win.
 */
import { PURGE_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { isProblem } from '../objects/errors.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { pageKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { nameOfKey } from '../objects/values.ts';
import { CommitConflict, type Revision, StoreError, type Watch } from '../store/store.ts';
import { namespaces } from './namespaces.ts';

/** Work that goes on in the background. */
export interface Purge {
  /** Ends it; what it is doing at the moment is finished. */
  close(): Promise<void>;
}

/** Begins to clear namespaces: those that wait already, and each that is deleted from now on. */
export async function startPurge(ctx: Context, resources: readonly Resource[]): Promise<Purge> {
  const contents = resources.filter(({ kept, namespaced }) => kept && namespaced);
  let closed = false;
  let running = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  const purge = (): void => {
    running = running.then(async () => {
      if (closed) return;
      const waiting = await purgeAll(ctx, contents);
      // Something holds on to its finalizers, or the store was away: nobody will tell when that is over.
      if (waiting && !closed) retry = setTimeout(purge, PURGE_RETRY_SECONDS * 1000).unref();
    });
  };
  let watch: Watch | undefined;
  const follow = (after: Revision): void => {
    watch = ctx.store.watch(NAMESPACE_PREFIX, after, {
      batch({ events }) {
        if (events.some(({ value }) => value && isTerminating(value))) purge();
      },
      ended(error) {
        if (error && !closed) setTimeout(() => void followAgain(), PURGE_RETRY_SECONDS * 1000).unref();
      },
    });
  };
  /** The store could tell no more. What it did not tell is looked for. */
  const followAgain = async (): Promise<void> => {
    try {
      const revision = await ctx.store.revision();
      if (closed) return;
      follow(revision);
      purge();
    } catch {
      if (!closed) setTimeout(() => void followAgain(), PURGE_RETRY_SECONDS * 1000).unref();
    }
  };
  follow(await ctx.store.revision());
  purge();
  return {
    async close() {
      closed = true;
      clearTimeout(retry);
      watch?.close();
      await running;
    },
  };
}

function isTerminating(value: Buffer): boolean {
  return value.includes('"phase":"Terminating"');
}

/** Whether something is left to do. */
async function purgeAll(ctx: Context, contents: readonly Resource[]): Promise<boolean> {
  try {
    const { entries } = await ctx.store.list(NAMESPACE_PREFIX);
    let waiting = false;
    for (const { key, value, revision } of entries) {
      if (!isTerminating(value)) continue;
      const { name } = nameOfKey(namespaces, key);
      if (await isCleared(ctx, contents, name)) await ctx.store.commit([{ op: 'delete', key, expect: revision }]);
      else waiting = true;
    }
    return waiting;
  } catch (error) {
    if (error instanceof CommitConflict || error instanceof StoreError) return true;
    throw error;
  }
}

/** Deletes what is in a namespace. Whether nothing is left. */
async function isCleared(ctx: Context, contents: readonly Resource[], namespace: string): Promise<boolean> {
  let cleared = true;
  for (const resource of contents) {
    for (let after: string | undefined; ; ) {
      const page = await pageKept(ctx.store, resource, namespace, after === undefined ? {} : { after });
      for (const { head } of page.objects) {
        cleared = (await isGone(ctx, resource, namespace, nameOfKey(resource, head.key).name)) && cleared;
      }
      after = page.next;
      if (after === undefined) break;
    }
  }
  return cleared;
}

async function isGone(ctx: Context, resource: Resource, namespace: string, name: string): Promise<boolean> {
  try {
    return (await deleteObject(ctx, resource, namespace, name, {})).gone;
  } catch (error) {
    if (isProblem(error, 'NotFound')) return true;
    if (isProblem(error, 'Conflict')) return false;
    throw error;
  }
}
