/** Who may put an image into a stream by its name alone. */
import type { ResourceAttributes } from '../access/user.ts';
import { type Digest, parseDigest } from '../image/digest.ts';
import { parseReference, ReferenceInvalid } from '../image/reference.ts';
import { IMAGE_GROUP } from '../images/image.ts';
import type { Context } from '../objects/context.ts';
import { findImage } from './layers.ts';
import { describedKey, type RepositoryName } from './links.ts';
import { resolveDigest } from './repository.ts';

const READ_IMAGES: ResourceAttributes = { verb: 'get', group: IMAGE_GROUP, resource: 'images' };

/**
 * Whether the caller may let an image be pulled from a repository. One that was pushed here may be, if it can be pulled
 * from there anyway, if the caller may pull it where it was pushed, or may read all images: to know a digest is not enough.
 */
export async function mayName(ctx: Context, repo: RepositoryName, image: string): Promise<boolean> {
  const digest = parseDigest(image);
  if (!digest || !(await ctx.store.get(describedKey(digest))) || (await resolveDigest(ctx, repo, digest))) return true;
  if ((await ctx.authorizer.authorize(ctx.user, READ_IMAGES)).allowed) return true;
  const source = await pushedTo(ctx, digest);
  if (!source || !(await resolveDigest(ctx, source, digest))) return false;
  const { namespace, stream: name } = source;
  const pull = { ...READ_IMAGES, resource: 'imagestreams', subresource: 'layers', namespace, name };
  return (await ctx.authorizer.authorize(ctx.user, pull)).allowed;
}

/** The repository that an Image says it was pushed to. */
async function pushedTo(ctx: Context, digest: Digest): Promise<RepositoryName | undefined> {
  try {
    const { namespace, name } = parseReference((await findImage(ctx, digest))?.dockerImageReference ?? '');
    return { namespace, stream: name };
  } catch (error) {
    if (error instanceof ReferenceInvalid) return undefined;
    throw error;
  }
}
