/**
 * What the images of a stream let be read besides themselves. Only pushes count: whoever pushes a manifest must be able to
 * read what it names, and that was looked at. What an Image says is no proof: imports, mappings and indexes may name any
 * digest, and a digest alone gives no right to what others have pushed.
 */
import { type Digest, parseDigest } from '../image/digest.ts';
import type { Store } from '../store/store.ts';
import { type KeptReferences, referencesKey } from './links.ts';

/**
 * Configurations, layers and children of images, and of those children: what pushes have proven, in no order. Each level is
 * asked for at once, since stores that must ask for the present ask once for all that wait.
 */
export async function* provenBelow(store: Store, names: Iterable<string>): AsyncGenerator<Digest> {
  const seen = new Set(names);
  for (let level = [...seen]; level.length > 0; ) {
    const digests = level.map(parseDigest).filter((digest) => digest !== undefined);
    const entries = await Promise.all(digests.map((digest) => store.get(referencesKey(digest))));
    level = [];
    for (const entry of entries) {
      if (!entry) continue;
      for (const proven of provenBy(JSON.parse(entry.value.toString()) as KeptReferences)) {
        yield proven;
        if (seen.has(proven)) continue;
        seen.add(proven);
        level.push(proven);
      }
    }
  }
}

/** Whether a digest is among that. */
export async function isProven(store: Store, names: Iterable<string>, digest: Digest): Promise<boolean> {
  for await (const proven of provenBelow(store, names)) if (proven === digest) return true;
  return false;
}

/** Images need their configuration at least; what they do not need was not looked at. Indexes need nothing. */
function provenBy({ needed, optional, foreign = [] }: KeptReferences): readonly Digest[] {
  return needed.length > 0 ? needed : optional.filter((digest) => !foreign.includes(digest));
}
