/** The part of the drivers' tests (suite.ts) that is about watches, compaction and several stores on the same data. */
import assert from 'node:assert/strict';
import { Recorder } from './recorder.ts';
import { Compacted, RevisionAhead } from './store.ts';
import { del, type Given, keysOf, put } from './suite-subject.ts';

export function watchTests(given: Given): void {
  given('an event says what was, what is and since when', async (store) => {
    const start = await store.revision();
    const recorder = new Recorder(store, 'a', start);
    const first = await store.commit([put('a/2', 'two'), put('b'), put('a/1', 'one')]);
    const second = await store.commit([put('a/1', 'new'), del('a/2')]);
    await store.commit([put('b', 'x')]);
    const third = await store.commit([put('a/2', 'back')]);
    await recorder.reached(third);
    const one = { key: 'a/1', value: Buffer.from('one'), revision: first, created: first };
    const two = { key: 'a/2', value: Buffer.from('two'), revision: first, created: first };
    const back = { key: 'a/2', value: Buffer.from('back'), revision: third, created: third };
    const wanted = [
      { revision: first, events: [one, two].map((entry) => ({ ...entry, previous: undefined })) },
      {
        revision: second,
        events: [
          { key: 'a/1', value: Buffer.from('new'), revision: second, created: first, previous: one },
          { key: 'a/2', value: undefined, revision: second, created: first, previous: two },
        ],
      },
      { revision: third, events: [{ ...back, previous: undefined }] },
    ];
    assert.deepEqual(recorder.batches, wanted);
    const replay = new Recorder(store, 'a', start);
    await replay.reached(third);
    assert.deepEqual(replay.batches, wanted);
  });

  given('all listeners are given the same objects', async (store) => {
    const start = await store.revision();
    const recorders = ['a', 'a', 'a/', ''].map((prefix) => new Recorder(store, prefix, start));
    await store.commit([put('warm')]);
    for (const recorder of recorders) await recorder.reached(await store.revision());
    const revision = await store.commit([put('a/1'), put('b')]);
    for (const recorder of recorders) await recorder.reached(revision);
    const [left, right, deeper, all] = recorders.map((recorder) => recorder.batches.at(-1));
    assert.equal(left, right);
    assert.equal(deeper?.events[0], left?.events[0]);
    assert.equal(all?.events[0], left?.events[0]);
    assert.deepEqual(
      all?.events.map((event) => event.key),
      ['a/1', 'b'],
    );
  });

  given('a watch may begin anywhere and misses nothing while others write', async (store) => {
    const start = await store.revision();
    const revisions: number[] = [];
    const recorders: Recorder[] = [];
    for (let round = 0; round < 30; round++) {
      const wave = Array.from({ length: 20 }, (_, index) => store.commit([put(`k${index}`, `${round}`), put('z')]));
      const after = round % 2 === 0 ? start : (revisions.at(-round) ?? start);
      recorders.push(new Recorder(store, 'k', after));
      revisions.push(...(await Promise.all(wave)));
      recorders.push(new Recorder(store, 'k', await store.revision()));
    }
    const last = revisions.at(-1) ?? 0;
    for (const recorder of recorders) {
      await recorder.reached(last);
      const seen = recorder.batches.map((batch) => batch.revision);
      const first = seen[0] ?? last + 1;
      assert.deepEqual(
        seen,
        revisions.filter((revision) => revision >= first),
      );
    }
    assert.equal(recorders[0]?.batches.length, 600);
    assert.equal(recorders.at(-1)?.batches.length, 0);
  });

  given('from the beginning, and from a revision that is not yet reached', async (store) => {
    const first = await store.commit([put('a')]);
    const beginning = new Recorder(store, '', 0);
    const ahead = new Recorder(store, '', first + 1);
    const second = await store.commit([put('a')]);
    let last = second;
    while (last <= first + 1) last = await store.commit([put('a')]);
    await beginning.reached(last);
    await ahead.reached(last);
    assert.equal(beginning.batches[0]?.revision, first);
    assert.ok(ahead.batches.every((batch) => batch.revision > first + 1));
    assert.equal(ahead.batches.at(-1)?.revision, last);
  });
}

export function endTests(given: Given): void {
  given('a listener may close any watch, its own too, while it is told', async (store) => {
    const start = await store.revision();
    const own = new Recorder(store, 'a', start);
    const other = new Recorder(store, 'a', start);
    const stays = new Recorder(store, '', start);
    own.react = () => {
      own.watch.close();
      other.watch.close();
      own.watch.close();
    };
    const first = await store.commit([put('a')]);
    const second = await store.commit([put('a')]);
    await stays.reached(second);
    assert.deepEqual([own.batches.length, own.endings, own.error], [1, 1, undefined]);
    assert.ok(other.batches.length <= 1 && other.endings === 1);
    assert.deepEqual(
      stays.batches.map((batch) => batch.revision),
      [first, second],
    );
    assert.equal(stays.endings, 0);
  });

  given('a listener may commit and watch while it is told', async (store) => {
    const recorder = new Recorder(store, 'a', await store.revision());
    const nested: Recorder[] = [];
    const commits: Promise<number>[] = [];
    recorder.react = (batch) => {
      nested.push(new Recorder(store, 'a', batch.revision - 1), new Recorder(store, 'a', batch.revision));
      if (commits.length < 3) commits.push(store.commit([put('a')]));
    };
    await store.commit([put('a')]);
    for (let index = 0; index < 3; index++) {
      while (commits[index] === undefined) await new Promise((resolve) => setImmediate(resolve));
      await commits[index];
    }
    const last = await store.revision();
    await recorder.reached(last);
    for (const other of nested) await other.reached(last);
    assert.equal(recorder.batches.length, 4);
    assert.deepEqual(
      nested.map((other) => other.batches.length),
      [4, 3, 3, 2, 2, 1, 1, 0],
    );
  });

  given('a watch that is closed at once is told nothing', async (store) => {
    await store.commit([put('a')]);
    const recorder = new Recorder(store, '', 0);
    recorder.watch.close();
    await store.commit([put('a')]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([recorder.batches.length, recorder.endings], [0, 1]);
  });
}

export function compactionTests(given: Given): void {
  given('what was overwritten is gone, what lives stays', async (store) => {
    const first = await store.commit([put('a', 'one'), put('b'), put('gone')]);
    const second = await store.commit([put('a', 'two'), del('gone')]);
    const third = await store.commit([put('a', 'three')]);
    await store.compact(second);
    await assert.rejects(
      async () => store.get('a', { fresh: { exactly: first } }),
      (error: unknown) => error instanceof Compacted && error.oldest === second,
    );
    await assert.rejects(async () => store.list('', { fresh: { exactly: first } }), Compacted);
    const { entries } = await store.list('', { fresh: { exactly: second } });
    assert.deepEqual(
      entries.map((entry) => entry.value.toString()),
      ['two', 'b'],
    );
    await store.compact(third);
    await store.compact(first);
    assert.deepEqual(
      (await store.list('')).entries.map((entry) => [entry.key, entry.revision]),
      [
        ['a', third],
        ['b', first],
      ],
    );
    await assert.rejects(store.compact(third + 1000), RevisionAhead);
  });

  given('a watch can begin wherever a read can', async (store) => {
    const first = await store.commit([put('a')]);
    const second = await store.commit([put('a', 'two')]);
    const third = await store.commit([del('a')]);
    // A store that is told of commits (etcd) may itself come too late for what is forgotten at once; then all watches end.
    await new Recorder(store, '', second).reached(third);
    await store.compact(second);
    for (const after of [0, first]) {
      const recorder = new Recorder(store, '', after);
      await recorder.over();
      assert.ok(recorder.error instanceof Compacted && recorder.error.oldest === second);
      assert.equal(recorder.batches.length, 0);
    }
    const recorder = new Recorder(store, '', second);
    await recorder.reached(third);
    assert.equal(recorder.events[0]?.previous?.value.toString(), 'two');
  });

  given('revisions go on after everything is gone', async (store) => {
    await store.commit([put('a'), put('b')]);
    const last = await store.commit([{ op: 'deletePrefix', prefix: '' }]);
    await store.compact(last);
    assert.equal(await store.revision(), last);
    assert.deepEqual(await keysOf(store, ''), []);
    assert.ok((await store.commit([put('a')])) > last);
  });
}

export function sharedTests(given: Given): void {
  given('what was acknowledged is there for the next store', async (store, subject) => {
    const first = await store.commit([put('a')]);
    const last = await store.commit([del('a')]);
    await store.compact(last);
    await store.close();
    const next = await subject.open();
    assert.ok((await next.revision()) >= last);
    await assert.rejects(async () => next.get('a', { fresh: { exactly: first } }), Compacted);
    assert.ok((await next.commit([put('a')])) > last);
    await next.close();
  });

  given('each store sees the commits of the other, in order and once', async (store, subject) => {
    const other = await subject.open();
    const start = await store.revision();
    const recorders = [store, other].map((one) => new Recorder(one, 'k', start));
    const revisions: number[] = [];
    for (let round = 0; round < 40; round++) {
      const wave = [store, other, store].map((one, index) => one.commit([put(`k${index}`, `${round}`)]));
      revisions.push(...(await Promise.all(wave)));
      assert.equal((await other.get('k2'))?.revision, (await store.get('k2'))?.revision);
    }
    revisions.sort((a, b) => a - b);
    assert.equal(new Set(revisions).size, 120);
    for (const recorder of recorders) {
      await recorder.reached(revisions.at(-1) ?? 0);
      assert.deepEqual(
        recorder.batches.map((batch) => batch.revision),
        revisions,
      );
    }
    await other.close();
  });
}
