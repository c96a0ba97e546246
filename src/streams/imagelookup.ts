/** Images that pods name by a stream of their namespace alone, as OpenShift's image policy looks them up. */
import { parseReference, ReferenceInvalid, withImage } from '../image/reference.ts';
import type { Context } from '../objects/context.ts';
import { findStream, repositoryOf } from './imagestream.ts';
import { latestEvent, specTag } from './tagview.ts';

/**
 * What an image is that is named in a namespace: of a name alone (`app`, `app:1.0`), if there is such a stream and it lets
 * itself be looked up (`spec.lookupPolicy.local`) or that is `asked` for, what the tag leads to; else the name as it is.
 */
export async function lookedUp(ctx: Context, namespace: string, image: string, asked: boolean): Promise<string> {
  const named = nameAndTag(image);
  const stream = named && (await findStream(ctx, namespace, named.name));
  if (!stream || !(asked || stream.spec?.lookupPolicy?.local)) return image;
  const event = latestEvent(stream, named.tag);
  if (!event?.image) return image;
  if (specTag(stream, named.tag)?.referencePolicy?.type !== 'Local') return event.dockerImageReference || image;
  return withImage(repositoryOf(ctx.settings, namespace, named.name), event.image);
}

function nameAndTag(image: string): { readonly name: string; readonly tag: string } | undefined {
  try {
    const { registry, namespace, name, tag, id } = parseReference(image);
    return registry === '' && namespace === '' && id === '' ? { name, tag: tag || 'latest' } : undefined;
  } catch (error) {
    if (error instanceof ReferenceInvalid) return undefined;
    throw error;
  }
}
