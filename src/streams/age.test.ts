import assert from 'node:assert/strict';
import test from 'node:test';
import { age } from './age.ts';

const now = new Date('2026-11-24T12:00:00Z');
const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

const ages: readonly (readonly [number, string])[] = [
  [-hour, 'Less than a second ago'],
  [0, 'Less than a second ago'],
  [999, 'Less than a second ago'],
  [second, '1 second ago'],
  [2 * second - 1, '1 second ago'],
  [47 * second, '47 seconds ago'],
  [minute - 1, '59 seconds ago'],
  [minute, 'About a minute ago'],
  [2 * minute - 1, 'About a minute ago'],
  [3 * minute, '3 minutes ago'],
  [hour - 1, '59 minutes ago'],
  [hour, 'About an hour ago'],
  [1.5 * hour - 1, 'About an hour ago'],
  [1.5 * hour, '2 hours ago'],
  [47 * hour, '47 hours ago'],
  [47.5 * hour, '2 days ago'],
  [2 * day, '2 days ago'],
  [13 * day, '13 days ago'],
  [14 * day, '2 weeks ago'],
  [59 * day, '8 weeks ago'],
  [60 * day, '2 months ago'],
  [729 * day, '24 months ago'],
  [730 * day, '2 years ago'],
  [10 * 365 * day, '10 years ago'],
];

for (const [past, expected] of ages) {
  test(`${past} ms are ${expected}`, () => {
    assert.equal(age(new Date(now.getTime() - past).toISOString(), now), expected);
  });
}

test('a time that is not set, or lies before all durations, was 292 years ago', () => {
  for (const time of [null, undefined, '', '0001-01-01T00:00:00Z']) assert.equal(age(time, now), '292 years ago');
});
