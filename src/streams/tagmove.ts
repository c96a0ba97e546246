/** The record of tag moves: the past of every tag, which outlives the tag, its stream and OpenShift's view of it. */
import type { Context } from '../objects/context.ts';
import type { Change, Revision, Store } from '../store/store.ts';
import type { TagEvent } from './types.ts';

export type TagMoveCause = 'push' | 'import' | 'tag' | 'track' | 'rollback' | 'delete';

/** One move of one tag. */
export interface TagMove {
  /** Counts the moves of this stream's name from 1, without gaps, also across deletion and re-creation. */
  readonly sequence: number;
  readonly namespace: string;
  readonly stream: string;
  /** The tag; null for the deletion of the whole stream, which ends every tag. */
  readonly tag: string | null;
  /** The newest entry of the tag's history before; null when there was none. */
  readonly from: TagEvent | null;
  /** The newest entry after; null when the tag was deleted. */
  readonly to: TagEvent | null;
  /** Name of the user. */
  readonly actor: string;
  readonly cause: TagMoveCause;
  readonly reason?: string;
  /** RFC 3339, to the millisecond, by the server's clock. */
  readonly time: string;
}

/** A move that has not been written yet. */
export type TagMoveDraft = Pick<TagMove, 'tag' | 'from' | 'to' | 'cause'>;

const PREFIX = '/tagmoves/';
const SEQUENCE_DIGITS = 12;

/** How many moves a stream's name has seen, and the revision at which that was read (0: never written). */
export interface MoveCount {
  readonly count: number;
  readonly revision: Revision;
}

/** Reads the count that `recordMoves` goes on from. */
export async function moveCount(store: Store, namespace: string, stream: string): Promise<MoveCount> {
  const entry = await store.get(`${PREFIX}${namespace}/${stream}`);
  return { count: entry ? Number(entry.value.toString()) : 0, revision: entry?.revision ?? 0 };
}

/**
 * The changes that record moves: they belong into the commit that makes the moves. One key holds the moves of one
 * commit, in their order, so a commit of many moves stays small. None if there are no moves.
 */
export function recordMoves(
  ctx: Context,
  namespace: string,
  stream: string,
  before: MoveCount,
  drafts: readonly TagMoveDraft[],
): Change[] {
  if (drafts.length === 0) return [];
  const time = ctx.now().toISOString();
  const moves = drafts.map(
    ({ tag, from, to, cause }, index): TagMove => ({
      sequence: before.count + 1 + index,
      namespace,
      stream,
      tag,
      from,
      to,
      actor: ctx.user.name,
      cause,
      time,
    }),
  );
  const key = `${PREFIX}${namespace}/${stream}`;
  const first = String(before.count + 1).padStart(SEQUENCE_DIGITS, '0');
  return [
    { op: 'put', key, value: Buffer.from(String(before.count + moves.length)), expect: before.revision },
    { op: 'put', key: `${key}#${first}`, value: Buffer.from(JSON.stringify(moves)), expect: 0 },
  ];
}

/** The moves of a stream's name, oldest first. */
export async function listMoves(store: Store, namespace: string, stream: string): Promise<TagMove[]> {
  const page = await store.list(`${PREFIX}${namespace}/${stream}#`);
  return page.entries.flatMap((entry) => JSON.parse(entry.value.toString()) as TagMove[]);
}
