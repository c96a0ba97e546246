/** Bounding how much is done at the same time. */

/** Runs work when it is its turn: at most so much at a time, in the order in which it was asked for. */
export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>;
}

/** Turns of which at most `limit` are taken at the same time. */
export function makeTurns(limit: number): Turns {
  let taken = 0;
  const waiting: (() => void)[] = [];
  return {
    async take(work) {
      if (taken >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
      else taken++;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else taken--;
      }
    },
  };
}
