/** Deleting kept objects. */
import { CONFLICT_TRIES } from '../limits.ts';
import { CommitConflict } from '../store/store.ts';
import { canonicalOf, puts, removal } from './changes.ts';
import type { Context } from './context.ts';
import { conflict, forbidden, modified, notFound } from './errors.ts';
import { apiTime, type KubeObject, nameOf } from './object.ts';
import { readKept } from './reads.ts';
import type { DeleteOptions, Resource } from './resource.ts';
import { restricted } from './restrictions.ts';
import { type KeptObject, keptOf, parsed, served } from './values.ts';
import { storeObject } from './writes.ts';

/** What a deletion came to. */
export interface Deleted<T> {
  /** As it was, or as it waits for its finalizers. */
  readonly object: T;
  readonly served: Buffer;
  /** Whether it is gone; false if finalizers hold it. */
  readonly gone: boolean;
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
  checkPreconditions(resource, old, options);
  const kept = keptOf(resource);
  const refused = kept.undeletable?.(old);
  if (refused) throw forbidden(resource, nameOf(old), refused);
  const bytes = served(resource, ctx.settings, current);
  if (old.metadata.finalizers?.length || kept.terminate) {
    if (old.metadata.deletionTimestamp) return { object: old, served: bytes, gone: false };
    const marked = structuredClone(old);
    marked.metadata.deletionTimestamp = apiTime(ctx.now());
    marked.metadata.deletionGracePeriodSeconds = 0;
    // Kubernetes counts the mark as a change of the object's generation.
    if (marked.metadata.generation !== undefined) marked.metadata.generation += 1;
    kept.terminate?.(marked);
    const stored = canonicalOf(resource, marked);
    const changes = puts(resource, namespace, stored, current);
    const written = await storeObject(ctx, resource, namespace, stored, current, changes);
    return { object: written.object, served: written.served, gone: false };
  }
  const changes = await removal(ctx, resource, namespace, current, old);
  if (!ctx.dryRun) await ctx.store.commit(changes);
  return { object: old, served: bytes, gone: true };
}

function checkPreconditions<T extends KubeObject>(resource: Resource<T>, old: T, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const kind = { group: resource.group, resource: resource.kind };
  if (uid !== undefined && uid !== old.metadata.uid) {
    const message = `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(kind, nameOf(old), message);
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    const message = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`;
    throw conflict(kind, nameOf(old), message);
  }
}
