/** Why a command failed, in words for whoever ran it. */
import { userInfo } from 'node:os';
import { UnusableFile } from '../access/privatefile.ts';
import { BlobError } from '../blobs/blobs.ts';
import { ConfigError } from '../config.ts';
import { DomainError } from '../objects/errors.ts';
import { StoreError } from '../store/store.ts';
import { ServerRefusal } from './serverrefusal.ts';

/** An error of the operating system as Node throws it. */
interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** 2 for what is wrong with the command line or the settings, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  return error instanceof ConfigError ? 2 : 1;
}

/** What is wrong, where, and what to do. An error that nobody foresaw comes with its stack: it is a bug. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.map((problem) => `headgate: ${problem}`).join('\n');
  const own = [UnusableFile, StoreError, BlobError, DomainError, ServerRefusal];
  if (error instanceof Error && own.some((kind) => error instanceof kind)) {
    return `headgate: ${error.message}`;
  }
  if (isSystemError(error)) return `headgate: ${explainSystem(error)}`;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `headgate: this is a bug, please report it: ${text}`;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'code' in error && 'syscall' in error && typeof error.code === 'string';
}

function explainSystem(error: SystemError): string {
  const { code, syscall, address, port, path } = error;
  const where = syscall === 'getaddrinfo' ? error.hostname : `${address}:${port}`;
  if (syscall === 'listen' || syscall === 'getaddrinfo' || syscall === 'bind') {
    return `cannot listen on ${where}: ${LISTENING[code] ?? error.message}`;
  }
  return path === undefined ? error.message : `cannot use ${path}: ${filesOf(code) ?? error.message}`;
}

const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'something listens there already, perhaps another headgate; choose another with --listen or --registry-listen',
  EACCES: 'ports below 1024 need more rights; choose a higher one with --listen or --registry-listen',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --listen or --registry-listen',
  ENOTFOUND: 'the name is not known; choose another with --listen or --registry-listen',
};

function filesOf(code: string): string | undefined {
  const choose = 'or choose another folder with --data';
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `the user ${userInfo().username} may not; give that user the rights, ${choose}`;
    case 'EROFS':
      return `the file system is read-only; make it writable, ${choose}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full; make room, ${choose}`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `there is a file where a folder should be; move it away, ${choose}`;
    case 'EISDIR':
      return `there is a folder where a file should be; move it away, ${choose}`;
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit (ulimit -n)';
    default:
      return undefined;
  }
}
