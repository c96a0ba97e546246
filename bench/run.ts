/**
 * `npm run bench`: measures Headgate, beside Debian's docker-registry where that can do the same, and prints a table.
 * `-- --quick` takes about a minute, without it less than eight; `--json FILE` keeps all figures; `--only NAME` takes
 * one of starts, registry, objects; access; or replicas, which is two servers on etcd and S3. See docs/performance.md.
 *
 * `npm run bench:registry`: measures the registry alone beside more of its peers; `ZOT=PROGRAM` adds zot. `-- --write FILE`
 * writes a page (docs/registry-bench.md).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { getParts } from '../test/parts.ts';
import { measureAccess } from './access.ts';
import { type Effort, FULL, QUICK } from './effort.ts';
import { measureObjects } from './objects.ts';
import { measureRegistries, measureRegistry } from './registry.ts';
import { measureReplicas } from './replicas.ts';
import { measureStarts } from './starts.ts';
import { Figures, markdown, type Row } from './table.ts';

type Group = (folder: string, effort: Effort, figures: Figures) => Promise<void>;

/** What is measured where nothing is said. */
const GROUPS: Readonly<Record<string, Group>> = {
  starts: measureStarts,
  registry: measureRegistry,
  objects: measureObjects,
};

/** What is measured only if it is named. */
const NAMED: Readonly<Record<string, Group>> = {
  registries: measureRegistries,
  access: measureAccess,
  replicas: measureReplicas,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    write: { type: 'string' },
  },
});
const { only } = values;
const groups = only === undefined ? GROUPS : { [only]: { ...GROUPS, ...NAMED }[only] };

const say = (line: string): void => console.error(`parts: ${line}`);
getParts(say, 'bench');
if (only === 'registries') getPeers();
const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const usual = values.quick ? QUICK : FULL;
const effort = { ...usual, rounds: Number(values.rounds ?? usual.rounds) };
const figures = new Figures();
const begun = performance.now();
for (const [name, measure] of Object.entries(groups)) {
  if (measure === undefined) throw new Error(`there is no group of measures called ${name}`);
  await measure(join(folder, name), effort, figures);
}
const rows = figures.rows();
const [cpu] = cpus();
const machine = {
  cpu: `${cpus().length} × ${cpu?.model ?? 'unknown'}`,
  node: process.version,
  load: loadavg()[0] ?? 0,
  minutes: (performance.now() - begun) / 60_000,
  ...effort,
};
const report = reportOf(rows);
console.log(report);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
if (values.write !== undefined) {
  writeFileSync(
    values.write,
    readFileSync(values.write, 'utf8').replace(/(?<=<!-- measured -->\n).*$/s, `\n${report}\n`),
  );
}
// What a program that was measured has left open must not keep this one.
process.exit();

/** What cannot be got is not measured. */
function getPeers(): void {
  try {
    getParts(say, 'peers');
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

function reportOf(measured: readonly Row[]): string {
  const { cpu: processor, node, load, minutes, rounds } = machine;
  return `${markdown(measured)}

µs, s/GiB: CPU time of the server for a request or a GiB; s, ms: time that passed, or CPU time where it says so. Medians of
${rounds} rounds (least–most). ${processor}, Node ${node}, load ${load.toFixed(1)} at the end of ${minutes.toFixed(1)} minutes.`;
}
