/** Chance that can be repeated: the same seed gives the same numbers. */
export interface Random {
  /** From 0 to 1, without 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** One of some. */
  pick<T>(some: readonly [T, ...T[]]): T;
  chance(probability: number): boolean;
  /** Another sequence, which this one decides. */
  fork(): Random;
}

/** A 32-bit seed gives a sequence (the generator known as mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick: (some) => some[between(0, some.length - 1)] ?? some[0],
    chance: (probability) => next() < probability,
    fork: () => randomFrom(between(0, 2 ** 32 - 1)),
  };
}
