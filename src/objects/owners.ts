/**
 * Who is owned by whom: a key of the store for each owner that an object names, so that what a deleted object leaves
 * behind is found without looking at everything there is.
 */
import { OWNERS_FOLLOWED } from '../limits.ts';
import type { Change, Store } from '../store/store.ts';
import type { KubeObject } from './object.ts';
import type { Kept } from './resource.ts';

/** Such keys are `<prefix><uid of the owner><key of what it owns>`. */
export const OWNED_PREFIX = '/owned/';

/**
 * The changes that belong into the commit of a write: `object` is undefined for a deletion, `old` for a creation. Owners
 * beyond the first OWNERS_FOLLOWED are not followed.
 */
export function ownerChanges(key: string, object: KubeObject | undefined, old: KubeObject | undefined): Change[] {
  const [now, before] = [ownersOf(object), ownersOf(old)];
  if (now.size === 0 && before.size === 0) return [];
  const at = (uid: string): string => `${OWNED_PREFIX}${uid}${key}`;
  return [
    ...[...now.difference(before)].map((uid): Change => ({ op: 'put', key: at(uid), value: Buffer.from('{}') })),
    ...[...before.difference(now)].map((uid): Change => ({ op: 'delete', key: at(uid) })),
  ];
}

function ownersOf(object: KubeObject | undefined): ReadonlySet<string> {
  const owners = object?.metadata.ownerReferences ?? [];
  // No object has another uid than such a one.
  const uids = owners.map(({ uid }) => uid).filter((uid) => /^[\w-]{1,64}$/.test(uid));
  return new Set(uids.slice(0, OWNERS_FOLLOWED));
}

/** Keys of objects that wait until somebody has seen to what they own, or of what is left of them, behind this. */
export const COLLECT_PREFIX = '/leaving';

/** What is known of an object that is gone and owned something. */
export interface Gone {
  /** Empty if it was in none. */
  readonly namespace: string;
}

/** The change that lets somebody see to what a deleted object owns; none if it owns nothing, or that is left alone. */
export async function leavingChanges(
  store: Store,
  { dependents }: Pick<Kept<KubeObject>, 'dependents'>,
  namespace: string,
  { metadata: { uid = '' } }: KubeObject,
): Promise<Change[]> {
  if (dependents === 'ignore' || (await ownedPage(store, uid, 1)).length === 0) return [];
  const gone: Gone = { namespace };
  return [{ op: 'put', key: COLLECT_PREFIX + OWNED_PREFIX + uid, value: Buffer.from(JSON.stringify(gone)) }];
}

/** The keys of what an object with this uid owns, in order. */
export async function ownedKeys(store: Store, uid: string): Promise<readonly string[]> {
  return ownedPage(store, uid);
}

async function ownedPage(store: Store, uid: string, limit?: number): Promise<readonly string[]> {
  const prefix = `${OWNED_PREFIX}${uid}`;
  const { entries } = await store.list(`${prefix}/`, limit === undefined ? {} : { limit });
  return entries.map(({ key }) => key.slice(prefix.length));
}
