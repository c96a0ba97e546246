/** The processes of a server that was started with `--workers`, as its log tells of them. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StartOptions, startServer, type TestServer } from './server.ts';

/** Milliseconds in which the place of a dead worker must be filled; it takes less than one second. */
const FILLED_MS = 20_000;
const LOOK_MS = 20;

const ANSWERS = /a worker answers {2}worker=(\d+) pid=(\d+)/g;
const DIED = /a worker died; another takes its place {2}worker=\d+ pid=(\d+)/g;

/** The process ids of the workers that answer, by their numbers. */
export function workersOf(server: TestServer): ReadonlyMap<number, number> {
  const log = server.output();
  const dead = new Set([...log.matchAll(DIED)].map(([, pid]) => Number(pid)));
  const all = [...log.matchAll(ANSWERS)].map(([, number, pid]) => [Number(number), Number(pid)] as const);
  return new Map(all.filter(([, pid]) => !dead.has(pid)));
}

/** Starts a server of so many workers, and resolves when its log has told of all of them; of one process it tells nothing. */
export async function startWorkers(count: number, { flags = [], ...options }: StartOptions = {}): Promise<TestServer> {
  const server = await startServer({ ...options, flags: ['--workers', String(count), ...flags] });
  if (count === 1) return server;
  try {
    await untilWorkers(server, count, 0);
  } catch (error) {
    await server.kill();
    throw error;
  }
  return server;
}

/** Kills one worker. @throws {Error} if that one does not answer. */
export function killWorker(server: TestServer, number: number): void {
  const pid = workersOf(server).get(number);
  if (pid === undefined) throw new Error(`there is no worker ${number}; the server said:\n${server.output()}`);
  process.kill(pid, 'SIGKILL');
}

/** How many workers have died. */
export function deathsOf(server: TestServer): number {
  return [...server.output().matchAll(DIED)].length;
}

/** Resolves once so many workers answer, and so many have died. @throws {Error} with the log, if that takes too long. */
export async function untilWorkers(server: TestServer, living: number, died: number): Promise<void> {
  for (const until = performance.now() + FILLED_MS; ; ) {
    if (deathsOf(server) >= died && workersOf(server).size >= living) return;
    if (performance.now() > until) throw new Error(`a dead worker was not replaced; it said:\n${server.output()}`);
    await sleep(LOOK_MS);
  }
}

/** Resolves once none of the processes runs any more. @throws {Error} if that takes too long. */
export async function untilGone(pids: Iterable<number>): Promise<void> {
  for (const pid of pids) {
    for (const until = performance.now() + FILLED_MS; runs(pid); ) {
      if (performance.now() > until) throw new Error(`the process ${pid} goes on`);
      await sleep(LOOK_MS);
    }
  }
}

/** One that has ended, and whose parent has not asked how yet, runs no more. */
function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
