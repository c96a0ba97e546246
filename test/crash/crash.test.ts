/** Kills the server at any moment, many times, and looks each time whether what it had acknowledged is there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../program.ts';
import { beginServer, startServer, type TestServer } from '../server.ts';
import { Informer } from './informer.ts';
import { workUntilKilled } from './kill.ts';
import { Ledger } from './ledger.ts';
import { randomFrom } from './random.ts';
import { Verifier } from './verify.ts';
import { connectTo, makeNamespace } from './workload.ts';

/** Repeats a run as far as chance goes: CRASH_SEED=… */
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 32);
/** More rounds: CRASH_ROUNDS=… */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 30);

/** Milliseconds after which a server that starts is killed, at most; it takes about this long. */
const START_MS = 500;
/** How often a server is killed while it starts. */
const KILLED_AT_START = 0.25;

test(`what was acknowledged is there after ${ROUNDS} kills (CRASH_SEED=${SEED})`, {
  timeout: 8 * 60_000,
}, async (t) => {
  const random = randomFrom(SEED);
  const data = join(temporaryFolder(), 'data');
  const ledger = new Ledger();
  const verifier = new Verifier(ledger);
  const informer = new Informer();
  await makeNamespace(data);
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (random.chance(KILLED_AT_START)) {
      const starting = beginServer({ data });
      await sleep(random.between(0, START_MS));
      await starting.kill();
    }
    await using server = await startServer({ data });
    await verifier.verify(server, 'touched');
    await inform(informer, server);
    await workUntilKilled(server, ledger, random, () => server.kill());
    informer.stop();
  }
  const last = await startServer({ data });
  await verifier.verify(last, 'all');
  await inform(informer, last);
  informer.stop();
  assert.equal(await last.stop(), 0);
  await using again = await startServer({ data });
  await verifier.verify(again, 'all');

  const { facts, unanswered, pulled, moves, resumed, gone } = verifier.figures;
  t.diagnostic(`${ROUNDS} kills, ${ledger.acknowledgements} writes and ${ledger.pushes} pushes acknowledged, lost: 0`);
  t.diagnostic(`${facts} facts looked at, ${unanswered} made though never answered, ${pulled} images pulled`);
  t.diagnostic(`${moves} moves followed, ${resumed} uploads resumed, ${gone} gone`);
  t.diagnostic(`${informer.events} events told to a watch that went on after each kill`);
  assert.ok(ledger.acknowledgements > ROUNDS, 'the clients hardly did anything');
});

async function inform(informer: Informer, server: TestServer): Promise<void> {
  const connection = connectTo(server);
  try {
    await informer.goOn(connection);
  } finally {
    connection.close();
  }
}
