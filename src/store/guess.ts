/**
 * Writes on a guess: what a write has to know is taken from memory, which may be behind, and its commit checks all of it.
 *
 * A commit that was made so proves that what it was based on was true at that moment: it is as good as one for which the
 * store was asked. Nothing else may be concluded from a guess. A write that is refused, or has nothing to commit, or
 * finds out at its commit that it had guessed wrongly, is done again with reads of the present.
 */
import {
  type Awaitable,
  type Change,
  CommitConflict,
  CommitTooLarge,
  type Entry,
  type ListOptions,
  type Page,
  type ReadOptions,
  type Revision,
  type Store,
  StoreError,
  StoreFull,
  StoreUnavailable,
  type Watch,
  type WatchListener,
} from './store.ts';

/** A guess was wrong: whatever was made of it is void. It ends the work, which only `guessing` does again. */
class WrongGuess extends StoreError {
  override name = 'WrongGuess';
}

/** A store as work on a guess sees it; after its first commit it is the store itself. */
class Guess implements Store {
  readonly store: Store;
  /** What was read from memory: the keys and their revisions, 0 for those that did not exist. */
  readonly #read = new Map<string, Revision>();
  #state: 'open' | 'held' | 'wrong' = 'open';

  constructor(store: Store) {
    this.store = store;
  }

  /** Whether a commit has shown that all that was read was true. */
  get held(): boolean {
    return this.#state === 'held';
  }

  get(key: string, options: ReadOptions = {}): Awaitable<Entry | undefined> {
    this.#refuse();
    const { fresh = 'latest' } = options;
    if (this.held || fresh !== 'latest') return this.store.get(key, options);
    const entry = this.store.get(key, { fresh: 'own' });
    return entry instanceof Promise ? entry.then((found) => this.#note(key, found)) : this.#note(key, entry);
  }

  /** The first look counts: if the second finds something else, the guess is wrong. */
  #note(key: string, entry: Entry | undefined): Entry | undefined {
    if (!this.#read.has(key)) this.#read.set(key, entry?.revision ?? 0);
    return entry;
  }

  /** Always of the present: no check of a commit tells whether a list is what it was. */
  list(prefix: string, options?: ListOptions): Awaitable<Page> {
    this.#refuse();
    return this.store.list(prefix, options);
  }

  revision(): Awaitable<Revision> {
    return this.store.revision();
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    this.#refuse();
    if (this.held) return this.store.commit(changes);
    try {
      const revision = await this.store.commit([...changes, ...this.#checks(changes)]);
      this.#state = 'held';
      return revision;
    } catch (error) {
      if (!(error instanceof CommitConflict || error instanceof CommitTooLarge)) throw error;
      this.#state = 'wrong';
      throw new WrongGuess(error.message, { cause: error });
    }
  }

  #checks(changes: readonly Change[]): Change[] {
    const expected = new Map(changes.flatMap((each) => ('expect' in each ? [[each.key, each.expect]] : [])));
    return [...this.#read].flatMap(([key, expect]): Change[] =>
      expected.get(key) === expect ? [] : [{ op: 'check', key, expect }],
    );
  }

  #refuse(): void {
    if (this.#state === 'wrong') throw new WrongGuess('what was read from memory is old');
  }

  watch(prefix: string, after: Revision, listener: WatchListener): Watch {
    return this.store.watch(prefix, after, listener);
  }

  compact(before: Revision): Promise<void> {
    return this.store.compact(before);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** The store itself, whether work sees it or guesses. What is kept for a store belongs to that. */
export function storeBehind(store: Store): Store {
  return store instanceof Guess ? store.store : store;
}

/** Whether work is on a guess that may turn out to be wrong, so that a conflict is no reason to try again by itself. */
export function isGuess(store: Store): boolean {
  return store instanceof Guess && !store.held;
}

/**
 * Does work that reads and then commits: on a guess where that spares the store a question, and again, on the store itself,
 * if the guess may have been wrong. Work must be such that it can be done twice as long as it has committed nothing.
 * Gives, or throws, what the work does.
 */
export async function guessing<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  if (store instanceof Guess || !store.guesses) return work(store);
  const guess = new Guess(store);
  try {
    const result = await work(guess);
    if (guess.held) return result;
  } catch (error) {
    // What was committed is; and of a commit without an answer nobody knows whether it was made.
    if (guess.held || error instanceof StoreUnavailable || error instanceof StoreFull) throw error;
  }
  return work(store);
}
