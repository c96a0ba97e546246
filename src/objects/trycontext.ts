/** A request as one try of a write sees it. */
import { guessing } from '../store/guess.ts';
import type { Store } from '../store/store.ts';
import type { Context } from './context.ts';
import type { Restrictions } from './restrictions.ts';

/**
 * Without `signal`, since nobody gives up in the middle of a commit. A class, as the contexts of requests are, since their
 * members are not all own.
 */
export class TryContext implements Context {
  readonly store: Context['store'];
  readonly blobs: Context['blobs'];
  readonly authorizer: Context['authorizer'];
  readonly settings: Context['settings'];
  readonly accountTokens: Context['accountTokens'];
  readonly userTokens: Context['userTokens'];
  readonly user: Context['user'];
  readonly dryRun: boolean;
  declare readonly fieldManager?: string;
  declare readonly restrictions?: Restrictions;
  readonly #ctx: Context;

  constructor(
    ctx: Context,
    { store, restrictions }: { readonly store: Store; readonly restrictions?: Restrictions | undefined },
  ) {
    this.store = store;
    this.blobs = ctx.blobs;
    this.authorizer = ctx.authorizer;
    this.settings = ctx.settings;
    this.accountTokens = ctx.accountTokens;
    this.userTokens = ctx.userTokens;
    this.user = ctx.user;
    this.dryRun = ctx.dryRun;
    if (ctx.fieldManager !== undefined) this.fieldManager = ctx.fieldManager;
    if (restrictions !== undefined) this.restrictions = restrictions;
    this.#ctx = ctx;
  }

  now(): Date {
    return this.#ctx.now();
  }

  uid(): string {
    return this.#ctx.uid();
  }

  suffix(characters: number): string {
    return this.#ctx.suffix(characters);
  }

  warn(text: string): void {
    this.#ctx.warn(text);
  }
}

/** `guessing` for a write of a request, unless it is a dry run: that has no commit which could show a guess to be right. */
export function guessed<T>(ctx: Context, write: (ctx: Context) => Promise<T>): Promise<T> {
  if (ctx.dryRun) return write(ctx);
  return guessing(ctx.store, (store) => {
    const same = store === ctx.store;
    return write(same ? ctx : new TryContext(ctx, { store, restrictions: ctx.restrictions }));
  });
}
