/** The watches of one etcd store: all live ones are told by the one watch of the process, the others catch up first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ETCD_RECENT_BYTES, ETCD_WATCH_PAUSE_MS } from '../../limits.ts';
import { Compacted, type Revision, type StoreError, type Watch, type WatchListener } from '../store.ts';
import { type Commit, type Watcher, Watchers } from '../watchers.ts';
import { commitsOf } from './events.ts';
import type { History } from './history.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { RecentCommits } from './recent.ts';
import { openWatch } from './stream.ts';

/** Tells the watches of one process of every commit, in the order of revisions. */
export class Feed {
  readonly #members: Members;
  readonly #layout: Layout;
  readonly #history: History;
  readonly #watchers: Watchers;
  readonly #recent: RecentCommits;
  /** Those that begin before what is kept in memory. */
  readonly #behind = new Set<Watcher>();
  #pursuing = false;
  #closed = false;

  /** @param revision the latest: the first commit that it is told comes after that. */
  constructor(members: Members, layout: Layout, history: History, revision: Revision) {
    this.#members = members;
    this.#layout = layout;
    this.#history = history;
    this.#watchers = new Watchers(revision);
    this.#recent = new RecentCommits(revision, ETCD_RECENT_BYTES);
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    const watcher = this.#watchers.add(prefix, this.#history.atLeastBirth(after), listener);
    const { compacted } = this.#history;
    if (after < compacted) setImmediate(() => watcher.end(new Compacted(compacted)));
    else if (after >= this.#watchers.begun) watcher.join();
    // The past is told in a turn of its own: a listener is never called inside watch().
    else setImmediate(() => this.#catchUp(watcher));
    return watcher;
  }

  /** A watch of a store that is closed: it ends at once. */
  refuse(prefix: string, after: Revision, listener: WatchListener, error: StoreError): Watch {
    const watcher = this.#watchers.add(prefix, after, listener);
    setImmediate(() => watcher.end(error));
    return watcher;
  }

  /** Tells the next commit. */
  tell(commit: Commit): void {
    this.#recent.add(commit);
    this.#watchers.tell(commit);
  }

  /** Some commits will never be told: every watch ends with the error, and what is told next comes after the revision. */
  restart(revision: Revision, error: StoreError): void {
    this.#watchers.end(error);
    this.#recent.restart(revision);
    this.#watchers.skip(revision);
  }

  /** The commits after a revision, or undefined if they are not all in memory. */
  since(revision: Revision): readonly Commit[] | undefined {
    return revision < this.#recent.after ? undefined : this.#recent.since(revision);
  }

  close(): void {
    this.#closed = true;
    this.#watchers.end(undefined);
  }

  #catchUp(watcher: Watcher): void {
    if (watcher.ended) return;
    const { compacted } = this.#history;
    if (watcher.delivered < compacted) {
      watcher.end(new Compacted(compacted));
      return;
    }
    const commits = this.since(watcher.delivered);
    if (commits) {
      for (const commit of commits) give(commit, [watcher]);
      watcher.passed(this.#watchers.begun);
      watcher.join();
      return;
    }
    this.#behind.add(watcher);
    if (!this.#pursuing) void this.#pursue();
  }

  /** Reads the past from etcd, once for all that are behind. */
  async #pursue(): Promise<void> {
    this.#pursuing = true;
    for (;;) {
      const group = [...this.#behind].filter((watcher) => !watcher.ended);
      this.#behind.clear();
      if (group.length === 0 || this.#closed) break;
      try {
        await this.#pursueFor(group);
      } catch {
        // etcd is away: the watches are silent until it is back.
        await sleep(ETCD_WATCH_PAUSE_MS, undefined, { ref: false });
      }
      for (const watcher of group) this.#catchUp(watcher);
    }
    this.#pursuing = false;
  }

  /** Brings a group to where memory begins. Those for which the past is gone are ended. */
  async #pursueFor(group: readonly Watcher[]): Promise<void> {
    const begins = new Map(group.map((watcher) => [watcher, watcher.delivered]));
    const from = Math.min(...begins.values());
    const gone = (error: Compacted): void => {
      for (const [watcher, begin] of begins) if (begin < error.oldest) watcher.end(error);
    };
    try {
      await this.#history.check(from);
      const request = { ...this.#layout.all, start: from + 1 };
      const stream = await openWatch(this.#members, request, {
        events: (events, revision) => {
          for (const commit of commitsOf(this.#layout, events)) give(commit, group);
          for (const watcher of group) watcher.passed(revision);
          if (revision >= this.#recent.after) stream.close();
        },
      });
      const ending = await stream.ended;
      if (typeof ending === 'object' && 'error' in ending) throw ending.error;
      if (typeof ending === 'object') gone(new Compacted(ending.compacted));
      // A compaction in between may have taken deletions that came right after the beginning.
      else await this.#history.check(from);
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      gone(error);
    }
  }
}

/** Gives each watcher its part of a commit, the same objects to all with the same prefix. */
function give(commit: Commit, watchers: Iterable<Watcher>): void {
  const batches = new Map<string, Commit>();
  for (const watcher of watchers) {
    if (watcher.ended) continue;
    let batch = batches.get(watcher.prefix);
    if (!batch) {
      const events = commit.events.filter(({ key }) => key.startsWith(watcher.prefix));
      batch = events.length === commit.events.length ? commit : { revision: commit.revision, events };
      batches.set(watcher.prefix, batch);
    }
    if (batch.events.length > 0) watcher.give(batch);
  }
}
