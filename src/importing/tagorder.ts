/** The order in which the tags of a repository are imported: the most important first. Pure. */

type Version = readonly [major: bigint, minor: bigint, patch: bigint, prerelease: readonly string[]];

interface Ranked {
  readonly tag: string;
  /** 0 latest, 1 `X.Y`, 2 `X.Y.Z`, 3 anything else. */
  readonly rank: 0 | 1 | 2 | 3;
  readonly version: Version | undefined;
  readonly prefix: '' | 'v';
}

/**
 * Tags in order: latest; minor versions (`5.1`, `v5.1`, `5.1-rc1`), the highest first; full versions likewise; the rest
 * by their letters. As library-go's PrioritizeTags.
 */
export function prioritised(tags: Iterable<string>): string[] {
  return [...tags]
    .map(rankOf)
    .sort(compare)
    .map(({ tag }) => tag);
}

function rankOf(tag: string): Ranked {
  if (tag === 'latest') return { tag, rank: 0, version: undefined, prefix: '' };
  const prefix = tag.startsWith('v') ? 'v' : '';
  const short = tag.slice(prefix.length);
  const full = versionOf(short);
  if (full) return { tag, rank: 2, version: full, prefix };
  const [, minor, rest = ''] = /^(\d+\.\d+)(-\w+)?$/.exec(short) ?? [];
  const version = minor === undefined ? undefined : versionOf(`${minor}.0${rest}`);
  return { tag, rank: version ? 1 : 3, version, prefix };
}

const NUMBER = '(0|[1-9]\\d{0,19})';
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`);

/** A version by the rules of semver.org; undefined if it is none. */
function versionOf(text: string): Version | undefined {
  const [whole, major = '', minor = '', patch = '', prerelease] = VERSION.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const parts = prerelease?.split('.') ?? [];
  if (parts.some((part) => /^0\d+$/.test(part))) return undefined;
  return [BigInt(major), BigInt(minor), BigInt(patch), parts];
}

function compare(a: Ranked, b: Ranked): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (!a.version || !b.version) return a.tag < b.tag ? -1 : 1;
  return compareVersions(b.version, a.version) || (a.prefix < b.prefix ? -1 : 1);
}

function compareVersions(a: Version, b: Version): number {
  for (const index of [0, 1, 2] as const) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return comparePrereleases(a[3], b[3]);
}

/** A version without prerelease is the higher one. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [x, y] = [a[index], b[index]];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (x !== y) return compareParts(x, y);
  }
  return 0;
}

function compareParts(x: string, y: string): number {
  const [isX, isY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
  if (isX && isY) return BigInt(x) < BigInt(y) ? -1 : 1;
  if (isX !== isY) return isX ? -1 : 1;
  return x < y ? -1 : 1;
}
