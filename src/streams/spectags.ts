/**
 * What setting spec.tags does: tags get generations, and a changed tag that names an image that is already known gets it
 * at once. As openshift-apiserver does (pkg/image/apiserver/registry/imagestream/strategy.go), but in the order of the
 * tags' names where that takes them in random order.
 */
import { isDeepStrictEqual } from 'node:util';
import { matchImage } from '../image/lookup.ts';
import { formatReference, parseReference, ReferenceInvalid } from '../image/reference.ts';
import { IMAGE_GROUP } from '../images/image.ts';
import type { Context } from '../objects/context.ts';
import { type FieldError, forbiddenField, invalidValue } from '../objects/errors.ts';
import { pathSegmentName } from '../objects/names.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import { quoted } from '../objects/quoting.ts';
import { allFollowers, followed, type Move, moveTag, newest } from './history.ts';
import { imagesOf } from './streamimages.ts';
import type { ImageStream, NamedTagEventList, ObjectReference, TagEvent, TagReference } from './types.ts';

const NAMELESS = 'unable to retrieve image stream: Name parameter required.';
const FORM = 'must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>';

/** Whether a tag takes its image from somewhere else than before. What counts is listed in contract order. */
export function tagChanged(old: TagReference, next: TagReference, namespace: string): boolean {
  const { from } = next;
  if (!from || (!from.kind && !from.name)) return false;
  return (
    (old.from?.namespace || namespace) !== (from.namespace || namespace) ||
    (old.from?.name ?? '') !== (from.name ?? '') ||
    Boolean(old.reference) !== Boolean(next.reference) ||
    (old.importPolicy?.importMode ?? '') !== (next.importPolicy?.importMode ?? '')
  );
}

/** The tags of a stream's spec in the order of their names, the last of several with one name. */
export function normalisedTags(tags: readonly TagReference[] | undefined): TagReference[] {
  const byName = new Map((tags ?? []).map((tag) => [tag.name, tag]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sets the generations of a new stream: 1, its tags' as well. */
export function firstGeneration(stream: ImageStream): void {
  stream.metadata.generation = 1;
  for (const tag of stream.spec?.tags ?? []) tag.generation = 1;
}

/**
 * Sets the generations after an update: the stream's rises with any change of its spec; a tag that is new, changed, or
 * was given generation 0 gets the stream's, any other keeps its own whatever the client sent.
 */
export function nextGeneration(stream: ImageStream, old: ImageStream): void {
  const before = new Map(old.spec?.tags?.map((tag) => [tag.name, tag]));
  const tags = stream.spec?.tags ?? [];
  for (const tag of tags) {
    if (tag.generation !== 0) tag.generation = before.get(tag.name)?.generation ?? null;
  }
  const same = isDeepStrictEqual(stream.spec ?? {}, old.spec ?? {});
  const generation = (old.metadata.generation ?? 0) + (same ? 0 : 1);
  stream.metadata.generation = generation;
  const namespace = stream.metadata.namespace ?? '';
  for (const tag of tags) {
    const was = before.get(tag.name);
    if (!tag.generation || !was || tagChanged(was, tag, namespace)) tag.generation = generation;
  }
}

/** Gives a stream by namespace and name; undefined if there is none. */
export type FindStream = (namespace: string, name: string) => Promise<ImageStream | undefined>;

/**
 * Carries the changed tags of spec into status, in place, and gives what is wrong with them. With `propagate` the tags
 * that track a moved one follow, which OpenShift does for a new stream and for ImageStreamTags, not for a PUT or PATCH
 * of a stream.
 */
export async function applySpecTags(
  ctx: Context,
  stream: ImageStream,
  old: ImageStream | undefined,
  find: FindStream,
  propagate: boolean,
): Promise<FieldError[]> {
  const before = new Map(old?.spec?.tags?.map((tag) => [tag.name, tag]));
  const namespace = stream.metadata.namespace ?? '';
  const histories = new Map(stream.status?.tags?.map((history) => [history.tag, history]));
  const changed = (stream.spec?.tags ?? []).filter((tag) => {
    const was = before.get(tag.name);
    return tag.from && !(was && !tagChanged(was, tag, namespace));
  });
  const errors = await refuseForeign(ctx, stream, changed);
  for (const tag of changed) {
    const resolved = await resolve(ctx, { stream, histories, find }, tag, tag.from ?? {});
    if ('error' in resolved) errors.push(resolved.error);
    else if (resolved.event) apply(stream, histories, { tag: tag.name, event: resolved.event, cause: 'tag' });
  }
  if (propagate) follow(stream, old, histories);
  setHistories(stream, histories);
  return errors;
}

function apply(stream: ImageStream, histories: Map<string, NamedTagEventList>, move: Move): void {
  const { namespace = '', name = '' } = stream.metadata;
  for (const [tag, history] of moveTag({ namespace, name, tags: [] }, histories, move).changed) {
    if (history) histories.set(tag, history);
  }
}

/** Takes along what tracks the tags whose newest entry is another than before, be it by its generation alone. */
function follow(stream: ImageStream, old: ImageStream | undefined, histories: Map<string, NamedTagEventList>): void {
  const { namespace = '', name = '' } = stream.metadata;
  const before = new Map(old?.status?.tags?.map((history) => [history.tag, history]));
  const followers = allFollowers({ namespace, name, tags: stream.spec?.tags ?? [] });
  for (const tag of [...histories.keys()].sort()) {
    const event = newest(histories.get(tag));
    if (!event || isDeepStrictEqual(event, newest(before.get(tag)))) continue;
    const moved = followed(followers.get(tag) ?? [], histories, event);
    for (const [follower, history] of moved) histories.set(follower, history);
  }
}

/** Writes histories back into a stream's status, in the order of the tags. */
function setHistories(stream: ImageStream, histories: ReadonlyMap<string, NamedTagEventList>): void {
  const tags = [...histories.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const { tags: _old, ...status } = stream.status ?? { dockerImageRepository: '' };
  stream.status = tags.length > 0 ? { ...status, tags } : status;
}

interface Resolving {
  readonly stream: ImageStream;
  readonly histories: Map<string, NamedTagEventList>;
  readonly find: FindStream;
}

type Resolved = { readonly event: TagEvent | undefined } | { readonly error: FieldError };

async function resolve(ctx: Context, at: Resolving, tag: TagReference, from: ObjectReference): Promise<Resolved> {
  const path = `spec.tags[${tag.name}].from`;
  const name = from.name ?? '';
  const generation = tag.generation ?? 0;
  if (from.kind === 'DockerImage' && name) {
    if (!tag.reference) return { event: undefined };
    return { event: { created: apiTime(ctx.now()), dockerImageReference: name, image: '', generation } };
  }
  const source = sourceOf(from, nameOf(at.stream));
  if (source?.stream === '') return { error: invalidValue(`${path}.name`, name, NAMELESS) };
  if (!source) return { error: invalidValue(`${path}.name`, name, FORM) };
  const fault = pathSegmentName(source.stream);
  if (fault !== undefined) {
    const detail = `unable to retrieve image stream: Name parameter invalid: ${quoted(source.stream)}: ${fault}`;
    return { error: invalidValue(`${path}.name`, name, detail) };
  }
  const namespace = from.namespace || (at.stream.metadata.namespace ?? '');
  const own = namespace === at.stream.metadata.namespace && source.stream === nameOf(at.stream);
  const other = own ? undefined : await at.find(namespace, source.stream);
  if (!own && !other) return { error: { type: 'NotFound', field: `${path}.name`, value: name, detail: '' } };
  const histories = other ? new Map(other.status?.tags?.map((history) => [history.tag, history])) : at.histories;
  const found =
    from.kind === 'ImageStreamTag'
      ? latestOf(histories, source.rest || 'latest', own, generation)
      : imageEvent(histories, source.rest, ctx.now());
  if (typeof found === 'string') {
    return { error: invalidValue(`${path}.name`, name, `error generating tag event: ${found}`) };
  }
  if (!found) return { event: undefined };
  const reference = tag.reference
    ? found.dockerImageReference
    : ownReference(ctx, found.dockerImageReference, { namespace, name: source.stream }, at.stream);
  return { event: { ...found, dockerImageReference: reference, generation } };
}

/** Stream and tag (or image) that `from` names; undefined if it is not of a form that names one. */
function sourceOf(from: ObjectReference, ownName: string): { stream: string; rest: string } | undefined {
  const separator = from.kind === 'ImageStreamTag' ? ':' : from.kind === 'ImageStreamImage' ? '@' : undefined;
  if (separator === undefined) return undefined;
  const [first = '', second, ...more] = (from.name ?? '').split(separator);
  if (more.length > 0) return undefined;
  return second === undefined ? { stream: ownName, rest: first } : { stream: first, rest: second };
}

/** What is wrong with tags from other namespaces: whoever tags an image must be allowed to pull it. Asks once a stream. */
async function refuseForeign(ctx: Context, stream: ImageStream, tags: readonly TagReference[]): Promise<FieldError[]> {
  const errors: FieldError[] = [];
  const refusals = new Map<string, Promise<string | undefined>>();
  for (const { name: tag, from } of tags) {
    const namespace = from?.namespace;
    if (!from || !namespace || namespace === stream.metadata.namespace) continue;
    const path = `spec.tags[${tag}].from`;
    const source = sourceOf(from, nameOf(stream));
    if (!source) {
      errors.push(invalidValue(`${path}.name`, from.name ?? '', FORM));
      continue;
    }
    const where = `${namespace}/${source.stream}`;
    const asked = refusals.get(where) ?? refusal(ctx, namespace, source.stream);
    refusals.set(where, asked);
    const refused = await asked;
    if (refused !== undefined) errors.push(forbiddenField(path, refused));
  }
  return errors;
}

/** Why the caller may not pull from a stream; undefined if they may. */
async function refusal(ctx: Context, namespace: string, name: string): Promise<string | undefined> {
  const attributes = {
    verb: 'get',
    group: IMAGE_GROUP,
    resource: 'imagestreams',
    subresource: 'layers',
    namespace,
    name,
  };
  const { allowed, reason } = await ctx.authorizer.authorize(ctx.user, attributes);
  return allowed ? undefined : `${namespace}/${name}: ${quoted(reason)} ""`;
}

/** The newest event of a tag. The own stream's is shared with the follower: its generation rises with the follower's. */
function latestOf(
  histories: Map<string, NamedTagEventList>,
  tag: string,
  own: boolean,
  generation: number,
): TagEvent | undefined {
  const history = histories.get(tag);
  const event = newest(history);
  if (!history || !event) return undefined;
  if (own) {
    histories.set(tag, { ...history, items: [{ ...event, generation }, ...(history.items ?? []).slice(1)] });
  }
  return event;
}

/** An event for one of the images of a stream's history, or why there is none. */
function imageEvent(histories: ReadonlyMap<string, NamedTagEventList>, id: string, now: Date): TagEvent | string {
  const { names, references } = imagesOf(histories.values());
  const match = matchImage(names, id);
  if (match.kind === 'none') return `imagestreamimage.${IMAGE_GROUP} ${JSON.stringify(id)} not found`;
  if (match.kind === 'several') {
    const several = `multiple images match the prefix ${JSON.stringify(id)}: ${match.names.join(', ')}`;
    return `Operation cannot be fulfilled on imagestreamimage.${IMAGE_GROUP} ${JSON.stringify(id)}: ${several}`;
  }
  const image = match.name;
  return { created: apiTime(now), dockerImageReference: references.get(image) ?? '', image, generation: 0 };
}

/** A reference into the source's repository of this registry becomes one into the stream's own. */
function ownReference(
  ctx: Context,
  text: string,
  source: { readonly namespace: string; readonly name: string },
  stream: ImageStream,
): string {
  try {
    const ref = parseReference(text);
    const isSource = ref.namespace === source.namespace && ref.name === source.name;
    if (ref.registry !== ctx.settings.registryHost || !isSource) return text;
    return formatReference({ ...ref, namespace: stream.metadata.namespace ?? '', name: nameOf(stream) });
  } catch (error) {
    if (error instanceof ReferenceInvalid) return text;
    throw error;
  }
}
