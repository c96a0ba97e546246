/** What holds what: the walks through the references among manifests and blobs. Pure. */
import type { Digest } from '../image/digest.ts';

/**
 * What a digest holds alive: an index its children, an image its configuration and layers, and a subject what refers to
 * it (signatures, SBOMs), which is of no use without it.
 */
export type Holds = (digest: Digest) => Iterable<Digest>;

/** Everything that is held by some digests, themselves among it. */
export function reach(from: Iterable<Digest>, holds: Holds): Set<Digest> {
  const reached = new Set<Digest>(from);
  // A set is walked in the order of insertion, also what is added on the way.
  for (const digest of reached) {
    for (const next of holds(digest)) reached.add(next);
  }
  return reached;
}

/**
 * Some digests in an order in which each comes before what it holds, so that whoever deletes in this order leaves nothing
 * behind that lacks something. Circles come in any order.
 */
export function holdersFirst(some: ReadonlySet<Digest>, holds: Holds): Digest[] {
  const order: Digest[] = [];
  const seen = new Set<Digest>();
  const stack: { readonly digest: Digest; readonly next: Iterator<Digest> }[] = [];
  const enter = (digest: Digest): void => {
    if (!some.has(digest) || seen.has(digest)) return;
    seen.add(digest);
    stack.push({ digest, next: holds(digest)[Symbol.iterator]() });
  };
  for (const start of some) {
    enter(start);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const step = top.next.next();
      if (!step.done) {
        enter(step.value);
        continue;
      }
      order.push(top.digest);
      stack.pop();
    }
  }
  return order.reverse();
}
