/** Writing kept objects: one commit each, never over somebody else's change. */
import { isDeepStrictEqual } from 'node:util';
import { CONFLICT_TRIES } from '../limits.ts';
import type { Change } from '../store/store.ts';
import { CommitConflict } from '../store/store.ts';
import { canonicalOf, keptAs, puts, removal } from './changes.ts';
import { chargeChanges } from './charges.ts';
import type { Context } from './context.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  invalidValue,
  modified,
  notFound,
} from './errors.ts';
import { validateMetadata, validateMetadataUpdate } from './metadata.ts';
import { namespaceCheck } from './namespaced.ts';
import { apiTime, type KubeObject, type ManagedFieldsEntry, nameOf } from './object.ts';
import { ownerChanges } from './owners.ts';
import { readKept, remember } from './reads.ts';
import type { Kept, Resource } from './resource.ts';
import { isOutdated, restricted, restrictedContext, restrictionsOf } from './restrictions.ts';
import { type KeptObject, keptOf, keyOf, parsed, served } from './values.ts';

/** What a write came to. */
export interface Written<T> {
  /** With its new resourceVersion; the old one if nothing changed or it was a dry run. */
  readonly object: T;
  /** The object as JSON, as it goes over the wire. */
  readonly served: Buffer;
  /** Whether the object did not exist before. */
  readonly created: boolean;
}

const GENERATED_CHARACTERS = 5;
const GENERATED_BASE_CHARACTERS = 58;

/**
 * Creates an object: fills in what the server owns, validates, commits. `object` is changed.
 * @throws {DomainError} AlreadyExists, Invalid, NotFound (the namespace), BadRequest, and what the resource's rules throw.
 */
export async function createObject<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  object: T,
): Promise<Written<T>> {
  const base = object.metadata.generateName;
  const generate = base && !object.metadata.name ? base.slice(0, GENERATED_BASE_CHARACTERS) : undefined;
  for (let tries = 1; ; tries++) {
    if (generate !== undefined) object.metadata.name = generate + ctx.suffix(GENERATED_CHARACTERS);
    try {
      const create = (inner: Context): Promise<Written<T>> => createOnce(inner, resource, namespace, object);
      return await (resource.namespaced ? restricted(ctx, namespace, true, create) : create(ctx));
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      const taken = error.key === keyOf(resource, namespace, nameOf(object));
      if (taken && (generate === undefined || tries >= CONFLICT_TRIES)) {
        const there = await readKept(ctx.store, resource, namespace, nameOf(object));
        const deleting = there && parsed(resource, ctx.settings, there).metadata.deletionTimestamp;
        throw alreadyExists(resource, nameOf(object), Boolean(deleting));
      }
      if (tries >= CONFLICT_TRIES) throw modified(resource, nameOf(object));
    }
  }
}

async function createOnce<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  object: T,
): Promise<Written<T>> {
  const changes = await creation(ctx, resource, namespace, object);
  return storeObject(ctx, resource, namespace, changes.object, undefined, changes.changes);
}

/**
 * A new object, ready for a commit that other things belong to as well: `object` as it will be stored and the changes
 * that store it. Throws as `createObject`.
 *
 * @param within Changes that make sure of the namespace, instead of the check that it exists.
 */
export async function creation<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  object: T,
  within?: readonly Change[],
): Promise<{ readonly object: T; readonly changes: readonly Change[] }> {
  const kept = keptOf(resource);
  const meta = object.metadata;
  if (meta.resourceVersion && meta.resourceVersion !== '0')
    throw badRequest('resourceVersion should not be set on objects to be created');
  delete meta.resourceVersion;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  if (resource.namespaced) meta.namespace = namespace;
  else delete meta.namespace;
  const first =
    within ?? (resource.namespaced ? [await namespaceCheck(ctx.store, namespace, resource, nameOf(object))] : []);
  meta.uid = ctx.uid();
  meta.creationTimestamp = apiTime(ctx.now());
  if (kept.generation) meta.generation = 1;
  await kept.prepareCreate?.(ctx, object);
  await refuseInvalid(ctx, resource, object, undefined, validateMetadata(resource, object), kept);
  const stored = canonicalOf(resource, object);
  const changes = [
    ...puts(resource, namespace, stored, undefined),
    ...((await kept.alongside?.(ctx, stored, undefined)) ?? []),
  ];
  const own = keyOf(resource, namespace, nameOf(stored));
  changes.push(...ownerChanges(own, stored, undefined));
  if (resource.namespaced) {
    changes.push(...(await chargeChanges(ctx, resource, { namespace, name: nameOf(stored), own }, 1)));
  }
  return { object: stored, changes: [...first, ...changes] };
}

export interface UpdateOptions<T extends KubeObject = KubeObject> {
  /** Whether a conflict with another writer is met by doing it all again; for changes that say what, not from what. */
  readonly retry?: boolean;
  /** Rules of a subresource, which replace the resource's own. */
  readonly rules?: Pick<Kept<T>, 'prepareUpdate' | 'validate'>;
}

/**
 * Changes an object. `change` gets what is stored (a copy of its own) and gives what shall be; it is called again on a
 * retry. A change that changes nothing is not written.
 * @throws {DomainError} NotFound, Conflict, Invalid, and what `change` and the resource's rules throw.
 */
export async function updateObject<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  name: string,
  change: (old: T) => T | Promise<T>,
  options: UpdateOptions<T> = {},
): Promise<Written<T>> {
  for (let tries = 1; ; tries++) {
    // What may not be done again must not fail because what is remembered of the namespace is old.
    const seeing = restrictionsOf(ctx.store, namespace, ctx.dryRun || !options.retry);
    const [current, seen] = await Promise.all([readKept(ctx.store, resource, namespace, name), seeing]);
    if (!current) throw notFound(resource, name);
    const object = await change(parsed(resource, ctx.settings, current));
    const repeatable = options.retry || !object.metadata.resourceVersion;
    try {
      return await updateOnce(restrictedContext(ctx, seen), resource, namespace, current, object, options);
    } catch (error) {
      const outdated = await isOutdated(ctx.store, seen, error);
      if (!(error instanceof CommitConflict || (outdated && repeatable))) throw error;
      if (!repeatable || tries >= CONFLICT_TRIES) throw modified(resource, name);
    }
  }
}

async function updateOnce<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  current: KeptObject,
  object: T,
  options: UpdateOptions<T>,
): Promise<Written<T>> {
  const kept = keptOf(resource);
  const old = parsed(resource, ctx.settings, current);
  checkVersion(resource, kept, object, old);
  keepServersMetadata(resource, object, old);
  const rules = options.rules ?? kept;
  await rules.prepareUpdate?.(ctx, object, old);
  if (kept.generation && !options.rules && specOf(object) !== specOf(old)) {
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  const metadataErrors = validateMetadataUpdate(object, old, kept.repeatsMetadataErrors ?? false);
  await refuseInvalid(ctx, resource, object, old, metadataErrors, rules);
  const stored = withoutMereTimes(canonicalOf(resource, object), old);
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = stored.metadata;
  if (deletionTimestamp && deletionGracePeriodSeconds === 0 && !finalizers?.length) {
    const changes = await removal(ctx, resource, namespace, current, old);
    if (!ctx.dryRun) await ctx.store.commit(changes);
    return { object: stored, served: Buffer.from(JSON.stringify(stored)), created: false };
  }
  const changes = puts(resource, namespace, stored, current);
  if (changes.length === 0) {
    return { object: old, served: served(resource, ctx.settings, current), created: false };
  }
  const alongside = [
    ...((await kept.alongside?.(ctx, stored, old)) ?? []),
    ...ownerChanges(current.head.key, stored, old),
  ];
  return storeObject(ctx, resource, namespace, stored, current, [...changes, ...alongside]);
}

/** A write that leaves everything as it was but the times of managers changes nothing. */
function withoutMereTimes<T extends KubeObject>(object: T, old: T): T {
  const before = old.metadata.managedFields;
  if (!before || !object.metadata.managedFields) return object;
  const same = { ...object, metadata: { ...object.metadata, managedFields: before } };
  const timeless = (entries: readonly ManagedFieldsEntry[]): object[] =>
    entries.map(({ time: _time, ...rest }) => rest);
  if (!isDeepStrictEqual(timeless(object.metadata.managedFields), timeless(before))) return object;
  return isDeepStrictEqual(versionless(same), versionless(old)) ? same : object;
}

function versionless({ kind: _kind, apiVersion: _apiVersion, metadata, ...members }: KubeObject): object {
  const { resourceVersion: _version, ...meta } = metadata;
  return { ...members, metadata: meta };
}

function checkVersion<T extends KubeObject>(resource: Resource<T>, kept: Kept<T>, object: T, old: T): void {
  const asked = object.metadata.resourceVersion;
  const name = nameOf(old);
  if (object.metadata.uid && object.metadata.uid !== old.metadata.uid) {
    const message = `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(resource, name, message);
  }
  // 0 is what Go's decoders make of no version.
  if (asked && asked !== '0') {
    if (asked !== old.metadata.resourceVersion) throw modified(resource, name);
  } else if (!kept.unconditionalUpdate) {
    // Kubernetes names the plural as the kind here.
    throw invalid({ group: resource.group, kind: resource.resource }, name, [
      invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
}

/** What a client cannot change is what it was, whether sent back or left out. */
function keepServersMetadata<T extends KubeObject>(resource: Resource<T>, object: T, old: T): void {
  const meta = object.metadata;
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  meta.name ??= nameOf(old);
  if (resource.namespaced && old.metadata.namespace) meta.namespace ??= old.metadata.namespace;
  if (!resource.namespaced) delete meta.namespace;
  if (uid) meta.uid = uid;
  if (creationTimestamp !== undefined) meta.creationTimestamp = creationTimestamp;
  assign(meta, 'generation', generation);
  // These, given otherwise, are refused.
  if (deletionTimestamp) meta.deletionTimestamp = deletionTimestamp;
  if (deletionGracePeriodSeconds !== undefined) meta.deletionGracePeriodSeconds ??= deletionGracePeriodSeconds;
}

function assign<M, K extends keyof M>(target: M, member: K, value: M[K] | undefined): void {
  if (value === undefined) delete target[member];
  else target[member] = value;
}

function specOf(object: KubeObject): string {
  return 'spec' in object ? JSON.stringify(object.spec) : '';
}

async function refuseInvalid<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  object: T,
  old: T | undefined,
  metadata: readonly FieldError[],
  rules: Pick<Kept<T>, 'validate'>,
): Promise<void> {
  const errors = [...metadata, ...(await rules.validate(ctx, object, old))];
  if (errors.length > 0) throw invalid(resource, nameOf(object), errors);
}

/** Commits the changes that store an object (`changes.ts`), unless it is a dry run. Throws CommitConflict. */
export async function storeObject<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  stored: T,
  current: KeptObject | undefined,
  changes: readonly Change[],
): Promise<Written<T>> {
  const created = current === undefined;
  if (ctx.dryRun) {
    if (created) {
      const key = keyOf(resource, namespace, nameOf(stored));
      const existing = await ctx.store.get(key);
      if (existing) throw new CommitConflict(key, existing.revision);
    }
    const revision = current?.head.revision ?? 0;
    return outcome(ctx, resource, keptAs(resource, namespace, stored, revision), created);
  }
  const revision = await ctx.store.commit(changes);
  const kept = keptAs(resource, namespace, stored, revision);
  if (keptOf(resource).composition) remember(ctx.store, kept);
  return outcome(ctx, resource, kept, created);
}

function outcome<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  kept: KeptObject,
  created: boolean,
): Written<T> {
  const bytes = served(resource, ctx.settings, kept);
  if (kept.head.revision === 0) {
    // A dry run of a create has no version.
    const object = JSON.parse(bytes.toString()) as T;
    delete object.metadata.resourceVersion;
    return { object, served: Buffer.from(JSON.stringify(object)), created };
  }
  let object: T | undefined;
  return {
    /** Parsed only for those who look: most answers are the bytes. */
    get object() {
      object ??= JSON.parse(bytes.toString()) as T;
      return object;
    },
    served: bytes,
    created,
  };
}
