/** The resource `imagetags`: a tag of a stream with both its spec and its whole history, named `<stream>:<tag>`. */
import { isDeepStrictEqual } from 'node:util';
import { IMAGE_GROUP, IMAGE_VERSION } from '../images/image.ts';
import { commonMetadataErrors } from '../images/validate.ts';
import type { Context } from '../objects/context.ts';
import {
  alreadyExists,
  conflict,
  type FieldError,
  invalid,
  invalidValue,
  notFound,
  required,
} from '../objects/errors.ts';
import { compare } from '../objects/fields/compare.ts';
import { isEmptySet, union } from '../objects/fields/fieldset.ts';
import { comparable } from '../objects/fields/managed.ts';
import { validateMetadata, validateMetadataUpdate } from '../objects/metadata.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept } from '../objects/reads.ts';
import type { Answer, ComputedListOptions, Resource } from '../objects/resource.ts';
import { type KeptObject, parsed } from '../objects/values.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { registryPolicy, withTagInUse } from './registrypolicy.ts';
import { imageTagSchema } from './schema.ts';
import { imageTagTable } from './table.imagetag.ts';
import { imageTagOf, selectsStream, specTag, splitTagName, streamAndTag } from './tagview.ts';
import { deleteStreamTag, missingStream, refuseCreation, tagImage, withSpecTag, writeStream } from './tagwrites.ts';
import type { ImageStream, ImageTag } from './types.ts';
import { validateTag } from './validate.ts';

const ONLY_SPEC = 'may not update fields other than spec';

async function get(ctx: Context, namespace: string, name: string): Promise<Answer<ImageTag>> {
  const { stream: streamName, tag } = streamAndTag(name, 'ImageTags');
  const stream = await findStream(ctx, namespace, streamName);
  if (!stream) throw notFound(imageTags, streamName);
  const object = imageTagOf(ctx.settings, stream, tag, await tagImage(ctx, stream, tag));
  if (!object.spec && !object.status) throw notFound(imageTags, name);
  return { object: () => object };
}

/** Every tag of spec or status, stream by stream in the order of their names; without images. */
async function list(ctx: Context, namespace: string | undefined, options: ComputedListOptions): Promise<ImageTag[]> {
  const tags: ImageTag[] = [];
  const add = (kept: KeptObject): void => {
    const stream = parsed(imageStreams, ctx.settings, kept);
    if (!selectsStream(stream, options)) return;
    const names = new Set(stream.spec?.tags?.map(({ name }) => name));
    for (const { tag } of stream.status?.tags ?? []) names.add(tag);
    for (const tag of [...names].sort()) tags.push(imageTagOf(ctx.settings, stream, tag, undefined));
  };
  await eachKept(ctx.store, imageStreams, namespace ?? '', add, options.fresh);
  return tags;
}

/**
 * Errors of an ImageTag whose metadata is fine. `tag` is the tag of its name, `old` the tag as it was: where it takes its
 * image from, it may go on to.
 */
function validateSpec(
  ctx: Context,
  { metadata, spec }: ImageTag,
  tag: string,
  old: ImageTag | undefined,
): FieldError[] {
  if (!spec) return [];
  const errors: FieldError[] = [];
  if (spec.name !== tag || !metadata.name?.includes(':'))
    errors.push(invalidValue('spec.name', spec.name, 'must match image tag name'));
  const type = spec.referencePolicy?.type || 'Source';
  const policy = withTagInUse(registryPolicy(ctx.settings, metadata), old?.spec);
  return [...errors, ...validateTag({ ...spec, referencePolicy: { type } }, 'spec', policy)];
}

function defaultName(itag: ImageTag, tag: string): void {
  if (itag.spec && !itag.spec.name) itag.spec.name = tag;
}

/** The tag of a name that may not be of the form `<stream>:<tag>`; `latest` where it names none. */
function tagOf(name: string): string {
  return name.slice(name.indexOf(':') + 1 || name.length) || 'latest';
}

async function create(ctx: Context, namespace: string, itag: ImageTag): Promise<ImageTag> {
  refuseUncreatable(ctx, itag);
  const { stream: name, tag } = splitTagName(nameOf(itag));
  const change = (stream: ImageStream | undefined): ImageStream => {
    if (stream && specTag(stream, tag)) throw alreadyExists(imageTags, nameOf(itag));
    return withSpecTag(stream ?? missingStream(ctx, namespace, name), tag, itag.spec);
  };
  const asked = { resource: imageTags, name: nameOf(itag) };
  const written = await writeStream(ctx, namespace, name, asked, change, true);
  return imageTagOf(ctx.settings, written, tag, await tagImage(ctx, written, tag));
}

function refuseUncreatable(ctx: Context, itag: ImageTag): void {
  const tag = tagOf(nameOf(itag));
  defaultName(itag, tag);
  const errors = validateMetadata(imageTags, itag);
  if (!itag.spec) errors.push(required('spec', 'spec is a required field during creation'));
  errors.push(...validateSpec(ctx, itag, tag, undefined));
  if (errors.length > 0) throw invalid(imageTags, nameOf(itag), errors);
}

async function patchBase(ctx: Context, namespace: string, name: string): Promise<ImageTag> {
  const { stream, tag } = streamAndTag(name, 'ImageTags');
  const found = (await findStream(ctx, namespace, stream)) ?? missingStream(ctx, namespace, stream);
  return imageTagOf(ctx.settings, found, tag, undefined);
}

async function update(
  ctx: Context,
  namespace: string,
  name: string,
  itag: ImageTag,
): Promise<{ object: ImageTag; created: boolean }> {
  const { stream: streamName, tag } = streamAndTag(name, 'ImageTags');
  const version = itag.metadata.resourceVersion;
  let created = false;
  const change = async (stream: ImageStream | undefined): Promise<ImageStream> => {
    if (!stream && version) throw notFound(imageTags, name);
    if (stream && version && version !== stream.metadata.resourceVersion) {
      const message = `another caller has updated the resource version to ${stream.metadata.resourceVersion}`;
      throw conflict(imageTags, nameOf(itag), message);
    }
    if (stream) refuseOtherChanges(ctx, stream, tag, itag);
    else {
      await refuseCreation(ctx, namespace, imageTags, itag);
      refuseUncreatable(ctx, itag);
    }
    const base = stream ?? missingStream(ctx, namespace, streamName);
    created = !specTag(base, tag);
    return withSpecTag(base, tag, itag.spec);
  };
  const asked = { resource: imageTags, name: nameOf(itag) };
  const written = await writeStream(ctx, namespace, streamName, asked, change, false);
  const object = imageTagOf(ctx.settings, written, tag, await tagImage(ctx, written, tag));
  return { object, created };
}

/** Whether a write adds or changes anything beside metadata. */
function setsFields(itag: ImageTag, old: ImageTag): boolean {
  const next = { ...itag, metadata: old.metadata };
  const { added, modified } = compare(
    imageTagSchema,
    comparable(imageTagSchema, old),
    comparable(imageTagSchema, next),
  );
  return !isEmptySet(union(added, modified));
}

/** Metadata and status must be sent back as they are. */
function refuseOtherChanges(ctx: Context, stream: ImageStream, tag: string, itag: ImageTag): void {
  const old = imageTagOf(ctx.settings, stream, tag, undefined);
  const { uid, resourceVersion, creationTimestamp, generation, managedFields } = old.metadata;
  const metadata = {
    ...itag.metadata,
    ...(uid && { uid: itag.metadata.uid || uid }),
    ...(resourceVersion && { resourceVersion }),
    ...(creationTimestamp && { creationTimestamp }),
    ...(generation !== undefined && { generation }),
    ...(managedFields && { managedFields }),
    ...(old.metadata.namespace && { namespace: itag.metadata.namespace || old.metadata.namespace }),
  };
  const errors = commonMetadataErrors(metadata, true);
  errors.push(...validateMetadataUpdate({ ...itag, metadata }, old, true), ...validateSpec(ctx, itag, tag, old));
  // Who sets a field manages it from then on, and managedFields are metadata, which may not change (sic). Taking one away
  // changes nothing there.
  const written = managedFields && setsFields(itag, old);
  if (written || !isDeepStrictEqual({ ...metadata }, { ...old.metadata }))
    errors.push(invalidValue('metadata', '', ONLY_SPEC));
  if (!isDeepStrictEqual(itag.status ?? null, old.status)) errors.push(invalidValue('status', '', ONLY_SPEC));
  if (errors.length > 0) throw invalid(imageTags, nameOf(itag), errors);
}

export const imageTags: Resource<ImageTag> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageTag',
  resource: 'imagetags',
  singular: 'imagetag',
  shortNames: ['itag'],
  namespaced: true,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
  schema: imageTagSchema,
  table: imageTagTable,
  computed: {
    get,
    list,
    create,
    patchBase,
    update,
    delete: (ctx, namespace, name, options) => deleteStreamTag(ctx, namespace, name, options, imageTags),
  },
};
