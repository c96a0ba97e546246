/** Group commit: commits that wait at the same time share one transaction and one write to disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SQLITE_GROUP_BYTES, SQLITE_GROUP_CHANGES } from '../../limits.ts';
import { checkChanges } from '../changes.ts';
import { type Change, type Revision, type StoreError, StoreFull } from '../store.ts';
import type { Commit } from '../watchers.ts';
import { isBusy, storeFailure } from './failure.ts';
import type { WriteAheadLog } from './log.ts';
import type { GroupOutcome, Writer } from './writer.ts';

interface Waiting {
  readonly changes: readonly Change[];
  readonly bytes: number;
  resolve(revision: Revision): void;
  reject(error: StoreError): void;
}

interface GroupOptions {
  /** Named in errors. */
  readonly file: string;
  /** Milliseconds that a lock of another process is waited for. */
  readonly busyMs: number;
}

/**
 * Milliseconds between tries for a lock that another process holds; other work goes on meanwhile. As few as there can be:
 * who has just committed comes again at once, and must not always be the first.
 */
const RETRY_MS = 1;

/** Writes the commits that wait in one transaction, so that they share one fsync. */
export class GroupCommit {
  readonly #file: string;
  readonly #busyMs: number;
  readonly #writer: Writer;
  readonly #published: (before: Revision, commits: readonly Commit[]) => void;
  readonly #log: WriteAheadLog;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;

  /** @param published is called with the commits of each transaction, before their callers hear of them. */
  constructor(
    { file, busyMs }: GroupOptions,
    writer: Writer,
    log: WriteAheadLog,
    published: (before: Revision, commits: readonly Commit[]) => void,
  ) {
    this.#file = file;
    this.#busyMs = busyMs;
    this.#writer = writer;
    this.#log = log;
    this.#published = published;
  }

  /** @see Store.commit */
  async commit(changes: readonly Change[]): Promise<Revision> {
    const bytes = checkChanges(changes);
    const { promise, resolve, reject } = Promise.withResolvers<Revision>();
    this.#queue.push({ changes, bytes, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when all commits that were called have been decided. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // Let all that this turn brings join, and other work have its turn between two groups.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.#write(this.#take());
    }
    this.#running = undefined;
  }

  /** The next commits, as many as one transaction should hold; at least one. */
  #take(): Waiting[] {
    let changes = 0;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      changes += waiting.changes.length;
      bytes += waiting.bytes;
      if (count > 0 && (changes > SQLITE_GROUP_CHANGES || bytes > SQLITE_GROUP_BYTES)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const made = await this.#attempt(group);
    if ('outcomes' in made) {
      this.#settle(group, made);
      this.#log.keepShort();
    } else if (group.length > 1 && made instanceof StoreFull) {
      // One commit that does not fit the disk must not take the others with it.
      for (const waiting of group) await this.#write([waiting]);
    } else {
      for (const waiting of group) waiting.reject(made);
    }
  }

  /** Writes the group as soon as no other process holds the lock, up to `busyMs`. */
  async #attempt(group: readonly Waiting[]): Promise<GroupOutcome | StoreError> {
    const until = performance.now() + this.#busyMs;
    for (;;) {
      try {
        return this.#writer.write(group.map((waiting) => waiting.changes));
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) return storeFailure(error, this.#file);
      }
      await sleep(RETRY_MS);
    }
  }

  #settle(group: readonly Waiting[], { before, outcomes }: GroupOutcome): void {
    const commits: Commit[] = [];
    for (const outcome of outcomes) if ('commit' in outcome && outcome.commit) commits.push(outcome.commit);
    this.#published(before, commits);
    for (const [index, waiting] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      if ('conflict' in outcome) waiting.reject(outcome.conflict);
      else waiting.resolve(outcome.revision);
    }
  }
}
