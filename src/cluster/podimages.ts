/** The images of new pods, and of what makes pods: those that are named by a stream of the namespace are looked up. */
import type { Context } from '../objects/context.ts';
import type { ObjectMeta } from '../objects/object.ts';
import type { Container, PodTemplate } from './workload.ts';

/** On an object or its pods, as `*`: names are looked up whatever the streams say. */
const RESOLVE_NAMES = 'alpha.image.policy.openshift.io/resolve-names';

/** Replaces the images of pods by what the streams lead to that they name, in place. */
export async function lookUpImages(
  ctx: Context,
  { namespace = '', annotations }: ObjectMeta,
  pods: PodTemplate | undefined,
): Promise<void> {
  const containers = [...(pods?.spec?.initContainers ?? []), ...(pods?.spec?.containers ?? [])].filter(isNameAlone);
  if (containers.length === 0) return;
  const asked = [annotations, pods?.metadata?.annotations].some((all) => all?.[RESOLVE_NAMES] === '*');
  // Streams know of secrets, which are made as workloads are: loaded here, they do not wait for each other.
  const { lookedUp } = await import('../streams/imagelookup.ts');
  for (const container of containers) {
    container.image = await lookedUp(ctx, namespace, container.image ?? '', asked);
  }
}

function isNameAlone({ image = '' }: Container): boolean {
  return image !== '' && !image.includes('/') && !image.includes('@');
}
