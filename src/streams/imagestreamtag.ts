/** The resource `imagestreamtags`: one tag of a stream with the image it points to now, named `<stream>:<tag>`. */
import { IMAGE_API, IMAGE_GROUP, IMAGE_VERSION, type Image } from '../images/image.ts';
import { shownImage } from '../images/images.ts';
import type { Context, Settings } from '../objects/context.ts';
import { badRequest, conflict, isProblem, notFound } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { pageKept } from '../objects/reads.ts';
import type { Answer, ComputedListOptions, DeleteOptions, Resource } from '../objects/resource.ts';
import { parsed } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { newest } from './history.ts';
import { imageStreams, internalRules, streamKey, tagPart } from './imagestream.ts';
import { findImage } from './layers.ts';
import { withoutTag } from './removal.ts';
import { imageStreamTagSchema } from './schema.ts';
import { imageStreamTagTable } from './table.ts';
import { readHead } from './tagging.ts';
import type { ImageStream, ImageStreamTag, NamedTagEventList, TagEvent, TagReference } from './types.ts';

/**
 * Stream and tag of a name.
 * @param kind `ImageStreamTags` or `ImageTags`, for the message.
 * @throws {DomainError} BadRequest unless the name is `<stream>:<tag>`.
 */
export function streamAndTag(name: string, kind: string): { readonly stream: string; readonly tag: string } {
  const [stream, tag, ...more] = name.split(':');
  if (!stream || !tag || more.length > 0 || name.includes('@')) {
    throw badRequest(`${kind} must be retrieved with <name>:<tag>`);
  }
  return { stream, tag };
}

async function get(ctx: Context, namespace: string, name: string): Promise<Answer<ImageStreamTag>> {
  const { stream, tag } = streamAndTag(name, 'ImageStreamTags');
  const head = await readHead(ctx, namespace, stream);
  if (!head) throw notFound(imageStreamTags, stream);
  const part = await ctx.store.get(streamKey(namespace, stream) + tagPart(tag));
  const history = part && (JSON.parse(part.value.toString()) as NamedTagEventList);
  const event = newest(history);
  if (!history || !event?.image) throw notFound(imageStreamTags, name);
  const image = await findImage(ctx, event.image);
  if (!image) throw notFound(imageStreamTags, event.image);
  const object = compose(ctx.settings, head.stream, history, event, shownImage(image, ctx.now()));
  return { object: () => object };
}

/** The tag as an object: metadata of the stream, the newest event, the image. */
function compose(
  settings: Settings,
  stream: ImageStream,
  history: NamedTagEventList,
  event: TagEvent,
  image: Image,
): ImageStreamTag {
  const { namespace, labels, resourceVersion, uid, creationTimestamp } = stream.metadata;
  const reference = stream.spec?.tags?.find(({ name }) => name === history.tag) ?? null;
  const annotations = reference?.annotations;
  return {
    kind: 'ImageStreamTag',
    apiVersion: IMAGE_API,
    metadata: {
      name: `${nameOf(stream)}:${history.tag}`,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      creationTimestamp: event.created ?? creationTimestamp ?? null,
      ...(labels && { labels }),
      ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
    },
    tag: reference,
    generation: event.generation,
    lookupPolicy: { local: Boolean(stream.spec?.lookupPolicy?.local) },
    ...(history.conditions && { conditions: history.conditions }),
    image: withTag(settings, stream, reference, event, image),
  };
}

/** The image as its tag shows it: the tag's annotations added, the reference by the tag's policy. */
function withTag(
  settings: Settings,
  stream: ImageStream,
  reference: TagReference | null,
  event: TagEvent,
  image: Image,
): Image {
  const annotations = { ...image.metadata.annotations, ...reference?.annotations };
  return {
    ...image,
    metadata: { ...image.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    dockerImageReference: pullReference(settings, stream, reference, event),
  };
}

/** How the tag's image is pulled: with policy Local through this registry, otherwise from where it came. */
export function pullReference(
  settings: Settings,
  stream: ImageStream,
  reference: TagReference | null,
  event: TagEvent,
): string {
  if (reference?.referencePolicy?.type !== 'Local' || !event.image) return event.dockerImageReference;
  return `${settings.registryHost}/${stream.metadata.namespace}/${nameOf(stream)}@${event.image}`;
}

/** Tags with an image, stream by stream; of the image only name and reference, since a list would load every Image. */
async function list(
  ctx: Context,
  namespace: string | undefined,
  { matchesLabels }: ComputedListOptions,
): Promise<ImageStreamTag[]> {
  const tags: ImageStreamTag[] = [];
  let after: string | undefined;
  let revision: number | undefined;
  do {
    const page = await pageKept(ctx.store, imageStreams, namespace ?? '', {
      ...(revision !== undefined && { fresh: { exactly: revision } }),
      ...(after !== undefined && { after }),
    });
    revision = page.revision;
    for (const kept of page.objects) {
      const stream = parsed(imageStreams, ctx.settings, kept);
      if (matchesLabels(stream.metadata.labels)) tags.push(...tagsOf(ctx.settings, stream));
    }
    after = page.next;
  } while (after !== undefined);
  return tags;
}

function tagsOf(settings: Settings, stream: ImageStream): ImageStreamTag[] {
  return (stream.status?.tags ?? []).flatMap((history) => {
    const event = newest(history);
    if (!event?.image) return [];
    const image: Image = { metadata: { name: event.image } };
    return [compose(settings, stream, history, event, image)];
  });
}

/**
 * Deletes a tag from spec and status of its stream; the Image stays, and so does the record of the tag's moves. Of
 * preconditions only the uid (the stream's) counts.
 */
export async function deleteStreamTag(
  ctx: Context,
  namespace: string,
  name: string,
  options: DeleteOptions,
  resource: { readonly group: string; readonly resource: string; readonly kind: string },
): Promise<void> {
  const { stream, tag } = streamAndTag(name, `${resource.kind}s`);
  const change = (old: ImageStream): ImageStream => {
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== old.metadata.uid) {
      const message = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
      throw conflict(resource, name, message);
    }
    const inSpec = old.spec?.tags?.some((reference) => reference.name === tag);
    const inStatus = old.status?.tags?.some((history) => history.tag === tag);
    if (!inSpec && !inStatus) throw notFound(resource, name);
    return withoutTag(old, tag);
  };
  try {
    await updateObject(ctx, imageStreams, namespace, stream, change, { retry: true, rules: internalRules });
  } catch (error) {
    if (
      isProblem(error, 'NotFound') &&
      error.problem.reason === 'NotFound' &&
      error.problem.resource.resource === 'imagestreams'
    ) {
      throw notFound(resource, stream);
    }
    throw error;
  }
}

export const imageStreamTags: Resource<ImageStreamTag> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStreamTag',
  resource: 'imagestreamtags',
  singular: 'imagestreamtag',
  shortNames: ['istag'],
  namespaced: true,
  verbs: ['delete', 'get', 'list'],
  schema: imageStreamTagSchema,
  table: imageStreamTagTable,
  computed: {
    get,
    list,
    delete: (ctx, namespace, name, options) => deleteStreamTag(ctx, namespace, name, options, imageStreamTags),
  },
};
