/** What was read of the store to find out who is calling, kept in memory for as long as it is known to be still so. */
import type { Awaitable, Entry, Store, Watch } from '../store/store.ts';

export interface RememberedOptions<V> {
  readonly store: Store;
  /** Keys are looked up below this prefix. */
  readonly prefix: string;
  /** How many values are kept in memory; those that were read first go first. */
  readonly most: number;
  readonly read: (entry: Entry) => V;
}

/**
 * Values by key. What was found stays in memory; a watch takes it out when any process changes or deletes it, and while
 * there is no watch nothing is answered from memory.
 */
export class Remembered<V> {
  readonly #options: RememberedOptions<V>;
  /** In the order in which they were read. */
  readonly #known = new Map<string, V>();
  #watch: Watch | undefined;
  /** Counts what may have made a read that is under way stale. */
  #changes = 0;
  #closed = false;

  constructor(options: RememberedOptions<V>) {
    this.#options = options;
  }

  /**
   * The value of a key; undefined if there is none, which is not remembered.
   * @throws {StoreError} if the store does not answer.
   */
  get(key: string): Awaitable<V | undefined> {
    const known = this.#watch && this.#known.get(key);
    return known ?? this.#load(key);
  }

  /** Reads a key anew when it is asked for next. */
  forget(key: string): void {
    this.#changes++;
    this.#known.delete(key);
  }

  /** Lets go of the store. */
  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  async #load(key: string): Promise<V | undefined> {
    const { store, read } = this.#options;
    if (!this.#watch) await this.#follow();
    const changes = this.#changes;
    const entry = await store.get(key);
    const value = entry && read(entry);
    if (value !== undefined && changes === this.#changes && this.#watch) this.#remember(key, value);
    return value;
  }

  #remember(key: string, value: V): void {
    if (this.#known.size >= this.#options.most) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(key, value);
  }

  async #follow(): Promise<void> {
    const { store, prefix } = this.#options;
    const revision = await store.revision();
    if (this.#watch || this.#closed) return;
    let ended = false;
    const watch = store.watch(prefix, revision, {
      batch: (batch) => {
        for (const event of batch.events) this.forget(event.key);
      },
      ended: () => {
        // The next lookup begins again.
        ended = true;
        this.#watch = undefined;
        this.#changes++;
        this.#known.clear();
      },
    });
    if (!ended) this.#watch = watch;
  }
}
