/** The record of tag moves: the past of every tag, which outlives the tag, its stream and OpenShift's view of it. */

export type TagMoveCause = 'push' | 'import' | 'tag' | 'track' | 'rollback' | 'delete';

/** Where a tag pointed: an Image and the reference by which it is pulled. */
export interface TagTarget {
  /** The Image's name; '' for a reference that was not imported. */
  readonly image: string;
  readonly reference: string;
}

/** One move of one tag. */
export interface TagMove {
  /** Counts the moves of this stream's name from 1, without gaps, also across deletion and re-creation. */
  readonly sequence: number;
  readonly namespace: string;
  readonly stream: string;
  /** The tag; null for the deletion of the whole stream, which ends every tag. */
  readonly tag: string | null;
  /** null when the tag did not exist. */
  readonly from: TagTarget | null;
  /** null when the tag was deleted. */
  readonly to: TagTarget | null;
  /** Name of the user. */
  readonly actor: string;
  readonly cause: TagMoveCause;
  readonly reason?: string;
  /** RFC 3339, to the millisecond, by the server's clock. */
  readonly time: string;
}
