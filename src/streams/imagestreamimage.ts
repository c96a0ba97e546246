/**
 * The resource `imagestreamimages`: an image as a stream's users see it, by `<stream>@<digest>`. It is there if the
 * digest stands in the history of a tag, or is a child of an index that does; whether it merely exists does not count.
 */
import { parseDigest } from '../image/digest.ts';
import { matchImage } from '../image/lookup.ts';
import { IMAGE_API, IMAGE_GROUP, IMAGE_VERSION, type Image } from '../images/image.ts';
import { imageKey, images, shownImage } from '../images/images.ts';
import type { Context, Services } from '../objects/context.ts';
import { badRequest, notFound } from '../objects/errors.ts';
import type { ObjectMeta } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Answer, Resource } from '../objects/resource.ts';
import { type KeptObject, parsed, refuseKeyless, served, whole } from '../objects/values.ts';
import { type Made, view } from '../objects/views.ts';
import type { Entry } from '../store/store.ts';
import { imageStreams } from './imagestream.ts';
import { describedKey, type RepositoryName } from './links.ts';
import { resolveDigest } from './repository.ts';
import { imageStreamImageSchema } from './schema.ts';
import { imagesOf } from './streamimages.ts';
import { imageStreamImageTable } from './table.ts';
import type { ImageStream, ImageStreamImage, NamedTagEventList } from './types.ts';

async function get(ctx: Context, namespace: string, name: string): Promise<Answer<ImageStreamImage>> {
  const bytes = await view(ctx.store, `isimage ${namespace}/${name}`, () => compose(ctx, namespace, name));
  return { object: () => JSON.parse(bytes.toString()) as ImageStreamImage, served: bytes };
}

async function compose(ctx: Context, namespace: string, name: string): Promise<Made> {
  const { stream, id } = streamAndId(name);
  const kept = await readKept(ctx.store, imageStreams, namespace, stream);
  if (!kept) throw notFound(imageStreamImages, stream);
  const found = await findInStream(ctx, { namespace, stream }, kept, id);
  if (!found) throw notFound({ group: IMAGE_GROUP, resource: 'imagestreamimage' }, name);
  const image = await ctx.store.get(imageKey(found));
  if (!image) throw notFound(imageStreamImages, found);
  return { bytes: print(ctx, namespace, name, kept, image), sources: [kept.head, image] };
}

/** @throws {DomainError} BadRequest unless the name is `<stream>@<id>`. */
function streamAndId(name: string): { readonly stream: string; readonly id: string } {
  const [stream, id, ...more] = name.split('@');
  if (!stream || !id || more.length > 0) throw badRequest('ImageStreamImages must be retrieved with <name>@<id>');
  refuseKeyless(stream);
  return { stream, id };
}

/**
 * The name of the Image that an id (a digest or a prefix of one) means in a stream; undefined if none. Of several the
 * exact one, then the smallest: OpenShift takes one at random.
 */
async function findInStream(
  services: Services,
  repo: RepositoryName,
  kept: KeptObject,
  id: string,
): Promise<string | undefined> {
  const histories = kept.parts.map(({ value }) => JSON.parse(value.toString()) as NamedTagEventList);
  const { names } = imagesOf(histories);
  // A whole digest that is in the history needs no look at the children of every index.
  if (parseDigest(id) && names.includes(id)) return id;
  const candidates = [...new Set([...names, ...(await childrenOf(services, names))])].sort();
  const match = matchImage(candidates, id);
  if (match.kind === 'none') return undefined;
  const name = match.kind === 'match' ? match.name : match.names[0];
  return names.includes(name) || (await mayShow(services, repo, name)) ? name : undefined;
}

/** Whoever pushes an index may name any children: those that were pushed here too are shown only where they may be pulled. */
async function mayShow(services: Services, repo: RepositoryName, child: string): Promise<boolean> {
  const digest = parseDigest(child);
  if (!digest || !(await services.store.get(describedKey(digest)))) return true;
  return (await resolveDigest(services, repo, digest)) !== undefined;
}

/** The children of those Images that are indexes, and theirs. */
async function childrenOf(services: Services, names: readonly string[]): Promise<string[]> {
  const seen = new Set(names);
  const children: string[] = [];
  const wanted = [...names];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    const entry = await services.store.get(imageKey(name));
    if (!entry?.value.includes('"dockerImageManifests"')) continue;
    for (const { digest } of parsed(images, services.settings, whole(entry)).dockerImageManifests ?? []) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      children.push(digest);
      wanted.push(digest);
    }
  }
  return children;
}

/** The view as JSON: the Image's own bytes, where it keeps no manifest that must be left out. */
function print(ctx: Context, namespace: string, name: string, stream: KeptObject, entry: Entry): Buffer {
  const image = parsed(images, ctx.settings, whole(entry));
  const annotations = annotationsOf(ctx, stream);
  const metadata: ObjectMeta = {
    name,
    namespace,
    creationTimestamp: image.metadata.creationTimestamp ?? null,
    ...(annotations && { annotations }),
  };
  const bytes = keepsManifest(image)
    ? Buffer.from(JSON.stringify(shownImage(image, ctx.now())))
    : served(images, ctx.settings, whole(entry), 'item');
  const opening = `{"kind":"ImageStreamImage","apiVersion":"${IMAGE_API}","metadata":${JSON.stringify(metadata)},"image":`;
  return Buffer.concat([Buffer.from(opening), bytes, Buffer.from('}')]);
}

function keepsManifest(image: Image): boolean {
  return Boolean(image.dockerImageManifest || image.dockerImageConfig);
}

function annotationsOf(ctx: Context, stream: KeptObject): Record<string, string> | undefined {
  const head: ImageStream = parsed(imageStreams, ctx.settings, { head: stream.head, parts: [] });
  return head.metadata.annotations;
}

export const imageStreamImages: Resource<ImageStreamImage> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStreamImage',
  resource: 'imagestreamimages',
  singular: 'imagestreamimage',
  shortNames: ['isimage'],
  namespaced: true,
  verbs: ['get'],
  schema: imageStreamImageSchema,
  table: imageStreamImageTable,
  computed: { get },
};
