/** Which image of a stream an id means: the prefix rule of ImageStreamImage. */

export type ImageMatch =
  | { readonly kind: 'match'; readonly name: string }
  | { readonly kind: 'none' }
  /** Several images fit. The first is the one to take: the exact name if it is there, then the smallest. */
  | { readonly kind: 'several'; readonly names: readonly [string, ...string[]] };

const DIGEST = /^(?:sha256:[0-9a-fA-F]{64}|sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128})$/;
const ALGORITHMS = ['sha256:', 'sha384:', 'sha512:'];

/**
 * The candidates that an id names: a candidate that is a digest by a prefix of its hexadecimal part or of the whole, any
 * other by a prefix of its name. Case counts. An empty id names nothing.
 *
 * OpenShift takes one of several at random; the order here is fixed.
 *
 * @param candidates Distinct names in the order of `Array.prototype.sort`; the search takes logarithmic time.
 */
export function matchImage(candidates: readonly string[], id: string): ImageMatch {
  if (id === '') {
    return { kind: 'none' };
  }
  const found = [...withPrefix(candidates, id)];
  for (const algorithm of ALGORITHMS) {
    // No hexadecimal begins as an algorithm's name does, so nothing is found twice.
    found.push(...withPrefix(candidates, `${algorithm}${id}`).filter((name) => DIGEST.test(name)));
  }
  // Sorted already, but for the rare id that fits plain names and digests. An exact name is the smallest with its prefix,
  // though not among digests found by their hexadecimal part.
  found.sort((a, b) => Number(b === id) - Number(a === id) || (a < b ? -1 : 1));
  const [first, ...rest] = found;
  if (first === undefined) {
    return { kind: 'none' };
  }
  return rest.length === 0 ? { kind: 'match', name: first } : { kind: 'several', names: [first, ...rest] };
}

/** The run of candidates that begin with the prefix. */
function withPrefix(candidates: readonly string[], prefix: string): readonly string[] {
  const start = firstWhere(candidates, 0, (name) => name >= prefix);
  const end = firstWhere(candidates, start, (name) => !name.startsWith(prefix));
  return candidates.slice(start, end);
}

/** The first index, from `from` on, at which a condition holds that holds ever after. */
function firstWhere(candidates: readonly string[], from: number, holds: (name: string) => boolean): number {
  let low = from;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const name = candidates[middle];
    if (name !== undefined && holds(name)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}
