/**
 * The resource `imagestreammappings`: tells that a tag of a stream now is an Image, which is created if it does not
 * exist. OpenShift's registry does each push this way; here a push and a mapping take the same road (tagging.ts).
 */
import { spare } from '../collecting/marks.ts';
import { parseDigest } from '../image/digest.ts';
import { withImage } from '../image/reference.ts';
import { IMAGE_GROUP, IMAGE_VERSION, type Image, MANAGED_ANNOTATION } from '../images/image.ts';
import { imageKey, imageSize, images } from '../images/images.ts';
import { pathSegmentFault, referenceFault, validateImage } from '../images/validate.ts';
import type { Context } from '../objects/context.ts';
import {
  badRequest,
  type FieldError,
  forbidden,
  invalid,
  invalidValue,
  notFound,
  required,
} from '../objects/errors.ts';
import { validateMeta, validateMetadata } from '../objects/metadata.ts';
import { namespaceCheck } from '../objects/namespaced.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import type { Resource, StatusAnswer } from '../objects/resource.ts';
import { restricted, restrictionsFor } from '../objects/restrictions.ts';
import { creation } from '../objects/writes.ts';
import { mayName } from './imagerights.ts';
import { imageStreams, repositoryOf } from './imagestream.ts';
import { imageExcess, limitsImages } from './limits.ts';
import { imageStreamMappingSchema } from './schema.ts';
import { changeTag } from './tagging.ts';
import type { ImageStreamMapping } from './types.ts';
import { tagNameErrors } from './validate.ts';

async function create(ctx: Context, namespace: string, mapping: ImageStreamMapping): Promise<StatusAnswer> {
  return restricted(ctx, namespace, false, (inner) => createOnce(inner, namespace, mapping));
}

/** An image that a LimitRange forbids is refused before anything else is looked at, as by an admission plugin. */
async function refuseExcess(ctx: Context, namespace: string, name: string, image: Image): Promise<void> {
  const { limits } = await restrictionsFor(ctx, namespace);
  if (!limitsImages(limits)) return;
  const size = imageSize(image, ctx.now());
  const excess = typeof size === 'string' ? size : imageExcess(limits, size);
  if (excess !== undefined) throw forbidden(imageStreamMappings, name || 'Unknown!', excess);
}

async function createOnce(ctx: Context, namespace: string, mapping: ImageStreamMapping): Promise<StatusAnswer> {
  const name = nameOf(mapping);
  mapping.metadata.namespace = namespace;
  const image = mapping.image ?? { metadata: {} };
  image.metadata ??= {};
  await namespaceCheck(ctx.store, namespace, imageStreamMappings, name);
  await refuseExcess(ctx, namespace, name, image);
  // Signatures come from whoever verified them, never with the image.
  delete image.signatures;
  if (!image.dockerImageReference && name) {
    const repository = repositoryOf(ctx.settings, namespace, name);
    image.dockerImageReference = image.metadata.name ? withImage(repository, image.metadata.name) : repository;
  }
  const errors = validate(mapping, image);
  if (errors.length > 0) throw invalid({ group: IMAGE_GROUP, kind: 'ImageStreamMapping' }, name, errors);
  if (!(await mayName(ctx, { namespace, stream: name }, image.metadata.name ?? ''))) {
    const message = `${image.metadata.name} was pushed to a repository from which ${JSON.stringify(ctx.user.name)} may not pull`;
    throw forbidden(imageStreamMappings, name, message);
  }
  await changeTag(ctx, {
    namespace,
    name,
    tag: mapping.tag,
    cause: 'push',
    plan: async (head) => {
      if (!head) throw notFound(imageStreamMappings, name);
      if (image.metadata.resourceVersion) {
        throw badRequest('resourceVersion should not be set on objects to be created');
      }
      const { stream } = head;
      const imageName = image.metadata.name ?? '';
      const digest = parseDigest(imageName);
      const spared = digest ? [await spare(ctx, [digest])] : [];
      const existed = (await ctx.store.get(imageKey(imageName))) !== undefined;
      // An Image that exists stays as it is.
      const changes = existed ? [] : (await creation(ctx, images, '', structuredClone(image))).changes;
      const event = {
        created: apiTime(ctx.now()),
        dockerImageReference: existed ? managedReference(ctx, mapping, image) : (image.dockerImageReference ?? ''),
        image: image.metadata.name ?? '',
        generation: stream.metadata.generation ?? 0,
      };
      return { event, stream, changes: [...spared, ...changes], always: true, steal: false, spared: imageName };
    },
  });
  return { status: 'Success' };
}

/** An image that was pushed to this registry before is pulled from the stream that it is now mapped into. */
function managedReference(ctx: Context, mapping: ImageStreamMapping, image: Image): string {
  if (image.metadata.annotations?.[MANAGED_ANNOTATION] !== 'true') return image.dockerImageReference ?? '';
  const repository = repositoryOf(ctx.settings, mapping.metadata.namespace ?? '', nameOf(mapping));
  const reference = withImage(repository, image.metadata.name ?? '');
  const fault = referenceFault(reference);
  if (fault === undefined) return reference;
  const field = `status.tags[${mapping.tag}].items[0].dockerImageReference`;
  throw invalid(imageStreams, nameOf(mapping), [invalidValue(field, reference, fault)]);
}

function validate(mapping: ImageStreamMapping, image: Image): FieldError[] {
  const errors = validateMetadata(imageStreamMappings, mapping);
  // The reference takes a repository instead of the stream's name, which nothing can be sent for any more.
  if (!mapping.metadata.name) errors.push(required('name'), required('dockerImageRepository'));
  if (!mapping.tag) errors.push(required('tag'));
  else errors.push(...tagNameErrors(mapping.tag, 'tag'));
  const rules = { namespaced: false, validateName: pathSegmentFault, field: 'image.metadata' };
  return [...errors, ...validateMeta(image.metadata, rules), ...validateImage(image, 'image.')];
}

export const imageStreamMappings: Resource<ImageStreamMapping> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStreamMapping',
  resource: 'imagestreammappings',
  singular: 'imagestreammapping',
  namespaced: true,
  verbs: ['create'],
  schema: imageStreamMappingSchema,
  // It is only ever answered with a Status.
  table: { columns: [], cells: () => [] },
  computed: { create },
};
