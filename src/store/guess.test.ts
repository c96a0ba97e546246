import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laggingStore } from '../../test/laggingstore.ts';
import { guessing, isGuess, storeBehind } from './guess.ts';
import { openMemoryStore } from './memory/memory.ts';
import { type Change, CommitConflict, type Store, StoreFull, StoreUnavailable } from './store.ts';
import { put, textOf } from './suite-subject.ts';

/** A store whose memory is so many revisions behind, and what it was asked to commit. */
function behind(lag: number): { readonly store: Store; readonly commits: (readonly Change[])[] } {
  const store = laggingStore(() => lag);
  const commits: (readonly Change[])[] = [];
  const commit = (changes: readonly Change[]) => {
    commits.push(changes);
    return store.commit(changes);
  };
  return { store: { ...store, commit }, commits };
}

/** Writes what a key holds, and `+`, to it. */
async function lengthen(store: Store): Promise<void> {
  const entry = await store.get('a');
  await store.commit([{ op: 'put', key: 'a', value: Buffer.from(`${entry?.value.toString() ?? ''}+`) }]);
}

test('what was read from memory is checked by the commit, once', async () => {
  const { store, commits } = behind(0);
  const revision = await store.commit([put('a', 'x'), put('b')]);
  const passes: Store[] = [];
  await guessing(store, async (seen) => {
    passes.push(seen);
    for (const key of ['a', 'b', 'b', 'none']) await seen.get(key);
    assert.deepEqual([isGuess(seen), storeBehind(seen)], [true, store]);
    await seen.commit([{ op: 'put', key: 'a', value: Buffer.from('y'), expect: revision }]);
    assert.equal(isGuess(seen), false);
  });
  assert.equal(passes.length, 1);
  assert.deepEqual(commits[1]?.slice(1), [
    { op: 'check', key: 'b', expect: revision },
    { op: 'check', key: 'none', expect: 0 },
  ]);
});

test('what memory did not know yet is not overwritten, though the work itself expects nothing', async () => {
  const { store } = behind(1);
  await store.commit([put('a', 'one')]);
  await store.commit([put('a', 'two')]);
  await guessing(store, lengthen);
  assert.equal(await textOf(store, 'a'), 'two+');
});

test('two looks at one key that differ are a wrong guess', async () => {
  const lags = [1, 0, 0];
  const store = laggingStore(() => lags.shift() ?? 0);
  await store.commit([put('a', 'one')]);
  await store.commit([put('a', 'two')]);
  let passes = 0;
  await guessing(store, async (seen) => {
    passes++;
    const first = await seen.get('a');
    const second = await seen.get('a');
    await seen.commit([put('b', `${first?.value.toString()} ${second?.value.toString()}`)]);
  });
  assert.deepEqual([passes, await textOf(store, 'b')], [2, 'two two']);
});

test('a refusal that memory leads to is not the answer', async () => {
  const { store } = behind(1);
  await store.commit([put('a', 'one')]);
  const found = await guessing(store, async (seen) => {
    const entry = await seen.get('a');
    if (!entry) throw new Error('there is no such thing');
    await seen.commit([put('b')]);
    return entry.value.toString();
  });
  assert.equal(found, 'one');
  const refused = guessing(store, async (seen) => {
    if (await seen.get('a')) throw new Error('it is there');
  });
  await assert.rejects(refused, /it is there/);
});

test('work that finds nothing to do looks again', async () => {
  const { store } = behind(1);
  await store.commit([put('a', 'done')]);
  await store.commit([put('a', 'undone')]);
  const read = await guessing(store, async (seen) => (await seen.get('a'))?.value.toString());
  assert.equal(read, 'undone');
});

test('a commit of which nobody knows whether it was made is not made again', async () => {
  for (const failure of [new StoreUnavailable('away'), new StoreFull('full')]) {
    const { store } = behind(0);
    let passes = 0;
    const failing: Store = { ...store, commit: () => Promise.reject(failure) };
    await assert.rejects(
      guessing(failing, async (seen) => {
        passes++;
        await lengthen(seen);
      }),
      failure,
    );
    assert.equal(passes, 1);
  }
});

test('after a commit nothing is guessed any more, and nothing done again', async () => {
  const { store, commits } = behind(1);
  await store.commit([put('b', 'old')]);
  await store.commit([put('c', 'some other')]);
  let passes = 0;
  const work = async (seen: Store): Promise<void> => {
    passes++;
    await seen.get('b');
    await seen.commit([put('a')]);
    await store.commit([put('b', 'new')]);
    assert.equal(await textOf(seen, 'b'), 'new');
    await seen.commit([{ op: 'check', key: 'b', expect: 1 }]);
  };
  await assert.rejects(guessing(store, work), CommitConflict);
  assert.deepEqual([passes, commits.at(-1)?.length], [1, 1]);
});

test('work that swallows the failure of its guess is not believed', async () => {
  const { store } = behind(1);
  await store.commit([put('a', 'one')]);
  await store.commit([put('a', 'two')]);
  await guessing(store, async (seen) => {
    for (let tries = 0; tries < 3; tries++) {
      try {
        await lengthen(seen);
        return;
      } catch {
        // As somebody would who takes every failure for a passing one.
      }
    }
  });
  assert.equal(await textOf(store, 'a'), 'two+');
});

test('a store that asks nobody anyway is not guessed at', async () => {
  const store = openMemoryStore();
  await guessing(store, async (seen) => {
    assert.equal(seen, store);
    await lengthen(seen);
  });
  assert.equal(await textOf(store, 'a'), '+');
});
