/** Small files that only their owner may read: keys, tokens, kubeconfigs. Written whole or not at all. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file that is needed and cannot be used. The message says which, why, and what to do. */
export class UnusableFile extends Error {
  override name = 'UnusableFile';
  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
  }
}

/**
 * Makes a folder that only its owner may enter, and those above it, unless they are there.
 * Own code because `mkdirSync` with `recursive` never ends where a file system refuses with ENOENT (/proc).
 */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isCode(error, 'EEXIST') && statSync(path).isDirectory()) return;
    if (!isCode(error, 'ENOENT') || existsSync(dirname(path))) throw error;
    makePrivateFolder(dirname(path));
    makePrivateFolder(path);
  }
}

/** The text of a file, or undefined if there is none. Closes it to other users if it was open to them. */
export function readPrivateFile(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return undefined;
  // Another user's file is that user's to protect.
  if ((status.mode & 0o077) !== 0 && status.uid === process.getuid?.()) chmodSync(path, 0o600);
  return readFileSync(path, 'utf8');
}

/**
 * Makes a file unless there is one. Returns what is there then: when several processes do this at once, all of them get
 * the text of the one that was first.
 */
export function createPrivateFile(path: string, text: string): string {
  const temporary = writeTemporary(path, text);
  try {
    // A link is made whole or not at all and, unlike a rename, never replaces what is there.
    linkSync(temporary, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    return readFileSync(path, 'utf8');
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(dirname(path));
  return text;
}

/** Makes or replaces a file; does nothing if it holds that text already. */
export function replacePrivateFile(path: string, text: string): void {
  if (readPrivateFile(path) === text) return;
  const temporary = writeTemporary(path, text);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function writeTemporary(path: string, text: string): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return temporary;
}

/** Without it a crash may forget that the file has its name. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
