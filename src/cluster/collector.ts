/**
 * Sees to what deleted objects own: an object that is deleted in the foreground goes when its dependents are gone, one
 * that orphans them when they no longer name it. Every process does; when several meet, the store lets one of them win.
 */
import { COLLECT_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { COLLECT_PREFIX, deleteObject, FOREGROUND, ORPHAN } from '../objects/deletes.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import { eachKept, readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { CommitConflict, type Revision, StoreError, type Watch } from '../store/store.ts';

/** Work that goes on in the background. */
export interface Collector {
  /** Ends it; what it is doing at the moment is finished. */
  close(): Promise<void>;
}

/** Begins with the objects that wait already, and goes on with each that is deleted from now on. */
export async function startCollector(
  ctx: Context,
  resources: readonly Resource[],
  seconds: number = COLLECT_SECONDS,
): Promise<Collector> {
  const kept = resources.filter((resource) => resource.kept);
  let closed = false;
  let running = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const later = (): void => {
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      running = running.then(async () => {
        if (!closed && (await collectAll(ctx, kept))) later();
      });
    }, seconds * 1000).unref();
  };
  let watch: Watch | undefined;
  const follow = (after: Revision): void => {
    watch = ctx.store.watch(COLLECT_PREFIX, after, {
      batch: later,
      ended: (error) => {
        if (error && !closed) setTimeout(() => void followAgain(), seconds * 1000).unref();
      },
    });
  };
  /** The store could tell no more. What it did not tell is looked for. */
  const followAgain = async (): Promise<void> => {
    try {
      const revision = await ctx.store.revision();
      if (closed) return;
      follow(revision);
      later();
    } catch {
      if (!closed) setTimeout(() => void followAgain(), seconds * 1000).unref();
    }
  };
  follow(await ctx.store.revision());
  later();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      watch?.close();
      await running;
    },
  };
}

/** Whether something is left to do. */
async function collectAll(ctx: Context, resources: readonly Resource[]): Promise<boolean> {
  let waiting = false;
  try {
    const { entries } = await ctx.store.list(COLLECT_PREFIX);
    for (const { key, revision } of entries) {
      if (await isCollected(ctx, resources, key.slice(COLLECT_PREFIX.length))) {
        await ctx.store.commit([{ op: 'delete', key, expect: revision }]);
      } else waiting = true;
    }
    return waiting;
  } catch (error) {
    // Somebody else was faster, or the store is away: another try will tell.
    if (error instanceof CommitConflict || error instanceof StoreError || error instanceof DomainError) return true;
    throw error;
  }
}

/** Sees to what the object at a key owns, and takes its finalizer away. Whether nothing more is to be done. */
async function isCollected(ctx: Context, resources: readonly Resource[], key: string): Promise<boolean> {
  const resource = resources.find((one) => key.startsWith(keptOf(one).prefix));
  if (!resource) return true;
  const { namespace, name } = nameOfKey(resource, key);
  const found = await readKept(ctx.store, resource, namespace, name);
  const owner = found && parsed(resource, ctx.settings, found);
  const finalizers = owner?.metadata.finalizers ?? [];
  const orphans = finalizers.includes(ORPHAN);
  if (!owner?.metadata.deletionTimestamp || !(orphans || finalizers.includes(FOREGROUND))) return true;
  let left = false;
  for (const dependent of await dependentsOf(ctx, resources, namespace, owner.metadata.uid ?? '')) {
    if (orphans) await release(ctx, dependent, owner.metadata.uid ?? '');
    else if (!(await isGone(ctx, dependent))) left = true;
  }
  if (left) return false;
  await change(ctx, { resource, namespace, name }, (old) => {
    old.metadata.finalizers = (old.metadata.finalizers ?? []).filter((one) => one !== ORPHAN && one !== FOREGROUND);
    return old;
  });
  return true;
}

interface Place {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** The objects that an owner's uid owns: in its namespace, or everywhere if it lives in none. */
async function dependentsOf(
  ctx: Context,
  resources: readonly Resource[],
  namespace: string,
  uid: string,
): Promise<Place[]> {
  const mark = Buffer.from(`"uid":${JSON.stringify(uid)}`);
  const found: Place[] = [];
  for (const resource of resources) {
    if (namespace && !resource.namespaced) continue;
    await eachKept(ctx.store, resource, namespace, (kept) => {
      // Few values hold the uid at all; those are looked into.
      if (!kept.head.value.includes(mark)) return;
      const { metadata } = parsed(resource, ctx.settings, kept);
      const owned = metadata.ownerReferences?.some((owner) => owner.uid === uid);
      if (owned) found.push({ resource, ...nameOfKey(resource, kept.head.key) });
    });
  }
  return found;
}

/** Takes the owner out of a dependent. */
async function release(ctx: Context, place: Place, uid: string): Promise<void> {
  await change(ctx, place, (old) => {
    const owners = (old.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
    if (owners.length > 0) old.metadata.ownerReferences = owners;
    else delete old.metadata.ownerReferences;
    return old;
  });
}

/** Deletes a dependent. Whether it is gone. */
async function isGone(ctx: Context, { resource, namespace, name }: Place): Promise<boolean> {
  try {
    return (await deleteObject(ctx, resource, namespace, name, { propagationPolicy: 'Background' })).gone;
  } catch (error) {
    if (isProblem(error, 'NotFound')) return true;
    throw error;
  }
}

async function change(
  ctx: Context,
  { resource, namespace, name }: Place,
  how: (old: KubeObject) => KubeObject,
): Promise<void> {
  try {
    // What the server does itself needs none of the kind's rules.
    await updateObject(ctx, resource, namespace, name, how, { retry: true, rules: { validate: () => [] } });
  } catch (error) {
    if (!isProblem(error, 'NotFound')) throw error;
  }
}
