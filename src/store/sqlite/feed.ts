/**
 * The watches of one SQLite store. Commits of this process are told as they are made; those of others are noticed by
 * looking, and read from the file. Either way each watch gets every revision once and in order.
 */
import { Compacted, type Revision, type StoreError, type Watch, type WatchListener } from '../store.ts';
import { type Commit, type Watcher, Watchers } from '../watchers.ts';
import { isBusy, storeFailure } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Reader } from './reader.ts';

/** Tells the watches of every commit, by this process or another, in the order of revisions. */
export class Feed {
  readonly #file: string;
  readonly #pollMs: number;
  readonly #reader: Reader;
  readonly #journal: Journal;
  readonly #watchers: Watchers;
  #poll: NodeJS.Timeout | undefined;
  #reading = false;

  /** @param pollMs Milliseconds between two looks at what other processes have committed. */
  constructor(file: string, reader: Reader, journal: Journal, pollMs: number) {
    this.#pollMs = pollMs;
    this.#file = file;
    this.#reader = reader;
    this.#journal = journal;
    this.#watchers = new Watchers(reader.revision());
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    if (this.#watchers.size === 0) this.#look();
    const watcher = this.#watchers.add(prefix, after, listener);
    this.#poll ??= setInterval(() => this.#tick(), this.#pollMs).unref();
    if (after >= this.#watchers.begun) watcher.join();
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

  /**
   * Tells commits that this process has just made. If another process was in between, or is still being caught up
   * with, they are read from the file in their place.
   */
  published(before: Revision, commits: readonly Commit[]): void {
    const last = commits.at(-1);
    if (last === undefined) return;
    if (this.#watchers.size === 0) this.#watchers.skip(last.revision);
    else if (before === this.#watchers.begun && !this.#reading)
      for (const commit of commits) this.#watchers.tell(commit);
    else this.#read();
  }

  close(): void {
    this.#watchers.end(undefined);
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #tick(): void {
    if (this.#watchers.size > 0) {
      this.#read();
      return;
    }
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** Nobody watches yet, so what other processes did until now needs no telling. */
  #look(): void {
    try {
      this.#watchers.skip(this.#reader.revision());
    } catch {
      // The older position is still right, it only makes for more to read; a lasting failure shows in the next tick.
    }
  }

  /** Tells all that live watches have not been told, a step in each turn. */
  #read(): void {
    if (this.#reading) return;
    this.#reading = this.#attempt(() => this.#step());
    if (this.#reading) setImmediate(() => this.#readOn());
  }

  #readOn(): void {
    this.#reading = false;
    if (this.#watchers.size > 0) this.#read();
  }

  /** Whether there is more. */
  #step(): boolean {
    const last = this.#reader.revision();
    if (last <= this.#watchers.begun) return false;
    try {
      const { commits, upTo } = this.#journal.page('', this.#watchers.begun, last);
      for (const commit of commits) this.#watchers.tell(commit);
      this.#watchers.skip(upTo);
      return upTo < last;
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      // This process slept for longer than history is kept.
      this.#watchers.end(error, (watcher) => watcher.delivered < error.oldest);
      this.#watchers.skip(error.oldest);
      return true;
    }
  }

  /** Gives one watch its part of the past, a step in each turn, until it can go on with the others. */
  #catchUp(watcher: Watcher): void {
    if (watcher.ended) return;
    const again = this.#attempt(() => {
      try {
        const { commits, upTo } = this.#journal.page(watcher.prefix, watcher.delivered, this.#watchers.begun);
        for (const commit of commits) watcher.give(commit);
        watcher.passed(upTo);
      } catch (error) {
        if (!(error instanceof Compacted)) throw error;
        watcher.end(error);
      }
      return watcher.delivered < this.#watchers.begun;
    }, true);
    if (watcher.ended) return;
    if (again) setImmediate(() => this.#catchUp(watcher));
    else watcher.join();
  }

  /** What `step` returns, or `whenBusy`; any other failure of the file ends every watch. */
  #attempt(step: () => boolean, whenBusy = false): boolean {
    try {
      return step();
    } catch (error) {
      if (isBusy(error)) return whenBusy;
      this.#watchers.end(storeFailure(error, this.#file));
      return false;
    }
  }
}
