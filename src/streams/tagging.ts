/**
 * Moving one tag in the store: reads only the stream's head and the histories that the move touches, and commits them
 * together with whatever belongs to the move (the Image, links). Pushes and ImageStreamMappings come this way.
 */
import { CONFLICT_TRIES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { type FieldError, forbiddenField, invalid, modified } from '../objects/errors.ts';
import { isMarkConflict, restricted, restrictionCheck, restrictionsFor } from '../objects/restrictions.ts';
import { inTurn } from '../objects/turns.ts';
import { parsed } from '../objects/values.ts';
import { type Change, CommitConflict, type Entry, type Store } from '../store/store.ts';
import { followersOf, moveTag, newest } from './history.ts';
import { findStream, imageStreams, streamKey, tagPart } from './imagestream.ts';
import { limitsStreams, streamExcess } from './limits.ts';
import { mayRefuse, newHistoryErrors, registryPolicy } from './registrypolicy.ts';
import { recordMoves, type TagMoveCause } from './tagmove.ts';
import type { ImageStream, NamedTagEventList, TagEvent } from './types.ts';

/** The stream's head: without the histories in its status. */
export interface StreamHead {
  readonly stream: ImageStream;
  readonly entry: Entry;
}

/** A stream's head, or undefined. */
export async function readHead(ctx: Context, namespace: string, name: string): Promise<StreamHead | undefined> {
  const entry = await ctx.store.get(streamKey(namespace, name));
  return entry && { stream: parsed(imageStreams, ctx.settings, { head: entry, parts: [] }), entry };
}

/** One move of a tag of a stream that exists or is made by it. */
export interface TagChange {
  readonly namespace: string;
  readonly name: string;
  readonly tag: string;
  readonly cause: TagMoveCause;
  /**
   * Called on each try with what is there; gives the event and the changes that belong into the commit. For a stream that
   * does not exist, `create` among the changes makes it.
   */
  plan(head: StreamHead | undefined, ctx: Context): Promise<TagPlan>;
}

export interface TagPlan {
  /** Where the tag is to point; null if it is to go. */
  readonly event: TagEvent | null;
  /** The stream's spec, for its followers. */
  readonly stream: ImageStream;
  readonly changes: readonly Change[];
  /** Whether to commit `changes` when the tag is there already. */
  readonly always: boolean;
  /** Whether the tag may have been moved by somebody else since the first try. */
  readonly steal: boolean;
  /** The image that `changes` keep from being collected already. */
  readonly spared?: string;
}

/**
 * Moves the tag, with the tags that track it. Resolves once that is durable.
 * @throws {DomainError} what `plan` throws; Conflict if others kept changing the stream, or, unless the plan steals, moved
 *   this very tag meanwhile.
 */
export function changeTag(ctx: Context, change: TagChange): Promise<void> {
  return inTurn(ctx.store, streamKey(change.namespace, change.name), () => tryToChange(ctx, change));
}

async function tryToChange(ctx: Context, change: TagChange): Promise<void> {
  let seen: TagEvent | null | undefined;
  for (let tries = 1; ; tries++) {
    const head = await readHead(ctx, change.namespace, change.name);
    const once = async (inner: Context): Promise<void> => {
      const plan = await change.plan(head, inner);
      const histories = await readHistories(inner.store, change, plan.stream);
      const current = newest(histories.get(change.tag));
      if (seen !== undefined && !plan.steal && seen && moved(seen, current)) throw modified(imageStreams, change.name);
      seen = current;
      await commitMove(inner, change, head, plan, histories);
    };
    try {
      // Only a stream that is made is charged to quotas.
      await restricted(ctx, change.namespace, head === undefined, once);
      return;
    } catch (error) {
      if (!(error instanceof CommitConflict) || isMarkConflict(error, change.namespace)) throw error;
      if (tries >= CONFLICT_TRIES) throw modified(imageStreams, change.name);
    }
  }
}

function moved(before: TagEvent, now: TagEvent | null): boolean {
  return before.image !== now?.image || before.dockerImageReference !== now.dockerImageReference;
}

async function readHistories(
  store: Store,
  { namespace, name, tag }: TagChange,
  stream: ImageStream,
): Promise<Map<string, NamedTagEventList>> {
  const tags = [tag, ...followersOf({ namespace, name, tags: stream.spec?.tags ?? [] }, tag)];
  const histories = new Map<string, NamedTagEventList>();
  for (const each of tags) {
    const entry = await store.get(streamKey(namespace, name) + tagPart(each));
    if (entry) histories.set(each, JSON.parse(entry.value.toString()) as NamedTagEventList);
  }
  return histories;
}

async function commitMove(
  ctx: Context,
  { namespace, name, tag, cause }: TagChange,
  head: StreamHead | undefined,
  plan: TagPlan,
  histories: ReadonlyMap<string, NamedTagEventList>,
): Promise<void> {
  const followed = { namespace, name, tags: plan.stream.spec?.tags ?? [] };
  const { changed, drafts } = moveTag(followed, histories, { tag, event: plan.event, cause });
  const changes: Change[] = [...plan.changes, restrictionCheck(await restrictionsFor(ctx, namespace))];
  if (changed.size === 0) {
    if (plan.always && plan.changes.length > 0 && !ctx.dryRun) await ctx.store.commit(changes);
    return;
  }
  await refuseExcess(ctx, plan.stream, changed);
  const key = streamKey(namespace, name);
  // The head is written with every move, so that its revision is the stream's.
  if (head) changes.push({ op: 'put', key, value: head.entry.value, expect: head.entry.revision });
  for (const [each, history] of changed) {
    const part = key + tagPart(each);
    if (history) changes.push({ op: 'put', key: part, value: Buffer.from(JSON.stringify(history)) });
    else changes.push({ op: 'delete', key: part });
  }
  changes.push(...(await recordMoves(ctx, namespace, name, drafts, plan.spared)));
  if (!ctx.dryRun) await ctx.store.commit(changes);
}

/**
 * Refuses what the status may not become. The namespace's LimitRanges and the list of allowed registries are about all of
 * a stream, which is read whole only if they may have something against it.
 */
async function refuseExcess(
  ctx: Context,
  { metadata, spec }: ImageStream,
  changed: ReadonlyMap<string, NamedTagEventList | null>,
): Promise<void> {
  const { namespace = '', name = '' } = metadata;
  const { limits } = await restrictionsFor(ctx, namespace);
  const policy = registryPolicy(ctx.settings, metadata);
  if (!limitsStreams(limits) && !(policy && mayRefuse(policy, changed.values()))) return;
  const old = await findStream(ctx, namespace, name);
  const histories = new Map(old?.status?.tags?.map((history) => [history.tag, history]));
  for (const [tag, history] of changed) {
    if (history) histories.set(tag, history);
    else histories.delete(tag);
  }
  const status = { dockerImageRepository: '', tags: [...histories.values()] };
  const next: ImageStream = { metadata, ...(spec && { spec }), status };
  const excess = streamExcess(limits, old, next);
  const errors: FieldError[] = excess === undefined ? [] : [forbiddenField('imageStream', excess)];
  if (policy) errors.push(...newHistoryErrors(policy, next, old));
  if (errors.length > 0) throw invalid(imageStreams, name, errors);
}
