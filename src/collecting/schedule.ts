/** Collects garbage now and then, for as long as the server runs. */
import { COLLECTION_FIRST_SECONDS, COLLECTION_RETRY_SECONDS, COLLECTION_SOON_SECONDS } from '../limits.work.ts';
import type { Services } from '../objects/context.ts';
import type { ContentMetrics } from '../observe/contentmetrics.ts';
import type { Logger } from '../observe/logs.ts';
import type { Collection } from './collector.ts';
import { anyExpedited, whenExpedited } from './grace.ts';

export interface ScheduleOptions {
  /** Undefined: only after somebody has asked for it (`expedite`). */
  readonly intervalSeconds: number | undefined;
  readonly graceSeconds: number;
  readonly metrics?: Pick<ContentMetrics, 'collected' | 'notCollected'>;
  readonly logger: Logger;
}

/** Work that goes on in the background. */
export interface Schedule {
  /** Ends it; a run under way is finished first. */
  close(): Promise<void>;
}

/**
 * Begins. Every replica may: of runs that meet, one goes on. What somebody asked for is tried until it was done, also if
 * that was asked of a process that has died since.
 */
export async function startCollecting(services: Services, options: ScheduleOptions): Promise<Schedule> {
  const { intervalSeconds, logger } = options;
  let closed = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let asked = false;
  const plan = (seconds: number | undefined): void => {
    clearTimeout(timer);
    if (!closed && seconds !== undefined) timer = setTimeout(run, seconds * 1000).unref();
  };
  const run = (): void => {
    const owed = asked;
    asked = false;
    running = collectOnce(services, options)
      .catch((err: unknown) => {
        options.metrics?.notCollected();
        logger.warn({ err }, 'garbage could not be collected; another run tries again');
        return false;
      })
      .then((done) => {
        running = undefined;
        asked ||= owed && !done;
        const usual = asked ? COLLECTION_SOON_SECONDS : intervalSeconds;
        if (done) plan(usual);
        else plan(Math.min(intervalSeconds ?? COLLECTION_RETRY_SECONDS, COLLECTION_RETRY_SECONDS));
      });
  };
  // Of many that come together, as when images are pruned, the first begins the wait for all. A run under way may have
  // looked already, so what comes meanwhile waits for its end, and is seen to by another.
  const watch = await whenExpedited(services, () => {
    if (!asked && !running) plan(COLLECTION_SOON_SECONDS);
    asked = true;
  });
  asked ||= await anyExpedited(services);
  if (asked) plan(COLLECTION_SOON_SECONDS);
  else plan(intervalSeconds && Math.min(intervalSeconds, COLLECTION_FIRST_SECONDS));
  return {
    async close() {
      closed = true;
      watch.close();
      clearTimeout(timer);
      await running;
    },
  };
}

/** Whether all is done: another run may be under way, which has looked already, or deletions of one that died may be left. */
async function collectOnce(services: Services, { graceSeconds, metrics, logger }: ScheduleOptions): Promise<boolean> {
  // Loaded when it is needed: most servers collect only what somebody asks for.
  const { collectGarbage } = await import('./collector.ts');
  const began = performance.now();
  const collection = await collectGarbage(services, { graceSeconds, dryRun: false });
  if (!collection) return false;
  const deleted = countDeleted(collection);
  const fields = {
    deleted,
    freed: collection.freed,
    waiting: collection.findings.length - deleted,
    live: collection.live,
    ms: Math.round(performance.now() - began),
  };
  metrics?.collected(fields, fields.ms / 1000);
  if (deleted > 0) logger.info(fields, 'garbage collected');
  else logger.debug(fields, 'no garbage to collect');
  return !collection.unfinished;
}

function countDeleted({ findings }: Collection): number {
  return findings.filter(({ deleted }) => deleted).length;
}
