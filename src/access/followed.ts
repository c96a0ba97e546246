/**
 * What lies below a prefix of the store, all of it in memory and kept up to date by a watch. While it is not known (at the
 * start, or after the store has ended the watch), questions wait; they are never answered from what is old.
 */
import { LIST_PAGE_OBJECTS } from '../limits.ts';
import type { Awaitable, Page, Store, Watch } from '../store/store.ts';

/** What is made of the keys and values. */
interface Kept {
  /** Takes in what a key holds from now on; undefined if it is gone. */
  set(key: string, value: Buffer | undefined): void;
}

/** One reading of a prefix at a time; read when it is first asked for. */
export class Followed<T extends Kept> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #make: () => T;
  #known: T | undefined;
  #loading: Promise<T> | undefined;
  #watch: Watch | undefined;
  #closed = false;

  constructor(store: Store, prefix: string, make: () => T) {
    this.#store = store;
    this.#prefix = prefix;
    this.#make = make;
  }

  /** Only what is known at the moment. */
  get known(): T | undefined {
    return this.#known;
  }

  /** All of it. If it cannot be read, whoever waits is told, and the next question begins anew. @throws {StoreError} */
  get(): Awaitable<T> {
    if (this.#known) return this.#known;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Lets go of the store. */
  close(): void {
    this.#closed = true;
    this.#known = undefined;
    this.#watch?.close();
  }

  async #read(): Promise<T> {
    const made = this.#make();
    let page: Page = await this.#store.list(this.#prefix, { limit: LIST_PAGE_OBJECTS });
    for (;;) {
      for (const { key, value } of page.entries) made.set(key, value);
      const after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) break;
      const fresh = { exactly: page.revision };
      page = await this.#store.list(this.#prefix, { limit: LIST_PAGE_OBJECTS, after, fresh });
    }
    this.#follow(made, page.revision);
    return made;
  }

  #follow(made: T, revision: number): void {
    if (this.#closed) return;
    let ended = false;
    const forget = (): void => {
      ended = true;
      if (this.#known === made) this.#known = undefined;
    };
    const watch = this.#store.watch(this.#prefix, revision, {
      batch: ({ events }) => {
        try {
          for (const { key, value } of events) made.set(key, value);
        } catch {
          // What cannot be read is met again, and told, by the load that the next question begins.
          forget();
          watch.close();
        }
      },
      ended: forget,
    });
    if (ended) return;
    this.#watch = watch;
    this.#known = made;
  }
}
