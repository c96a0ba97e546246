/**
 * What an import does to the tags of its stream: spec says where they come from, history that they moved, conditions what
 * failed. As openshift-apiserver (pkg/image/apiserver/registry/imagestreamimport/rest.go). Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatReference, mostSpecific, parseReference } from '../image/reference.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import { followersOf, moveTag, newest } from './history.ts';
import { normalisedTags } from './spectags.ts';
import type { TagMoveDraft } from './tagmove.ts';
import type {
  ImageImportStatus,
  ImageStream,
  NamedTagEventList,
  TagEvent,
  TagEventCondition,
  TagImportPolicy,
  TagReference,
  TagReferencePolicy,
} from './types.ts';

/** A tag that was imported, or could not be. */
export interface ImportedTag {
  readonly tag: string;
  /** Where it comes from, as it shall stand in spec. */
  readonly from: string;
  readonly importPolicy: TagImportPolicy | undefined;
  readonly referencePolicy: TagReferencePolicy | undefined;
  readonly result: ImageImportStatus;
  /** Whether a tag that failed gets a place in spec; it does if the user named it. */
  readonly named: boolean;
}

export interface Imported {
  readonly stream: ImageStream;
  /** The moves of tags, in the order in which they were made. */
  readonly drafts: readonly TagMoveDraft[];
}

interface Draft {
  readonly tags: Map<string, TagReference>;
  readonly histories: Map<string, NamedTagEventList>;
  readonly drafts: TagMoveDraft[];
  readonly generation: number;
  readonly now: string;
}

/** The stream after an import. Generations of spec are left for the rules of the stream: 0 stands for the next. */
export function importTags(stream: ImageStream, imported: readonly ImportedTag[], now: Date): Imported {
  const draft: Draft = {
    tags: new Map(stream.spec?.tags?.map((tag) => [tag.name, tag])),
    histories: new Map(stream.status?.tags?.map((history) => [history.tag, history])),
    drafts: [],
    generation: (stream.metadata.generation ?? 0) + 1,
    now: apiTime(now),
  };
  for (const each of imported) {
    if (each.result.image && each.result.status.status === 'Success') succeed(draft, each, each.result.image);
    else fail(draft, each);
  }
  const tags = normalisedTags([...draft.tags.values()]);
  follow(draft, stream, tags);
  const histories = [...draft.histories.values()].filter(
    ({ items, conditions }) => items?.length || conditions?.length,
  );
  histories.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const { tags: _oldTags, ...spec } = stream.spec ?? {};
  const { tags: _oldHistories, ...status } = stream.status ?? { dockerImageRepository: '' };
  const next: ImageStream = {
    ...stream,
    spec: { ...spec, ...(tags.length > 0 && { tags }) },
    status: { ...status, ...(histories.length > 0 && { tags: histories }) },
  };
  return { stream: next, drafts: draft.drafts };
}

function succeed(draft: Draft, each: ImportedTag, image: NonNullable<ImageImportStatus['image']>): void {
  const { tag, importPolicy = {} } = each;
  const event: TagEvent = {
    created: draft.now,
    dockerImageReference: pullReference(image.dockerImageReference ?? '', nameOf(image)),
    image: nameOf(image),
    generation: draft.generation,
  };
  if (isChange(draft, tag, event)) {
    setSpecTag(draft, each);
    move(draft, { tag, event, cause: 'import' });
  }
  const reference = draft.tags.get(tag);
  if (reference) draft.tags.set(tag, { ...reference, importPolicy });
  const history = draft.histories.get(tag);
  if (history) draft.histories.set(tag, withoutConditions(history));
}

function pullReference(reference: string, image: string): string {
  return formatReference(mostSpecific({ ...parseReference(reference), id: image }));
}

function withoutConditions({ tag, items }: NamedTagEventList): NamedTagEventList {
  return { tag, items };
}

/** Whether the tag is not there already, just as it would be set. */
function isChange({ tags, histories }: Draft, tag: string, event: TagEvent): boolean {
  const previous = newest(histories.get(tag));
  const generation = tags.get(tag)?.generation;
  if (!previous || generation === undefined || generation === null) return true;
  return (
    previous.dockerImageReference !== event.dockerImageReference ||
    previous.image !== event.image ||
    generation > previous.generation
  );
}

/** The tag now comes from where it was imported. What users said of its policy for references stays. */
function setSpecTag({ tags }: Draft, { tag, from, importPolicy = {}, referencePolicy }: ImportedTag): void {
  const old = tags.get(tag);
  const policy = old?.referencePolicy?.type ? old.referencePolicy : referencePolicy;
  tags.set(tag, {
    annotations: null,
    ...old,
    name: tag,
    from: { kind: 'DockerImage', name: from },
    generation: 0,
    importPolicy,
    ...(policy && { referencePolicy: policy }),
  });
}

function fail(draft: Draft, each: ImportedTag): void {
  const { tags, histories, generation, now } = draft;
  const { tag, named, result } = each;
  const condition: TagEventCondition = {
    type: 'ImportSuccess',
    status: 'False',
    lastTransitionTime: now,
    ...(result.status.reason && { reason: result.status.reason }),
    message: result.status.message || 'unknown error prevented import',
    generation,
  };
  const history = histories.get(tag);
  // The same failure again is no news.
  if (!history?.conditions?.some((known) => isSame(known, condition))) {
    histories.set(tag, { tag, items: history?.items ?? null, conditions: [condition] });
    const reference = tags.get(tag);
    if (reference) tags.set(tag, { ...reference, generation: 0 });
  }
  if (named && !tags.has(tag)) setSpecTag(draft, each);
}

function isSame(a: TagEventCondition, b: TagEventCondition): boolean {
  return (
    a.type === b.type &&
    a.status === b.status &&
    (a.reason ?? '') === (b.reason ?? '') &&
    (a.message ?? '') === (b.message ?? '')
  );
}

/** Moves one tag; those that track it follow when all are moved. */
function move(
  { histories, drafts }: Draft,
  { tag, event, cause }: { tag: string; event: TagEvent; cause: 'import' | 'track' },
): void {
  const moved = moveTag({ namespace: '', name: '', tags: [] }, histories, { tag, event, cause });
  for (const [name, history] of moved.changed) if (history) histories.set(name, history);
  drafts.push(...moved.drafts);
}

/** Tags that track one that moved follow it, one level, by the spec as it is after the import. */
function follow(draft: Draft, stream: ImageStream, tags: readonly TagReference[]): void {
  const before = new Map(stream.status?.tags?.map((history) => [history.tag, history]));
  const { namespace = '' } = stream.metadata;
  const moved = [...draft.histories.values()].filter(
    ({ tag, items }) => !isDeepStrictEqual(items ?? [], before.get(tag)?.items ?? []),
  );
  moved.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  for (const { tag, items } of moved) {
    const event = items?.[0];
    if (!event) continue;
    for (const follower of followersOf({ namespace, name: nameOf(stream), tags }, tag)) {
      if (follower !== tag) move(draft, { tag: follower, event, cause: 'track' });
    }
  }
}
