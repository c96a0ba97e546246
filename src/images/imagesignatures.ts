/** The resource `imagesignatures`: adds a signature to an Image, or takes one away. They are read inside their Image. */
import type { Context } from '../objects/context.ts';
import { alreadyExists, badRequest, invalid, notFound } from '../objects/errors.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { updateObject } from '../objects/writes.ts';
import { IMAGE_API, IMAGE_GROUP, IMAGE_VERSION, type Image, type ImageSignature } from './image.ts';
import { images } from './images.ts';
import { imageSignatureSchema } from './schema.ts';
import { validateSignature } from './validate.ts';

/** Errors name the resource so (sic), and clients compare. */
const NAMED = { group: IMAGE_GROUP, resource: 'imageSignatures' };

async function create(ctx: Context, _namespace: string, given: ImageSignature): Promise<ImageSignature> {
  const name = given.metadata.name ?? '';
  // What the signature claims is for whoever verifies it to say, not for whoever brings it.
  const signature: ImageSignature = {
    metadata: { ...given.metadata, uid: ctx.uid(), creationTimestamp: apiTime(ctx.now()) },
    type: given.type,
    content: given.content,
  };
  const errors = validateSignature(signature, '');
  if (errors.length > 0) throw invalid(imageSignatures, name, errors);
  const { image } = imageAndSignature(name);
  const add = (old: Image): Image => {
    const signatures = old.signatures ?? [];
    const known = signatures.some(
      (each) => each.metadata.name === name || (each.type === signature.type && each.content === signature.content),
    );
    if (known) throw alreadyExists(NAMED, name);
    return { ...old, signatures: [...signatures, signature] };
  };
  await updateObject(ctx, images, '', image, add, { retry: true });
  return { kind: 'ImageSignature', apiVersion: IMAGE_API, ...signature };
}

/**
 * The two parts of a signature's name.
 * @throws {DomainError} BadRequest unless it is `<imageName>@<signatureName>`.
 */
function imageAndSignature(name: string): { readonly image: string } {
  const [image, signature, ...more] = name.split('@');
  if (!image || !signature || more.length > 0) {
    throw badRequest('ImageSignatures must be accessed with <imageName>@<signatureName>');
  }
  return { image };
}

async function remove(ctx: Context, _namespace: string, name: string): Promise<void> {
  const { image } = imageAndSignature(name);
  const take = (old: Image): Image => {
    const signatures = (old.signatures ?? []).filter(({ metadata }) => metadata.name !== name);
    if (signatures.length === (old.signatures ?? []).length) throw notFound(NAMED, name);
    return { ...old, signatures };
  };
  await updateObject(ctx, images, '', image, take, { retry: true });
}

export const imageSignatures: Resource<ImageSignature> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageSignature',
  resource: 'imagesignatures',
  singular: 'imagesignature',
  namespaced: false,
  verbs: ['create', 'delete'],
  schema: imageSignatureSchema,
  table: {
    columns: [{ name: 'Name', type: 'string', format: 'name', description: 'Image and name of the signature.' }],
    cells: (signature) => [nameOf(signature)],
  },
  computed: { create, delete: remove },
};
