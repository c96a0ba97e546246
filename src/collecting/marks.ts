/**
 * How collecting garbage and writing stay out of each other's way, with nothing but commits of the store, so that it
 * holds among replicas and across crashes.
 *
 * Whoever is about to refer to content (a push, a tag that moves) first **spares** it, then looks whether it is there,
 * then commits the reference together with a check that the *epoch* is still the one that `spare` read. Whoever
 * collects first **condemns**: it puts a mark on each digest, then starts a new epoch, then looks again for references.
 * So of the two at least one sees the other: a reference that was committed before the epoch is found by that second
 * look, one that comes after it was made by someone who has seen the mark and taken it away. A mark is turned from
 * `condemned` to `sweeping` in one commit, which fails if it has been taken away; only then are bytes deleted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../blobs/blobs.ts';
import type { Digest } from '../image/digest.ts';
import { COMMIT_CHANGES } from '../limits.ts';
import { MARKS_KNOWN, SWEEP_POLL_MS, SWEEP_STALE_SECONDS, SWEEP_WAIT_SECONDS } from '../limits.work.ts';
import { cacheOfEach } from '../objects/cache.ts';
import { DomainError } from '../objects/errors.ts';
import { fateOf, newOwner, type Owner } from '../store/owner.ts';
import { type Change, CommitConflict, type Entry, type Revision, type Store } from '../store/store.ts';

const EPOCH = '/collecting/epoch';
const MARKS = '/collecting/marks/';
/** Digests whose marks are changed by one commit; leaves room for what belongs to it. */
const MARKS_AT_ONCE = COMMIT_CHANGES - 8;

/** What a writer needs: the store, where the bytes are, and the clock. */
export interface Ground {
  readonly store: Store;
  readonly blobs: Pick<Blobs, 'delete' | 'lingers'>;
  now(): Date;
}

/** A digest is being collected. */
export interface Mark {
  readonly state: 'condemned' | 'sweeping';
  /** Who collects: one run of one process. */
  readonly owner: Owner;
  /** When the mark got its state, in milliseconds since 1970. */
  readonly at: number;
}

export interface FoundMark extends Mark {
  readonly digest: Digest;
  readonly revision: Revision;
}

/** The store key of a digest's mark. */
export function markKey(digest: Digest): string {
  return MARKS + digest;
}

function foundMark({ key, value, revision }: Entry): FoundMark {
  return { ...(JSON.parse(value.toString()) as Mark), digest: key.slice(MARKS.length) as Digest, revision };
}

/** The mark of a digest, or undefined. */
export async function readMark(store: Store, digest: Digest): Promise<FoundMark | undefined> {
  const entry = await store.get(markKey(digest));
  return entry && foundMark(entry);
}

/** All marks: those of a collection under way, and what a crash has left. */
export async function allMarks(store: Store): Promise<FoundMark[]> {
  return (await store.list(MARKS)).entries.map(foundMark);
}

/** The change that sets a mark; `before` is the revision of the one that is there, 0 for none. */
export function putMark(digest: Digest, mark: Mark, before: Revision): Change {
  return { op: 'put', key: markKey(digest), value: Buffer.from(JSON.stringify(mark)), expect: before };
}

/**
 * Starts a new epoch: writers that have read the one before find that out when they commit. `active` tells whether there
 * may be marks, so that writers need not look for any at other times.
 * @param leadership A check that only one run passes: no other may call an epoch idle in which this one has marks.
 * @throws {CommitConflict} if another run has taken the lead.
 */
export async function startEpoch(store: Store, active: boolean, leadership: Change): Promise<void> {
  await store.commit([{ op: 'put', key: EPOCH, value: Buffer.from(active ? 'active' : 'idle') }, leadership]);
}

/** Writers need not look for marks any more: if there are none. What a crash has left may not be old enough yet. */
export async function endEpoch(store: Store, leadership: Change): Promise<void> {
  try {
    if ((await allMarks(store)).length === 0) await startEpoch(store, false, leadership);
  } catch (error) {
    // Another run leads, and will end the epoch that it has begun.
    if (!(error instanceof CommitConflict)) throw error;
  }
}

/**
 * Takes digests out of a collection that may be under way. Resolves to the change that belongs into the commit that
 * refers to them; what was looked up before this was called may be gone by then, and must be looked up again.
 * @throws {CommitConflict} if one of them was just being deleted: it is gone now, so try again from the start;
 *   {DomainError} ServiceUnavailable if that takes too long.
 */
export async function spare(ground: Ground, digests: Iterable<Digest>): Promise<Change> {
  const epoch = await ground.store.get(EPOCH);
  if (epoch?.value.toString() === 'active') await takeAway(ground, [...digests]);
  return { op: 'check', key: EPOCH, expect: epoch?.revision ?? 0 };
}

async function takeAway(ground: Ground, digests: readonly Digest[]): Promise<void> {
  const marks = await Promise.all(digests.map((digest) => readMark(ground.store, digest)));
  const condemned: Change[] = [];
  for (const mark of marks) {
    if (mark?.state === 'sweeping') {
      await untilSwept(ground, mark.digest);
      throw new CommitConflict(markKey(mark.digest), mark.revision);
    }
    if (mark) condemned.push({ op: 'delete', key: markKey(mark.digest), expect: mark.revision });
  }
  for (let from = 0; from < condemned.length; from += MARKS_AT_ONCE) {
    await ground.store.commit(condemned.slice(from, from + MARKS_AT_ONCE));
  }
}

/**
 * Resolves when a digest is not being deleted any more. If whoever deletes it seems to have died, its work is finished.
 * @throws {DomainError} ServiceUnavailable if it takes too long.
 */
export async function untilSwept(ground: Ground, digest: Digest): Promise<void> {
  const patience = performance.now() + SWEEP_WAIT_SECONDS * 1000;
  for (;;) {
    const mark = await readMark(ground.store, digest);
    if (mark?.state !== 'sweeping') return;
    if (isStale(ground, mark) && (await finishSweep(ground, mark, writer()))) return;
    if (performance.now() > patience) {
      const message = `${digest} is being deleted as garbage at this moment; try again`;
      throw new DomainError({ reason: 'ServiceUnavailable', message, retryAfterSeconds: SWEEP_STALE_SECONDS });
    }
    await sleep(SWEEP_POLL_MS);
  }
}

let ownName: Owner | undefined;

/** This process, as far as it finishes what others have begun. */
function writer(): Owner {
  ownName ??= newOwner();
  return ownName;
}

/**
 * When each mark was first seen, by the clock of this process: the one that is in the mark may be that of a machine whose
 * time is another. By the blobs, of which a process has one.
 */
const firstSeenOf = cacheOfEach<Ground['blobs'], number>(MARKS_KNOWN);

/** Whether a sweep has taken so long that its owner must be dead: a live one renews the mark long before. */
export function isStale(ground: Pick<Ground, 'blobs' | 'now'>, mark: FoundMark): boolean {
  // What it was about to delete may be deleted later than what is pushed meanwhile, unless that cannot be.
  if (!ground.blobs.lingers && fateOf(mark.owner) === 'dead') return true;
  const now = ground.now().getTime();
  const seen = firstSeenOf(ground.blobs);
  const key = `${mark.digest} ${mark.revision}`;
  const since = seen.get(key) ?? now;
  seen.set(key, since, 1);
  return now - since > SWEEP_STALE_SECONDS * 1000;
}

/**
 * Finishes the sweep of somebody who died: deletes the bytes, to which nothing refers since the mark says `sweeping`,
 * and the mark. Whether it was done here; false if somebody else was faster.
 */
export async function finishSweep(ground: Ground, mark: FoundMark, owner: Owner): Promise<boolean> {
  try {
    const own: Mark = { state: 'sweeping', owner, at: ground.now().getTime() };
    const revision = await ground.store.commit([putMark(mark.digest, own, mark.revision)]);
    await ground.blobs.delete(mark.digest);
    await ground.store.commit([{ op: 'delete', key: markKey(mark.digest), expect: revision }]);
    return true;
  } catch (error) {
    if (error instanceof CommitConflict) return false;
    throw error;
  }
}
