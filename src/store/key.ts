/** Keys: text without NUL, in the order of their UTF-8 bytes. */
import { StoreError } from './store.ts';

/** Negative if `a` comes before `b` in the order of UTF-8 bytes, 0 if they are the same key, positive otherwise. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** UTF-16 has its surrogates (U+10000 and above) before U+E000 to U+FFFF; code points and UTF-8 have them after. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The first text, in the order of keys, after all that begin with the prefix; undefined if there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point === 0x10ffff) continue;
    // Surrogates are no characters of their own: after U+D7FF comes U+E000.
    return points.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}

/** The first key after this one: no key holds NUL, so nothing lies between a key and the key followed by U+0001. */
export function keyAfter(key: string): string {
  return `${key}\u0001`;
}

/** Whether text can be a key: it holds no NUL and no half of a surrogate pair (which would be another key in UTF-8). */
export function canBeKey(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/**
 * Refuses what cannot be a key or the prefix of one.
 * @throws {StoreError} unless `canBeKey`.
 */
export function checkKey(text: string): void {
  if (!canBeKey(text)) {
    throw new StoreError(`${JSON.stringify(text)} is no key: use text without NUL and without unpaired surrogates`);
  }
}
