/** Random histories: the etcd store must say exactly what the memory store says, to the last field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { openMemoryStore } from '../../src/store/memory/memory.ts';
import {
  type Batch,
  CommitConflict,
  Compacted,
  type Entry,
  type Freshness,
  RevisionAhead,
  type Store,
} from '../../src/store/store.ts';
import { History, step, told } from '../../src/store/suite-histories.ts';
import { ETCDS, startEtcd } from '../etcd.ts';

/** A store whose revisions are counted from its own beginning: in etcd they go on from whatever was there before. */
function renumbered(store: Store, birth: number): Store {
  const before = birth - 1;
  const out = (revision: number): number => Math.max(0, revision - before);
  const inwards = (revision: number): number => (revision === 0 ? 0 : revision + before);
  const entry = (each: Entry): Entry => ({ ...each, revision: out(each.revision), created: out(each.created) });
  const freshness = (fresh: Freshness): Freshness => {
    if (typeof fresh !== 'object') return fresh;
    return 'exactly' in fresh ? { exactly: inwards(fresh.exactly) } : { notOlderThan: inwards(fresh.notOlderThan) };
  };
  const options = <T extends { readonly fresh?: Freshness }>(given: T): T =>
    given.fresh === undefined ? given : { ...given, fresh: freshness(given.fresh) };
  const failing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CommitConflict) throw new CommitConflict(error.key, out(error.actual));
      if (error instanceof Compacted) throw new Compacted(out(error.oldest));
      throw error instanceof RevisionAhead ? new RevisionAhead(out(error.current)) : error;
    }
  };
  const batchOf = ({ revision, events }: Batch): Batch => ({
    revision: out(revision),
    events: events.map((event) => ({
      ...event,
      revision: out(event.revision),
      created: out(event.created),
      previous: event.previous && entry(event.previous),
    })),
  });
  return {
    get: (key, given = {}) =>
      failing(async () => {
        const found = await store.get(key, options(given));
        return found && entry(found);
      }),
    list: (prefix, given = {}) =>
      failing(async () => {
        const page = await store.list(prefix, options(given));
        return { ...page, entries: page.entries.map(entry), revision: out(page.revision) };
      }),
    commit: (changes) =>
      failing(async () =>
        out(
          await store.commit(
            changes.map((change) =>
              'expect' in change && change.expect !== undefined
                ? { ...change, expect: inwards(change.expect) }
                : change,
            ),
          ),
        ),
      ),
    watch(prefix, after, listener) {
      const watch = store.watch(prefix, inwards(after), {
        batch: (batch) => listener.batch(batchOf(batch)),
        ended: (error) => listener.ended(error instanceof Compacted ? new Compacted(out(error.oldest)) : error),
      });
      return {
        get delivered() {
          return out(watch.delivered);
        },
        close: () => watch.close(),
      };
    },
    compact: (revision) => failing(() => store.compact(inwards(revision))),
    revision: async () => out(await store.revision()),
    close: () => store.close(),
  };
}

for (const program of ETCDS) {
  test(`memory and ${program} agree about every history`, async () => {
    await using etcd = await startEtcd({ program });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const opened = await openEtcdStore({ location: etcd.location(), historySeconds: 0 });
        const model = new History(openMemoryStore());
        const real = new History(renumbered(opened, await opened.revision()), true);
        try {
          for (const one of steps) await Promise.all([model.take(one), real.take(one)]);
          assert.deepEqual(real.said, model.said);
          assert.deepEqual(await told(real), await told(model));
          assert.deepEqual(await real.store.list(''), await model.store.list(''));
        } finally {
          await Promise.all([model.store.close(), real.store.close()]);
        }
      }),
      { numRuns: 30 },
    );
  });
}
