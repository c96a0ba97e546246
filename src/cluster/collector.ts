/**
 * Sees to what deleted objects own: what is left of an object that is gone is deleted; an object that is deleted in the
 * foreground goes when the dependents that block it are gone, one that orphans them when they no longer name it. One
 * process does (src/upkeep.ts).
 */
import { COLLECT_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject, FOREGROUND, ORPHAN } from '../objects/deletes.ts';
import { DomainError, isProblem } from '../objects/errors.ts';
import type { KubeObject, OwnerReference } from '../objects/object.ts';
import { COLLECT_PREFIX, type Gone, OWNED_PREFIX, ownedKeys } from '../objects/owners.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { CommitConflict, type Revision, StoreError, type Watch } from '../store/store.ts';

/** The part of the usual time after which what need not wait is seen to: many deletions at once are one. */
const SOON = 0.1;

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
  let hurrying = false;
  const later = (after = seconds): void => {
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      hurrying = false;
      running = running.then(async () => {
        if (!closed && (await collectAll(ctx, kept))) later();
      });
    }, after * 1000).unref();
  };
  /** Whatever waits is looked at before its time. */
  const soon = (): void => {
    if (hurrying) return;
    clearTimeout(timer);
    timer = undefined;
    hurrying = true;
    later(seconds * SOON);
  };
  let watch: Watch | undefined;
  const follow = (after: Revision): void => {
    watch = ctx.store.watch(COLLECT_PREFIX, after, {
      // What is left of something gone goes at once; what is done with may be what something else waits for.
      batch: ({ events }) => {
        if (events.some(({ key, value }) => !value || key.startsWith(COLLECT_PREFIX + OWNED_PREFIX))) soon();
        else later();
      },
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
    for (const { key, value, revision } of entries) {
      const waits = key.slice(COLLECT_PREFIX.length);
      const done = waits.startsWith(OWNED_PREFIX)
        ? isLeftAlone(ctx, resources, { uid: waits.slice(OWNED_PREFIX.length), ...goneOf(value) })
        : isCollected(ctx, resources, waits);
      if (await done) await ctx.store.commit([{ op: 'delete', key, expect: revision }]);
      else waiting = true;
    }
    return waiting;
  } catch (error) {
    // Somebody else was faster, or the store is away: another try will tell.
    if (error instanceof CommitConflict || error instanceof StoreError || error instanceof DomainError) return true;
    throw error;
  }
}

function goneOf(value: Buffer): Gone {
  return JSON.parse(value.toString()) as Gone;
}

/** Sees to what an object owns that is gone. Always done at once: what its finalizers hold is deleted all the same. */
async function isLeftAlone(ctx: Context, resources: readonly Resource[], owner: Owner): Promise<true> {
  for (const dependent of await dependentsOf(ctx, resources, owner))
    await abandon(ctx, resources, dependent, owner.uid);
  return true;
}

/** Sees to what the object at a key owns, and takes its finalizer away. Whether nothing more is to be done. */
async function isCollected(ctx: Context, resources: readonly Resource[], key: string): Promise<boolean> {
  const resource = resources.find((one) => key.startsWith(keptOf(one).prefix));
  if (!resource) return true;
  const { namespace, name } = nameOfKey(resource, key);
  const found = await readKept(ctx.store, resource, namespace, name);
  const object = found && parsed(resource, ctx.settings, found);
  const finalizers = object?.metadata.finalizers ?? [];
  const orphans = finalizers.includes(ORPHAN);
  if (!object?.metadata.deletionTimestamp || !(orphans || finalizers.includes(FOREGROUND))) return true;
  const { uid = '' } = object.metadata;
  let above: ReadonlySet<string> | undefined;
  let left = false;
  for (const dependent of await dependentsOf(ctx, resources, { uid, namespace })) {
    if (orphans) await release(ctx, dependent, uid);
    else if (await abandon(ctx, resources, dependent, uid, true)) continue;
    else if (blocks(dependent, uid)) {
      // In a circle each would wait for the others for ever.
      above ??= await ancestors(ctx, resources, object, namespace);
      if (!above.has(dependent.uid)) left = true;
    }
  }
  if (left) return false;
  await change(ctx, { resource, namespace, name }, (old) => {
    old.metadata.finalizers = (old.metadata.finalizers ?? []).filter((one) => one !== ORPHAN && one !== FOREGROUND);
    return old;
  });
  return true;
}

/** Whether an owner that is deleted in the foreground waits for this dependent. */
function blocks({ owners }: Dependent, uid: string): boolean {
  return owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion);
}

interface Owner {
  readonly uid: string;
  /** Empty if it is in none. */
  readonly namespace: string;
}

interface Place {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

interface Dependent extends Place {
  readonly uid: string;
  readonly owners: readonly OwnerReference[];
}

/** The objects that an owner's uid owns: in its namespace, or everywhere if it lives in none. */
async function dependentsOf(ctx: Context, resources: readonly Resource[], owner: Owner): Promise<Dependent[]> {
  const found: Dependent[] = [];
  for (const key of await ownedKeys(ctx.store, owner.uid)) {
    const resource = resources.find((one) => key.startsWith(keptOf(one).prefix));
    if (!resource) continue;
    const { namespace, name } = nameOfKey(resource, key);
    if (owner.namespace !== '' && namespace !== owner.namespace) continue;
    const kept = await readKept(ctx.store, resource, namespace, name);
    if (!kept) continue;
    const { uid = '', ownerReferences: owners = [] } = parsed(resource, ctx.settings, kept).metadata;
    if (owners.some((one) => one.uid === owner.uid)) found.push({ resource, namespace, name, uid, owners });
  }
  return found;
}

/**
 * What has lost an owner is deleted, or no longer names that owner if it has another. Whether it is done with.
 * @param waited Whether the owner waits, so that what the dependent owns in turn must be gone before it as well.
 */
async function abandon(
  ctx: Context,
  resources: readonly Resource[],
  dependent: Dependent,
  uid: string,
  waited = false,
): Promise<boolean> {
  for (const owner of dependent.owners) {
    if (owner.uid === uid || !(await isThere(ctx, resources, owner, dependent.namespace))) continue;
    await release(ctx, dependent, uid);
    return true;
  }
  const owns = waited && (await ownedKeys(ctx.store, dependent.uid)).length > 0;
  return isGone(ctx, dependent, owns ? 'Foreground' : 'Background');
}

/** The uids of all that owns an object, directly or through others. */
async function ancestors(
  ctx: Context,
  resources: readonly Resource[],
  { metadata }: KubeObject,
  namespace: string,
  found = new Set<string>(),
): Promise<ReadonlySet<string>> {
  for (const owner of metadata.ownerReferences ?? []) {
    if (found.has(owner.uid)) continue;
    const object = await ownerOf(ctx, resources, owner, namespace);
    if (object === undefined || object === 'elsewhere') continue;
    found.add(owner.uid);
    await ancestors(ctx, resources, object, object.metadata.namespace ?? '', found);
  }
  return found;
}

/** Whether an owner exists and will stay. One of a kind that is not kept here counts as such: others keep it. */
async function isThere(
  ctx: Context,
  resources: readonly Resource[],
  owner: OwnerReference,
  dependentNamespace: string,
): Promise<boolean> {
  const object = await ownerOf(ctx, resources, owner, dependentNamespace);
  if (object === undefined || object === 'elsewhere') return object !== undefined;
  return !(object.metadata.deletionTimestamp && object.metadata.finalizers?.includes(FOREGROUND));
}

/** The object that an owner reference means; `elsewhere` if it is of a kind that is not kept here. */
async function ownerOf(
  ctx: Context,
  resources: readonly Resource[],
  { apiVersion, kind, name, uid }: OwnerReference,
  dependentNamespace: string,
): Promise<KubeObject | 'elsewhere' | undefined> {
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  const resource = resources.find((one) => one.group === group && one.kind === kind);
  if (!resource) return 'elsewhere';
  const kept = await readKept(ctx.store, resource, resource.namespaced ? dependentNamespace : '', name);
  const object = kept && parsed(resource, ctx.settings, kept);
  return object?.metadata.uid === uid ? object : undefined;
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
async function isGone(
  ctx: Context,
  { resource, namespace, name }: Place,
  propagationPolicy: 'Background' | 'Foreground',
): Promise<boolean> {
  try {
    return (await deleteObject(ctx, resource, namespace, name, { propagationPolicy })).gone;
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
