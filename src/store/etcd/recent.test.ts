import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Commit } from '../watchers.ts';
import { RecentCommits } from './recent.ts';

function commit(revision: number, bytes = 1000): Commit {
  const event = { key: '/k', value: Buffer.alloc(bytes), revision, created: 1, previous: undefined };
  return { revision, events: [event] };
}

const revisions = (commits: readonly Commit[]): number[] => commits.map(({ revision }) => revision);

test('it tells what came after a revision, also between two', () => {
  const recent = new RecentCommits(10, 1e6);
  for (const revision of [12, 13, 20]) recent.add(commit(revision));
  assert.equal(recent.after, 10);
  assert.deepEqual(revisions(recent.since(10)), [12, 13, 20]);
  assert.deepEqual(revisions(recent.since(12)), [13, 20]);
  assert.deepEqual(revisions(recent.since(15)), [20]);
  assert.deepEqual(recent.since(20), []);
  recent.restart(30);
  assert.equal(recent.after, 30);
  assert.deepEqual(recent.since(30), []);
});

test('the oldest go when there is no more room, and it says from where on it is whole', () => {
  const recent = new RecentCommits(0, 100_000);
  for (let revision = 1; revision <= 500; revision++) {
    recent.add(commit(revision));
    const kept = revisions(recent.since(recent.after));
    assert.ok(kept.length <= 70 && kept.at(-1) === revision);
    assert.equal(kept[0], recent.after + 1);
  }
  recent.add(commit(501, 1_000_000));
  assert.equal(recent.after, 501);
});
