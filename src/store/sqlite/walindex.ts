/**
 * Tells, for one system call, whether anything was committed to a SQLite file. A read through SQLite itself takes a lock
 * and gives it back: three system calls before the first row is looked at.
 */
import { openSync, readSync, statSync } from 'node:fs';

/**
 * The header of SQLite's wal-index (the `-shm` file), which every commit of any process changes before it is acknowledged:
 * it counts transactions and holds the checksum of the log's last page (sqlite.org/walformat.html, "The WAL-Index Header").
 */
const HEADER_BYTES = 48;

/**
 * Descriptors by device and inode. They stay open: closing one would drop the locks that SQLite holds on the file for
 * this process (POSIX locks belong to a process, not to a descriptor).
 */
const descriptors = new Map<string, number>();

/** Watches the wal-index of one file that this process has open in WAL mode. */
export class WalIndex {
  readonly #descriptor: number;
  #seen = Buffer.alloc(HEADER_BYTES);
  #now = Buffer.alloc(HEADER_BYTES);
  #first = true;

  /** @param file Path of the SQLite file. @throws What the file system says if there is no `-shm` file beside it. */
  constructor(file: string) {
    const path = `${file}-shm`;
    const { dev, ino } = statSync(path);
    const name = `${dev}:${ino}`;
    const descriptor = descriptors.get(name) ?? openSync(path, 'r');
    descriptors.set(name, descriptor);
    this.#descriptor = descriptor;
  }

  /**
   * False if nothing was committed since the last call, true at the first. A header that is read while it is written
   * equals no other, so it counts as a change now and at the next call: never a change that is missed.
   */
  changed(): boolean {
    const read = readSync(this.#descriptor, this.#now, 0, HEADER_BYTES, 0);
    if (!this.#first && read === HEADER_BYTES && this.#now.equals(this.#seen)) return false;
    this.#first = read !== HEADER_BYTES;
    [this.#seen, this.#now] = [this.#now, this.#seen];
    return true;
  }
}
