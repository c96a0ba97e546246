import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agoShort, shortDuration } from './age.ts';

test('durations are printed in the units that Kubernetes prints', () => {
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  const year = 365 * day;
  const cases: readonly (readonly [number, string])[] = [
    [-5, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119.9, '119s'],
    [120, '2m'],
    [125, '2m5s'],
    [599, '9m59s'],
    [600, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [7 * hour + 59 * minute, '7h59m'],
    [8 * hour + 59 * minute, '8h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [2 * day + hour, '2d1h'],
    [8 * day + 5 * hour, '8d'],
    [729 * day, '729d'],
    [2 * year + 3 * day, '2y3d'],
    [8 * year + 3 * day, '8y'],
  ];
  for (const [seconds, text] of cases) assert.equal(shortDuration(seconds), text);
});

test('a time that is not set is of no known age', () => {
  assert.equal(agoShort(null, new Date()), '<unknown>');
  assert.equal(agoShort('2026-01-01T00:00:00Z', new Date('2026-01-01T00:00:07Z')), '7s');
});
