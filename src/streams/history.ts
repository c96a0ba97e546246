/**
 * How tags move. Pure: what is stored goes in, what is to be stored comes out. Every road that moves a tag (push,
 * import, tagging, tracking, deletion) goes through `moveTag`.
 */
import type { TagMoveCause, TagMoveDraft } from './tagmove.ts';
import type { NamedTagEventList, TagEvent, TagReference } from './types.ts';

/** Histories by tag. */
export type Histories = ReadonlyMap<string, NamedTagEventList>;

/** A tag that is to point somewhere else, or (`event` null) nowhere any more. */
export interface Move {
  readonly tag: string;
  readonly event: TagEvent | null;
  readonly cause: TagMoveCause;
}

/** What a move came to: the histories that changed (null: gone) and what is to be recorded. */
export interface Moved {
  readonly changed: ReadonlyMap<string, NamedTagEventList | null>;
  readonly drafts: readonly TagMoveDraft[];
}

/** Where a stream's followers are found. */
export interface Followed {
  readonly namespace: string;
  readonly name: string;
  readonly tags: readonly TagReference[];
}

/**
 * Moves a tag, and with it the tags of the same stream that track it: one level, in the order of their names.
 * Moving a tag to where it is changes nothing.
 */
export function moveTag(stream: Followed, histories: Histories, move: Move): Moved {
  const old = histories.get(move.tag);
  const from = newest(old);
  if (move.event === null) {
    if (!old) return { changed: new Map(), drafts: [] };
    return { changed: new Map([[move.tag, null]]), drafts: [{ tag: move.tag, from, to: null, cause: move.cause }] };
  }
  const next = append(old, move.tag, move.event);
  if (!next) return { changed: new Map(), drafts: [] };
  const changed = new Map<string, NamedTagEventList | null>([[move.tag, next]]);
  const drafts: TagMoveDraft[] = [{ tag: move.tag, from, to: newest(next), cause: move.cause }];
  for (const [follower, after] of followed(followersOf(stream, move.tag), histories, move.event)) {
    if (changed.has(follower)) continue;
    changed.set(follower, after);
    drafts.push({ tag: follower, from: newest(histories.get(follower)), to: newest(after), cause: 'track' });
  }
  return { changed, drafts };
}

/** The new histories of a tag's followers, once that has come to an event: only those that change. */
export function followed(
  followers: readonly string[],
  histories: Histories,
  event: TagEvent,
): Map<string, NamedTagEventList> {
  const moved = new Map<string, NamedTagEventList>();
  for (const follower of followers) {
    const after = append(histories.get(follower), follower, event);
    if (after) moved.set(follower, after);
  }
  return moved;
}

/** The newest entry of a history, or null. */
export function newest(history: NamedTagEventList | undefined): TagEvent | null {
  return history?.items?.[0] ?? null;
}

const ITEMS = Buffer.from('"items":[{');
const IMAGE = Buffer.from('"image":"');
const QUOTE = 0x22;

/**
 * The image of the newest entry of a stored history, '' if there is none: read without parsing the rest, which may be
 * long. Inside a JSON text these marks cannot stand for anything else, since a quote in a value is escaped.
 */
export function newestImage(history: Buffer): string {
  const items = history.indexOf(ITEMS);
  const start = items < 0 ? -1 : history.indexOf(IMAGE, items);
  if (start < 0) return '';
  const from = start + IMAGE.length;
  return history.toString('latin1', from, history.indexOf(QUOTE, from));
}

/**
 * A history with one more event, or undefined if that changes nothing. As OpenShift collapses (openshift-apiserver
 * pkg/image/apiserver/internal/imageutil: AddTagEventToImageStream): an event that repeats the newest one's image or
 * reference is merged into it and keeps its time; only one that differs in both is put before it. Every change clears
 * the conditions.
 */
export function append(
  history: NamedTagEventList | undefined,
  tag: string,
  event: TagEvent,
): NamedTagEventList | undefined {
  const [previous, ...older] = history?.items ?? [];
  if (!previous) return { tag, items: [event] };
  const sameReference = previous.dockerImageReference === event.dockerImageReference;
  const sameImage = previous.image === event.image;
  if (sameReference && sameImage && previous.generation === event.generation) return undefined;
  if (!sameReference && !sameImage) return { tag, items: [event, previous, ...older] };
  return { tag, items: [{ ...event, created: previous.created }, ...older] };
}

/** Tags of the stream that track one of its tags, in the order of their names. */
export function followersOf(stream: Followed, tag: string): string[] {
  return stream.tags.filter((reference) => trackedBy(stream, reference) === tag).map(({ name }) => name);
}

/** The same for all tags of the stream at once. */
export function allFollowers(stream: Followed): ReadonlyMap<string | undefined, readonly string[]> {
  const groups = Map.groupBy(stream.tags, (reference) => trackedBy(stream, reference));
  return new Map([...groups].map(([tag, references]) => [tag, references.map(({ name }) => name)]));
}

/** The tag of the stream that one of its tags tracks, if it does. */
function trackedBy(stream: Followed, { from }: TagReference): string | undefined {
  if (from?.kind !== 'ImageStreamTag') return undefined;
  if (from.namespace && from.namespace !== stream.namespace) return undefined;
  const name = from.name ?? '';
  const colon = name.indexOf(':');
  if (colon < 0) return name;
  return name.slice(0, colon) === stream.name ? name.slice(colon + 1) || 'latest' : undefined;
}
