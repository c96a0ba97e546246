/** Random histories for stores that must agree (model.test.ts): to whatever happens, both say the same to the last field. */
import fc from 'fast-check';
import { Recorder } from './recorder.ts';
import { type Change, CommitConflict, Compacted, RevisionAhead, type Store, StoreError } from './store.ts';

const KEYS = ['a', 'a/1', 'a/2', 'a/\ufffd', 'a/💧', 'a0', 'b', '\u{10ffff}'];
const PREFIXES = ['', 'a', 'a/', 'a/💧', 'b', '\u{10ffff}', 'none'];

/** A revision, counted back from the latest: small numbers meet the edges. */
const back = fc.integer({ min: -1, max: 12 });
const key = fc.constantFrom(...KEYS);
const prefix = fc.constantFrom(...PREFIXES);

/** `expect` names the revision of another key, so that both hits and misses are common. */
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('put' as const), key, expectOf: fc.option(key) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), key, expectOf: fc.option(key) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('deletePrefix' as const), prefix }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('check' as const), key, expectOf: key }) },
);

/** What may happen next. */
export const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      group: fc.array(fc.array(change, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), key, back: fc.option(back) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      prefix,
      back: fc.option(back),
      after: fc.option(fc.oneof(key, prefix)),
      limit: fc.option(fc.integer({ min: 0, max: 4 })),
      count: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), prefix, back }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unwatch' as const), index: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), back }) },
);

/** One step of a history. */
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Draft = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** One store, driven through a history; `said` is all that it answered. */
export class History {
  readonly store: Store;
  readonly said: unknown[] = [];
  readonly recorders: Recorder[] = [];
  readonly #inTurn: boolean;
  #puts = 0;

  /** @param inTurn whether each commit waits for the one before: a store need not keep the order of those that share no key. */
  constructor(store: Store, inTurn = false) {
    this.store = store;
    this.#inTurn = inTurn;
  }

  async take(one: Step): Promise<void> {
    const current = await this.store.revision();
    const fresh = 'back' in one && one.back !== null ? { fresh: { exactly: Math.max(0, current - one.back) } } : {};
    switch (one.do) {
      case 'commit':
        return this.#commit(one.group);
      case 'get':
        return this.#say(async () => this.store.get(one.key, fresh));
      case 'list': {
        const { after, limit, count } = one;
        const options = { ...fresh, count, ...(after === null ? {} : { after }), ...(limit === null ? {} : { limit }) };
        return this.#say(async () => this.store.list(one.prefix, options));
      }
      case 'watch':
        this.recorders.push(new Recorder(this.store, one.prefix, Math.max(0, current - one.back)));
        // How far a watch has come when a compaction or a close overtakes it is nobody's promise.
        return this.settle();
      case 'unwatch':
        return this.recorders[one.index]?.watch.close();
      case 'compact':
        return this.#say(() => this.store.compact(Math.max(0, current - one.back)));
    }
  }

  /** Waits until every watch has been told everything. */
  async settle(): Promise<void> {
    const current = await this.store.revision();
    for (const recorder of this.recorders) await recorder.reached(current);
  }

  /** All commits of a group are called in one turn; what they expect is looked up before. */
  async #commit(group: readonly (readonly Draft[])[]): Promise<void> {
    const commits: Change[][] = [];
    for (const drafts of group) commits.push(await Promise.all(drafts.map((draft) => this.#change(draft))));
    if (this.#inTurn) for (const changes of commits) await this.#say(() => this.store.commit(changes));
    else await Promise.all(commits.map((changes) => this.#say(() => this.store.commit(changes))));
  }

  async #change(draft: Draft): Promise<Change> {
    if (draft.op === 'deletePrefix') return draft;
    const revision = draft.expectOf === null ? undefined : ((await this.store.get(draft.expectOf))?.revision ?? 0);
    if (draft.op === 'check') return { op: 'check', key: draft.key, expect: revision ?? 0 };
    const expect = revision === undefined ? {} : { expect: revision };
    if (draft.op === 'delete') return { op: 'delete', key: draft.key, ...expect };
    this.#puts += 1;
    return { op: 'put', key: draft.key, value: Buffer.from(`${this.#puts}`), ...expect };
  }

  async #say(call: () => Promise<unknown>): Promise<void> {
    const place = this.said.push(undefined) - 1;
    try {
      this.said[place] = await call();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.said[place] = describe(error);
    }
  }
}

function describe(error: StoreError): unknown {
  if (error instanceof CommitConflict) return [error.name, error.key, error.actual];
  if (error instanceof Compacted) return [error.name, error.oldest];
  if (error instanceof RevisionAhead) return [error.name, error.current];
  return [error.name, error.message];
}

/** All that the watches of a history were told. */
export async function told(subject: History): Promise<unknown[]> {
  await subject.settle();
  return subject.recorders.map(({ batches, endings, error }) => [batches, endings, error && describe(error)]);
}
