/** The past that etcd still has: how far back it goes, and forgetting it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ETCD_CALL_MS, ETCD_COMPACT_MS } from '../../limits.ts';
import { Compacted, type Revision, RevisionAhead, StoreUnavailable } from '../store.ts';
import { EtcdAway, isCompacted, isDenied, storeFailure } from './failure.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { COMPACT, RANGE } from './messages.ts';
import { openWatch } from './stream.ts';

/** Reads of the past fail with what it says. */
export class History {
  readonly #members: Members;
  readonly #layout: Layout;
  readonly #birth: Revision;
  #compacted: Revision = 0;

  /** @param birth the commit that made the store: before it there is nothing to know. */
  constructor(members: Members, layout: Layout, birth: Revision) {
    this.#members = members;
    this.#layout = layout;
    this.#birth = birth;
  }

  /** What is known to be compacted: reads before this revision fail. It may be more by now. */
  get compacted(): Revision {
    return this.#compacted;
  }

  /** The same as `revision` for this store, and one that etcd takes: the store's first where there was none. */
  atLeastBirth(revision: Revision): Revision {
    return Math.max(revision, this.#birth);
  }

  /** @throws {Compacted} if the revision can no longer be read; {StoreError}. */
  async check(revision: Revision): Promise<void> {
    const request = { from: this.#layout.last, countOnly: true, revision: this.atLeastBirth(revision) };
    try {
      await this.#members.call(RANGE, request, { repeatable: true });
    } catch (error) {
      throw await this.failure(error);
    }
  }

  /** What a read of the past failed with, as the store's error. */
  async failure(error: unknown): Promise<Error> {
    if (!isCompacted(error)) return storeFailure(error, this.#members.where);
    return new Compacted(await this.#oldest());
  }

  /**
   * Forgets what was overwritten or deleted at or before a revision.
   * @param current the latest revision.
   * @throws {RevisionAhead}; {StoreError}.
   */
  async compact(before: Revision, current: Revision): Promise<void> {
    if (before > current) throw new RevisionAhead(current);
    try {
      // Of the time before the store there is nothing to forget, and it may be another program's.
      if (before > this.#birth)
        await this.#members.call(COMPACT, { revision: before }, { repeatable: false, withinMs: ETCD_COMPACT_MS });
    } catch (error) {
      if (isDenied(error)) {
        const advice = 'give the user the role root, or run etcd with --auto-compaction-retention=10m instead';
        throw new StoreUnavailable(`${this.#members.where} lets only root compact: ${advice}`, { cause: error });
      }
      if (!isCompacted(error)) throw storeFailure(error, this.#members.where);
    }
    this.#compacted = Math.max(this.#compacted, before);
  }

  /** The first revision that can be read. etcd tells it to a watch that begins too early, and to nobody else. */
  async #oldest(): Promise<Revision> {
    const until = performance.now() + ETCD_CALL_MS;
    for (;;) {
      const request = { from: this.#layout.last, start: 1 };
      const watch = await openWatch(this.#members, request, { events: () => watch.close() });
      const late = setTimeout(() => watch.close(), ETCD_CALL_MS);
      const ending = await watch.ended;
      clearTimeout(late);
      if (typeof ending === 'object' && 'compacted' in ending) {
        this.#compacted = Math.max(this.#compacted, ending.compacted);
        return ending.compacted;
      }
      if (performance.now() > until) throw new EtcdAway(`${this.#members.where} does not say how far it is compacted`);
      await sleep(RETRY_MS);
    }
  }
}

/** Milliseconds until a question that was cut off is put again. */
const RETRY_MS = 100;
