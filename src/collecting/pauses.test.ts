import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SURVEY_STRETCH_MS } from '../limits.work.ts';
import { Pauses } from './pauses.ts';

test('work that goes on for long lets everything else have its turn, and short work goes straight on', async () => {
  const pauses = new Pauses();
  let turns = 0;
  const waiting = (): void => {
    turns += 1;
    setImmediate(waiting).unref();
  };
  setImmediate(waiting).unref();
  await pauses.take();
  assert.equal(turns, 0);
  for (const until = performance.now() + 2 * SURVEY_STRETCH_MS; performance.now() < until; );
  await pauses.take();
  assert.ok(turns > 0);
});
