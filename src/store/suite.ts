/** The tests that every driver of the store must pass. Nothing here relies on which numbers revisions have. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMMIT_BYTES, COMMIT_CHANGES } from '../limits.ts';
import { compareKeys } from './key.ts';
import { Recorder } from './recorder.ts';
import {
  type Change,
  CommitConflict,
  CommitTooLarge,
  RevisionAhead,
  type Store,
  StoreError,
  StoreUnavailable,
} from './store.ts';
import { del, type Given, keysOf, put, type Subject, textOf } from './suite-subject.ts';
import { compactionTests, endTests, sharedTests, watchTests } from './suite-watches.ts';

export type { Subject } from './suite-subject.ts';

export interface SuiteOptions {
  /** Whether data outlives a store, and several stores can be open on the same data. */
  readonly shared: boolean;
}

/** Declares the tests of a driver. */
export function storeSuite(name: string, begin: () => Promise<Subject>, { shared }: SuiteOptions): void {
  const given = (title: string, body: (store: Store, subject: Subject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await begin();
      const store = await subject.open();
      try {
        await body(store, subject);
      } finally {
        await store.close();
        await subject.discard();
      }
    });
  };
  describe(`${name}: reads`, () => readTests(given));
  describe(`${name}: lists`, () => listTests(given));
  describe(`${name}: commits`, () => commitTests(given));
  describe(`${name}: refusals`, () => refusalTests(given));
  describe(`${name}: watches`, () => watchTests(given));
  describe(`${name}: ends of watches`, () => endTests(given));
  describe(`${name}: compaction`, () => compactionTests(given));
  if (shared) describe(`${name}: several stores`, () => sharedTests(given));
}

function readTests(given: Given): void {
  given('an entry says who wrote it and who made the key exist', async (store) => {
    const first = await store.commit([put('a', 'one')]);
    const second = await store.commit([put('a', 'two')]);
    assert.ok(first >= 1 && second > first);
    assert.deepEqual(await store.get('a'), { key: 'a', value: Buffer.from('two'), revision: second, created: first });
    await store.commit([del('a')]);
    assert.equal(await store.get('a'), undefined);
    const again = await store.commit([put('a', 'three')]);
    assert.deepEqual(await store.get('a'), { key: 'a', value: Buffer.from('three'), revision: again, created: again });
    assert.equal(await store.revision(), again);
  });

  given('every revision stays readable as it was', async (store) => {
    const start = await store.revision();
    const first = await store.commit([put('a', 'one'), put('b')]);
    const second = await store.commit([del('a'), put('b', 'two')]);
    const third = await store.commit([put('a', 'three')]);
    const seen = async (exactly: number) => {
      const { entries, revision } = await store.list('', { fresh: { exactly } });
      assert.equal(revision, exactly);
      for (const entry of entries) assert.deepEqual(await store.get(entry.key, { fresh: { exactly } }), entry);
      return entries.map((entry) => `${entry.key}=${entry.value.toString()}`);
    };
    assert.deepEqual(await seen(start), []);
    assert.deepEqual(await seen(first), ['a=one', 'b=b']);
    assert.deepEqual(await seen(second), ['b=two']);
    assert.deepEqual(await seen(third), ['a=three', 'b=two']);
    assert.equal(await store.get('a', { fresh: { exactly: second } }), undefined);
  });

  given('freshness is kept or refused', async (store) => {
    const revision = await store.commit([put('a')]);
    assert.equal((await store.get('a', { fresh: { notOlderThan: revision } }))?.revision, revision);
    assert.equal((await store.get('a', { fresh: 'any' }))?.revision, revision);
    for (const fresh of [{ notOlderThan: revision + 1000 }, { exactly: revision + 1000 }]) {
      await assert.rejects(async () => store.get('a', { fresh }), RevisionAhead);
      await assert.rejects(async () => store.list('', { fresh }), RevisionAhead);
    }
  });

  given('values are any bytes, also none', async (store) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await store.commit([
      { op: 'put', key: 'all', value: all },
      { op: 'put', key: 'none', value: Buffer.alloc(0) },
    ]);
    assert.deepEqual((await store.get('all'))?.value, all);
    assert.deepEqual((await store.get('none'))?.value, Buffer.alloc(0));
    assert.deepEqual(await keysOf(store, ''), ['all', 'none']);
  });
}

/** UTF-16 would have 💧 (U+1F4A7) before U+FFFD. */
const ODD_KEYS = [
  'a',
  'a#b',
  'a/b',
  'a/b/c',
  'a0',
  'aé',
  'a\ud7ff',
  'a\ue000',
  'a\ufffd',
  'a💧',
  'a\u{10ffff}',
  'a\u{10ffff}z',
  'b',
  '\u{10ffff}',
  '\u{10ffff}\u{10ffff}',
];

function listTests(given: Given): void {
  given('keys come in the order of their UTF-8 bytes', async (store) => {
    await store.commit([...ODD_KEYS].reverse().map((key) => put(key)));
    const bytewise = [...ODD_KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual([...ODD_KEYS].sort(compareKeys), bytewise);
    assert.deepEqual(await keysOf(store, ''), bytewise);
    for (const prefix of [...ODD_KEYS, 'a\u{10fffe}', 'zzz', 'a/']) {
      assert.deepEqual(
        await keysOf(store, prefix),
        bytewise.filter((key) => key.startsWith(prefix)),
        prefix,
      );
    }
  });

  given('pages meet without gap or overlap', async (store) => {
    const revision = await store.commit([...ODD_KEYS, 'other'].map((key) => put(key)));
    const wanted = await keysOf(store, 'a');
    await store.commit([del('a0'), put('a1')]);
    for (const limit of [1, 2, 5, wanted.length, 100]) {
      const found: string[] = [];
      for (let more = true, after: string | undefined; more; after = found.at(-1)) {
        const options = { limit, count: true, fresh: { exactly: revision }, ...(after === undefined ? {} : { after }) };
        const page = await store.list('a', options);
        found.push(...page.entries.map((entry) => entry.key));
        assert.equal(page.remaining, wanted.length - found.length);
        assert.equal(page.more, page.remaining > 0);
        more = page.more;
      }
      assert.deepEqual(found, wanted);
    }
  });

  given('a page may begin anywhere', async (store) => {
    await store.commit(['a/1', 'a/3', 'b/1'].map((key) => put(key)));
    const after = async (key: string) => (await store.list('a/', { after: key })).entries.map((entry) => entry.key);
    assert.deepEqual(await after('a/1'), ['a/3']);
    assert.deepEqual(await after('a/2'), ['a/3']);
    assert.deepEqual(await after(''), ['a/1', 'a/3']);
    assert.deepEqual(await after('a'), ['a/1', 'a/3']);
    assert.deepEqual(await after('a/3'), []);
    assert.deepEqual(await after('zzz'), []);
    const { entries, more, remaining } = await store.list('a/', { limit: 0, count: true });
    assert.deepEqual({ entries, more, remaining }, { entries: [], more: true, remaining: 2 });
    assert.equal('remaining' in (await store.list('a/')), false);
  });
}

function commitTests(given: Given): void {
  given('a commit makes all changes or none', async (store) => {
    const revision = await store.commit([put('a'), put('b')]);
    const stale: Change = { op: 'put', key: 'b', value: Buffer.from('x'), expect: revision + 1000 };
    await assert.rejects(store.commit([put('a', 'x'), del('c'), stale, put('d')]), (error: unknown) => {
      assert.ok(error instanceof CommitConflict);
      assert.deepEqual([error.key, error.actual], ['b', revision]);
      return true;
    });
    assert.deepEqual(
      (await store.list('')).entries.map((entry) => entry.value.toString()),
      ['a', 'b'],
    );
    assert.equal(await store.revision(), revision);
  });

  given('every kind of change keeps what it expects', async (store) => {
    const revision = await store.commit([put('a')]);
    const value = Buffer.from('v');
    const refused: Change[] = [
      { op: 'put', key: 'a', value, expect: 0 },
      { op: 'put', key: 'b', value, expect: revision },
      { op: 'delete', key: 'a', expect: revision + 1000 },
      { op: 'delete', key: 'b', expect: revision },
      { op: 'check', key: 'a', expect: 0 },
      { op: 'check', key: 'b', expect: revision },
    ];
    for (const change of refused) await assert.rejects(store.commit([change, put('c')]), CommitConflict);
    assert.deepEqual(await keysOf(store, ''), ['a']);
    const checks: Change[] = [
      { op: 'check', key: 'a', expect: revision },
      { op: 'check', key: 'b', expect: 0 },
    ];
    await store.commit([...checks, { op: 'put', key: 'b', value, expect: 0 }]);
    await store.commit([{ op: 'delete', key: 'a', expect: revision }]);
    assert.deepEqual(await keysOf(store, ''), ['b']);
  });

  given('a commit that changes nothing has no revision of its own', async (store) => {
    const revision = await store.commit([put('a')]);
    const recorder = new Recorder(store, '', revision);
    const nothing: Change[][] = [
      [],
      [{ op: 'check', key: 'a', expect: revision }],
      [del('none')],
      [{ op: 'delete', key: 'none', expect: 0 }],
      [{ op: 'deletePrefix', prefix: 'none' }],
    ];
    for (const changes of nothing) assert.ok((await store.commit(changes)) >= revision);
    assert.equal((await store.get('a'))?.revision, revision);
    await recorder.reached(await store.commit([put('a')]));
    assert.equal(recorder.batches.length, 1);
  });

  given('a prefix is deleted whole, and nothing else', async (store) => {
    await store.commit(['a', 'a/1', 'a/2', 'a/2/x', 'a0'].map((key) => put(key)));
    await store.commit([{ op: 'deletePrefix', prefix: 'a/' }, del('a/1'), put('b')]);
    assert.deepEqual(await keysOf(store, ''), ['a', 'a0', 'b']);
  });

  given('commits called in order are applied in order, conflicts or not', async (store) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, (_, index) =>
        store.commit(
          index % 3 === 2 ? [put('last', 'x'), { op: 'check', key: 'last', expect: 0 }] : [put('last', `${index}`)],
        ),
      ),
    );
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.equal(made.length, 200);
    assert.deepEqual(
      made,
      [...new Set(made)].sort((a, b) => a - b),
    );
    assert.equal(await textOf(store, 'last'), '298');
  });
}

function refusalTests(given: Given): void {
  given('what is too large is refused before anything happens', async (store) => {
    const many = Array.from({ length: COMMIT_CHANGES + 1 }, (_, index) => put(`key${index}`));
    await assert.rejects(store.commit(many), CommitTooLarge);
    await assert.rejects(store.commit([{ op: 'put', key: 'a', value: Buffer.alloc(COMMIT_BYTES) }]), CommitTooLarge);
    assert.deepEqual(await keysOf(store, ''), []);
    await store.commit(many.slice(1));
    await store.commit([{ op: 'put', key: 'a', value: Buffer.alloc(COMMIT_BYTES - 1) }]);
    assert.equal((await store.get('a'))?.value.length, COMMIT_BYTES - 1);
  });

  given('what has no meaning is refused', async (store) => {
    const senseless: Change[][] = [
      [put('a'), put('a')],
      [put('a'), del('a')],
      [put('a/1'), { op: 'deletePrefix', prefix: 'a/' }],
      [put('')],
      [put('a\0b')],
      [put('a\ud83d')],
      [{ op: 'deletePrefix', prefix: '\udca7' }],
    ];
    for (const changes of senseless) await assert.rejects(store.commit(changes), StoreError);
    await assert.rejects(async () => store.get('a\0'), StoreError);
    await assert.rejects(async () => store.list('\ud83d'), StoreError);
    await assert.rejects(async () => store.list('', { after: '\ud83d' }), StoreError);
    assert.deepEqual(await keysOf(store, ''), []);
  });

  given('a closed store finishes what was begun and refuses the rest', async (store) => {
    const recorder = new Recorder(store, '', await store.revision());
    const begun = store.commit([put('a')]);
    await store.close();
    const revision = await begun;
    assert.deepEqual(
      recorder.batches.map((batch) => batch.revision),
      [revision],
    );
    assert.deepEqual([recorder.endings, recorder.error], [1, undefined]);
    await assert.rejects(store.commit([put('b')]), StoreUnavailable);
    await assert.rejects(async () => store.get('a'), StoreUnavailable);
    await assert.rejects(async () => store.compact(revision), StoreUnavailable);
    const late = new Recorder(store, '', 0);
    await late.over();
    assert.ok(late.error instanceof StoreUnavailable);
  });
}
