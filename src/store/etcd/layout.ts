/**
 * Where things are in etcd, all below the prefix:
 * - `PREFIX/data<key>`: the store's own keys, which begin with a slash;
 * - `PREFIX/last`: written by every commit, so that its revision is the latest commit's, whoever else uses the cluster;
 * - `PREFIX/format`: which version of this layout it is;
 * - `PREFIX/leaders/<work>`: who leads work that only one may do, for as long as its lease lives.
 */
import { isUtf8 } from 'node:buffer';
import type { Range } from './messages.ts';

/** The keys of one store in etcd. */
export class Layout {
  /** Begins with a slash. */
  readonly prefix: string;
  /** Everything of this store. */
  readonly all: Required<Range>;
  readonly last: Buffer;
  readonly format: Buffer;
  readonly #data: Buffer;
  readonly #text: string;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.all = rangeOf(Buffer.from(`${prefix}/`));
    this.last = Buffer.from(`${prefix}/last`);
    this.format = Buffer.from(`${prefix}/format`);
    this.#text = `${prefix}/data`;
    this.#data = Buffer.from(this.#text);
  }

  /** Below the prefix, and yet not of this store: whatever lies between the ranges that it uses. */
  get foreign(): readonly Required<Range>[] {
    const own = [
      rangeOf(this.#data),
      { from: this.format, to: keyFollowing(this.format) },
      { from: this.last, to: keyFollowing(this.last) },
      rangeOf(this.leaders('')),
    ].sort((a, b) => a.from.compare(b.from));
    const ranges: Required<Range>[] = [];
    let { from } = this.all;
    for (const range of own) {
      ranges.push({ from, to: range.from });
      from = range.to;
    }
    return [...ranges, { from, to: this.all.to }];
  }

  leaders(work: string): Buffer {
    return Buffer.from(`${this.prefix}/leaders/${work}`);
  }

  /** A key of the store, in etcd. */
  key(key: string): Buffer {
    return Buffer.from(this.#text + key);
  }

  /** All keys of the store that begin with a prefix. */
  below(prefix: string): Required<Range> {
    return rangeOf(this.key(prefix));
  }

  /** The store's key of a key in etcd; undefined if it is none. */
  nameOf(key: Buffer): string | undefined {
    const start = this.#data.length;
    if (key.length <= start || this.#data.compare(key, 0, start) !== 0) return undefined;
    const name = key.toString('utf8', start);
    // What another program has put there under a name that is no key is not ours to show.
    return name.includes('\ufffd') && !isUtf8(key) ? undefined : name;
  }
}

const ZERO = Buffer.alloc(1);

/** The first key after this one. */
export function keyFollowing(key: Buffer): Buffer {
  return Buffer.concat([key, ZERO]);
}

/** All keys that begin with these bytes. */
function rangeOf(from: Buffer): Required<Range> {
  return { from, to: endOf(from) };
}

/** The first key after all that begin with these bytes. They begin with a slash, so there is one. */
function endOf(prefix: Buffer): Buffer {
  let length = prefix.length;
  while (prefix[length - 1] === 0xff) length--;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}
