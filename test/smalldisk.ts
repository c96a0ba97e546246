/** A file system of a few MiB that can be filled up and freed again. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './program.ts';

const MiB = 1024 * 1024;
/** What Docker gives to containers, which may not mount anything, is small enough to be filled. */
const SHARED_MEMORY = '/dev/shm';
const SHARED_MEMORY_MOST_MIB = 256;

export interface SmallDisk extends Disposable {
  /** A folder on it. */
  readonly folder: string;
  /** Fills it up but for so many bytes. */
  fill(leaveBytes: number): void;
  /** Takes away what `fill` has put there. */
  free(): void;
  /** Uses up the names of files, so that none can be made; whether that can be done here. `free` gives them back. */
  useNames(): boolean;
}

/** @throws {Error} saying what to do, where none can be had. */
export function smallDisk(megabytes: number): SmallDisk {
  const mounted = join(temporaryFolder(), 'disk');
  mkdirSync(mounted);
  const options = `size=${megabytes}m,nr_inodes=2000`;
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mounted], { encoding: 'utf8' });
  if (made.status === 0) {
    const unmount = (): void => void spawnSync('umount', ['-l', mounted]);
    process.on('exit', unmount);
    return diskIn(mounted, true, unmount);
  }
  const { blocks, bsize } = statfsSync(SHARED_MEMORY);
  if (blocks * bsize > SHARED_MEMORY_MOST_MIB * MiB) {
    throw new Error(`a full disk cannot be tried here: run the tests as root (mount said: ${made.stderr?.trim()})`);
  }
  console.warn(`smalldisk: nothing can be mounted here, so ${SHARED_MEMORY} is filled up instead`);
  const folder = mkdtempSync(join(SHARED_MEMORY, 'headgate-'));
  return diskIn(folder, false, () => rmSync(folder, { recursive: true, force: true }));
}

function diskIn(root: string, ownNames: boolean, end: () => void): SmallDisk {
  const folder = join(root, 'data');
  const ballast = join(root, 'ballast');
  mkdirSync(folder);
  mkdirSync(ballast);
  const free = (): void => {
    rmSync(ballast, { recursive: true, force: true });
    mkdirSync(ballast);
  };
  return {
    folder,
    free,
    fill(leaveBytes) {
      const { bavail, bsize } = statfsSync(root);
      const file = openSync(join(ballast, String(performance.now())), 'w');
      let left = bavail * bsize - leaveBytes;
      try {
        for (; left > 0; left -= MiB) writeSync(file, Buffer.alloc(Math.min(left, MiB), 1));
      } catch (error) {
        if (!isFull(error)) throw error;
      } finally {
        closeSync(file);
      }
    },
    useNames() {
      if (!ownNames) return false;
      try {
        for (let number = 0; ; number++) closeSync(openSync(join(ballast, `name-${number}`), 'w'));
      } catch (error) {
        if (!isFull(error)) throw error;
        return true;
      }
    },
    [Symbol.dispose]: end,
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
