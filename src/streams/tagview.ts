/** How a tag of a stream looks as an object of its own: an ImageStreamTag or an ImageTag. Pure. */
import { METADATA_VERSION } from '../image/dockerimage.ts';
import { normaliseMetadata } from '../image/metadata.ts';
import { withImage } from '../image/reference.ts';
import { IMAGE_API, type Image } from '../images/image.ts';
import type { Settings } from '../objects/context.ts';
import { badRequest } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import type { ComputedListOptions } from '../objects/resource.ts';
import { refuseKeyless } from '../objects/values.ts';
import { newest } from './history.ts';
import type { ImageStream, ImageStreamTag, ImageTag, TagEvent, TagReference } from './types.ts';

/**
 * Stream and tag of a name.
 * @param kind `ImageStreamTags` or `ImageTags`, for the message.
 * @throws {DomainError} BadRequest unless the name is `<stream>:<tag>`, where a stream can have the name.
 */
export function streamAndTag(name: string, kind: string): { readonly stream: string; readonly tag: string } {
  const [stream, tag, ...more] = name.split(':');
  if (!stream || !tag || more.length > 0 || name.includes('@')) {
    throw badRequest(`${kind} must be retrieved with <name>:<tag>`);
  }
  refuseKeyless(stream);
  return { stream, tag };
}

/**
 * Stream and tag of the name of a tag that is to be created: at the first colon, tag `latest` if none follows it.
 * @throws {DomainError} BadRequest without a colon (OpenShift answers 500).
 */
export function splitTagName(name: string): { readonly stream: string; readonly tag: string } {
  const colon = name.indexOf(':');
  if (colon < 0) throw badRequest(`${JSON.stringify(name)} must be of the form <stream_name>:<tag>`);
  if (colon === 0) throw badRequest('Name parameter required.');
  return { stream: name.slice(0, colon), tag: name.slice(colon + 1) || 'latest' };
}

/** An entry of a stream's spec.tags, or null. */
export function specTag(stream: ImageStream, tag: string): TagReference | null {
  return stream.spec?.tags?.find(({ name }) => name === tag) ?? null;
}

/** The newest event of a tag, or null. */
export function latestEvent(stream: ImageStream, tag: string): TagEvent | null {
  return newest(stream.status?.tags?.find((history) => history.tag === tag));
}

/**
 * Whether a list of tags looks into a stream. Selectors are asked about the stream first and about its tags later, so one
 * for metadata.name never finds a tag (sic: openshift-apiserver lists streams by the same options).
 */
export function selectsStream({ metadata }: ImageStream, { matchesLabels, matchesName }: ComputedListOptions): boolean {
  return matchesLabels(metadata.labels) && matchesName(metadata.namespace ?? '', metadata.name ?? '');
}

/**
 * The tag as an ImageStreamTag: metadata of the stream, the newest event, the image.
 *
 * @param image As it is shown (images/images.ts), or undefined: then it has just a name.
 */
export function imageStreamTagOf(
  settings: Settings,
  stream: ImageStream,
  tag: string,
  image: Image | undefined,
): ImageStreamTag {
  const { namespace, labels, resourceVersion, uid } = stream.metadata;
  const history = stream.status?.tags?.find((each) => each.tag === tag);
  const latest = newest(history);
  // What was not imported counts as nothing here: only ImageTags show such references.
  const event = latest?.image ? latest : null;
  // An entry without time has the tag without time.
  const creationTimestamp = event ? event.created : stream.metadata.creationTimestamp;
  const reference = specTag(stream, tag);
  const annotations = reference?.annotations;
  return {
    kind: 'ImageStreamTag',
    apiVersion: IMAGE_API,
    metadata: {
      name: `${nameOf(stream)}:${tag}`,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(creationTimestamp && { creationTimestamp }),
      ...(labels && { labels }),
      ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
    },
    tag: reference,
    generation: event?.generation ?? 0,
    lookupPolicy: { local: Boolean(stream.spec?.lookupPolicy?.local) },
    ...(history?.conditions && { conditions: history.conditions }),
    image: taggedImage(settings, stream, reference, event, image),
  };
}

/** An image of which nothing but its name is shown. */
function emptyImage(name: string | undefined): Image {
  return {
    metadata: name ? { name } : {},
    dockerImageMetadata: normaliseMetadata(undefined, undefined),
    dockerImageMetadataVersion: METADATA_VERSION,
  };
}

/** The image as its tag shows it: the tag's annotations added, the reference by the tag's policy. */
function taggedImage(
  settings: Settings,
  stream: ImageStream,
  reference: TagReference | null,
  event: TagEvent | null,
  image: Image | undefined,
): Image {
  const pulled = event ? pullReference(settings, stream, reference, event) : '';
  const dockerImageReference = pulled ? { dockerImageReference: pulled } : {};
  if (!image) return { ...emptyImage(event?.image), ...dockerImageReference };
  const annotations = { ...image.metadata.annotations, ...reference?.annotations };
  return {
    ...image,
    metadata: { ...image.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    ...dockerImageReference,
  };
}

/**
 * The tag as an ImageTag: all metadata of the stream under the tag's name, spec and whole history, null where there is
 * none.
 *
 * @param image As it is shown, or undefined if there is none.
 */
export function imageTagOf(settings: Settings, stream: ImageStream, tag: string, image: Image | undefined): ImageTag {
  const event = latestEvent(stream, tag);
  const reference = specTag(stream, tag);
  const pulled = image && event ? pullReference(settings, stream, reference, event) : undefined;
  return {
    kind: 'ImageTag',
    apiVersion: IMAGE_API,
    metadata: { ...stream.metadata, name: `${nameOf(stream)}:${tag}` },
    spec: reference,
    status: stream.status?.tags?.find((history) => history.tag === tag) ?? null,
    image: image ? { ...image, ...(pulled && { dockerImageReference: pulled }) } : null,
  };
}

/** How the tag's image is pulled: with policy Local through this registry, otherwise from where it came. */
function pullReference(
  settings: Settings,
  stream: ImageStream,
  reference: TagReference | null,
  event: TagEvent,
): string {
  if (reference?.referencePolicy?.type !== 'Local' || !event.image) return event.dockerImageReference;
  return withImage(`${settings.registryHost}/${stream.metadata.namespace}/${nameOf(stream)}`, event.image);
}
