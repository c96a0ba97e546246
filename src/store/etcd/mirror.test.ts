import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry, StoreEvent } from '../store.ts';
import { Mirror } from './mirror.ts';

function put(key: string, revision: number, bytes = 10, previous?: Entry): StoreEvent {
  return { key, value: Buffer.alloc(bytes), revision, created: previous?.created ?? revision, previous };
}

function entry(key: string, revision: number, bytes = 10): Entry {
  return { key, value: Buffer.alloc(bytes), revision, created: revision };
}

function gone(previous: Entry, revision: number): StoreEvent {
  return { key: previous.key, value: undefined, revision, created: previous.created, previous };
}

test('keys that are loaded and changes that come meanwhile make one picture', () => {
  const mirror = new Mirror();
  mirror.begin(5);
  mirror.load(['/a', '/b']);
  mirror.apply({ revision: 6, events: [gone(entry('/b', 3), 6), put('/c', 6)] });
  mirror.apply({ revision: 7, events: [gone(entry('/d', 4), 7), put('/a0', 7)] });
  assert.equal(mirror.complete, false);
  mirror.load(['/d', '/e']);
  mirror.loaded();
  const { keys, entries, revision, more, remaining } = mirror.list('/', { limit: 3, count: true });
  assert.deepEqual(
    { keys, revision, more, remaining },
    { keys: ['/a', '/a0', '/c'], revision: 7, more: true, remaining: 1 },
  );
  assert.deepEqual(
    entries.map((each) => each?.revision),
    [undefined, 7, 6],
  );
  assert.deepEqual([mirror.get('/e'), mirror.get('/b'), mirror.get('/d')], ['unknown', undefined, undefined]);
});

test('a value that is fetched while it changes is not kept', async () => {
  const mirror = new Mirror();
  mirror.begin(5);
  mirror.load(['/a', '/b']);
  mirror.loaded();
  const fetched = [entry('/a', 3), entry('/b', 4)];
  const answer = await mirror.filled(['/a', '/b'], async () => {
    mirror.apply({ revision: 6, events: [gone(entry('/b', 4), 6)] });
    return fetched;
  });
  assert.deepEqual(answer, fetched);
  assert.deepEqual([mirror.get('/a'), mirror.get('/b')], [fetched[0], undefined]);
});

test('values are forgotten when memory is short, keys are not', () => {
  const mirror = new Mirror(20_000);
  mirror.begin(1);
  mirror.loaded();
  for (let index = 0; index < 100; index++)
    mirror.apply({ revision: 2 + index, events: [put(`/${index}`, 2 + index, 1000)] });
  const { entries } = mirror.list('', {});
  const known = entries.filter((each) => each !== undefined).length;
  assert.ok(entries.length === 100 && known > 5 && known < 20, `${known} of ${entries.length}`);
  assert.equal(mirror.room, false);
  mirror.abandon();
  assert.equal(mirror.size, 0);
});

test('whoever waits for a revision hears when it is reached, or that it is not', async () => {
  const mirror = new Mirror();
  mirror.begin(5);
  const [reached, late] = [mirror.reached(7, 10_000), mirror.reached(9, 1)];
  mirror.apply({ revision: 8, events: [] });
  assert.deepEqual(await Promise.all([reached, late, mirror.reached(6, 0)]), [true, false, true]);
});
