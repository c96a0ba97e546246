/** Kills workers of one server at any moment, now and then all of it, and looks whether what was acknowledged is there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../program.ts';
import { deathsOf, killWorker, startWorkers, untilWorkers } from '../workers.ts';
import { workUntilKilled } from './kill.ts';
import { Ledger } from './ledger.ts';
import { randomFrom } from './random.ts';
import { Verifier } from './verify.ts';
import { makeNamespace } from './workload.ts';

/** Repeats a run as far as chance goes: CRASH_SEED=… */
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 32);
/** More rounds: CRASH_ROUNDS=… */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 16);
const WORKERS = 3;
/** Kills of workers until the whole server is killed. */
const KILLS_OF_WORKERS = 5;

test(`what was acknowledged is there after ${ROUNDS} workers were killed (CRASH_SEED=${SEED})`, {
  timeout: 8 * 60_000,
}, async (t) => {
  const random = randomFrom(SEED);
  const data = join(temporaryFolder(), 'data');
  const ledger = new Ledger();
  const verifier = new Verifier(ledger);
  await makeNamespace(data);
  for (let round = 0; round < ROUNDS; ) {
    await using server = await startWorkers(WORKERS, { data });
    await verifier.verify(server, 'touched');
    for (let kills = 0; kills < KILLS_OF_WORKERS && round < ROUNDS; kills += 1, round += 1) {
      const died = deathsOf(server);
      await workUntilKilled(server, ledger, random, async () => {
        killWorker(server, random.between(1, WORKERS));
      });
      await verifier.verify(server, 'touched');
      await untilWorkers(server, WORKERS, died + 1);
    }
    await workUntilKilled(server, ledger, random, () => server.kill());
  }
  await using server = await startWorkers(WORKERS, { data });
  await verifier.verify(server, 'all');

  const { facts, unanswered, pulled, moves, resumed } = verifier.figures;
  t.diagnostic(`${ROUNDS} kills, ${ledger.acknowledgements} writes and ${ledger.pushes} pushes acknowledged, lost: 0`);
  t.diagnostic(`${facts} facts looked at, ${unanswered} made though never answered, ${pulled} images pulled`);
  t.diagnostic(`${moves} moves followed, ${resumed} uploads resumed`);
  assert.ok(ledger.acknowledgements > ROUNDS, 'the clients hardly did anything');
});
