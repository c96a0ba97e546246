/** Changing a file of users and passwords: whole or not at all, and one change at a time. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { HTPASSWD_LOCK_MS } from '../limits.access.ts';
import { readPrivateFile, replacePrivateFile, UnusableFile } from './privatefile.ts';

const LOOK_MS = 20;

/** A user's line is put at the end, or where it was. Resolves to whether the user was there before. */
export function setPassword(file: string, name: string, hash: string): Promise<boolean> {
  return changed(file, (lines) => {
    const at = lines.findIndex((line) => line.startsWith(`${name}:`));
    if (at < 0) return { lines: [...lines, `${name}:${hash}`], found: false };
    return { lines: lines.with(at, `${name}:${hash}`), found: true };
  });
}

/** Takes a user out. Resolves to whether there was such a user. */
export function removeUser(file: string, name: string): Promise<boolean> {
  return changed(file, (lines) => {
    const left = lines.filter((line) => !line.startsWith(`${name}:`));
    return { lines: left, found: left.length < lines.length };
  });
}

interface Outcome {
  readonly lines: readonly string[];
  readonly found: boolean;
}

async function changed(file: string, change: (lines: readonly string[]) => Outcome): Promise<boolean> {
  const unlock = await locked(file);
  try {
    const text = readPrivateFile(file) ?? '';
    const { lines, found } = change(text.split('\n').filter((line) => line !== ''));
    replacePrivateFile(file, lines.map((line) => `${line}\n`).join(''));
    return found;
  } finally {
    unlock();
  }
}

/** A folder is the lock: making one happens for one process only. */
async function locked(file: string): Promise<() => void> {
  const lock = `${file}.lock`;
  for (let waited = 0; ; waited += LOOK_MS) {
    try {
      mkdirSync(lock);
      return () => rmdirSync(lock);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      if (waited < HTPASSWD_LOCK_MS) await pause(LOOK_MS);
      else throw new UnusableFile(lock, 'is there: another command changes users; if none does, remove that folder');
    }
  }
}
