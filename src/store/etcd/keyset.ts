/** A set of keys in their order, for very many of them. */
import { compareKeys } from '../key.ts';

/** Keys of a piece at most; a piece that grows beyond is cut in two. */
const PIECE_KEYS = 512;

/** Pieces of sorted keys, each of at least one. */
export class KeySet {
  #pieces: string[][] = [];
  #size = 0;
  /** Whether UTF-16 orders all keys as UTF-8 does, so that the engine's own comparison will do. */
  #plain = true;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    const keys = this.#pieces[this.#pieceOf(key)];
    return keys !== undefined && keys[this.#place(keys, key)] === key;
  }

  add(key: string): void {
    this.#plain &&= isPlain(key);
    const at = this.#pieceOf(key);
    const keys = this.#pieces[at];
    if (!keys) {
      this.#pieces.push([key]);
      this.#size += 1;
      return;
    }
    const index = this.#place(keys, key);
    if (keys[index] === key) return;
    keys.splice(index, 0, key);
    this.#size += 1;
    if (keys.length > PIECE_KEYS) this.#pieces.splice(at + 1, 0, keys.splice(PIECE_KEYS / 2));
  }

  delete(key: string): void {
    const at = this.#pieceOf(key);
    const keys = this.#pieces[at];
    const index = keys ? this.#place(keys, key) : 0;
    if (!keys || keys[index] !== key) return;
    keys.splice(index, 1);
    this.#size -= 1;
    if (keys.length === 0) this.#pieces.splice(at, 1);
  }

  /** Adds keys that come, in order, after all that are there. */
  append(sorted: readonly string[]): void {
    for (let at = 0; at < sorted.length; at += PIECE_KEYS / 2) this.#pieces.push(sorted.slice(at, at + PIECE_KEYS / 2));
    this.#size += sorted.length;
    this.#plain &&= sorted.every(isPlain);
  }

  clear(): void {
    this.#pieces = [];
    this.#size = 0;
    this.#plain = true;
  }

  /** The keys from one (inclusive) to another (exclusive; undefined: to the end), but no more than so many. */
  slice(from: string, to: string | undefined, most: number): string[] {
    const found: string[] = [];
    const first = this.#pieceOf(from);
    for (let at = first; at < this.#pieces.length && found.length < most; at++) {
      const keys = this.#pieces[at] ?? [];
      const begin = at === first ? this.#place(keys, from) : 0;
      const end = this.#endIn(keys, to);
      for (let index = begin; index < end && found.length < most; index++) found.push(keys[index] ?? '');
      if (end < keys.length) break;
    }
    return found;
  }

  /** How many keys there are from one (inclusive) to another (exclusive). */
  count(from: string, to: string | undefined): number {
    const first = this.#pieceOf(from);
    let count = 0;
    for (let at = first; at < this.#pieces.length; at++) {
      const keys = this.#pieces[at] ?? [];
      const begin = at === first ? this.#place(keys, from) : 0;
      const end = this.#endIn(keys, to);
      count += Math.max(0, end - begin);
      if (end < keys.length) break;
    }
    return count;
  }

  /** The index of the piece that holds, or would hold, a key: the last one that does not begin after it. */
  #pieceOf(key: string): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(key, this.#pieces[middle]?.[0] ?? '')) high = middle;
      else low = middle + 1;
    }
    return Math.max(0, low - 1);
  }

  /** The index of the first key of a piece that is not before this one. */
  #place(keys: readonly string[], key: string): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(keys[middle] ?? '', key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The index of the first key of a piece that is not before `to`. */
  #endIn(keys: readonly string[], to: string | undefined): number {
    const last = keys.at(-1);
    if (to === undefined || last === undefined || this.#isBefore(last, to)) return keys.length;
    return this.#place(keys, to);
  }

  /** One of them is of the set, and if that is plain, the other may be anything. */
  #isBefore(a: string, b: string): boolean {
    return this.#plain ? a < b : compareKeys(a, b) < 0;
  }
}

/** Surrogates come before U+E000 to U+FFFF in UTF-16, and after them in UTF-8. */
function isPlain(key: string): boolean {
  return !/[\ud800-\uffff]/.test(key);
}
