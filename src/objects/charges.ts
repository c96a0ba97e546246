/**
 * Object counts of ResourceQuotas: every creation and deletion of something that a quota counts changes the quota in the
 * same commit, so that the count is never wrong and never beyond the limit, however many write at once.
 */
import type { Change, Entry, Store } from '../store/store.ts';
import type { Context } from './context.ts';
import { forbidden, type GroupResource } from './errors.ts';
import type { KubeObject } from './object.ts';
import { addQuantities, compareQuantities, parseQuantity, quantityOf, quantityText } from './quantity.ts';
import { countKept } from './reads.ts';
import type { Resource } from './resource.ts';
import { QUOTA_PREFIX, restrictedContext, restrictionCheck, restrictionsFor, restrictionsOf } from './restrictions.ts';
import { toValue } from './values.ts';

/** Amounts by the name of what is limited. */
export type ResourceList = Record<string, string>;

export interface ResourceQuota extends KubeObject {
  spec?: {
    hard?: ResourceList;
    scopes?: string[];
    scopeSelector?: { matchExpressions?: { scopeName: string; operator: string; values?: string[] }[] };
  };
  status?: { hard?: ResourceList; used?: ResourceList };
}

type Counted = Pick<Resource, 'group' | 'resource'>;

/** Kinds of the core group that quotas counted by their bare names before there was `count/…`. */
const BARE_NAMES: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
/** What happens all the time is not counted, as in Kubernetes. */
const UNCOUNTED: ReadonlySet<string> = new Set(['events']);
const IMAGE_STREAMS = 'openshift.io/imagestreams';

/** The names by which a quota may limit how many objects of a resource there are. */
export function quotaNames({ group, resource }: Counted): string[] {
  if (UNCOUNTED.has(resource)) return [];
  const names = [`count/${resource}${group && `.${group}`}`];
  if (group === '' && BARE_NAMES.has(resource)) names.push(resource);
  if (group === 'image.openshift.io' && resource === 'imagestreams') names.push(IMAGE_STREAMS);
  return names;
}

/** Whether a name is one of those, of any resource. */
export function isObjectCount(name: string): boolean {
  return name.startsWith('count/') || BARE_NAMES.has(name) || name === IMAGE_STREAMS;
}

/** Whether a quota limits objects at all: scopes choose among pods, which are not run here. */
export function countsObjects({ spec }: ResourceQuota): boolean {
  return !spec?.scopes?.length && !spec?.scopeSelector;
}

/** A quota as it is kept. */
export function storedQuota({ value }: Entry): ResourceQuota {
  return JSON.parse(value.toString()) as ResourceQuota;
}

/** The change that keeps a quota with another status, unless somebody else has changed it. */
export function quotaChange({ key, revision }: Entry, quota: ResourceQuota): Change {
  return { op: 'put', key, value: toValue(quota), expect: revision };
}

interface Charged {
  readonly namespace: string;
  readonly name: string;
  readonly own: string;
  readonly asked?: GroupResource;
}

/**
 * Refuses what a creation would be refused for, before work is done for it.
 * @param asked What the refusal is to name.
 * @throws {DomainError} Forbidden.
 */
export async function refuseExceeding<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  namespace: string,
  asked: { readonly resource: GroupResource; readonly name: string },
): Promise<void> {
  const object = { namespace, name: asked.name, own: '', asked: asked.resource };
  const seen = await restrictionsOf(ctx.store, namespace, true);
  await chargeChanges(restrictedContext(ctx, seen), resource, object, 1);
}

/**
 * The changes that belong into the commit of a creation (`amount` 1) or deletion (-1) in a namespace: they charge its
 * quotas, or make sure that there are none. `own` is the key of the object itself; `asked` the resource that a refusal is
 * to name, if it is another.
 * @throws {DomainError} Forbidden if a quota would be exceeded.
 */
export async function chargeChanges<T extends KubeObject>(
  ctx: Context,
  resource: Resource<T>,
  object: Charged,
  amount: 1 | -1,
): Promise<Change[]> {
  const names = quotaNames(resource);
  if (names.length === 0) return [];
  const restrictions = await restrictionsFor(ctx, object.namespace);
  const changes = [restrictionCheck(restrictions)];
  if (!restrictions.hasQuotas) return changes;
  const { entries } = await ctx.store.list(`${QUOTA_PREFIX}${object.namespace}/`);
  let count: number | undefined;
  const population = async (): Promise<number> => {
    count ??= await countKept(ctx.store, resource, object.namespace);
    return count;
  };
  for (const entry of entries) {
    const quota = storedQuota(entry);
    const limited = names.filter((name) => quota.spec?.hard?.[name] !== undefined);
    if (entry.key === object.own || limited.length === 0 || !countsObjects(quota)) continue;
    const charged = await charge(quota, limited, amount, population);
    if (amount > 0) {
      const excess = excessOf(quota, charged, limited);
      if (excess) throw forbidden(object.asked ?? resource, object.name, excess);
    }
    changes.push(quotaChange(entry, charged));
  }
  return changes;
}

/** The quota after the charge. What it has not counted yet is counted now: nothing else can be committed meanwhile. */
async function charge(
  quota: ResourceQuota,
  names: readonly string[],
  amount: number,
  population: () => Promise<number>,
): Promise<ResourceQuota> {
  const hard: ResourceList = { ...quota.status?.hard };
  const used: ResourceList = { ...quota.status?.used };
  for (const name of names) {
    const before = used[name] === undefined ? quantityOf(await population()) : parseQuantity(used[name]);
    const after = addQuantities(before, quantityOf(amount));
    used[name] = quantityText(after.nanos < 0n ? quantityOf(0) : after);
    hard[name] = quota.spec?.hard?.[name] ?? '0';
  }
  return { ...quota, status: { hard: sorted(hard), used: sorted(used) } };
}

/** In the order in which Go prints maps. */
export function sorted(list: ResourceList): ResourceList {
  return Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Why a charge is too much, in the words of Kubernetes; undefined if it is not. */
function excessOf(before: ResourceQuota, after: ResourceQuota, names: readonly string[]): string | undefined {
  const amounts = (name: string) => ({
    used: parseQuantity(after.status?.used?.[name] ?? '0'),
    hard: parseQuantity(after.status?.hard?.[name] ?? '0'),
  });
  const exceeded = names.filter((name) => compareQuantities(amounts(name).used, amounts(name).hard) > 0).sort();
  if (exceeded.length === 0) return undefined;
  const list = (text: (name: string) => string): string => exceeded.map((name) => `${name}=${text(name)}`).join(',');
  const used = list((name) => quantityText(addQuantities(amounts(name).used, quantityOf(-1))));
  const limited = list((name) => quantityText(amounts(name).hard));
  return `exceeded quota: ${before.metadata.name}, requested: ${list(() => '1')}, used: ${used}, limited: ${limited}`;
}

/**
 * The quota with a status that says of everything it limits, and that is known here, how much there is; undefined if it
 * does already. Must be kept by `quotaChange`, which fails if anything was created or deleted meanwhile.
 */
export async function counted(
  store: Store,
  namespace: string,
  quota: ResourceQuota,
  resourceOf: ReadonlyMap<string, Resource>,
): Promise<ResourceQuota | undefined> {
  const hard: ResourceList = {};
  const used: ResourceList = {};
  const old = { hard: quota.status?.hard ?? {}, used: quota.status?.used ?? {} };
  for (const [name, most] of Object.entries(quota.spec?.hard ?? {})) {
    const resource = countsObjects(quota) ? resourceOf.get(name) : undefined;
    if (resource) {
      hard[name] = most;
      used[name] = old.used[name] ?? quantityText(quantityOf(await countKept(store, resource, namespace)));
    } else {
      // Somebody else's to count: what they wrote stays.
      if (old.hard[name] !== undefined) hard[name] = old.hard[name];
      if (old.used[name] !== undefined) used[name] = old.used[name];
    }
  }
  if (isSame(hard, old.hard) && isSame(used, old.used)) return undefined;
  return { ...quota, status: { hard: sorted(hard), used: sorted(used) } };
}

function isSame(a: ResourceList, b: ResourceList): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
