/** Fuzzing with a memory: what once failed is tried again, each time, before anything new. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';

/** Seeds of failures, by the name of the test. It is part of the repository: commit it with the cure. */
const SEEDS = fileURLToPath(new URL('seeds.json', import.meta.url));

/** Where fast-check begins, and the path to the smallest input that failed. */
interface Seed {
  readonly seed: number;
  readonly path: string;
}

type Seeds = Readonly<Record<string, readonly Seed[]>>;

function seeds(): Seeds {
  return existsSync(SEEDS) ? (JSON.parse(readFileSync(SEEDS, 'utf8')) as Seeds) : {};
}

/**
 * A test that `holds` does not throw for any input. The seed of a failure is printed and kept in `seeds.json`.
 *
 * @param runs How many inputs are tried.
 */
export function fuzz<T>(
  name: string,
  input: fc.Arbitrary<T>,
  runs: number,
  holds: (input: T) => void | Promise<void>,
): void {
  test(name, async () => {
    const property = fc.asyncProperty(input, async (value) => holds(value));
    for (const { seed, path } of seeds()[name] ?? []) await fc.assert(property, { seed, path, endOnFailure: true });
    const outcome = await fc.check(property, { numRuns: runs });
    if (!outcome.failed) return;
    keep(name, { seed: outcome.seed, path: outcome.counterexamplePath ?? '' });
    throw new Error(`${fc.defaultReportMessage(outcome)}\nkept in ${SEEDS}`);
  });
}

function keep(name: string, seed: Seed): void {
  const known = seeds();
  const all = { ...known, [name]: [...(known[name] ?? []), seed] };
  writeFileSync(SEEDS, `${JSON.stringify(all, null, 2)}\n`);
}
