/** Deleting kept objects. */
import { CONFLICT_TRIES } from '../limits.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { canonicalOf, puts, removal } from './changes.ts';
import type { Context } from './context.ts';
import { conflict, forbidden, modified, notFound } from './errors.ts';
import { apiTime, type KubeObject, nameOf } from './object.ts';
import { COLLECT_PREFIX } from './owners.ts';
import { readKept } from './reads.ts';
import type { DeleteOptions, Kept, Resource } from './resource.ts';
import { restricted } from './restrictions.ts';
import { type KeptObject, keptOf, parsed, served } from './values.ts';
import { storeObject } from './writes.ts';

/** What a deletion came to. */
export interface Deleted<T> {
  /** As it was last, under the version of its deletion, or as it waits for its finalizers. */
  readonly object: T;
  readonly served: Buffer;
  /** Whether it is gone; false if finalizers hold it. */
  readonly gone: boolean;
  /** As it was before. */
  readonly before: T;
}

/**
 * Deletes an object, or marks it for deletion if it has finalizers.
 * @throws {DomainError} NotFound, Conflict (preconditions), and what the resource's rules throw.
 */
export async function deleteObject<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Promise<Deleted<T>> {
  for (let tries = 1; ; tries++) {
    const current = await readKept(ctx.store, resource, namespace, name);
    if (!current) throw notFound(resource, name);
    try {
      const remove = (inner: Context): Promise<Deleted<T>> => deleteOnce(inner, resource, namespace, current, options);
      return await (resource.namespaced ? restricted(ctx, namespace, true, remove) : remove(ctx));
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (tries >= CONFLICT_TRIES) throw modified(resource, name);
    }
  }
}

async function deleteOnce<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  current: KeptObject,
  options: DeleteOptions,
): Promise<Deleted<T>> {
  const old = parsed(resource, ctx.settings, current);
  const kept = keptOf(resource);
  const refused = kept.undeletable?.(old);
  if (refused) throw forbidden(resource, nameOf(old), refused);
  checkPreconditions(resource, old, options);
  const finalizers = finalizersFor(kept.dependents ?? 'delete', old.metadata.finalizers ?? [], options);
  if (finalizers.length > 0 || kept.terminate) {
    const marked = markedForDeletion(kept, old, finalizers, ctx.now());
    const stored = canonicalOf(resource, marked);
    const changes = puts(resource, namespace, stored, current);
    if (changes.length === 0) {
      return { object: old, served: served(resource, ctx.settings, current), gone: false, before: old };
    }
    const all = isForCollector(finalizers) ? [...changes, collection(current.head.key)] : changes;
    const written = await storeObject(ctx, resource, namespace, stored, current, all);
    return { object: written.object, served: written.served, gone: false, before: old };
  }
  const changes = await removal(ctx, resource, namespace, current, old);
  const revision = ctx.dryRun ? current.head.revision : await ctx.store.commit(changes);
  const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(revision) } };
  return { object, served: served(resource, ctx.settings, current, 'object', revision), gone: true, before: old };
}

/** The object as it waits: the time of the first deletion stays, the finalizers are those that the last one asks for. */
function markedForDeletion<T extends KubeObject>(kept: Kept<T>, old: T, finalizers: readonly string[], now: Date): T {
  const marked = structuredClone(old);
  const { metadata } = marked;
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  if (!metadata.deletionTimestamp) {
    metadata.deletionTimestamp = apiTime(now);
    // Kubernetes counts the mark as a change of the object's generation.
    if (metadata.generation !== undefined) metadata.generation += 1;
  }
  // What is terminated by the server goes when it is cleared, not when its finalizers are gone.
  if (!kept.terminate) metadata.deletionGracePeriodSeconds = 0;
  kept.terminate?.(marked);
  return marked;
}

/** What an object owns shall be let go before it is gone, or be gone before it. */
export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

function isForCollector(finalizers: readonly string[]): boolean {
  return finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND);
}

function collection(key: string): Change {
  return { op: 'put', key: COLLECT_PREFIX + key, value: Buffer.from('{}') };
}

/**
 * The finalizers that an object has once it is deleted: its own, and the one that stands for what shall become of its
 * dependents. Without a policy what it has counts, and otherwise what its kind does.
 */
function finalizersFor(
  kind: NonNullable<Kept<KubeObject>['dependents']>,
  has: readonly string[],
  { propagationPolicy: policy }: DeleteOptions,
): readonly string[] {
  const others = has.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (kind === 'ignore') return others;
  const wanted = policy === undefined ? has.find((one) => one === ORPHAN || one === FOREGROUND) : undefined;
  const orphans = policy === 'Orphan' || wanted === ORPHAN || (!policy && !wanted && kind === 'orphan');
  const waits = policy === 'Foreground' || wanted === FOREGROUND;
  if (orphans) return has.includes(ORPHAN) && !has.includes(FOREGROUND) ? has : [...others, ORPHAN];
  if (waits) return has.includes(FOREGROUND) && !has.includes(ORPHAN) ? has : [...others, FOREGROUND];
  return others;
}

/** Words and the name of the kind are Kubernetes', which has others for what the server terminates. */
function checkPreconditions<T extends KubeObject>(resource: Resource<T>, old: T, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { uid: realUid, resourceVersion: realVersion } = old.metadata;
  const terminates = keptOf(resource).terminate !== undefined;
  const about = { group: resource.group, resource: terminates ? resource.resource : resource.kind };
  if (uid !== undefined && uid !== realUid) {
    const message = terminates
      ? `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${realUid}`
      : `the UID in the precondition (${uid}) does not match the UID in record (${realUid}). The object might have been deleted and then recreated`;
    throw conflict(about, nameOf(old), message);
  }
  if (resourceVersion !== undefined && resourceVersion !== realVersion) {
    const message = terminates
      ? `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${realVersion}`
      : `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${realVersion}). The object might have been modified`;
    throw conflict(about, nameOf(old), message);
  }
}
