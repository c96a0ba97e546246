/** The resource `imagestreamtags`: one tag of a stream with the image it points to now, named `<stream>:<tag>`. */
import { isDeepStrictEqual } from 'node:util';
import { IMAGE_GROUP, IMAGE_VERSION } from '../images/image.ts';
import { imageKey, images, shownImage } from '../images/images.ts';
import { commonMetadataErrors } from '../images/validate.ts';
import type { Context } from '../objects/context.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  invalidValue,
  notFound,
} from '../objects/errors.ts';
import { validateMetadata, validateMetadataUpdate } from '../objects/metadata.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept } from '../objects/reads.ts';
import type { Answer, ComputedListOptions, Resource } from '../objects/resource.ts';
import { type KeptObject, parsed, whole } from '../objects/values.ts';
import { type Made, view } from '../objects/views.ts';
import { newest } from './history.ts';
import { findStream, imageStreams, streamKey, tagPart } from './imagestream.ts';
import { registryPolicy, withTagInUse } from './registrypolicy.ts';
import { imageStreamTagSchema } from './schema.ts';
import { imageStreamTagTable } from './table.ts';
import { readHead } from './tagging.ts';
import { imageStreamTagOf, latestEvent, selectsStream, specTag, splitTagName, streamAndTag } from './tagview.ts';
import { deleteStreamTag, missingStream, refuseCreation, tagImage, withSpecTag, writeStream } from './tagwrites.ts';
import type { ImageStream, ImageStreamTag, NamedTagEventList } from './types.ts';
import { validateTag } from './validate.ts';

async function get(ctx: Context, namespace: string, name: string): Promise<Answer<ImageStreamTag>> {
  const bytes = await view(ctx.store, `istag ${namespace}/${name}`, () => compose(ctx, namespace, name));
  return { object: () => JSON.parse(bytes.toString()) as ImageStreamTag, served: bytes };
}

async function compose(ctx: Context, namespace: string, name: string): Promise<Made> {
  const { stream, tag } = streamAndTag(name, 'ImageStreamTags');
  const head = await readHead(ctx, namespace, stream);
  if (!head) throw notFound(imageStreamTags, stream);
  const part = await ctx.store.get(streamKey(namespace, stream) + tagPart(tag));
  const history = part && (JSON.parse(part.value.toString()) as NamedTagEventList);
  const event = newest(history);
  if (!history || !event?.image) throw notFound(imageStreamTags, name);
  const entry = await ctx.store.get(imageKey(event.image));
  if (!entry) throw notFound(imageStreamTags, event.image);
  const image = shownImage(parsed(images, ctx.settings, whole(entry)), ctx.now());
  const withHistory: ImageStream = { ...head.stream, status: { dockerImageRepository: '', tags: [history] } };
  const object = imageStreamTagOf(ctx.settings, withHistory, tag, image);
  // The part is written only together with the head, whose revision so speaks for both.
  return { bytes: Buffer.from(JSON.stringify(object)), sources: [head.entry, entry] };
}

/** Tags with an image, stream by stream; of the image only name and reference, since a list would load every Image. */
async function list(
  ctx: Context,
  namespace: string | undefined,
  options: ComputedListOptions,
): Promise<ImageStreamTag[]> {
  const tags: ImageStreamTag[] = [];
  const add = (kept: KeptObject): void => {
    const stream = parsed(imageStreams, ctx.settings, kept);
    if (!selectsStream(stream, options)) return;
    for (const { tag } of stream.status?.tags ?? []) {
      if (latestEvent(stream, tag)?.image) tags.push(imageStreamTagOf(ctx.settings, stream, tag, undefined));
    }
  };
  await eachKept(ctx.store, imageStreams, namespace ?? '', add, options.fresh);
  return tags;
}

async function create(ctx: Context, namespace: string, istag: ImageStreamTag): Promise<ImageStreamTag> {
  const errors = creationErrors(ctx, istag);
  const reference = istag.tag ?? null;
  if (errors.length > 0) throw invalid(imageStreamTags, nameOf(istag), errors);
  const { stream: name, tag } = splitTagName(nameOf(istag));
  const change = (stream: ImageStream | undefined): ImageStream => {
    if (stream && specTag(stream, tag)) {
      throw alreadyExists({ group: IMAGE_GROUP, resource: 'imagestreamtag' }, nameOf(istag));
    }
    const base = stream ?? missingStream(ctx, namespace, name);
    return reference ? withSpecTag(base, tag, reference) : base;
  };
  const asked = { resource: imageStreamTags, name: nameOf(istag) };
  const written = await writeStream(ctx, namespace, name, asked, change, true);
  return shown(ctx, written, tag);
}

/** What is wrong with a tag that is to be made. Its annotations, where tag has some, are those of metadata. */
function creationErrors(ctx: Context, istag: ImageStreamTag): FieldError[] {
  const errors = [...validateMetadata(imageStreamTags, istag), ...validateTagOf(ctx, istag, undefined)];
  const { annotations } = istag.tag ?? {};
  if (annotations && !isDeepStrictEqual(annotations, { ...istag.metadata.annotations })) {
    const detail = 'tag annotations must not be provided or must be equal to the object meta annotations';
    errors.push(invalidValue('tag.annotations', '<map>', detail));
  }
  return errors;
}

/** `old` is the tag as it was: where it takes its image from, it may go on to. */
function validateTagOf(ctx: Context, { metadata, tag }: ImageStreamTag, old: ImageStreamTag | undefined): FieldError[] {
  if (!tag) return [];
  const policy = withTagInUse(registryPolicy(ctx.settings, metadata), old?.tag);
  return validateTag({ ...tag, referencePolicy: { type: tag.referencePolicy?.type || 'Source' } }, 'tag', policy);
}

async function shown(ctx: Context, stream: ImageStream, tag: string): Promise<ImageStreamTag> {
  return imageStreamTagOf(ctx.settings, stream, tag, await tagImage(ctx, stream, tag));
}

/** What a PATCH is applied to: the tag without its image's data, also when there is no such tag or stream. */
async function patchBase(ctx: Context, namespace: string, name: string): Promise<ImageStreamTag> {
  const { stream, tag } = streamAndTag(name, 'ImageStreamTags');
  const found = (await findStream(ctx, namespace, stream)) ?? missingStream(ctx, namespace, stream);
  return imageStreamTagOf(ctx.settings, found, tag, undefined);
}

async function update(
  ctx: Context,
  namespace: string,
  name: string,
  istag: ImageStreamTag,
): Promise<{ object: ImageStreamTag; created: boolean }> {
  const { stream: streamName, tag } = streamAndTag(name, 'ImageStreamTags');
  const version = istag.metadata.resourceVersion;
  let created = false;
  const change = async (stream: ImageStream | undefined): Promise<ImageStream> => {
    if (!stream && version) throw notFound(imageStreamTags, name);
    if (stream && version && version !== stream.metadata.resourceVersion) {
      const message = `another caller has updated the resource version to ${stream.metadata.resourceVersion}`;
      throw conflict(imageStreamTags, nameOf(istag), message);
    }
    const base = stream ?? missingStream(ctx, namespace, streamName);
    if (stream) refuseOtherChanges(ctx, stream, tag, istag);
    else await refuseUncreatable(ctx, namespace, istag);
    const old = specTag(base, tag);
    created = !old;
    const reference = istag.tag ?? old;
    if (!reference) {
      const where = `${base.metadata.namespace}/${nameOf(base)}`;
      throw badRequest(`imagestreamtag ${tag} is not a spec tag in imagestream ${where}, cannot be updated`);
    }
    return withSpecTag(base, tag, { ...reference, annotations: istag.metadata.annotations ?? null });
  };
  const asked = { resource: imageStreamTags, name: nameOf(istag) };
  const written = await writeStream(ctx, namespace, streamName, asked, change, !version);
  return { object: await shown(ctx, written, tag), created };
}

async function refuseUncreatable(ctx: Context, namespace: string, istag: ImageStreamTag): Promise<void> {
  await refuseCreation(ctx, namespace, imageStreamTags, istag);
  const errors = creationErrors(ctx, istag);
  if (errors.length > 0) throw invalid(imageStreamTags, nameOf(istag), errors);
}

/** Only annotations and tag may change; what else a client may leave out or send back is listed in contract order. */
function refuseOtherChanges(ctx: Context, stream: ImageStream, tag: string, istag: ImageStreamTag): void {
  const old = imageStreamTagOf(ctx.settings, stream, tag, undefined);
  const { annotations: _annotations, ...before } = old.metadata;
  const { annotations: _new, ...sent } = istag.metadata;
  const filled = {
    ...sent,
    uid: sent.uid || before.uid,
    resourceVersion: before.resourceVersion,
    creationTimestamp: before.creationTimestamp,
    generation: before.generation,
    namespace: sent.namespace || before.namespace,
    ...(sent.labels && Object.keys(sent.labels).length > 0
      ? { labels: sent.labels }
      : before.labels && { labels: before.labels }),
  };
  const withFilled = { ...istag, metadata: { ...istag.metadata, ...filled } } as ImageStreamTag;
  const errors = [
    ...commonMetadataErrors(withFilled.metadata, true),
    ...validateMetadataUpdate(withFilled, old, true),
    ...validateTagOf(ctx, istag, old),
  ];
  const known = Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined));
  if (!isDeepStrictEqual(known, { ...before })) {
    errors.push(invalidValue('metadata', '', 'may not update fields other than metadata.annotations'));
  }
  if (errors.length > 0) throw invalid(imageStreamTags, nameOf(istag), errors);
}

export const imageStreamTags: Resource<ImageStreamTag> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStreamTag',
  resource: 'imagestreamtags',
  singular: 'imagestreamtag',
  shortNames: ['istag'],
  namespaced: true,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
  schema: imageStreamTagSchema,
  table: imageStreamTagTable,
  computed: {
    get,
    list,
    create,
    patchBase,
    update,
    delete: (ctx, namespace, name, options) => deleteStreamTag(ctx, namespace, name, options, imageStreamTags),
  },
};
