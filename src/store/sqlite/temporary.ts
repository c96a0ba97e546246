/** Files and stores for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';

/** The path of a file that does not exist yet, in a folder of its own, and how to throw that away. */
export async function temporaryFile(): Promise<{ readonly file: string; discard(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-store-'));
  return { file: join(folder, 'store.db'), discard: () => rm(folder, { recursive: true, force: true }) };
}

/** Runs a test with a store in a file of its own. */
export async function withStore(
  options: Omit<SqliteStoreOptions, 'file'>,
  body: (store: Store, file: string) => Promise<void>,
): Promise<void> {
  const temporary = await temporaryFile();
  const store = await openSqliteStore({ ...options, file: temporary.file });
  try {
    await body(store, temporary.file);
  } finally {
    await store.close();
    await temporary.discard();
  }
}
