/** What a process and its children use, as Linux counts it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Ticks of a second in /proc: USER_HZ, which Linux shows to programs as 100 on every machine that Node runs on. */
const TICKS = 100;

/** CPU seconds, user and system, of a process and its children, also of those that have ended. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; after it come the state and, nine fields on, the times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
  return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), own);
}

/** Resident memory of a process and its children, in MiB. */
export function residentMiB(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return childrenOf(pid).reduce((sum, child) => sum + residentMiB(child), Number(kibibytes ?? 0) / 1024);
}

/** The peak of a process's memory counts from now on. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  });
}

/** What some work took. */
export interface Cost {
  /** CPU seconds of the process that was looked at. */
  readonly cpu: number;
  /** Seconds that passed. */
  readonly wall: number;
}

/** Does some work and tells what it cost a process; what the work resolves to goes with it. */
export async function costOf<T>(pid: number, work: () => Promise<T>): Promise<Cost & { readonly result: T }> {
  const cpu = cpuSeconds(pid);
  const begun = performance.now();
  const result = await work();
  const wall = (performance.now() - begun) / 1000;
  return { cpu: cpuSeconds(pid) - cpu, wall, result };
}
