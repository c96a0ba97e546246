/** Tokens and codes whose time is over are worth nothing; from time to time they are deleted as well. */
import { expiryOf } from '../access/oauthtokens.ts';
import type { Context } from '../objects/context.ts';
import { eachKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { parsed } from '../objects/values.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { oauthAccessTokens } from './oauthaccesstokens.ts';
import { oauthAuthorizeTokens } from './oauthauthorizetokens.ts';
import type { Grant } from './oauthfields.ts';

/** Deletes all that are over. @throws {StoreError} */
export async function dropExpiredTokens(ctx: Context): Promise<void> {
  await dropExpired(ctx, oauthAccessTokens);
  await dropExpired(ctx, oauthAuthorizeTokens);
}

async function dropExpired<T extends Grant>(ctx: Context, resource: Resource<T>): Promise<void> {
  const now = ctx.now().getTime();
  const over: Change[] = [];
  await eachKept(ctx.store, resource, '', (kept) => {
    const { metadata, expiresIn = 0 } = parsed(resource, ctx.settings, kept);
    if (expiryOf({ metadata, expiresIn }) > now) return;
    over.push({ op: 'delete', key: kept.head.key, expect: kept.head.revision });
  });
  for (const change of over) await deleted(ctx, change);
}

/** One that somebody else deletes or changes at this moment is left to the next time. */
async function deleted(ctx: Context, change: Change): Promise<void> {
  try {
    await ctx.store.commit([change]);
  } catch (error) {
    if (!(error instanceof CommitConflict)) throw error;
  }
}
