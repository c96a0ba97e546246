/**
 * `npm test`: gets the real programs that tests need, then runs every test, or those named: `npm test -- 'src/store/**'`.
 * The last lines are node's counts and, in plain words, `N passed, N failed`. Fails too if no test ran at all.
 */
import { globSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { getParts } from './parts.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const TESTS = ['src/**/*.test.ts', 'test/**/*.test.ts'];
/** Test files that run at the same time. More would only make them wait for each other, and some look at the clock. */
const FILES_AT_ONCE = 2;
const SOAK_SECONDS = Number(process.env.SOAK_SECONDS ?? 0);
/** Milliseconds after which a test counts as hanging; a soak takes longer. */
const TEST_TIMEOUT_MS = (10 * 60 + 2 * SOAK_SECONDS) * 1000;
/** Milliseconds after which everything ends but a soak: the process of a file may hang when its tests are over. */
const RUN_TIMEOUT_MS = 28 * 60 * 1000;

interface Counts {
  readonly tests: number;
  readonly passed: number;
  /** With those that were cancelled. */
  readonly failed: number;
  readonly skipped: number;
}

process.exitCode = await main(process.argv.slice(2));

/** Runs the tests; resolves to the exit status. */
async function main(patterns: readonly string[]): Promise<number> {
  process.chdir(root);
  try {
    getParts((line) => console.log(`parts: ${line}`));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  const named = patterns.length > 0 ? patterns : TESTS;
  const files = globSync(named).filter((path) => path.endsWith('.test.ts'));
  if (files.length === 0) {
    console.error(`no test file matches ${named.join(' ')}`);
    return 1;
  }
  return report(await runFiles(files.sort()));
}

async function runFiles(files: readonly string[]): Promise<Counts> {
  const counts = { tests: 0, passed: 0, failed: 0, skipped: 0 };
  const empty: string[] = [];
  const end = SOAK_SECONDS > 0 ? {} : { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) };
  const tests = run({ files: [...files], concurrency: FILES_AT_ONCE, timeout: TEST_TIMEOUT_MS, ...end });
  // A file in which no test ran counts as a test of its own name, and passes.
  tests.on('test:pass', ({ name, file }) => file === name && empty.push(name));
  tests.on('test:summary', ({ file, counts: { tests, passed, skipped, todo } }) => {
    // The last summary is of no file but of all. What neither passed nor was left out failed or was cancelled.
    if (file === undefined) Object.assign(counts, { tests, passed, skipped, failed: tests - passed - skipped - todo });
  });
  const lines = tests.compose(new spec());
  lines.pipe(process.stdout, { end: false });
  await finished(lines);
  for (const file of empty) console.error(`${file} ran no test`);
  return { ...counts, passed: counts.passed - empty.length, failed: counts.failed + empty.length };
}

/** The closing lines, and the exit status. */
function report({ tests, passed, failed, skipped }: Counts): number {
  console.log(`\n# tests ${tests}\n# pass ${passed}\n# fail ${failed}\n# skipped ${skipped}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (passed > 0) return failed > 0 ? 1 : 0;
  console.error('no test ran');
  return 1;
}
