/** Passwords as they are kept: as bcrypt or Argon2id hashes, in the form that their names have everywhere. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import {
  ARGON2_MEMORY_KIB,
  ARGON2_MOST_MEMORY_KIB,
  ARGON2_MOST_PASSES,
  ARGON2_PASSES,
  BCRYPT_MOST_COST,
} from '../limits.access.ts';

const SALT_BYTES = 16;
const TAG_BYTES = 32;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const ARGON2ID =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

/** An Argon2id hash, taken apart. */
interface Argon2Hash {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

const derive = promisify(argon2);

/** The hash of a new password: Argon2id, as OWASP recommends it. */
export async function hashPassword(password: string): Promise<string> {
  const hash = { memory: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, parallelism: 1, salt: randomBytes(SALT_BYTES) };
  const tag = await tagOf(password, hash, TAG_BYTES);
  return `$argon2id$v=19$m=${hash.memory},t=${hash.passes},p=1$${unpadded(hash.salt)}$${unpadded(tag)}`;
}

/** Why a hash cannot be used; undefined if it can. */
export function hashProblem(hash: string): string | undefined {
  const [, cost] = BCRYPT.exec(hash) ?? [];
  if (cost !== undefined) {
    return Number(cost) >= 4 && Number(cost) <= BCRYPT_MOST_COST
      ? undefined
      : `has a bcrypt cost of ${cost}, which must be 4 to ${BCRYPT_MOST_COST}`;
  }
  const argon = argon2Hash(hash);
  if (!argon) return 'is neither a bcrypt ($2y$…) nor an Argon2id ($argon2id$v=19$…) hash';
  const { memory, passes } = argon;
  if (memory <= ARGON2_MOST_MEMORY_KIB && passes <= ARGON2_MOST_PASSES) return undefined;
  return `takes more than ${ARGON2_MOST_MEMORY_KIB} KiB or ${ARGON2_MOST_PASSES} passes`;
}

/** Whether a password has a hash that can be used. Takes tens to hundreds of milliseconds, on other threads. */
export async function hasHash(password: string, hash: string): Promise<boolean> {
  const argon = argon2Hash(hash);
  if (argon) return timingSafeEqual(await tagOf(password, argon, argon.tag.length), argon.tag);
  const { matchesBcrypt } = await import('./bcrypt.ts');
  return matchesBcrypt(password, hash);
}

function argon2Hash(hash: string): Argon2Hash | undefined {
  const [, memory, passes, parallelism, salt, tag] = ARGON2ID.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) return undefined;
  const numbers = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  if (numbers.passes < 1 || numbers.parallelism < 1 || numbers.memory < 8 * numbers.parallelism) return undefined;
  return { ...numbers, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}

function tagOf(password: string, { memory, passes, parallelism, salt }: Omit<Argon2Hash, 'tag'>, bytes: number) {
  return derive('argon2id', { message: password, nonce: salt, parallelism, tagLength: bytes, memory, passes });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
