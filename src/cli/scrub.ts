/** `headgate scrub`: reads all content again and holds it against its digests. */
import { type Scrubbed, scrubContent } from '../collecting/scrub.ts';
import { parseConfig } from '../config.ts';
import { makeLogger } from '../observe/logs.ts';
import { openServices } from '../services.ts';
import { bytesText, takeFlag } from './words.ts';

const HELP = `Usage: headgate scrub [--dry-run] [--data DIR] [--store URL] [--blobs URL]

Reads all content again and holds it against its digests. What is damaged goes into quarantine: it is kept under the
digest that it really has, and clients are told that it is not there, so that pushing the image again mends it. Prints
which images are hurt, and ends with 1 if any are. Servers may go on meanwhile.

  --dry-run  change nothing
`;

/**
 * Scrubs and prints what is hurt.
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
  const scrubbed = await scrubContent(services, dryRun);
  process.stdout.write(report(scrubbed, dryRun));
  if (scrubbed.hurt.length > 0) process.exitCode = 1;
}

const STAYS = 'and stays where it is, since the disk is full: make room, and scrub again';

function report({ blobs, bytes, hurt }: Scrubbed, dryRun: boolean): string {
  const lines = hurt.map(({ digest, state, actual, images }) => {
    const kept = dryRun ? '' : `, and kept as ${actual}`;
    const what = { missing: 'is missing', damaged: `is damaged${kept}`, stays: `is damaged, ${STAYS}` }[state];
    const whom = images.length > 0 ? `hurts ${images.join(', ')}` : 'no image needs it';
    return `${digest} ${what}: ${whom}\n`;
  });
  const verdict = hurt.length === 0 ? 'all is well' : `${hurt.length} hurt; push their images again`;
  return `${lines.join('')}${blobs} blobs, ${bytesText(bytes)} read: ${verdict}\n`;
}
