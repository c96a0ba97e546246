/** One sweep: the marks that it has put, and the deletions that they allow. */
import type { Digest } from '../image/digest.ts';
import { COMMIT_CHANGES } from '../limits.ts';
import { DELETIONS_AT_ONCE, SWEEP_STALE_SECONDS } from '../limits.work.ts';
import type { Services } from '../objects/context.ts';
import { type Change, CommitConflict, type Revision } from '../store/store.ts';
import { type Mark, markKey, putMark } from './marks.ts';
import type { Garbage } from './survey.ts';

/** Changes of one commit; a mark and what is deleted with it stay together. */
const CHANGES_AT_ONCE = COMMIT_CHANGES - 8;
/** A mark is renewed before anyone could take its owner for dead. */
const RENEWAL_MS = (SWEEP_STALE_SECONDS * 1000) / 3;

/** What is deleted by one commit, and the content that goes after it. */
interface Batch {
  readonly changes: Change[];
  readonly content: Digest[];
  readonly digests: Digest[];
}

/** One sweep of one run. */
export class Sweep {
  /** Digests of which all that was garbage is gone. */
  readonly deleted = new Set<Digest>();
  readonly #services: Services;
  readonly #owner: string;
  /** Marks that are there, as far as this process knows, with their revision. */
  readonly #marks = new Map<Digest, Revision>();

  constructor(services: Services, owner: string) {
    this.#services = services;
    this.#owner = owner;
  }

  isCondemned(digest: Digest): boolean {
    return this.#marks.has(digest);
  }

  /** Puts marks on digests that have none of ours. One that a writer of this moment holds on to is left out. */
  async condemn(digests: readonly Digest[]): Promise<void> {
    const wanted = digests.filter((digest) => !this.#marks.has(digest));
    for (let from = 0; from < wanted.length; from += CHANGES_AT_ONCE) {
      await this.#condemnSome(wanted.slice(from, from + CHANGES_AT_ONCE));
    }
  }

  async #condemnSome(digests: readonly Digest[]): Promise<void> {
    const mark = this.#mark('condemned');
    try {
      const revision = await this.#services.store.commit(digests.map((digest) => putMark(digest, mark, 0)));
      for (const digest of digests) this.#marks.set(digest, revision);
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (digests.length > 1) for (const digest of digests) await this.#condemnSome([digest]);
    }
  }

  #mark(state: Mark['state']): Mark {
    return { state, owner: this.#owner, at: this.#services.now().getTime() };
  }

  /** Takes our marks away from all other digests. */
  async spareAllBut(kept: ReadonlySet<Digest>): Promise<void> {
    const spared = [...this.#marks].filter(([digest]) => !kept.has(digest));
    for (let from = 0; from < spared.length; from += CHANGES_AT_ONCE) {
      await this.#spareSome(spared.slice(from, from + CHANGES_AT_ONCE));
    }
  }

  async #spareSome(spared: readonly (readonly [Digest, Revision])[]): Promise<void> {
    for (const [digest] of spared) this.#marks.delete(digest);
    try {
      await this.#services.store.commit(
        spared.map(([digest, expect]) => ({ op: 'delete', key: markKey(digest), expect })),
      );
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (spared.length > 1) for (const each of spared) await this.#spareSome([each]);
    }
  }

  /**
   * Deletes garbage that is marked, in the order given. Whether all of it is gone: false as soon as somebody has taken a
   * mark away, since then what that holds must be looked at again.
   */
  async sweep(garbage: readonly Garbage[]): Promise<boolean> {
    try {
      for (const batch of this.#batches(garbage)) await this.#delete(batch);
      return true;
    } catch (error) {
      if (error instanceof CommitConflict) return false;
      throw error;
    }
  }

  *#batches(garbage: readonly Garbage[]): Generator<Batch> {
    let batch: Batch = { changes: [], content: [], digests: [] };
    for (const found of garbage) {
      const keys = [...found.keys];
      // What is linked to very many repositories is let go of in several commits; its mark goes with the last.
      for (; keys.length + 1 > CHANGES_AT_ONCE; keys.splice(0, CHANGES_AT_ONCE - 1)) {
        if (batch.changes.length > 0) yield batch;
        const some = keys.slice(0, CHANGES_AT_ONCE - 1);
        batch = { changes: [], content: [], digests: [] };
        yield { changes: [this.#check(found.digest), ...some.map(deletion)], content: [], digests: [] };
      }
      if (batch.changes.length + keys.length + 1 > CHANGES_AT_ONCE) {
        yield batch;
        batch = { changes: [], content: [], digests: [] };
      }
      batch.changes.push(...keys.map(deletion), this.#last(found));
      batch.digests.push(found.digest);
      if (found.content) batch.content.push(found.digest);
    }
    if (batch.changes.length > 0) yield batch;
  }

  #check(digest: Digest): Change {
    return { op: 'check', key: markKey(digest), expect: this.#marks.get(digest) ?? 0 };
  }

  /** Content is deleted after the commit, and its mark says so until it is; without content, the mark goes as well. */
  #last({ digest, content }: Garbage): Change {
    const expect = this.#marks.get(digest) ?? 0;
    if (content) return putMark(digest, this.#mark('sweeping'), expect);
    return { op: 'delete', key: markKey(digest), expect };
  }

  async #delete({ changes, content, digests }: Batch): Promise<void> {
    const { store, blobs } = this.#services;
    // From before the commit on: whoever sleeps while it is made has no fresh marks when it wakes up.
    let marked = performance.now();
    let revision = await store.commit(changes);
    for (const digest of digests) this.#marks.delete(digest);
    const left = new Set(content);
    const done: Change[] = [];
    for (let from = 0; from < content.length; from += DELETIONS_AT_ONCE) {
      const some = content.slice(from, from + DELETIONS_AT_ONCE);
      if (performance.now() - marked > RENEWAL_MS) {
        marked = performance.now();
        const mark = this.#mark('sweeping');
        const before = revision;
        revision = await store.commit([...left].map((each) => putMark(each, mark, before)));
      }
      // All have ended before this goes on or fails: one that came late would delete what was pushed since.
      const ended = await Promise.allSettled(some.map((digest) => blobs.delete(digest)));
      for (const each of ended) if (each.status === 'rejected') throw each.reason;
      for (const digest of some) {
        left.delete(digest);
        done.push({ op: 'delete', key: markKey(digest), expect: revision });
      }
    }
    if (done.length > 0) await store.commit(done);
    for (const digest of digests) this.deleted.add(digest);
  }
}

function deletion({ key, revision }: { readonly key: string; readonly revision: Revision }): Change {
  return { op: 'delete', key, expect: revision };
}
