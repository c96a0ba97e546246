/** What ImageStreamTags and ImageTags share: writing a tag of a stream, and making the stream if it is missing. */

import type { Image } from '../images/image.ts';
import { shownImage } from '../images/images.ts';
import { CONFLICT_TRIES } from '../limits.ts';
import { refuseExceeding } from '../objects/charges.ts';
import type { Context } from '../objects/context.ts';
import { conflict, DomainError, forbidden, isProblem, notFound } from '../objects/errors.ts';
import { apiTime, type KubeObject, nameOf } from '../objects/object.ts';
import type { DeleteOptions } from '../objects/resource.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { canBeKey } from '../store/key.ts';
import { imageStreams, internalRules, streamKey } from './imagestream.ts';
import { findImage } from './layers.ts';
import { withoutTag } from './removal.ts';
import { latestEvent, streamAndTag } from './tagview.ts';
import type { ImageStream, TagReference } from './types.ts';

/** The resource by whose name a request came; errors are about it. */
export interface TagResource {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
}

/** The image of a tag as views show it, or undefined if there is none (any more). */
export async function tagImage(ctx: Context, stream: ImageStream, tag: string): Promise<Image | undefined> {
  const name = latestEvent(stream, tag)?.image;
  const image = name ? await findImage(ctx, name) : undefined;
  return image && shownImage(image, ctx.now());
}

/** A stream that does not exist yet, as the base of a tag that is written into it. It has no resourceVersion. */
export function missingStream(ctx: Context, namespace: string, name: string): ImageStream {
  return {
    metadata: { name, namespace, uid: ctx.uid(), creationTimestamp: apiTime(ctx.now()) },
    spec: { lookupPolicy: { local: false } },
  };
}

/** The stream with a tag set in its spec; null takes it away. */
export function withSpecTag(stream: ImageStream, tag: string, reference: TagReference | null): ImageStream {
  const others = (stream.spec?.tags ?? []).filter(({ name }) => name !== tag);
  const tags = reference ? [...others, { ...reference, name: tag }] : others;
  return { ...stream, spec: { ...stream.spec, tags } };
}

/**
 * Writes a stream through one of its tags, creating it if it does not exist.
 *
 * @param asked What the request is about: errors name it.
 * @param change Gives the stream as it shall be, from what is there (undefined: nothing); called on every try.
 * @param retry Whether to try again when another writer was faster.
 */
export async function writeStream(
  ctx: Context,
  namespace: string,
  name: string,
  asked: { readonly resource: TagResource; readonly name: string },
  change: (stream: ImageStream | undefined) => ImageStream | Promise<ImageStream>,
  retry: boolean,
): Promise<ImageStream> {
  const key = streamKey(namespace, name);
  for (let tries = 1; ; tries++) {
    try {
      // What no stream can be called is refused by the rules of a new one.
      if (canBeKey(key) && (await ctx.store.get(key))) {
        return (await updateObject(ctx, imageStreams, namespace, name, change, { retry, rules: internalRules })).object;
      }
      const made = await change(undefined);
      await refuseExceeding(ctx, imageStreams, namespace, asked);
      return (await createObject(ctx, imageStreams, namespace, made)).object;
    } catch (error) {
      const again = isProblem(error, 'AlreadyExists') && isAbout(error, imageStreams.resource);
      if (again && tries < CONFLICT_TRIES) continue;
      throw asRequested(error, asked.resource, asked.name);
    }
  }
}

function isAbout(error: DomainError, resource: string): boolean {
  return 'resource' in error.problem && error.problem.resource.resource === resource;
}

/** Errors of the stream behind a tag name the resource of the request, refusals its name as well: clients rely on it. */
function asRequested(error: unknown, { group, resource }: TagResource, name: string): unknown {
  if (!(error instanceof DomainError) || !isAbout(error, imageStreams.resource)) return error;
  const named = error.problem.reason === 'Forbidden' && { name };
  const problem = { ...error.problem, resource: { group, resource }, ...named } as DomainError['problem'];
  return new DomainError(problem, { cause: error });
}

/** A tag written into a stream that does not exist creates something, which is a right of its own. */
export async function refuseCreation(
  ctx: Context,
  namespace: string,
  resource: TagResource,
  object: KubeObject,
): Promise<void> {
  const { group, resource: plural } = resource;
  const attributes = { verb: 'create', group, resource: plural, namespace };
  const { allowed, reason } = await ctx.authorizer.authorize(ctx.user, attributes);
  if (allowed) return;
  const what = `User ${JSON.stringify(ctx.user.name)} cannot create resource ${JSON.stringify(plural)}`;
  const where = `in API group ${JSON.stringify(group)} in the namespace ${JSON.stringify(namespace)}`;
  throw forbidden(resource, nameOf(object), `${what} ${where}${reason ? `: ${reason}` : ''}`);
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
  resource: TagResource,
): Promise<void> {
  const { stream, tag } = streamAndTag(name, `${resource.kind}s`);
  const change = (old: ImageStream): ImageStream => {
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== old.metadata.uid) {
      throw conflict(resource, name, 'the UID precondition was not met');
    }
    const inSpec = old.spec?.tags?.some((reference) => reference.name === tag);
    const inStatus = old.status?.tags?.some((history) => history.tag === tag);
    if (!inSpec && !inStatus) throw notFound(resource, name);
    return withoutTag(old, tag);
  };
  try {
    await updateObject(ctx, imageStreams, namespace, stream, change, { retry: true, rules: internalRules });
  } catch (error) {
    throw asRequested(error, resource, name);
  }
}
