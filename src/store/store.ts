/**
 * The store seam: a versioned key-value store with etcd's meaning. Everything durable but the bytes of blobs is behind
 * it; each driver passes the same tests (suite.ts).
 */

/**
 * Counts commits. Never reused, never going back; it is `metadata.resourceVersion`. As in etcd, an empty store is at 1 or
 * more and the first commit comes after that, so 0 always means "none".
 */
export type Revision = number;

/** Drivers that have the answer at hand need not make a promise; callers always `await`. */
export type Awaitable<T> = T | Promise<T>;

/** The value of a key at a revision. */
export interface Entry {
  readonly key: string;
  readonly value: Buffer;
  /** The commit that wrote this value. */
  readonly revision: Revision;
  /** The commit that made the key exist (since it last did not). */
  readonly created: Revision;
}

/**
 * How fresh a read must be. `latest` (the default) is linearizable: it sees every commit acknowledged before it began,
 * by any process. `any` is whatever the driver has at hand.
 */
export type Freshness = 'latest' | 'any' | { readonly notOlderThan: Revision } | { readonly exactly: Revision };

export interface ReadOptions {
  readonly fresh?: Freshness;
}

export interface ListOptions extends ReadOptions {
  /** Only keys after this one (exclusive). It need not exist. */
  readonly after?: string;
  /** At most so many entries; without it, all. */
  readonly limit?: number;
  /** Whether `remaining` is wanted. */
  readonly count?: boolean;
}

/** Entries in the order of their keys (by UTF-8 bytes), all of one snapshot. */
export interface Page {
  readonly entries: readonly Entry[];
  /** The revision of the snapshot. */
  readonly revision: Revision;
  /** Whether keys with the prefix follow the last entry. */
  readonly more: boolean;
  /** How many; given if `count` was asked. */
  readonly remaining?: number;
}

/**
 * One change of a commit. `expect` is the revision that the key must have at that moment, 0 for "must not exist";
 * without it the change is unconditional. A key may appear in at most one put or delete of a commit, and a put not below
 * a prefix that the commit deletes. A put's value belongs to the store from then on and must not be written to.
 */
export type Change =
  | { readonly op: 'put'; readonly key: string; readonly value: Buffer; readonly expect?: Revision }
  | { readonly op: 'delete'; readonly key: string; readonly expect?: Revision }
  | { readonly op: 'deletePrefix'; readonly prefix: string }
  /** Changes nothing; the commit fails unless the key is as expected. */
  | { readonly op: 'check'; readonly key: string; readonly expect: Revision };

/** What happened to one key. */
export interface StoreEvent {
  readonly key: string;
  /** The new value; undefined when the key was deleted. */
  readonly value: Buffer | undefined;
  readonly revision: Revision;
  /** The commit that made the key exist; equals `revision` when this event did. For a deletion, that of `previous`. */
  readonly created: Revision;
  /** What the key held before. */
  readonly previous: Entry | undefined;
}

/** All changes of one commit to the watched prefix, in the order of their keys. */
export interface Batch {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

/** Called by the store, in the order of revisions; must not throw and must not block. */
export interface WatchListener {
  batch(batch: Batch): void;
  /** The watch has ended and will say no more: with an error if the store ended it (Compacted, StoreUnavailable). */
  ended(error: StoreError | undefined): void;
}

export interface Watch {
  /** Every matching change up to this revision has been given to the listener. */
  readonly delivered: Revision;
  /** Ends the watch; `ended(undefined)` is called. Closing twice is fine. */
  close(): void;
}

export interface Store {
  /**
   * The entry of a key, or undefined if it does not exist at that revision.
   * @throws {Compacted} if the revision asked for is gone; {RevisionAhead} if it is not yet reached.
   */
  get(key: string, options?: ReadOptions): Awaitable<Entry | undefined>;
  /** Entries whose keys begin with the prefix, from one snapshot. Throws as `get`. */
  list(prefix: string, options?: ListOptions): Awaitable<Page>;
  /**
   * Makes all changes or none. Resolves to the commit's revision once it survives a crash; commits that wait in the same
   * turn share one write to disk. Commits that one process calls in order, and that touch a key in common, are applied in
   * that order. A commit that has nothing to change (checks, deletions of what is not there) makes no revision and
   * resolves to the latest one. The watches of this process are usually, not always, told before it resolves.
   * @throws {CommitConflict} if a key was not as expected; {CommitTooLarge}; {StoreFull}; {StoreUnavailable}.
   */
  commit(changes: readonly Change[]): Promise<Revision>;
  /**
   * Tells the listener of every commit after the revision that touches the prefix, by any process, in order, each once.
   * `after` 0 means from the beginning. If those revisions are gone, `ended` is called with {Compacted}: a watch may begin
   * after exactly those revisions that can be read. A revision that is not yet reached is fine: the watch is silent until
   * then. The listener is never called before `watch` has returned. All listeners are given the same objects.
   */
  watch(prefix: string, after: Revision, listener: WatchListener): Watch;
  /**
   * Forgets what was overwritten or deleted at or before this revision; reads of older revisions throw {Compacted}, this
   * one stays readable. Does nothing if that is done already. Resolves when the space is free.
   * @throws {RevisionAhead} if the revision is not yet reached.
   */
  compact(before: Revision): Promise<void>;
  /** The latest revision. */
  revision(): Awaitable<Revision>;
  /** Ends every watch, finishes what was begun, lets go of the engine. */
  close(): Promise<void>;
}

/** How many keys there are below a prefix. @throws {StoreError} */
export async function countBelow(store: Pick<Store, 'list'>, prefix: string): Promise<number> {
  const { entries, remaining = 0 } = await store.list(prefix, { limit: 1, count: true });
  return entries.length + remaining;
}

/** The base of all errors that a driver may throw; an engine's own error never leaks. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** A key was not at the expected revision; nothing was changed. */
export class CommitConflict extends StoreError {
  override name = 'CommitConflict';
  readonly key: string;
  /** The key's revision, 0 if it does not exist. */
  readonly actual: Revision;
  constructor(key: string, actual: Revision) {
    super(`${key} is at revision ${actual}`);
    this.key = key;
    this.actual = actual;
  }
}

/** Too many changes or bytes for one commit (limits.ts). */
export class CommitTooLarge extends StoreError {
  override name = 'CommitTooLarge';
}

/** The revision asked for has been compacted; `oldest` is the first that can still be read. */
export class Compacted extends StoreError {
  override name = 'Compacted';
  readonly oldest: Revision;
  constructor(oldest: Revision) {
    super(`the revision asked for is gone; the oldest is ${oldest}`);
    this.oldest = oldest;
  }
}

/** The revision asked for has not been reached. */
export class RevisionAhead extends StoreError {
  override name = 'RevisionAhead';
  readonly current: Revision;
  constructor(current: Revision) {
    super(`the revision asked for is ahead of ${current}`);
    this.current = current;
  }
}

/** The disk (or quota) behind the store is full; nothing was changed. */
export class StoreFull extends StoreError {
  override name = 'StoreFull';
}

/** The store cannot be reached or does not work; for a commit it is unknown whether it was made. */
export class StoreUnavailable extends StoreError {
  override name = 'StoreUnavailable';
}
