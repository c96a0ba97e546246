/** Owners that an object names twice: told to the client, and left out. */
import type { KubeObject } from '../objects/object.ts';

/**
 * Leaves out owner references that are there more than once, in place. The object must be in canonical form, in which
 * equal owners are the same text: a body has room for so many that they cannot be compared each with each.
 *
 * @param afterwards Whether the client did not send the list itself: it is what came of a patch.
 * @returns The warning that is due, in the words of Kubernetes; undefined if nothing was there twice.
 */
export function dropRepeatedOwners({ metadata }: KubeObject, afterwards: boolean): string | undefined {
  const seen = new Set<string>();
  const twice = new Set<string>();
  const once = (metadata.ownerReferences ?? []).filter((owner) => {
    const isNew = seen.size < seen.add(JSON.stringify(owner)).size;
    if (!isNew) twice.add(owner.uid);
    return isNew;
  });
  if (twice.size === 0) return undefined;
  metadata.ownerReferences = once;
  const when = afterwards ? ' after mutating admission happens' : '';
  return `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...twice].join(', ')}`;
}
