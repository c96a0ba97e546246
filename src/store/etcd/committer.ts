/** Commits of an etcd store: many at a time, but those that touch a key in common in the order in which they were called. */
import { ETCD_CALL_MS } from '../../limits.ts';
import { checkChanges } from '../changes.ts';
import { type Change, CommitConflict, type Revision } from '../store.ts';
import { EtcdAway, storeFailure } from './failure.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { RANGE, TXN } from './messages.ts';
import { conflictOf, revisionOf, type Transaction, transactionOf } from './transaction.ts';

/** The commits that were called for one key and are not yet decided, as far as one that is called now has to wait for them. */
interface Tail {
  /** The last that changes the key. */
  write: Promise<unknown> | undefined;
  /** Those after it that only check the key: they do not wait for each other, for that would be one queue for a namespace. */
  readonly checks: Set<Promise<unknown>>;
}

/** What is needed of a cluster. */
export type CommitterMembers = Pick<Members, 'where' | 'call' | 'send'>;

/** Makes the commits of one process. */
export class Committer {
  readonly #members: CommitterMembers;
  readonly #layout: Layout;
  readonly #made: (revision: Revision) => void;
  readonly #tails = new Map<string, Tail>();
  /** The last such commit that deletes a prefix: it comes after all before it, and before all after it. */
  #wide: Promise<unknown> | undefined;
  readonly #open = new Set<Promise<unknown>>();

  /** @param made hears of every commit that was made. */
  constructor(members: CommitterMembers, layout: Layout, made: (revision: Revision) => void) {
    this.#members = members;
    this.#layout = layout;
    this.#made = made;
  }

  /** @see Store.commit */
  async commit(changes: readonly Change[]): Promise<Revision> {
    checkChanges(changes);
    const transaction = transactionOf(this.#layout, changes);
    const until = performance.now() + ETCD_CALL_MS;
    const before = this.#before(changes);
    const work = before.length === 0 ? this.#make(transaction, until) : this.#after(before, transaction, until);
    this.#enter(changes, work);
    return work;
  }

  /** Resolves when all commits that were called have been decided. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  #before(changes: readonly Change[]): readonly Promise<unknown>[] {
    if (this.#open.size === 0) return [];
    if (changes.some(({ op }) => op === 'deletePrefix')) return [...this.#open];
    const before = new Set<Promise<unknown>>();
    if (this.#wide) before.add(this.#wide);
    for (const change of changes) {
      const tail = change.op === 'deletePrefix' ? undefined : this.#tails.get(change.key);
      if (tail?.write) before.add(tail.write);
      if (change.op !== 'check') for (const check of tail?.checks ?? []) before.add(check);
    }
    return [...before];
  }

  #enter(changes: readonly Change[], work: Promise<unknown>): void {
    const wide = changes.some(({ op }) => op === 'deletePrefix');
    if (wide) this.#wide = work;
    else for (const change of changes) if (change.op !== 'deletePrefix') this.#append(change, work);
    this.#open.add(work);
    const leave = (): void => {
      this.#open.delete(work);
      if (this.#wide === work) this.#wide = undefined;
      for (const change of changes) if (change.op !== 'deletePrefix') this.#remove(change.key, work);
    };
    work.then(leave, leave);
  }

  #append({ op, key }: Exclude<Change, { op: 'deletePrefix' }>, work: Promise<unknown>): void {
    let tail = this.#tails.get(key);
    if (!tail) {
      tail = { write: undefined, checks: new Set() };
      this.#tails.set(key, tail);
    }
    if (op === 'check') {
      tail.checks.add(work);
      return;
    }
    // It waits for the checks before it, and so does whoever waits for it.
    tail.write = work;
    tail.checks.clear();
  }

  #remove(key: string, work: Promise<unknown>): void {
    const tail = this.#tails.get(key);
    if (!tail) return;
    if (tail.write === work) tail.write = undefined;
    tail.checks.delete(work);
    if (tail.write === undefined && tail.checks.size === 0) this.#tails.delete(key);
  }

  async #after(before: readonly Promise<unknown>[], transaction: Transaction, until: number): Promise<Revision> {
    await Promise.allSettled(before);
    return this.#make(transaction, until);
  }

  async #make(transaction: Transaction, until: number): Promise<Revision> {
    const { where } = this.#members;
    const withinMs = until - performance.now();
    if (withinMs <= 0) throw new EtcdAway(`etcd at ${where} is slower than commits come: nothing was changed`);
    try {
      const response = await this.#members.send(TXN, transaction.request, { repeatable: false, withinMs });
      if (!response.succeeded) throw conflictOf(transaction, response) ?? (await this.#conflict(transaction));
      const revision = revisionOf(response);
      this.#made(revision);
      return revision;
    } catch (error) {
      throw storeFailure(error, where);
    }
  }

  /** Looks up what kept a transaction from being made, where its own answer had no room for it. */
  async #conflict({ expectations }: Transaction): Promise<CommitConflict> {
    for (const { key, from, revision } of expectations) {
      const request = { from, keysOnly: true };
      const { entries } = await this.#members.call(RANGE, request, { repeatable: true });
      const actual = entries[0]?.revision ?? 0;
      if (actual !== revision) return new CommitConflict(key, actual);
    }
    // It has come back to what was expected since: whoever asks tries again with what it is now.
    const [first] = expectations;
    return new CommitConflict(first?.key ?? '', first?.revision ?? 0);
  }
}
