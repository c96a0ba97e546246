/** What was read of the store to find out who is calling, kept in memory for as long as it is known to be still so. */
import type { Awaitable, Entry, Store, Watch } from '../store/store.ts';

export interface RememberedOptions<V> {
  readonly store: Store;
  /** Keys are looked up below this prefix. */
  readonly prefix: string;
  /** How many values are kept in memory, and of how many keys that there is none; those that were read first go first. */
  readonly most: number;
  readonly read: (entry: Entry) => V;
  /** Whether it is remembered too that a key holds nothing: for keys that nobody guesses before they are put. */
  readonly absences?: boolean;
}

/**
 * Values by key. What was found stays in memory; a watch takes it out when any process changes or deletes it, and while
 * there is no watch nothing is answered from memory.
 */
export class Remembered<V> {
  readonly #options: RememberedOptions<V>;
  /** In the order in which they were read. */
  readonly #known = new Map<string, V>();
  /** Keys that hold nothing; apart from what is known, so that asking for rubbish drives out nothing that is of use. */
  readonly #absent = new Map<string, undefined>();
  #watch: Watch | undefined;
  /** Counts what may have made a read that is under way stale. */
  #changes = 0;
  #closed = false;

  constructor(options: RememberedOptions<V>) {
    this.#options = options;
  }

  /** The value of a key; undefined if there is none. @throws {StoreError} if the store does not answer. */
  get(key: string): Awaitable<V | undefined> {
    if (!this.#watch) return this.#load(key);
    const known = this.#known.get(key);
    return known !== undefined || this.#absent.has(key) ? known : this.#load(key);
  }

  /** Reads a key anew when it is asked for next. */
  forget(key: string): void {
    this.#changes++;
    this.#known.delete(key);
    this.#absent.delete(key);
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
    if (changes === this.#changes && this.#watch) {
      if (value !== undefined) this.#remember(this.#known, key, value);
      else if (this.#options.absences) this.#remember(this.#absent, key, value);
    }
    return value;
  }

  #remember<T>(values: Map<string, T>, key: string, value: T): void {
    if (values.size >= this.#options.most) {
      const [oldest] = values.keys();
      if (oldest !== undefined) values.delete(oldest);
    }
    values.set(key, value);
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
        this.#absent.clear();
      },
    });
    if (!ended) this.#watch = watch;
  }
}
