import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Barrier } from './barrier.ts';

/** Some turns of the event loop, in which everything that waits for one has had it. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('whoever waits in one turn shares a question, and is never answered by one that was put before', async () => {
  let asked = 0;
  const answers: PromiseWithResolvers<number>[] = [];
  const barrier = new Barrier(() => {
    asked += 1;
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  });
  const first = [barrier.pass(), barrier.pass(), barrier.pass()];
  await turns();
  assert.equal(asked, 1);
  const second = [barrier.pass(), barrier.pass()];
  await turns();
  assert.equal(asked, 1, 'the next question waits for the one under way');
  answers[0]?.resolve(7);
  assert.deepEqual(await Promise.all(first), [7, 7, 7]);
  await turns();
  assert.equal(asked, 2);
  answers[1]?.resolve(8);
  assert.deepEqual(await Promise.all(second), [8, 8]);
});

test('a question that fails fails those who put it, and nobody else', async () => {
  let asked = 0;
  const barrier = new Barrier(async () => {
    asked += 1;
    if (asked === 1) throw new Error('away');
    return asked;
  });
  const first = barrier.pass();
  await assert.rejects(first, /away/);
  assert.equal(await barrier.pass(), 2);
});
