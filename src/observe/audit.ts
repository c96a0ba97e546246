/**
 * The audit trail: one line of JSON for each write, for each request that was refused, and for each login. Never with a
 * secret in it, and never in the way of requests: what cannot be written down is told in the log.
 */
import type { Stats } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import {
  AUDIT_AGAIN_MS,
  AUDIT_COMPLAINT_MS,
  AUDIT_FILE_BYTES,
  AUDIT_FILES,
  AUDIT_GATHER_MS,
  AUDIT_LINES,
  AUDIT_TEXT_CHARACTERS,
} from '../limits.access.ts';

/** What is recorded. */
export interface AuditRecord {
  /** Where it came in; `login` for what was decided before. */
  readonly edge: 'kube' | 'registry' | 'oauth' | 'observe' | 'login';
  /** The id by which client and server both know the request. */
  readonly requestID?: string;
  /** Whom the request acted as; missing if that was not found out. */
  readonly user?: string;
  /** Who it really was, if somebody acted as another. */
  readonly impersonator?: string;
  /** `create`, `delete`, `push`, `login`… */
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly repository?: string;
  /** Without its query. */
  readonly path?: string;
  readonly dryRun?: true;
  /** The client of OAuth. */
  readonly client?: string;
  /** The address of the client. */
  readonly from?: string;
  /** The status of the answer. */
  readonly code: number;
  /** Why it was refused. */
  readonly reason?: string;
}

/** Takes records. */
export type Audit = (record: AuditRecord) => void;

export interface AuditOptions {
  /** A file, or `-` for standard output. */
  readonly target: string;
  readonly now: () => Date;
  /** Told that lines could not be written, and how many were lost so far. */
  readonly failed: (error: unknown, lost: number) => void;
  /** Bytes from which on a file is put aside; AUDIT_FILE_BYTES if it is not given. */
  readonly fileBytes?: number;
}

/** Tokens of all kinds, wherever they have got to: into a path, a name that was asked for, a user name. */
const TOKENS = /sha256~[A-Za-z0-9_-]{43}|registry~[A-Za-z0-9_.-]+|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+/g;

/** A line, without its end. Exported for tests. */
export function auditLine(record: AuditRecord, now: Date): string {
  const line: Record<string, unknown> = { time: now.toISOString(), ...record };
  for (const [key, value] of Object.entries(line)) {
    if (typeof value === 'string' && value.length > AUDIT_TEXT_CHARACTERS) {
      line[key] = `${value.slice(0, AUDIT_TEXT_CHARACTERS)}…`;
    }
  }
  return JSON.stringify(line).replace(TOKENS, (token) => `${token.slice(0, 11)}…`);
}

/** Writes records, in order, in the background. */
export class AuditTrail {
  readonly #options: AuditOptions;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #inode: number | undefined;
  #lost = 0;
  #complained = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Ends a pause. */
  #wake: (() => void) | undefined;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Takes a record; it is on its way to the disk a turn later, or, while there are many, as soon as some have gathered. */
  readonly record: Audit = (record) => {
    // While nothing can be written, the latest are kept.
    if (this.#lines.length >= AUDIT_LINES) {
      this.#lines.shift();
      this.#lost++;
    }
    this.#lines.push(`${auditLine(record, this.#options.now())}\n`);
    this.#writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#writeAll());
  };

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      try {
        await this.#write(lines.join(''));
        await this.#pause(AUDIT_GATHER_MS);
      } catch (error) {
        this.#lines = [...lines, ...this.#lines].slice(-AUDIT_LINES);
        this.#complain(error);
        if (this.#closed) break;
        await this.#pause(AUDIT_AGAIN_MS);
      }
    }
    this.#writing = undefined;
  }

  /** Waits for so many milliseconds, or until it is closed. */
  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #complain(error: unknown): void {
    const now = this.#options.now().getTime();
    if (now - this.#complained < AUDIT_COMPLAINT_MS) return;
    this.#complained = now;
    this.#options.failed(error, this.#lost);
  }

  async #write(text: string): Promise<void> {
    const { target } = this.#options;
    if (target === '-') {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
      });
      return;
    }
    const file = await this.#openFile(target);
    try {
      await file.appendFile(text);
    } catch (error) {
      await this.#letGo();
      throw error;
    }
  }

  /** The file, opened anew when it is another than before: a large one is put aside, here, by another process, by logrotate. */
  async #openFile(path: string): Promise<FileHandle> {
    const status = await stat(path).catch(() => undefined);
    if (status && status.size >= (this.#options.fileBytes ?? AUDIT_FILE_BYTES)) await putAside(path, status);
    else if (this.#file && status?.ino === this.#inode) return this.#file;
    await this.#letGo();
    const file = await open(path, 'a', 0o600);
    this.#file = file;
    this.#inode = (await file.stat()).ino;
    return file;
  }

  async #letGo(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}

/** `audit.log` becomes `audit.log.1`, that `.2`, and so on; the last is dropped. */
async function putAside(path: string, seen: Stats): Promise<void> {
  const still = await stat(path).catch(() => undefined);
  if (still?.ino !== seen.ino) return;
  for (let number = AUDIT_FILES - 1; number >= 1; number--) {
    await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(() => undefined);
  }
  await rename(path, `${path}.1`);
}
