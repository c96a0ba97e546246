/**
 * Leases: content that a client was told is there, or is about to be given, is not collected for a while, though nothing
 * refers to it yet. A push uploads its layers long before the manifest that names them.
 */
import type { Digest } from '../image/digest.ts';
import { CONFLICT_TRIES } from '../limits.ts';
import { CONTENT_LEASE_SECONDS, LEASES_KEPT } from '../limits.work.ts';
import { type BoundedCache, cacheOfEach } from '../objects/cache.ts';
import type { Services } from '../objects/context.ts';
import { type Change, CommitConflict, countBelow, type Entry, type Revision, type Store } from '../store/store.ts';
import { markKey, readMark, untilSwept } from './marks.ts';
import { entriesAt } from './repositories.ts';

const PREFIX = '/collecting/leases/';

/** Where the lease of a digest is kept. */
export function leaseKey(digest: Digest): string {
  return PREFIX + digest;
}

/** A promise that content stays. */
export interface Lease {
  readonly digest: Digest;
  readonly revision: Revision;
}

interface Known {
  readonly revision: Revision;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Leases that this process has seen: one that has long enough to go need not be read again. */
const knownOf = cacheOfEach<Store, Known>(LEASES_KEPT);

function untilOf(entry: Entry | undefined): number {
  return entry ? Number(entry.value.toString()) : 0;
}

/** Whether this process knows of a lease that has long enough to go: then `leaseContent` would write nothing. */
export function isLeased(services: Services, digest: Digest): boolean {
  const remembered = knownOf(services.store).get(digest);
  return remembered !== undefined && isEnough(services, remembered.until);
}

function leaseMs({ settings }: Services): number {
  return (settings.leaseSeconds ?? CONTENT_LEASE_SECONDS) * 1000;
}

/** A lease that has more than half of its time to go is left as it is. */
function isEnough(services: Services, until: number): boolean {
  return until - services.now().getTime() > leaseMs(services) / 2;
}

/**
 * Promises that content stays for a while, whether it is there already or not. A lease that has more than half of its
 * time to go is left as it is, so that asking again and again writes nothing.
 * @throws {DomainError} ServiceUnavailable if the content is being deleted and that takes too long; {StoreError}.
 */
export async function leaseContent(services: Services, digest: Digest): Promise<Lease> {
  const { store } = services;
  const cache = knownOf(store);
  const remembered = cache.get(digest);
  if (remembered && isEnough(services, remembered.until)) return { digest, revision: remembered.revision };
  for (let tries = 1; ; tries++) {
    const entry = await store.get(leaseKey(digest));
    if (entry && isEnough(services, untilOf(entry))) return remember(cache, digest, entry.revision, untilOf(entry));
    const mark = await readMark(store, digest);
    if (mark?.state === 'sweeping') {
      await untilSwept(services, digest);
      continue;
    }
    const until = services.now().getTime() + leaseMs(services);
    const key = markKey(digest);
    try {
      const revision = await store.commit([
        { op: 'put', key: leaseKey(digest), value: Buffer.from(String(until)), expect: entry?.revision ?? 0 },
        mark ? { op: 'delete', key, expect: mark.revision } : { op: 'check', key, expect: 0 },
      ]);
      return remember(cache, digest, revision, until);
    } catch (error) {
      if (!(error instanceof CommitConflict) || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

/** A lease that belongs into a commit of the caller's own. */
export interface NewLease {
  /** They fail the commit if somebody else has leased the content meanwhile, or has begun to collect it. */
  readonly changes: readonly Change[];
  /** To be told of the commit. */
  made(revision: Revision): void;
}

/** Leases content that the caller has spared (marks.ts) before it was there. */
export async function newLease(services: Services, digest: Digest): Promise<NewLease> {
  const { store } = services;
  const entry = await store.get(leaseKey(digest));
  const until = services.now().getTime() + leaseMs(services);
  return {
    changes: [
      { op: 'put', key: leaseKey(digest), value: Buffer.from(String(until)), expect: entry?.revision ?? 0 },
      { op: 'check', key: markKey(digest), expect: 0 },
    ],
    made: (revision) => void remember(knownOf(store), digest, revision, until),
  };
}

function remember(cache: BoundedCache<Known>, digest: Digest, revision: Revision, until: number): Lease {
  cache.set(digest, { revision, until }, 1);
  return { digest, revision };
}

/** The change that makes a commit fail unless the lease is still there, so that the content is, too. */
export function leaseCheck({ digest, revision }: Lease): Change {
  return { op: 'check', key: leaseKey(digest), expect: revision };
}

/** Forgets that a lease was seen: another process may have renewed or ended it. */
export function forgetLease(store: Store, digest: Digest): void {
  knownOf(store).delete(digest);
}

/** How many there are, those that have ended and that no run has cleared away among them. @throws {StoreError} */
export async function countLeases(store: Store): Promise<number> {
  return countBelow(store, PREFIX);
}

/** Leases as they are in the store at a revision. */
export interface LeaseList {
  readonly leased: ReadonlySet<Digest>;
  /** Deletions of those that have ended. */
  readonly ended: readonly Change[];
}

/** All leases. */
export async function listLeases(store: Store, at: Revision, now: Date): Promise<LeaseList> {
  const leased = new Set<Digest>();
  const ended: Change[] = [];
  for await (const entry of entriesAt(store, PREFIX, at)) {
    if (untilOf(entry) > now.getTime()) leased.add(entry.key.slice(PREFIX.length) as Digest);
    else ended.push({ op: 'delete', key: entry.key, expect: entry.revision });
  }
  return { leased, ended };
}
