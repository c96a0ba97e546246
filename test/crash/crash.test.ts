/** Kills the server at any moment, many times, and looks each time whether what it had acknowledged is there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi } from '../api.ts';
import { temporaryFolder } from '../program.ts';
import { expectStatus } from '../registry.ts';
import { beginServer, startServer, type TestServer } from '../server.ts';
import { Ledger } from './ledger.ts';
import { type Random, randomFrom } from './random.ts';
import { Verifier } from './verify.ts';
import { connectTo, NAMESPACE, runClients } from './workload.ts';

/** Repeats a run as far as chance goes: CRASH_SEED=… */
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 32);
/** More rounds: CRASH_ROUNDS=… */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 30);

/** Milliseconds that the clients are let work before the kill, at most. */
const WORK_MS = 1_000;
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
  await makeNamespace(data);
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (random.chance(KILLED_AT_START)) {
      const starting = beginServer({ data });
      await sleep(random.between(0, START_MS));
      await starting.kill();
    }
    await using server = await startServer({ data });
    await look(verifier, server, 'touched');
    await workUntilKilled(server, ledger, random);
  }
  const last = await startServer({ data });
  await look(verifier, last, 'all');
  assert.equal(await last.stop(), 0);
  await using again = await startServer({ data });
  await look(verifier, again, 'all');

  const { facts, unanswered, pulled, moves, resumed, gone } = verifier.figures;
  t.diagnostic(`${ROUNDS} kills, ${ledger.acknowledgements} writes and ${ledger.pushes} pushes acknowledged, lost: 0`);
  t.diagnostic(`${facts} facts looked at, ${unanswered} made though never answered, ${pulled} images pulled`);
  t.diagnostic(`${moves} moves followed, ${resumed} uploads resumed, ${gone} gone`);
  assert.ok(ledger.acknowledgements > ROUNDS, 'the clients hardly did anything');
});

async function makeNamespace(data: string): Promise<void> {
  await using server = await startServer({ data });
  const connection = connectTo(server);
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  expectStatus(await askApi(connection.api, '/api/v1/namespaces', { method: 'POST', body }), 201);
  connection.close();
}

async function look(verifier: Verifier, server: TestServer, which: 'all' | 'touched'): Promise<void> {
  const connection = connectTo(server);
  try {
    await verifier.verify(connection, server.data, which);
  } finally {
    connection.close();
  }
}

async function workUntilKilled(server: TestServer, ledger: Ledger, random: Random): Promise<void> {
  const connection = connectTo(server);
  let killed = false;
  const clients = runClients(connection, ledger, random.fork(), () => killed);
  // If a client meets what it must not, there is nothing to wait for.
  await Promise.race([sleep(random.between(20, WORK_MS)), clients]);
  killed = true;
  await server.kill();
  await clients;
  connection.close();
}
