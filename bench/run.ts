/**
 * `npm run bench`: measures Headgate, beside Debian's docker-registry where that can do the same, and prints a table.
 * `-- --quick` takes about a minute, without it less than eight; `--json FILE` keeps all figures; `--only NAME` takes
 * one of starts, registry, objects. See docs/performance.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { getParts } from '../test/parts.ts';
import { type Effort, FULL, QUICK } from './effort.ts';
import { measureObjects } from './objects.ts';
import { measureRegistry } from './registry.ts';
import { measureStarts } from './starts.ts';
import { Figures, markdown } from './table.ts';

const GROUPS: Readonly<Record<string, (folder: string, effort: Effort, figures: Figures) => Promise<void>>> = {
  starts: measureStarts,
  registry: measureRegistry,
  objects: measureObjects,
};

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'string' }, only: { type: 'string' } },
});

getParts((line) => console.error(`parts: ${line}`), 'bench');
const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const effort = values.quick ? QUICK : FULL;
const figures = new Figures();
const begun = performance.now();
for (const [name, measure] of Object.entries(GROUPS)) {
  if (values.only === undefined || values.only === name) await measure(join(folder, name), effort, figures);
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
console.log(`${markdown(rows)}\n
µs, s/GiB: CPU time of the server for a request or a GiB; s, ms: time that passed. Medians of ${effort.rounds} rounds (least–most).
${machine.cpu}, Node ${machine.node}, load ${machine.load.toFixed(1)} at the end of ${machine.minutes.toFixed(1)} minutes.`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
