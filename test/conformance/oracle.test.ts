/**
 * Replays what the real openshift-apiserver and kube-apiserver answered (`../shared/oracle`, beside the checkout) and
 * compares. `equal.json` says how many answers of each scenario are equal. It is kept exact: a scenario that gets worse
 * fails, and so does one that gets better until the table says so.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { part } from '../parts.ts';
import { run } from '../program.ts';
import { REPLICAS, startServer } from '../server.ts';

const ORACLE = fileURLToPath(new URL('../../../shared/oracle', import.meta.url));
const TABLE = fileURLToPath(new URL('equal.json', import.meta.url));

/** Milliseconds that one suite may take; it takes about a minute on a slow machine. */
const SUITE_TIMEOUT_MS = 5 * 60_000;

/** The repository that the recorded answers name as the server's own. */
const REGISTRY_HOST = 'registry.bars.test:5000';

/** The same program, but each request has a connection of its own, so that a balancer spreads them. */
const EACH_ALONE = `
import sys
sys.path.insert(0, sys.argv.pop(1))
import differ
call = differ.Client.call
def alone(self, *args):
    try:
        return call(self, *args)
    finally:
        self.close()
differ.Client.call = alone
differ.main()
`;

interface Suite {
  readonly recorded: string;
  /** How many answers were recorded. */
  readonly answers: number;
}

const SUITES = {
  image: { recorded: 'golden.json', answers: 521 },
  kube: { recorded: 'kube-golden.json', answers: 560 },
} as const satisfies Record<string, Suite>;

type SuiteName = keyof typeof SUITES;
type Counts = Readonly<Record<string, number>>;

for (const name of Object.keys(SUITES) as SuiteName[]) {
  test(`the answers of the real server, suite ${name}`, { timeout: SUITE_TIMEOUT_MS }, async (t) => {
    const { recorded, answers } = SUITES[name];
    if (!existsSync(join(ORACLE, recorded))) {
      const words = `NOT REPLAYED: ${answers} recorded answers of suite ${name}; ${ORACLE} is not there`;
      console.error(words);
      t.diagnostic(words);
      assert.equal(tableOf(name).total, answers, 'equal.json must still account for every recorded answer');
      return;
    }
    const { equal, report } = await replay(name, recorded);
    t.diagnostic(`${sum(equal)} of ${answers} recorded answers of suite ${name} are equal`);
    const expected = tableOf(name).equal;
    const changed = Object.keys({ ...expected, ...equal }).filter((scenario) => expected[scenario] !== equal[scenario]);
    if (changed.length === 0) return;
    const lines = changed.map((scenario) => `  ${scenario}: ${equal[scenario]} equal, ${expected[scenario]} listed`);
    assert.fail(
      `test/conformance/equal.json is not true any more. What got better belongs into it; what got worse must be mended:\n${lines.join('\n')}\n${report}`,
    );
  });
}

interface Table {
  readonly equal: Counts;
  readonly total: number;
}

/** The table's part about a suite: equal answers a scenario, and how many there are in all. */
function tableOf(name: SuiteName): Table {
  const table = JSON.parse(readFileSync(TABLE, 'utf8')) as Record<SuiteName, Record<string, [number, number]>>;
  const rows = Object.entries(table[name]);
  return {
    equal: Object.fromEntries(rows.map(([scenario, [equal]]) => [scenario, equal])),
    total: rows.reduce((total, [, [, of]]) => total + of, 0),
  };
}

/** Sends a suite to a server of its own; gives how many answers of each scenario are equal, and what is not. */
async function replay(name: SuiteName, recorded: string): Promise<{ equal: Counts; report: string }> {
  await using server = await startServer({ flags: ['--registry-host', REGISTRY_HOST, '--import-allow-private'] });
  const asked = ['compare', join(ORACLE, recorded), '--suite', name, '--base', server.apiUrl, '--token', server.token];
  const program = REPLICAS > 1 ? ['-c', EACH_ALONE, ORACLE] : [join(ORACLE, 'differ.py')];
  const { stdout, stderr } = await run('python3', [...program, ...asked], {
    env: { ...process.env, REGISTRY_BIN: part('docker-registry') },
    timeoutMs: SUITE_TIMEOUT_MS,
  });
  const equal = [...stdout.matchAll(/^([a-z][a-z-]*): (\d+)\/\d+$/gm)].map(
    ([, scenario = '', count]) => [scenario, Number(count)] as const,
  );
  assert.ok(equal.length > 0, `differ.py compared nothing; python3 said:\n${stdout}${stderr}`);
  return { equal: Object.fromEntries(equal), report: stdout };
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
