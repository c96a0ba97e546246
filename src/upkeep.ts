/** What goes on in the background, in one process at a time among all that share the store. */
import { startCollector } from './cluster/collector.ts';
import { dropOldEvents } from './cluster/events.ts';
import { keepNamespaces } from './cluster/namespacecontents.ts';
import { dropExpiredTokens } from './cluster/oauthexpiry.ts';
import { keepPullSecrets } from './cluster/pullsecrets.ts';
import { startPurge } from './cluster/purge.ts';
import { startQuotaCounts } from './cluster/quotacounts.ts';
import { startRoleUpkeep } from './cluster/roleupkeep.ts';
import { keepTokenSecrets } from './cluster/tokensecrets.ts';
import { startCollecting } from './collecting/schedule.ts';
import type { Config } from './config.ts';
import { EXPIRY_CHECK_MS, UPLOAD_STALE_SECONDS } from './limits.ts';
import type { Context } from './objects/context.ts';
import type { Resource } from './objects/resource.ts';
import type { ContentMetrics } from './observe/contentmetrics.ts';
import type { Logger } from './observe/logs.ts';
import { dropStaleUploads } from './registry/sessions.ts';
import { type Ongoing, whileLeading } from './store/leadership.ts';
import { startPendingImports } from './streams/pendingimports.ts';

/**
 * Begins the upkeep as soon as this process leads it: what is deleted is cleared away, what is limited is counted, roles are
 * kept as they should be, garbage is collected. One that slept while another took over changes nothing any more.
 */
export function startUpkeep(
  ctx: Context,
  resources: readonly Resource[],
  { collection, metrics }: Pick<Config, 'collection'> & { readonly metrics: ContentMetrics },
  logger: Logger,
): Ongoing {
  const begin = async (store: Context['store']): Promise<Ongoing> => {
    await using opened = new AsyncDisposableStack();
    await beginAll(opened, { ...ctx, store }, resources, { ...collection, metrics, logger });
    const running = opened.move();
    return { close: () => running.disposeAsync() };
  };
  return whileLeading(ctx.store, 'upkeep', begin, (err) => {
    logger.error({ err }, 'the upkeep in the background could not begin; it is tried again');
  });
}

type Collecting = Config['collection'] & { readonly metrics: ContentMetrics; readonly logger: Logger };

async function beginAll(
  opened: AsyncDisposableStack,
  ctx: Context,
  resources: readonly Resource[],
  collecting: Collecting,
): Promise<void> {
  const { logger } = collecting;
  opened.adopt(await startPurge(ctx, resources), (it) => it.close());
  opened.adopt(startQuotaCounts(ctx, resources), (it) => it.close());
  opened.adopt(await startCollector(ctx, resources), (it) => it.close());
  const expiry = setInterval(() => void dropOld(ctx, logger), EXPIRY_CHECK_MS).unref();
  opened.defer(() => clearInterval(expiry));
  opened.adopt(await startCollecting(ctx, collecting), (it) => it.close());
  const notLookedAt = (what: string) => (err: unknown) =>
    logger.warn({ err }, `${what} could not be looked at; the next start tries again`);
  opened.adopt(keepTokenSecrets(ctx, notLookedAt('secrets that wait for tokens')), (it) => it.close());
  opened.adopt(keepNamespaces(ctx, notLookedAt('what belongs into every namespace')), (it) => it.close());
  opened.adopt(startRoleUpkeep(ctx, notLookedAt('default roles and bindings')), (it) => it.close());
  const failed = notLookedAt('tags that wait for their import');
  opened.adopt(startPendingImports(ctx, { failed }), (it) => it.close());
  opened.adopt(keepPullSecrets(ctx, notLookedAt('pull secrets of service accounts')), (it) => it.close());
}

/** Drops uploads that nobody went on with, events that are old, and tokens that are over. */
async function dropOld(ctx: Context, logger: Logger): Promise<void> {
  try {
    await dropStaleUploads(ctx, new Date(ctx.now().getTime() - UPLOAD_STALE_SECONDS * 1000));
    await dropOldEvents(ctx);
    await dropExpiredTokens(ctx);
  } catch (err) {
    logger.warn({ err }, 'stale uploads, events or tokens could not be dropped; they will be tried again');
  }
}
