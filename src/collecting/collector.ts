/**
 * Collects garbage while the registry goes on: marks, waits, looks again, and only then deletes (marks.ts says why that
 * is safe). Everything that it knows is in the store, so a run that was killed is finished by the next, anywhere.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '../image/digest.ts';
import { COMMIT_CHANGES } from '../limits.ts';
import { COLLECTION_ROUNDS, SWEEP_POLL_MS, SWEEP_STALE_SECONDS } from '../limits.work.ts';
import type { Services } from '../objects/context.ts';
import { fenced, type Leadership } from '../store/leadership.ts';
import { type Change, CommitConflict, type Entry, type Store } from '../store/store.ts';
import { SINCE } from './grace.ts';
import { awaitLead, collectionLead } from './leadership.ts';
import { allMarks, endEpoch, finishSweep, isStale, markKey, startEpoch } from './marks.ts';
import { entriesAt } from './repositories.ts';
import { type Garbage, type Survey, surveyContent } from './survey.ts';
import { Sweep } from './sweep.ts';

export interface CollectOptions {
  /** Seconds that something must have been garbage before it is deleted. */
  readonly graceSeconds: number;
  /** Only tell what would be done. */
  readonly dryRun: boolean;
  /** Whether the size of what only waits is wanted too: each costs a look at the disk, or a request to S3. */
  readonly sizes?: boolean;
  /** Whether to wait until no other run is under way. */
  readonly wait?: boolean;
}

/** One thing that is garbage. */
export interface Finding extends Pick<Garbage, 'digest' | 'kind' | 'why' | 'content'> {
  /** Bytes, where they go too, or would if that is due or was asked for. */
  readonly size: number | undefined;
  /** When it is old enough to be deleted. */
  readonly due: Date;
  /** Whether it was (or, in a dry run, would have been) deleted. */
  readonly deleted: boolean;
}

/** What a run came to. */
export interface Collection {
  readonly findings: readonly Finding[];
  /** Digests that something leads to. */
  readonly live: number;
  /** Bytes that were freed, or would have been. */
  readonly freed: number;
  /** Whether somebody who may have died has left deletions that cannot be finished yet. */
  readonly unfinished?: boolean;
}

/**
 * Runs once. undefined if another run is under way somewhere.
 * @throws {DomainError} ServiceUnavailable if one should wait and that takes too long; what the store and the blobs throw; what was begun is then finished by the next run.
 */
export async function collectGarbage(services: Services, options: CollectOptions): Promise<Collection | undefined> {
  if (options.dryRun) return look(services, options);
  const lead = collectionLead(services.store);
  try {
    if (options.wait) await awaitLead(lead);
    else if (!(await lead.take())) return undefined;
    // A run that slept while another took its place changes nothing any more, whatever it was about to do.
    const led = { ...services, store: fenced(services.store, lead) };
    const unfinished = await finishOthers(led, lead, options.wait === true);
    return { ...(await collect(led, options, lead)), unfinished };
  } finally {
    await lead.end();
  }
}

async function look(services: Services, { graceSeconds }: CollectOptions): Promise<Collection> {
  const since = await readSince(services);
  const survey = await surveyContent(services);
  const dues = duesOf(services, survey, since, graceSeconds);
  const isDeleted = (digest: Digest): boolean => isDue(services, dues.get(digest));
  return conclude(services, survey, { dues, isDeleted, isSized: () => true });
}

async function collect(services: Services, options: CollectOptions, lead: Leadership): Promise<Collection> {
  // Before the survey: a grace that is waived meanwhile is of what the survey may not have seen as garbage yet.
  const since = await readSince(services);
  const survey = await surveyContent(services);
  await applyEach(services, [...survey.adoptions, ...survey.endedLeases]);
  const dues = duesOf(services, survey, since, options.graceSeconds);
  await noteSince(services, survey, since);
  const due = new Set([...survey.garbage.keys()].filter((digest) => isDue(services, dues.get(digest))));
  const isSized = (digest: Digest): boolean => options.sizes === true || due.has(digest);
  const findings = await conclude(services, survey, { dues, isDeleted: () => false, isSized });
  if (due.size === 0) return findings;
  const deleted = await sweep(services, due, lead);
  await applyEach(
    services,
    [...deleted].map((digest) => ({ op: 'delete', key: SINCE + digest })),
  );
  return summary(
    survey,
    findings.findings.map((found) => ({ ...found, deleted: deleted.has(found.digest) })),
  );
}

/** Deletes what is due and still garbage when looked at again. The digests that are gone. */
async function sweep(services: Services, due: ReadonlySet<Digest>, lead: Leadership): Promise<Set<Digest>> {
  const { store } = services;
  const run = new Sweep(services, lead.owner);
  if (!(await beginEpoch(store, lead))) return run.deleted;
  try {
    for (let round = 1; round <= COLLECTION_ROUNDS; round++) {
      await run.condemn([...due].filter((digest) => !run.deleted.has(digest)));
      if (!(await beginEpoch(store, lead))) break;
      const { garbage } = await surveyContent(services);
      const still = [...garbage.values()].filter(({ digest }) => run.isCondemned(digest));
      await run.spareAllBut(new Set(still.map(({ digest }) => digest)));
      if (await run.sweep(still)) break;
    }
  } finally {
    await run.spareAllBut(new Set());
    await endEpoch(store, lead.check);
  }
  return run.deleted;
}

/** From now on writers look for marks. Whether this run still leads. */
async function beginEpoch(store: Store, lead: Leadership): Promise<boolean> {
  try {
    await startEpoch(store, true, lead.check);
    return true;
  } catch (error) {
    if (error instanceof CommitConflict) return false;
    throw error;
  }
}

/**
 * What runs before have left: content that was being deleted is deleted, what was only condemned is spared. Whether something
 * is left of that, which can only be done later.
 */
async function finishOthers(services: Services, { owner }: Leadership, wait: boolean): Promise<boolean> {
  for (const until = performance.now() + (SWEEP_STALE_SECONDS + 1) * 1000; ; ) {
    let left = false;
    for (const mark of await allMarks(services.store)) {
      if (mark.state === 'condemned') {
        await applyEach(services, [{ op: 'delete', key: markKey(mark.digest), expect: mark.revision }]);
      } else if (isStale(services, mark)) await finishSweep(services, mark, owner);
      else left = true;
    }
    // Whoever has been silent for so long is dead, as far as can be known.
    if (!left || !wait || performance.now() > until) return left;
    await sleep(SWEEP_POLL_MS);
  }
}

/** Makes changes that do not depend on each other; those that somebody else has overtaken are left out. */
async function applyEach(services: Services, changes: readonly Change[]): Promise<void> {
  for (let from = 0; from < changes.length; from += CHANGES_AT_ONCE) {
    const some = changes.slice(from, from + CHANGES_AT_ONCE);
    try {
      await services.store.commit(some);
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (some.length > 1) for (const each of some) await applyEach(services, [each]);
    }
  }
}

/** Leaves room for the checks of those who lead. */
const CHANGES_AT_ONCE = COMMIT_CHANGES - 8;

/** By digest: when it was first seen as garbage. */
type Since = ReadonlyMap<Digest, Entry>;

async function readSince({ store }: Services): Promise<Since> {
  const since = new Map<Digest, Entry>();
  for await (const entry of entriesAt(store, SINCE, await store.revision())) {
    since.set(entry.key.slice(SINCE.length) as Digest, entry);
  }
  return since;
}

/** When each finding is old enough, by when it was first seen. */
function duesOf(services: Services, { garbage }: Survey, since: Since, graceSeconds: number): Map<Digest, Date> {
  const now = services.now().getTime();
  return new Map(
    [...garbage.keys()].map((digest) => {
      const entry = since.get(digest);
      const first = entry ? Date.parse(entry.value.toString()) : now;
      return [digest, new Date(first + graceSeconds * 1000)];
    }),
  );
}

function isDue(services: Services, due: Date | undefined): boolean {
  return due !== undefined && due <= services.now();
}

/** Remembers since when things are garbage, and forgets what is not any more. */
async function noteSince(services: Services, { garbage }: Survey, known: Since): Promise<void> {
  const value = Buffer.from(services.now().toISOString());
  const changes: Change[] = [];
  for (const digest of garbage.keys()) {
    if (!known.has(digest)) changes.push({ op: 'put', key: SINCE + digest, value, expect: 0 });
  }
  for (const [digest, { key, revision }] of known) {
    if (!garbage.has(digest)) changes.push({ op: 'delete', key, expect: revision });
  }
  await applyEach(services, changes);
}

/** What is known of each finding. */
interface Facts {
  readonly dues: ReadonlyMap<Digest, Date>;
  readonly isDeleted: (digest: Digest) => boolean;
  readonly isSized: (digest: Digest) => boolean;
}

async function conclude(services: Services, survey: Survey, { dues, isDeleted, isSized }: Facts): Promise<Collection> {
  const findings: Finding[] = [];
  for (const { digest, kind, why, content } of survey.garbage.values()) {
    const size = content && isSized(digest) ? await services.blobs.stat(digest) : undefined;
    const due = dues.get(digest) ?? services.now();
    findings.push({ digest, kind, why, content, size, due, deleted: isDeleted(digest) });
  }
  return summary(survey, findings);
}

function summary({ live }: Survey, findings: readonly Finding[]): Collection {
  const freed = findings.reduce((sum, { deleted, size }) => sum + (deleted ? (size ?? 0) : 0), 0);
  return { findings, live, freed };
}
