/** The record of tag moves: the past of every tag, which outlives the tag, its stream and OpenShift's view of it. */
import { spare } from '../collecting/marks.ts';
import { parseDigest } from '../image/digest.ts';
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
interface MoveCount {
  readonly count: number;
  readonly revision: Revision;
}

async function moveCount(store: Store, namespace: string, stream: string): Promise<MoveCount> {
  const entry = await store.get(`${PREFIX}${namespace}/${stream}`);
  return { count: entry ? Number(entry.value.toString()) : 0, revision: entry?.revision ?? 0 };
}

/**
 * The changes that record moves, and keep the images from being collected that tags move to: they belong into the commit
 * that makes the moves. One key holds the moves of one commit, in their order, so a commit of many moves stays small.
 * None if there are no moves.
 * @param spared The image that the caller has spared already (collecting/marks.ts).
 * @throws {CommitConflict} if an image was just being deleted: look again whether it is there.
 */
export async function recordMoves(
  ctx: Context,
  namespace: string,
  stream: string,
  drafts: readonly TagMoveDraft[],
  spared?: string,
): Promise<Change[]> {
  if (drafts.length === 0) return [];
  const before = await moveCount(ctx.store, namespace, stream);
  const images = new Set(drafts.map(({ to }) => to?.image ?? '').filter((image) => image !== spared));
  const digests = [...images].map(parseDigest).filter((digest) => digest !== undefined);
  const held = digests.length > 0 ? [await spare(ctx, digests)] : [];
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
    ...held,
  ];
}

/** The moves of a stream's name, oldest first. */
export async function listMoves(store: Store, namespace: string, stream: string): Promise<TagMove[]> {
  const page = await store.list(`${PREFIX}${namespace}/${stream}#`);
  return page.entries.flatMap((entry) => JSON.parse(entry.value.toString()) as TagMove[]);
}
