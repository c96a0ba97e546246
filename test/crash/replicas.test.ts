/**
 * Replicas on etcd and S3, each round with another fault: whatever is killed, put to sleep or cut off, no acknowledged push may
 * be lost, no move doubled or out of order, and no read may show what was already replaced.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi } from '../api.ts';
import { expectStatus } from '../registry.ts';
import { FAULTS, LONGEST_MS } from './faults.ts';
import { type Machines, startMachines } from './machines.ts';
import { MoveCheck } from './movecheck.ts';
import { MoveWatch } from './movewatch.ts';
import { type Random, randomFrom } from './random.ts';
import { connectionTo, NAMESPACE, Record, runTagClients } from './tagclients.ts';
import type { Connection } from './workload.ts';

/** Repeats a run as far as chance goes: CRASH_SEED=… */
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 32);
/** More rounds: FAULT_ROUNDS=… */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 25);
const REPLICAS = Number(process.env.FAULT_REPLICAS ?? 2);
/** Only faults whose name holds this: FAULTS='sleeps' */
const ONLY = process.env.FAULTS ?? '';

/** Milliseconds that clients work before a fault and after it, at most. */
const WORK_MS = 1_500;
/** Milliseconds of a round at most, with the fault, all that heals, and the look at it. */
const ROUND_MS = 60_000;
/**
 * Milliseconds in which every request must be answered: what a server may take (10 s), as long as it may have slept, and
 * what this machine may be busy with.
 */
const ANSWER_MS = 20_000 + LONGEST_MS;

test(`replicas lose, double and reorder nothing in ${ROUNDS} rounds of faults (CRASH_SEED=${SEED})`, {
  timeout: ROUNDS * ROUND_MS,
}, async (t) => {
  const random = randomFrom(SEED);
  const faults = FAULTS.filter(({ name }) => name.includes(ONLY));
  await using machines = await startMachines(REPLICAS, random.fork());
  const connection = connectionTo(machines);
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  expectStatus(await askApi(connection.api, '/api/v1/namespaces', { method: 'POST', body }), 201);
  const record = new Record();
  const check = new MoveCheck();
  await using opened = new AsyncDisposableStack();
  const { token, ca, apiUrl } = machines.front;
  // One at each replica, and one that goes on at whichever replica the balancer gives it.
  const urls = [...machines.replicas.map((replica) => () => replica.server.apiUrl), () => apiUrl];
  const watches = urls.map((url) => opened.use(new MoveWatch(() => ({ url: url(), token, ca }))));
  const begun = performance.now();
  // Every fault comes before any comes again.
  let left: typeof faults = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (left.length === 0) left = [...faults];
    const [fault] = left.splice(random.between(0, left.length - 1), 1);
    assert.ok(fault, `no fault is named ${ONLY}`);
    const at = `round ${round}, ${fault.name} (CRASH_SEED=${SEED})`;
    try {
      await oneRound(machines, connection, record, random.fork(), (own) => fault.run(machines, own));
      await check.check(machines, connection, record, watches);
    } catch (error) {
      const told = machines.replicas.map(({ server }) => faultsIn(server.output())).join('\n');
      throw new Error(`${at}: ${error instanceof Error ? error.stack : String(error)}\n${told}`, { cause: error });
    }
    assert.ok(record.slowest < ANSWER_MS, `${at}: an answer took ${record.slowest} ms`);
  }
  check.pullAgain();
  await check.check(machines, connection, record, watches);
  await Promise.all(watches.map((watch) => watch.close()));
  connection.close();

  const { moves, pulled } = check.figures;
  const resumed = watches.reduce((sum, { resumptions }) => sum + resumptions, 0);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  t.diagnostic(`${ROUNDS} rounds in ${seconds} s; ${record.acknowledged.size} pushes acknowledged, lost: 0`);
  t.diagnostic(`${record.unknown} pushes without a clear answer, ${record.refusals} uploads begun anew`);
  t.diagnostic(
    `${record.reads} reads, ${moves} moves, told to ${watches.length} watches that went on ${resumed} times`,
  );
  t.diagnostic(`${pulled} images pulled byte for byte; the slowest answer took ${record.slowest.toFixed(0)} ms`);
  for (const [words, count] of record.met) t.diagnostic(`${count} × ${words}`);
  assert.ok(record.acknowledged.size > ROUNDS && record.reads > ROUNDS, 'the clients hardly did anything');
});

/** What a server has logged that nobody expected. */
function faultsIn(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.includes('"level":50') || line.includes('"level":"error"'))
    .slice(-5)
    .join('\n');
}

/** Lets clients work before a fault, while it lasts, and after it; resolves when all is well again. */
async function oneRound(
  machines: Machines,
  connection: Connection,
  record: Record,
  random: Random,
  fault: (random: Random) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const clients = runTagClients(connection, record, random.fork(), over.signal);
  const work = async (): Promise<void> => {
    await sleep(random.between(300, WORK_MS));
    await fault(random);
    await sleep(random.between(300, WORK_MS));
    over.abort();
  };
  // If a client meets what it must not, there is nothing to wait for.
  await Promise.all([clients, work()]);
  await machines.healthy();
}
