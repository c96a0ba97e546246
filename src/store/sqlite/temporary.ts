/** Files for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The path of a file that does not exist yet, in a folder of its own, and how to throw that away. */
export async function temporaryFile(): Promise<{ readonly file: string; discard(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-store-'));
  return { file: join(folder, 'store.db'), discard: () => rm(folder, { recursive: true, force: true }) };
}
