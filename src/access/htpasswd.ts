/** A file of users and their passwords, one `name:hash` a line, as Apache's htpasswd writes it; read again when it changes. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { HTPASSWD_BYTES, HTPASSWD_LOOK_MS } from '../limits.access.ts';
import { hashProblem } from './passwords.ts';
import { userName } from './person.ts';

/** What a file says. */
export interface HtpasswdContent {
  /** The hashes of users, by their names. */
  readonly hashes: ReadonlyMap<string, string>;
  /** What cannot be used, each with its line. */
  readonly problems: readonly string[];
}

/** Reads the text of a file. Of a name that stands twice, the first line counts, as in Apache. */
export function parseHtpasswd(text: string): HtpasswdContent {
  const hashes = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const hash = line.slice(colon + 1);
    const problem = colon <= 0 ? 'must be NAME:HASH' : problemOf(name, hash, hashes);
    if (problem === undefined) hashes.set(name, hash);
    else problems.push(`line ${index + 1}: ${problem}`);
  }
  return { hashes, problems };
}

function problemOf(name: string, hash: string, before: ReadonlyMap<string, string>): string | undefined {
  const detail = userName(name);
  if (detail !== undefined) return `the user name ${JSON.stringify(name)} is not allowed: ${detail}`;
  if (before.has(name)) return `the user ${JSON.stringify(name)} stands in an earlier line`;
  const problem = hashProblem(hash);
  return problem && `the password of ${JSON.stringify(name)} ${problem}; set it with "headgate user passwd"`;
}

const EMPTY: HtpasswdContent = { hashes: new Map(), problems: [] };

/** The users of a file, which need not be there yet. */
export class Htpasswd {
  readonly file: string;
  readonly #now: () => Date;
  readonly #warn: (text: string) => void;
  #content = EMPTY;
  #seen: string | undefined;
  #looked = Number.NEGATIVE_INFINITY;

  /** `warn` is told what of the file cannot be used. */
  constructor(file: string, now: () => Date, warn: (text: string) => void) {
    this.file = file;
    this.#now = now;
    this.#warn = warn;
  }

  /** The hash of a user's password; undefined if there is no such user. */
  hashOf(name: string): string | undefined {
    this.#refresh();
    return this.#content.hashes.get(name);
  }

  /** Some user's hash, for a check that shall take as long as that of a user; undefined if there are none. */
  anyHash(): string | undefined {
    this.#refresh();
    return this.#content.hashes.values().next().value;
  }

  /** Looks at the file now and then, and reads it if it is another. While it cannot be read, what was read last counts. */
  #refresh(): void {
    const now = this.#now().getTime();
    if (now - this.#looked < HTPASSWD_LOOK_MS && now >= this.#looked) return;
    this.#looked = now;
    try {
      const status = statSync(this.file, { throwIfNoEntry: false });
      const seen = status && stampOf(status);
      if (seen === this.#seen) return;
      this.#content = status ? this.#read(status) : EMPTY;
      this.#seen = seen;
    } catch (error) {
      this.#warn(`${this.file} cannot be read, so passwords are as they were: ${String(error)}`);
    }
  }

  #read({ size }: Stats): HtpasswdContent {
    if (size > HTPASSWD_BYTES) throw new Error(`it has more than ${HTPASSWD_BYTES} bytes`);
    const content = parseHtpasswd(readFileSync(this.file, 'utf8'));
    for (const problem of content.problems) this.#warn(`${this.file}, ${problem}`);
    return content;
  }
}

function stampOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}
