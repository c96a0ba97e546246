/** `headgate gc`: collects garbage once, or tells what would be collected. */
import { type Collection, collectGarbage } from '../collecting/collector.ts';
import { parseConfig } from '../config.ts';
import { makeLogger } from '../observe/logs.ts';
import { openServices } from '../services.ts';
import { bytesText, takeFlag } from './words.ts';

const HELP = `Usage: headgate gc [--dry-run] [--gc-grace DURATION] [--data DIR] [--store URL] [--blobs URL]

Deletes content to which no tag, no history, no index and no subject leads any more, if that has been so for longer
than --gc-grace. A server does this by itself with --gc-interval; both may run at the same time, and pushes may go on.

  --dry-run  delete nothing; print what would be deleted, and why
`;

/**
 * Collects and prints what came of it.
 * @throws {ConfigError}, and what opening and using the data throws.
 */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const { found: dryRun, rest } = takeFlag(args, '--dry-run');
  const config = parseConfig(rest, process.env);
  await using services = await openServices(config, makeLogger({ level: config.logLevel, format: config.logFormat }));
  const { graceSeconds } = config.collection;
  const options = { graceSeconds, dryRun, sizes: true, wait: true };
  const collection = await collectGarbage(services, options);
  if (collection) process.stdout.write(report(collection, dryRun));
}

function report({ findings, live, freed }: Collection, dryRun: boolean): string {
  const lines = findings.map(({ digest, kind, why, content, size, due, deleted }) => {
    const what = content ? `${kind} ${bytesText(size ?? 0)}` : `${kind}, only let go of`;
    return `${digest}  ${what}  ${why}${deleted ? '' : `; waits until ${due.toISOString()}`}\n`;
  });
  const deleted = findings.filter((found) => found.deleted).length;
  const verb = dryRun ? 'would be deleted' : 'deleted';
  const waiting = findings.length - deleted;
  const end = `${deleted} ${verb}, ${bytesText(freed)} ${dryRun ? 'would be freed' : 'freed'}; ${waiting} wait, ${live} are in use\n`;
  return lines.join('') + end;
}
