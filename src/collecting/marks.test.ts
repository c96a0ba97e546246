import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { SWEEP_STALE_SECONDS } from '../limits.work.ts';
import { endOwner, newOwner } from '../store/owner.ts';
import { type FoundMark, isStale } from './marks.ts';

test('a sweep is abandoned when it was seen for long, whatever its own clock says, or when its process is dead', () => {
  let seconds = 1_000_000;
  class Machine {
    readonly blobs = { delete: async () => true };
    now(): Date {
      return new Date(this.#seconds() * 1000);
    }
    #seconds(): number {
      return seconds;
    }
  }
  const ground = new Machine();
  const mark = (at: number, owner: string, revision = 7): FoundMark => ({
    state: 'sweeping',
    digest: digestOf('swept'),
    owner,
    at,
    revision,
  });
  const elsewhere = 'another machine';
  for (const at of [0, seconds * 1000, 2 * seconds * 1000]) {
    assert.equal(isStale(ground, mark(at, elsewhere)), false, `put at ${at}`);
  }
  seconds += SWEEP_STALE_SECONDS;
  assert.equal(isStale(ground, mark(0, elsewhere)), false);
  seconds += 1;
  assert.equal(isStale(ground, mark(0, elsewhere)), true);
  assert.equal(isStale(ground, mark(0, elsewhere, 8)), false, 'it was renewed');
  const owner = newOwner();
  assert.equal(isStale(ground, mark(0, owner, 9)), false);
  endOwner(owner);
  assert.equal(isStale(ground, mark(seconds * 1000, owner, 9)), true);
  const far = { blobs: { ...ground.blobs, lingers: true } as const, now: () => ground.now() };
  assert.equal(isStale(far, mark(seconds * 1000, owner, 9)), false, 'its last request may still be on its way');
  seconds += SWEEP_STALE_SECONDS + 1;
  assert.equal(isStale(far, mark(0, owner, 9)), true);
});
