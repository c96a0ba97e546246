/** The images of a stream: what its tags point to and have pointed to. */
import type { NamedTagEventList } from './types.ts';

export interface StreamImages {
  /** Names of Images, sorted, each once. */
  readonly names: readonly string[];
  /** By the Image's name: the reference by which it is pulled; of several the newest of the first tag. */
  readonly references: ReadonlyMap<string, string>;
}

/** The images of some histories; entries without an image (references that were not imported) have none. */
export function imagesOf(histories: Iterable<NamedTagEventList>): StreamImages {
  const references = new Map<string, string>();
  for (const { items } of histories) {
    for (const { image, dockerImageReference } of items ?? []) {
      if (image && !references.has(image)) references.set(image, dockerImageReference);
    }
  }
  return { names: [...references.keys()].sort(), references };
}
