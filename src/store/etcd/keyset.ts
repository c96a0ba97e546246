/** A set of keys in their order, for very many of them. */
import { compareKeys } from '../key.ts';

/** Keys of a piece at most; a piece that grows beyond is cut in two. */
const PIECE_KEYS = 512;

/** Pieces of sorted keys, each of at least one. */
export class KeySet {
  #pieces: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    const keys = this.#pieces[this.#pieceOf(key)];
    return keys !== undefined && keys[place(keys, key)] === key;
  }

  add(key: string): void {
    const at = this.#pieceOf(key);
    const keys = this.#pieces[at];
    if (!keys) {
      this.#pieces.push([key]);
      this.#size += 1;
      return;
    }
    const index = place(keys, key);
    if (keys[index] === key) return;
    keys.splice(index, 0, key);
    this.#size += 1;
    if (keys.length > PIECE_KEYS) this.#pieces.splice(at + 1, 0, keys.splice(PIECE_KEYS / 2));
  }

  delete(key: string): void {
    const at = this.#pieceOf(key);
    const keys = this.#pieces[at];
    const index = keys ? place(keys, key) : 0;
    if (!keys || keys[index] !== key) return;
    keys.splice(index, 1);
    this.#size -= 1;
    if (keys.length === 0) this.#pieces.splice(at, 1);
  }

  /** Adds keys that come, in order, after all that are there. */
  append(sorted: readonly string[]): void {
    for (let at = 0; at < sorted.length; at += PIECE_KEYS / 2) this.#pieces.push(sorted.slice(at, at + PIECE_KEYS / 2));
    this.#size += sorted.length;
  }

  clear(): void {
    this.#pieces = [];
    this.#size = 0;
  }

  /** The keys from one (inclusive) to another (exclusive; undefined: to the end), but no more than so many. */
  slice(from: string, to: string | undefined, most: number): string[] {
    const found: string[] = [];
    const first = this.#pieceOf(from);
    for (let at = first; at < this.#pieces.length && found.length < most; at++) {
      const keys = this.#pieces[at] ?? [];
      const begin = at === first ? place(keys, from) : 0;
      const end = endIn(keys, to);
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
      const begin = at === first ? place(keys, from) : 0;
      const end = endIn(keys, to);
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
      if (compareKeys(this.#pieces[middle]?.[0] ?? '', key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The index of the first key that is not before this one. */
function place(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the first key that is not before `to`. */
function endIn(keys: readonly string[], to: string | undefined): number {
  const last = keys.at(-1);
  if (to === undefined || last === undefined || compareKeys(last, to) < 0) return keys.length;
  return place(keys, to);
}
