/** Owners that an object names twice: told to the client, and left out. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../objects/object.ts';

/**
 * Leaves out owner references that are there more than once, in place.
 *
 * @param afterwards Whether the client did not send the list itself: it is what came of a patch.
 * @returns The warning that is due, in the words of Kubernetes; undefined if nothing was there twice.
 */
export function dropRepeatedOwners({ metadata }: KubeObject, afterwards: boolean): string | undefined {
  const owners = metadata.ownerReferences ?? [];
  const once = owners.filter((owner, at) => owners.findIndex((other) => isDeepStrictEqual(other, owner)) === at);
  if (once.length === owners.length) return undefined;
  const twice = owners.filter((owner) => !once.includes(owner)).map(({ uid }) => uid);
  metadata.ownerReferences = once;
  const when = afterwards ? ' after mutating admission happens' : '';
  return `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...new Set(twice)].join(', ')}`;
}
