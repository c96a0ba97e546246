/**
 * What the filesystem driver asks of the disk, as one value, so that tests can put a full or broken disk in its place.
 *
 * What only touches names and the page cache (open, rename, stat, a write of a few KiB) is done at once: handing it to
 * a thread costs 35 to 60 µs of CPU against 3 to 25 µs for the call itself. What moves many bytes or waits for the
 * disk (pieces of 1 MiB, fsync, copies, folders of any size) goes to the thread pool.
 */
import {
  closeSync,
  constants,
  copyFile,
  fdatasync,
  fstatSync,
  fsync,
  ftruncate,
  mkdirSync,
  openSync,
  read,
  readdir,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
  writev,
} from 'node:fs';
import { BlobError, BlobsFull, BlobsUnavailable } from '../blobs.ts';

/** A file descriptor. */
export type Descriptor = number;

export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** When its content last changed. */
  readonly changed: Date;
}

/** Its functions throw Node's own errors (`code`, `syscall`); `diskError` translates them. */
export interface Disk {
  /** Opens a file or folder for reading, a file for reading and writing, or a new file (mode 0600) for both. */
  open(path: string, as: 'read' | 'write' | 'new'): Descriptor;
  close(fd: Descriptor): void;
  /** Bytes of an open file. */
  size(fd: Descriptor): number;
  /** The same, and when anything about the file was changed, in milliseconds since 1970: nobody can set that back. */
  state(fd: Descriptor): { readonly size: number; readonly touched: number };
  /** Facts of a file, or undefined if there is none. */
  facts(path: string): FileFacts | undefined;
  /** Whether there was a file of that name to rename. */
  rename(from: string, to: string): boolean;
  /** Whether there was a file of that name to unlink. */
  unlink(path: string): boolean;
  /** Makes a folder (mode 0700) if there is none. Whether it was made. */
  makeFolder(path: string): boolean;
  /** Removes a folder that is empty and leaves any other. */
  removeFolder(path: string): void;
  /** Names in a folder in no order; none if there is no such folder. */
  names(path: string): Promise<string[]>;
  /** Fills the buffer from a position, in this thread. Bytes read: fewer only at the end of the file. */
  readNow(fd: Descriptor, into: Buffer, position: number): number;
  /** The same in the thread pool. */
  read(fd: Descriptor, into: Buffer, position: number): Promise<number>;
  /** Writes all the bytes at a position, in this thread. */
  writeNow(fd: Descriptor, bytes: Uint8Array, position: number): void;
  /** Writes all the chunks at a position, in the thread pool. */
  write(fd: Descriptor, chunks: readonly Uint8Array[], position: number): Promise<void>;
  truncate(fd: Descriptor, length: number): Promise<void>;
  /** Resolves when the content and the facts of the file, or the names in the folder, are on the disk. */
  sync(fd: Descriptor): Promise<void>;
  /** Resolves when the content is on the disk. */
  syncContent(fd: Descriptor): Promise<void>;
  /** Copies a file to a new one, sharing blocks where the file system can. */
  copy(from: string, to: string): Promise<void>;
}

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  new: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

type Done<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/** The callback form costs less than `fs.promises`, which makes an object of every file and result. */
function promised<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

/** The `code` of an error of Node's fs, or undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The result, or the other one when a name does not exist. */
function unlessMissing<T>(act: () => T, missing: T): T {
  try {
    return act();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return missing;
    throw error;
  }
}

/** What is left to write after the first `count` bytes. */
function rest(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

/** A full disk may take a part before it refuses the rest, so writing goes on until all is written or it fails. */
async function writeAll(fd: Descriptor, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  let at = position;
  while (left.length > 0) {
    const pending = left;
    const from = at;
    const written = await promised<number>((done) => writev(fd, pending, from, (error, count) => done(error, count)));
    left = rest(left, written);
    at += written;
  }
}

/** The machine's own disk. */
export const machineDisk: Disk = {
  open: (path, as) => openSync(path, FLAGS[as], 0o600),
  close: (fd) => closeSync(fd),
  size: (fd) => fstatSync(fd).size,
  state(fd) {
    const { size, ctimeMs } = fstatSync(fd);
    return { size, touched: ctimeMs };
  },
  facts(path) {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : { size: stats.size, changed: stats.mtime };
  },
  rename: (from, to) =>
    unlessMissing(() => {
      renameSync(from, to);
      return true;
    }, false),
  unlink: (path) =>
    unlessMissing(() => {
      unlinkSync(path);
      return true;
    }, false),
  makeFolder(path) {
    try {
      mkdirSync(path, 0o700);
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST' && statSync(path).isDirectory()) return false;
      throw error;
    }
  },
  removeFolder(path) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
    }
  },
  async names(path) {
    try {
      return await promised<string[]>((done) => readdir(path, (error, names) => done(error, names)));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  },
  readNow(fd, into, position) {
    let filled = 0;
    while (filled < into.length) {
      const count = readSync(fd, into, filled, into.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  },
  async read(fd, into, position) {
    let filled = 0;
    while (filled < into.length) {
      const from = filled;
      const count = await promised<number>((done) =>
        read(fd, into, from, into.length - from, position + from, (error, bytes) => done(error, bytes)),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  },
  writeNow(fd, bytes, position) {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(fd, bytes, written, bytes.length - written, position + written);
    }
  },
  write: writeAll,
  truncate: (fd, length) => promised<void>((done) => ftruncate(fd, length, (error) => done(error, undefined))),
  sync: (fd) => promised<void>((done) => fsync(fd, (error) => done(error, undefined))),
  syncContent: (fd) => promised<void>((done) => fdatasync(fd, (error) => done(error, undefined))),
  copy: (from, to) =>
    promised<void>((done) => copyFile(from, to, constants.COPYFILE_FICLONE, (error) => done(error, undefined))),
};

/** Resolves when the names in a folder are on the disk. */
export async function syncFolder(disk: Disk, path: string): Promise<void> {
  const fd = disk.open(path, 'read');
  try {
    await disk.sync(fd);
  } catch (error) {
    // Some network and FUSE file systems cannot sync a folder and keep its names by their own means.
    if (errorCode(error) !== 'EINVAL') throw error;
  } finally {
    disk.close(fd);
  }
}

/** An error of the disk as the seam's own; any other value unchanged. */
export function diskError(error: unknown, doing: string): unknown {
  const code = errorCode(error);
  if (error instanceof BlobError || code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const what = code === 'ENOSPC' ? 'the disk is full' : 'the disk quota is used up';
    return new BlobsFull(`cannot ${doing}: ${what}; free space or enlarge the volume of the blob store`, {
      cause: error,
    });
  }
  return new BlobsUnavailable(`cannot ${doing}: the blob store's disk answered ${code}`, { cause: error });
}
