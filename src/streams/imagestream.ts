/** The resource `imagestreams`: a name for a line of images, its tags, and where they have pointed. */
import { isDeepStrictEqual } from 'node:util';
import { IMAGE_GROUP, IMAGE_VERSION } from '../images/image.ts';
import { commonMetadataErrors } from '../images/validate.ts';
import type { Context, Settings } from '../objects/context.ts';
import { type FieldError, forbiddenField, notFound } from '../objects/errors.ts';
import { fieldErrorsText } from '../objects/fielderrors.ts';
import { validateMetadata } from '../objects/metadata.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Answer, Composition, Kept, Resource } from '../objects/resource.ts';
import { restrictionCheck, restrictionsFor } from '../objects/restrictions.ts';
import { keyOf, parsed } from '../objects/values.ts';
import { view } from '../objects/views.ts';
import type { Change } from '../store/store.ts';
import { newest } from './history.ts';
import { imageSecretsSubresource } from './imagesecrets.ts';
import { layersOf } from './layers.ts';
import { streamExcess } from './limits.ts';
import { repositoryPrefix } from './links.ts';
import { newHistoryErrors, registryPolicy, withInUse } from './registrypolicy.ts';
import { imageStreamLayersSchema, imageStreamSchema } from './schema.ts';
import { applySpecTags, firstGeneration, nextGeneration, normalisedTags, tagChanged } from './spectags.ts';
import { imageStreamTable } from './table.ts';
import { recordMoves, type TagMoveDraft } from './tagmove.ts';
import type { ImageStream, ImageStreamLayers, NamedTagEventList, TagEvent, TagReference } from './types.ts';
import { streamNameFault, validateHistories, validateStream } from './validate.ts';

/** The name of the part that holds a tag's history; the store key is the stream's followed by it. */
export function tagPart(tag: string): string {
  return `tag/${tag}`;
}

/** The repository as it stands in status, with what settings say about its hosts. */
export function repositoryOf(settings: Settings, namespace: string, name: string): string {
  return `${settings.registryHost}/${namespace}/${name}`;
}

const composition: Composition<ImageStream> = {
  split({ metadata, spec, status }) {
    const parts = new Map<string, string>();
    for (const history of status?.tags ?? []) parts.set(tagPart(history.tag), JSON.stringify(history));
    return { head: { metadata, ...(spec && { spec }) }, parts };
  },
  tail(namespace, name, parts, settings) {
    const repository = JSON.stringify(repositoryOf(settings, namespace, name));
    const { publicRegistryHost } = settings;
    const shown = publicRegistryHost
      ? `,"publicDockerImageRepository":${JSON.stringify(`${publicRegistryHost}/${namespace}/${name}`)}`
      : '';
    const opening = `,"status":{"dockerImageRepository":${repository}${shown}`;
    if (parts.length === 0) return `${opening}}`;
    return Buffer.concat([Buffer.from(`${opening},"tags":[`), ...separated(parts), Buffer.from(']}')]);
  },
};

const COMMA = Buffer.from(',');

function separated(parts: readonly Buffer[]): Buffer[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part]));
}

/** The conversions of openshift-apiserver (pkg/image/apis/image/v1): tags are maps there, sorted, the last of a name wins. */
function normalise(stream: ImageStream): void {
  const { tags, ...spec } = stream.spec ?? {};
  const normal = normalisedTags(tags);
  for (const tag of normal) {
    tag.importPolicy = { ...tag.importPolicy, importMode: tag.importPolicy?.importMode || 'Legacy' };
    tag.referencePolicy = { type: tag.referencePolicy?.type || 'Source' };
    // An empty map does not come back from the reference's store.
    if (tag.annotations && Object.keys(tag.annotations).length === 0) tag.annotations = null;
  }
  stream.spec = {
    ...spec,
    lookupPolicy: { local: Boolean(spec.lookupPolicy?.local) },
    ...(normal.length > 0 && { tags: normal }),
  };
  const histories = new Map(stream.status?.tags?.map((history) => [history.tag, withoutNothing(history)]));
  if (stream.status?.tags) stream.status.tags = sortedHistories(histories);
}

/** A list that holds nothing is none: it is copied entry by entry there. */
function withoutNothing(history: NamedTagEventList): NamedTagEventList {
  return history.items?.length ? history : { ...history, items: null };
}

/** A tag that neither names anything nor failed to is none. */
function dropEmptyHistories({ status }: ImageStream): void {
  const tags = status?.tags?.filter(({ items, conditions }) => items?.length || conditions?.length);
  if (!status || !tags) return;
  if (tags.length > 0) status.tags = tags;
  else delete status.tags;
}

function sortedHistories(histories: ReadonlyMap<string, NamedTagEventList>): NamedTagEventList[] {
  return [...histories.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

function prepareCreate(ctx: Context, stream: ImageStream): void {
  normalise(stream);
  stream.status = emptyStatus(ctx, stream);
  firstGeneration(stream);
}

function emptyStatus(ctx: Context, stream: ImageStream): NonNullable<ImageStream['status']> {
  const namespace = stream.metadata.namespace ?? '';
  return { dockerImageRepository: repositoryOf(ctx.settings, namespace, nameOf(stream)) };
}

function prepareUpdate(ctx: Context, stream: ImageStream, old: ImageStream): void {
  normalise(stream);
  stream.status = old.status ?? emptyStatus(ctx, stream);
  nextGeneration(stream, old);
}

/** Carries the tags of spec into status as well, since that is where OpenShift does it and errors are told here. */
async function validate(
  ctx: Context,
  stream: ImageStream,
  old: ImageStream | undefined,
  propagate = old === undefined,
): Promise<FieldError[]> {
  const find = async (namespace: string, name: string) => findStream(ctx, namespace, name);
  const unresolved = await applySpecTags(ctx, stream, old, find, propagate);
  const policy = registryPolicy(ctx.settings, stream.metadata);
  const errors = validateStream(stream, policy && old ? withInUse(policy, old) : policy);
  const detail =
    unresolved.length === 0
      ? await excessOf(ctx, stream, old)
      : `imagestreams ${JSON.stringify(nameOf(stream))} is invalid: ${fieldErrorsText(unresolved)}`;
  return detail === undefined ? errors : [{ type: 'InternalError', field: '[]', detail }, ...errors];
}

/** Why the namespace's LimitRanges forbid the stream; undefined if they do not. */
async function excessOf(ctx: Context, stream: ImageStream, old: ImageStream | undefined): Promise<string | undefined> {
  const { limits } = await restrictionsFor(ctx, stream.metadata.namespace ?? '');
  return streamExcess(limits, old, stream);
}

/** The stream, or undefined. A copy of the caller's own. */
export async function findStream(
  ctx: Pick<Context, 'store' | 'settings'>,
  namespace: string,
  name: string,
): Promise<ImageStream | undefined> {
  const found = await readKept(ctx.store, imageStreams, namespace, name);
  return found && parsed(imageStreams, ctx.settings, found);
}

/** The record of moves, and, with the stream itself, everything that may be read through it. */
async function alongside(
  ctx: Context,
  stream: ImageStream | undefined,
  old: ImageStream | undefined,
): Promise<Change[]> {
  const { namespace = '', name = '' } = (stream ?? old)?.metadata ?? {};
  const drafts = stream ? movesBetween(old, stream) : endOf(old);
  const record = await recordMoves(ctx, namespace, name, drafts);
  if (stream) return old ? [...record, restrictionCheck(await restrictionsFor(ctx, namespace))] : record;
  return [...record, { op: 'deletePrefix', prefix: repositoryPrefix({ namespace, stream: name }) }];
}

function endOf(old: ImageStream | undefined): TagMoveDraft[] {
  return old?.status?.tags?.length ? [{ tag: null, from: null, to: null, cause: 'delete' }] : [];
}

/** The moves that make the newest entries of one stream those of another. */
function movesBetween(old: ImageStream | undefined, stream: ImageStream): TagMoveDraft[] {
  const before = new Map(old?.status?.tags?.map((history) => [history.tag, history]));
  const drafts: TagMoveDraft[] = [];
  const [was, now] = [specTagsOf(old), specTagsOf(stream)];
  for (const history of stream.status?.tags ?? []) {
    const from = newest(before.get(history.tag));
    before.delete(history.tag);
    const to = newest(history);
    if (isDeepStrictEqual(from, to)) continue;
    const cause = causeOf(was.get(history.tag), now.get(history.tag), stream.metadata.namespace ?? '');
    const raised = raisedOf(from, history);
    if (raised) drafts.push({ tag: history.tag, from, to: raised, cause: 'tag' });
    drafts.push({ tag: history.tag, from: raised ?? from, to, cause });
  }
  for (const gone of before.values()) {
    drafts.push({ tag: gone.tag, from: newest(gone), to: null, cause: 'delete' });
  }
  return drafts;
}

/**
 * What became of a tag's newest entry before the tag moved, if that was not all: another tag took it, so that its generation
 * rose (spectags.ts).
 */
function raisedOf(from: TagEvent | null, { items }: NamedTagEventList): TagEvent | undefined {
  const second = items?.[1];
  if (!from || !second || second.generation === from.generation) return undefined;
  return isDeepStrictEqual({ ...second, generation: from.generation }, from) ? second : undefined;
}

function specTagsOf(stream: ImageStream | undefined): ReadonlyMap<string, TagReference> {
  return new Map(stream?.spec?.tags?.map((tag) => [tag.name, tag]));
}

/** A tag that moved although nobody touched its spec, which tracks another, was taken along. */
function causeOf(was: TagReference | undefined, now: TagReference | undefined, namespace: string): 'tag' | 'track' {
  if (now?.from?.kind !== 'ImageStreamTag' || !was) return 'tag';
  return tagChanged(was, now, namespace) ? 'tag' : 'track';
}

const kept: Kept<ImageStream> = {
  prefix: '/imagestreams/',
  composition,
  // Bookmarks get the reference's decoration, which puts streams without a namespace into this one (sic).
  bookmark: { namespace: 'default' },
  unconditionalUpdate: false,
  repeatsMetadataErrors: true,
  // Its generation decides its tags', so the rules here keep both.
  generation: false,
  prepareCreate,
  prepareUpdate,
  validate: async (ctx, stream, old) => {
    const errors = await validate(ctx, stream, old);
    if (!old) return errors;
    return [...commonMetadataErrors(stream.metadata, true), ...validateMetadata(imageStreams, stream), ...errors];
  },
  validateName: streamNameFault,
  alongside,
};

/**
 * The rules for writes that say what spec and status shall be together: through ImageStreamTags and ImageTags, and for
 * deletions. Tags that track a moved one follow.
 */
export const internalRules: Pick<Kept<ImageStream>, 'prepareUpdate' | 'validate'> = {
  prepareUpdate(_ctx, stream, old) {
    normalise(stream);
    dropEmptyHistories(stream);
    nextGeneration(stream, old);
  },
  validate: (ctx, stream, old) => validate(ctx, stream, old, true),
};

/** The rules of imagestreams/status: of spec only lookupPolicy may change (sic: openshift-apiserver strategy.go). */
const statusRules: Pick<Kept<ImageStream>, 'prepareUpdate' | 'validate'> = {
  prepareUpdate(ctx, stream, old) {
    const { tags, dockerImageRepository } = old.spec ?? {};
    stream.spec = {
      lookupPolicy: { local: Boolean(stream.spec?.lookupPolicy?.local) },
      ...(dockerImageRepository && { dockerImageRepository }),
      ...(tags && { tags }),
    };
    assignGeneration(stream, old);
    const histories = stream.status?.tags ?? [];
    for (const history of histories) fillGeneration(stream, old, history);
    stream.status = { ...emptyStatus(ctx, stream), ...(histories.length > 0 && { tags: histories }) };
  },
  async validate(ctx, stream, old) {
    const excess = await excessOf(ctx, stream, old);
    const errors = validateHistories(stream.status?.tags ?? [], old?.status?.tags ?? []);
    const policy = registryPolicy(ctx.settings, stream.metadata);
    if (policy) errors.push(...newHistoryErrors(policy, stream, old));
    const common = commonMetadataErrors(stream.metadata, true);
    return [...common, ...(excess === undefined ? [] : [forbiddenField('imageStream', excess)]), ...errors];
  },
};

function assignGeneration(stream: ImageStream, old: ImageStream): void {
  if (old.metadata.generation !== undefined) stream.metadata.generation = old.metadata.generation;
}

/**
 * A newest entry without generation gets the stream's; a changed one the tag's, if that has one. One that had a generation
 * counts as changed (sic).
 */
function fillGeneration(stream: ImageStream, old: ImageStream, history: NamedTagEventList): void {
  const event = history.items?.[0];
  if (!event || event.generation) return;
  const before = newest(old.status?.tags?.find(({ tag }) => tag === history.tag));
  const changed =
    before &&
    (before.image !== event.image ||
      before.dockerImageReference !== event.dockerImageReference ||
      before.generation > 0);
  const tag = stream.spec?.tags?.find(({ name }) => name === history.tag);
  event.generation = (changed ? tag?.generation : undefined) ?? stream.metadata.generation ?? 0;
}

async function getLayers(ctx: Context, namespace: string, name: string): Promise<Answer<KubeObject>> {
  const bytes = await view(ctx.store, `layers ${namespace}/${name}`, async () => {
    const found = await readKept(ctx.store, imageStreams, namespace, name);
    if (!found) throw notFound(imageStreams, name);
    const { document, images } = await layersOf(ctx, parsed(imageStreams, ctx.settings, found));
    return { bytes: Buffer.from(JSON.stringify(document)), sources: [found.head, ...images] };
  });
  return { object: () => JSON.parse(bytes.toString()) as ImageStreamLayers, served: bytes };
}

export const imageStreams: Resource<ImageStream> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStream',
  resource: 'imagestreams',
  singular: 'imagestream',
  shortNames: ['is'],
  categories: ['all'],
  namespaced: true,
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  schema: imageStreamSchema,
  table: imageStreamTable,
  normalise,
  fields: {
    'spec.dockerImageRepository': ({ spec }) => spec?.dockerImageRepository ?? '',
    'status.dockerImageRepository': ({ status }) => status?.dockerImageRepository ?? '',
  },
  kept,
  subresources: [
    { name: 'status', kind: 'ImageStream', verbs: ['get', 'patch', 'update'], tableless: true, status: statusRules },
    { name: 'layers', kind: 'ImageStreamLayers', verbs: ['get'], schema: imageStreamLayersSchema, get: getLayers },
    imageSecretsSubresource,
  ],
};

/** The store key of a stream's head. */
export function streamKey(namespace: string, name: string): string {
  return keyOf(imageStreams, namespace, name);
}
