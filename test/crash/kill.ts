/** The moment at which a process is killed, while clients work. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServer } from '../server.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import { connectTo, runClients } from './workload.ts';

/** Milliseconds that the clients are let work before the kill, at most. */
const WORK_MS = 1_000;
/** Acknowledgements after which is killed at once, at most; they take about as long. */
const WORK_WRITES = 40;

/**
 * Lets clients work until some moment, or some acknowledgement; then `kill` is called before anything else. Resolves
 * when the clients have seen that: each stops when its connection breaks, or when it has been answered once more.
 * @throws what a client met before.
 */
export async function workUntilKilled(
  server: TestServer,
  ledger: Ledger,
  random: Random,
  kill: () => Promise<void>,
): Promise<void> {
  const connection = connectTo(server);
  let killed: Promise<void> | undefined;
  const killOnce = (): Promise<void> => {
    killed ??= kill();
    return killed;
  };
  const clients = runClients(connection, ledger, random.fork(), () => killed !== undefined);
  if (random.chance(0.5)) {
    let left = random.between(1, WORK_WRITES);
    ledger.whenAcknowledged = () => {
      left -= 1;
      if (left === 0) void killOnce();
    };
    await clients;
    ledger.whenAcknowledged = undefined;
  } else {
    // If a client meets what it must not, there is nothing to wait for.
    await Promise.race([sleep(random.between(20, WORK_MS)), clients]);
  }
  await killOnce();
  await clients;
  connection.close();
}
