/** What SQLite's own errors mean to the callers of a store. */
import { StoreError, StoreFull, StoreUnavailable } from '../store.ts';

/** Primary result codes, https://sqlite.org/rescode.html: the low byte of an extended code. */
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;

/** Whether another process holds a lock, so that trying again will help. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** Whether SQLite says that the file is damaged or not its own. */
export function isDamaged(error: unknown): boolean {
  const code = resultCode(error);
  return code === CORRUPT || code === NOTADB;
}

/** The store's error for whatever was thrown while the file was used. */
export function storeFailure(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error;
  if (isDamaged(error)) return damaged(file, error);
  const code = resultCode(error);
  if (code === FULL) {
    return new StoreFull(`the disk of ${file} is full: nothing was changed; free some space`, { cause: error });
  }
  if (isBusy(error)) {
    const advice = 'see whether a backup or another program keeps it open';
    return new StoreUnavailable(`${file} is locked by another process: ${advice}`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailable(`${file} cannot be used: ${reason}`, { cause: error });
}

/** A file whose contents cannot be trusted. */
export function damaged(file: string, cause: unknown): StoreUnavailable {
  const advice = 'restore it, without its -wal and -shm files, from a backup, or name another file';
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailable(`${file} is damaged or not a Headgate store (${reason}): ${advice}`, { cause });
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}
