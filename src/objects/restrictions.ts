/**
 * What restricts writes into a namespace: its LimitRanges and ResourceQuotas. Whoever changes one of them writes the
 * namespace's mark as well, and whatever is held to them checks the mark in its own commit. So a process remembers what it
 * has read of them and looks at nothing, and yet no write, in no process, slips past a restriction that stood before it.
 */
import { RESTRICTIONS_KEPT } from '../limits.ts';
import { type Awaitable, type Change, CommitConflict, type Revision, type Store } from '../store/store.ts';
import { cacheOfEach } from './cache.ts';
import type { Context } from './context.ts';
import { DomainError } from './errors.ts';
import { inTurn } from './turns.ts';

/** Where LimitRange objects are kept. */
export const LIMIT_RANGE_PREFIX = '/limitranges/';
/** Where ResourceQuota objects are kept. */
export const QUOTA_PREFIX = '/resourcequotas/';

/** One entry of a LimitRange's spec. Amounts are quantities. */
export interface LimitRangeItem {
  type: string;
  max?: Record<string, string>;
  min?: Record<string, string>;
  default?: Record<string, string>;
  defaultRequest?: Record<string, string>;
  maxLimitRequestRatio?: Record<string, string>;
}

/** What restricts writes into a namespace, as one write sees it. */
export interface Restrictions {
  readonly namespace: string;
  /** The revision of the namespace's mark; 0 if nothing restricts it. */
  readonly mark: Revision;
  /** Of all LimitRanges, in the order of their names. */
  readonly limits: readonly LimitRangeItem[];
  readonly hasQuotas: boolean;
  /** Whether the write has the turn that writes which are charged to quotas take. */
  readonly turn?: true;
}

function markKey(namespace: string): string {
  return `/restrictions/${namespace}`;
}

const cacheOf = cacheOfEach<Store, Restrictions>(RESTRICTIONS_KEPT);

/**
 * What restricts a write: what its try has seen already, or what is remembered. A commit that is held to it needs
 * `restrictionCheck`. Throws as `Store.get`.
 */
export function restrictionsFor(ctx: Context, namespace: string): Awaitable<Restrictions> {
  const { restrictions } = ctx;
  return restrictions?.namespace === namespace ? restrictions : restrictionsOf(ctx.store, namespace, ctx.dryRun);
}

/** Nothing outside namespaces is restricted. */
const NO_NAMESPACE: Restrictions = { namespace: '', mark: 0, limits: [], hasQuotas: false };

/**
 * What restricts writes into a namespace ('': none).
 * @param fresh Whether to look at the mark: for a write whose commit cannot tell that what is remembered is old.
 */
export function restrictionsOf(store: Store, namespace: string, fresh: boolean): Awaitable<Restrictions> {
  if (namespace === '') return NO_NAMESPACE;
  const known = cacheOf(store).get(namespace);
  return known && !fresh ? known : read(store, namespace, known);
}

async function read(store: Store, namespace: string, known: Restrictions | undefined): Promise<Restrictions> {
  const mark = (await store.get(markKey(namespace)))?.revision ?? 0;
  if (known?.mark === mark) return known;
  const found = mark === 0 ? { limits: [], hasQuotas: false } : await readAll(store, namespace);
  const restrictions = { namespace, mark, ...found };
  cacheOf(store).set(namespace, restrictions, 1);
  return restrictions;
}

async function readAll(store: Store, namespace: string): Promise<Pick<Restrictions, 'limits' | 'hasQuotas'>> {
  const ranges = await store.list(`${LIMIT_RANGE_PREFIX}${namespace}/`);
  const quotas = await store.list(`${QUOTA_PREFIX}${namespace}/`, { limit: 1 });
  const limits = ranges.entries.flatMap(({ value }) => {
    const { spec } = JSON.parse(value.toString()) as { spec?: { limits?: LimitRangeItem[] | null } };
    return spec?.limits ?? [];
  });
  return { limits, hasQuotas: quotas.entries.length > 0 };
}

/** Belongs into a commit that is held to the restrictions: it fails if they have been changed since. */
export function restrictionCheck({ namespace, mark }: Restrictions): Change {
  return { op: 'check', key: markKey(namespace), expect: mark };
}

/**
 * Belongs into the commit that writes a LimitRange or ResourceQuota, whose key is given, or (`gone`) deletes it: every
 * write that is under way has to look again.
 */
export async function markChange(ctx: Context, namespace: string, object: string, gone: boolean): Promise<Change> {
  const { mark } = await restrictionsFor(ctx, namespace);
  const key = markKey(namespace);
  if (gone && (await isLast(ctx.store, namespace, object))) return { op: 'delete', key, expect: mark };
  return { op: 'put', key, value: Buffer.from('{}'), expect: mark };
}

async function isLast(store: Store, namespace: string, object: string): Promise<boolean> {
  for (const prefix of [LIMIT_RANGE_PREFIX, QUOTA_PREFIX]) {
    const { entries } = await store.list(`${prefix}${namespace}/`, { limit: 2 });
    if (entries.some(({ key }) => key !== object)) return false;
  }
  return true;
}

/** Whether a commit failed because the restrictions of a namespace have been changed: `restricted` then tries again. */
export function isMarkConflict(error: unknown, namespace: string): boolean {
  return error instanceof CommitConflict && error.key === markKey(namespace);
}

/**
 * Whether a write failed because what it had seen of the restrictions is old; they are then read again by the next try.
 */
export async function isOutdated(store: Store, seen: Restrictions, error: unknown): Promise<boolean> {
  const { namespace, mark } = seen;
  if (isMarkConflict(error, namespace)) {
    cacheOf(store).delete(namespace);
    return true;
  }
  // What refuses a write may be gone by now, or something else refuse it first; a refusal makes no commit that could tell.
  if (!(error instanceof DomainError)) return false;
  return (await restrictionsOf(store, namespace, true)).mark !== mark;
}

/**
 * Runs one try of a write that is held to the restrictions, and again whenever they turn out to have been changed
 * meanwhile. Writes that are `charged` to quotas take turns: each changes what the next is measured by.
 */
export async function restricted<T>(
  ctx: Context,
  namespace: string,
  charged: boolean,
  write: (ctx: Context) => Promise<T>,
): Promise<T> {
  const outer = ctx.restrictions;
  if (outer?.namespace === namespace) {
    if (!charged || outer.turn || !outer.hasQuotas) return write(ctx);
    return inTurn(ctx.store, markKey(namespace), () => write(restrictedContext(ctx, { ...outer, turn: true })));
  }
  for (;;) {
    const seen = await restrictionsOf(ctx.store, namespace, ctx.dryRun);
    try {
      if (!charged || !seen.hasQuotas) return await write(restrictedContext(ctx, seen));
      const mine: Restrictions = { ...seen, turn: true };
      return await inTurn(ctx.store, markKey(namespace), () => write(restrictedContext(ctx, mine)));
    } catch (error) {
      if (!(await isOutdated(ctx.store, seen, error))) throw error;
    }
  }
}

/**
 * A request as one try of a write sees it: without `signal`, since nobody gives up in the middle of a commit. A class, as
 * the contexts of requests are, since their members are not all own.
 */
class RestrictedContext implements Context {
  readonly store: Context['store'];
  readonly blobs: Context['blobs'];
  readonly authorizer: Context['authorizer'];
  readonly settings: Context['settings'];
  readonly accountTokens: Context['accountTokens'];
  readonly userTokens: Context['userTokens'];
  readonly user: Context['user'];
  readonly dryRun: boolean;
  declare readonly fieldManager?: string;
  readonly restrictions: Restrictions;
  readonly #ctx: Context;

  constructor(ctx: Context, restrictions: Restrictions) {
    this.store = ctx.store;
    this.blobs = ctx.blobs;
    this.authorizer = ctx.authorizer;
    this.settings = ctx.settings;
    this.accountTokens = ctx.accountTokens;
    this.userTokens = ctx.userTokens;
    this.user = ctx.user;
    this.dryRun = ctx.dryRun;
    if (ctx.fieldManager !== undefined) this.fieldManager = ctx.fieldManager;
    this.restrictions = restrictions;
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

/** The context with what a try of a write has seen of the restrictions. */
export function restrictedContext(ctx: Context, restrictions: Restrictions): Context {
  return new RestrictedContext(ctx, restrictions);
}
