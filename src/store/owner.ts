/**
 * Who holds something: one opened part of one process. Its name tells other processes of the machine whether it is still
 * alive: `<boot>-<namespace>-<pid>-<start of the process>-<random>`. So a hold of a process that was killed is
 * recognised, also when its pid has been given to another process since.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

export type Owner = string;

const FORM = /^([0-9a-f]{8})-([0-9]+)-([0-9]+)-([0-9]+)-[0-9a-f]{8}$/;

/** Owners of this process that are open. */
const open = new Set<Owner>();

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** Identifies the run of the kernel; zeros where there is no /proc. */
const BOOT = readProc('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '00000000';
const HAS_PROC = readProc('/proc/self/stat') !== undefined;

/** The number of the namespace of pids: containers of one machine do not see each other's processes. 0 where there is none. */
const NAMESPACE = ((): string => {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
})();

/**
 * When a process started, in ticks since boot (field 22 of its stat), or undefined if there is no such process. One that
 * was killed stays listed until its parent has asked how it ended: it is gone once it is a zombie (field 3) of which no
 * thread is left (field 20), for a thread may still be writing.
 */
function startOf(pid: number): string | undefined {
  // The command, field 2, may hold spaces and brackets: count from the last closing one.
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const ended = (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1;
  return ended ? undefined : fields[19];
}

/** A name for a part that is being opened. */
export function newOwner(): Owner {
  const start = startOf(process.pid) ?? '0';
  const owner = `${BOOT}-${NAMESPACE}-${process.pid}-${start}-${randomBytes(4).toString('hex')}`;
  open.add(owner);
  return owner;
}

/** Ends the life of an owner of this process. */
export function endOwner(owner: Owner): void {
  open.delete(owner);
}

/**
 * What has become of an owner, as far as this process can see: it is `unseen` if it lives, or lived, on another machine, or
 * in another container.
 */
export function fateOf(owner: Owner): 'alive' | 'dead' | 'unseen' {
  const [, boot, namespace, pidText, start] = FORM.exec(owner) ?? [];
  if (boot !== BOOT || namespace !== NAMESPACE || pidText === undefined) return 'unseen';
  const pid = Number(pidText);
  if (pid === process.pid && start === (startOf(pid) ?? '0')) return open.has(owner) ? 'alive' : 'dead';
  return isRunning(pid, start) ? 'alive' : 'dead';
}

function isRunning(pid: number, start: string | undefined): boolean {
  if (HAS_PROC) return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
