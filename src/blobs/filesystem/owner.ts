/**
 * Who holds an upload: one opened driver of one process. Its name tells other processes of the machine whether it is
 * still alive: `<boot>-<pid>-<start of the process>-<random>`. So a hold of a process that was killed is recognised,
 * also when its pid has been given to another process since.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errorCode } from './disk.ts';

export type Owner = string;

const FORM = /^([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}$/;

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

/** When a process started, in ticks since boot (field 22 of its stat), or undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  // The command, field 2, may hold spaces and brackets: count from the last closing one.
  const stat = readProc(`/proc/${pid}/stat`);
  return stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}

/** A name for a driver that is being opened. */
export function newOwner(): Owner {
  const owner = `${BOOT}-${process.pid}-${startOf(process.pid) ?? '0'}-${randomBytes(4).toString('hex')}`;
  open.add(owner);
  return owner;
}

/** Ends the life of an owner of this process. */
export function endOwner(owner: Owner): void {
  open.delete(owner);
}

/**
 * Whether an owner may still be at work. A process of another container on the same volume cannot be seen and counts
 * as dead; holds.ts takes an upload over in a way that is safe even then.
 */
export function ownerLives(owner: Owner): boolean {
  const [, boot, pidText, start] = FORM.exec(owner) ?? [];
  if (boot !== BOOT || pidText === undefined) return false;
  const pid = Number(pidText);
  if (pid === process.pid) return open.has(owner);
  if (HAS_PROC) return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
