import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ages } from './ages.ts';

test('a revision is given up when what it overwrote is old enough, once', () => {
  const ages = new Ages(100);
  assert.equal(ages.note(0, 5), undefined);
  assert.equal(ages.note(50, 8), undefined);
  assert.equal(ages.note(99, 9), undefined);
  assert.equal(ages.note(100, 9), 5);
  assert.equal(ages.note(149, 9), undefined);
  assert.equal(ages.note(300, 12), 9);
  assert.equal(ages.note(301, 12), undefined);
  assert.equal(ages.note(400, 12), 12);
});
