/**
 * Clears namespaces that are being deleted, and then removes them. One process does (src/upkeep.ts); should two meet, the
 * store's comparison lets one of them win.
 */
import { PURGE_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { apiTime } from '../objects/object.ts';
import { pageKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { nameOfKey } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { CommitConflict, type Entry, type Revision, StoreError, type Watch } from '../store/store.ts';
import { FINALIZER, type Namespace, type NamespaceCondition, namespaces } from './namespaces.ts';

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
      clearTimeout(retry);
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
    for (const entry of entries) {
      if (isTerminating(entry.value) && !(await isPurged(ctx, contents, entry))) waiting = true;
    }
    return waiting;
  } catch (error) {
    // Somebody else was faster, or the store is away: another try will tell.
    if (error instanceof CommitConflict || error instanceof StoreError || error instanceof DomainError) return true;
    throw error;
  }
}

/** Clears one namespace, and removes it if nothing and nobody holds it. Whether it is gone. */
async function isPurged(
  ctx: Context,
  contents: readonly Resource[],
  { key, value, revision }: Entry,
): Promise<boolean> {
  const { name } = nameOfKey(namespaces, key);
  const left = await clear(ctx, contents, name);
  const cleared = left.objects.size === 0;
  const namespace = JSON.parse(value.toString()) as Namespace;
  if (cleared && !isHeld(namespace)) {
    await ctx.store.commit([{ op: 'delete', key, expect: revision }]);
    return true;
  }
  const tell = (old: Namespace): Namespace => {
    old.status = { ...old.status, conditions: conditionsOf(left, old.status?.conditions ?? [], apiTime(ctx.now())) };
    if (cleared && old.spec?.finalizers) {
      old.spec.finalizers = old.spec.finalizers.filter((finalizer) => finalizer !== FINALIZER);
    }
    return old;
  };
  await updateObject(ctx, namespaces, '', name, tell, { retry: true, rules: { validate: () => [] } });
  return false;
}

/** Whether somebody beside this server has to clear it. */
function isHeld({ metadata, spec }: Namespace): boolean {
  const others = (spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  return others.length > 0 || (metadata.finalizers ?? []).length > 0;
}

/** What is left in a namespace: how many objects of each resource, and how many each finalizer holds. */
interface Left {
  readonly objects: Map<string, number>;
  readonly finalizers: Map<string, number>;
}

/** Deletes what is in a namespace. */
async function clear(ctx: Context, contents: readonly Resource[], namespace: string): Promise<Left> {
  const left: Left = { objects: new Map(), finalizers: new Map() };
  for (const resource of contents) {
    const plural = `${resource.resource}.${resource.group}`;
    for (let after: string | undefined; ; ) {
      const page = await pageKept(ctx.store, resource, namespace, after === undefined ? {} : { after });
      for (const { head } of page.objects) {
        const held = await heldBy(ctx, resource, namespace, nameOfKey(resource, head.key).name);
        if (!held) continue;
        count(left.objects, plural);
        for (const finalizer of held) count(left.finalizers, finalizer);
      }
      after = page.next;
      if (after === undefined) break;
    }
  }
  return left;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Deletes an object. The finalizers that hold it; undefined if it is gone. */
async function heldBy(
  ctx: Context,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<readonly string[] | undefined> {
  try {
    const options = { propagationPolicy: 'Background' } as const;
    const { gone, object } = await deleteObject(ctx, resource, namespace, name, options);
    return gone ? undefined : (object.metadata.finalizers ?? []);
  } catch (error) {
    if (isProblem(error, 'NotFound')) return undefined;
    if (isProblem(error, 'Conflict')) return [];
    throw error;
  }
}

/** The conditions that say what holds up the deletion, in the words of Kubernetes; others stay. */
function conditionsOf(left: Left, before: readonly NamespaceCondition[], time: string): NamespaceCondition[] {
  const told = [
    toldBy(
      'NamespaceContentRemaining',
      left.objects,
      [
        'SomeResourcesRemain',
        'Some resources are remaining: ',
        (what, number) => `${what} has ${number} resource instances`,
      ],
      ['ContentRemoved', 'All content successfully removed'],
    ),
    toldBy(
      'NamespaceFinalizersRemaining',
      left.finalizers,
      [
        'SomeFinalizersRemain',
        'Some content in the namespace has finalizers remaining: ',
        (what, number) => `${what} in ${number} resource instances`,
      ],
      ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
    ),
  ];
  const others = before.filter(({ type }) => !told.some((condition) => condition.type === type));
  const since = (condition: NamespaceCondition): NamespaceCondition => {
    const old = before.find(({ type }) => type === condition.type);
    const same = old?.status === condition.status && old.reason === condition.reason;
    return { ...condition, lastTransitionTime: (same ? old.lastTransitionTime : undefined) ?? time };
  };
  return [...others, ...told.map(since)];
}

function toldBy(
  type: string,
  counts: ReadonlyMap<string, number>,
  [someReason, someMessage, some]: readonly [string, string, (what: string, number: number) => string],
  [noneReason, noneMessage]: readonly [string, string],
): NamespaceCondition {
  if (counts.size === 0) return { type, status: 'False', reason: noneReason, message: noneMessage };
  const parts = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, number]) => some(what, number));
  return { type, status: 'True', reason: someReason, message: someMessage + parts.join(', ') };
}
