/**
 * Blobs in a bucket. Each has one object `blobs/<algorithm>/<hex>`, which is either the content itself (manifests, and what
 * was copied here: its digest was known before) or empty, with the key under which the content lies in its metadata. So
 * an upload becomes a blob by one small write: its content stays where it was written, and is never copied.
 *
 * The other way, the store of objects saying which key belongs to which digest, was weighed and left: then the bucket
 * alone would be worth nothing (it could be neither copied nor put under another store, and with a lost or older store
 * all content would be lost too), and etcd, which holds 8 GiB, would have an entry for each blob. The price is one more
 * request for a blob that this process has not seen yet; what it has seen it remembers, as content never moves.
 */
import { type Digest, digestAlgorithm, digestHex, digestOf, parseDigest } from '../../image/digest.ts';
import { S3_LOCATIONS_KEPT } from '../../limits.ts';
import { BoundedCache } from '../../objects/cache.ts';
import { type BlobBody, BlobsUnavailable, type ByteRange } from '../blobs.ts';
import { type Bucket, KEYS_LISTED, type ObjectFacts, type OpenObject } from './bucket.ts';
import { objectStream } from './objectstream.ts';

/** Where the content of a blob lies. */
export interface Location {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

const BLOBS = 'blobs/';
const CONTENT_KEY = 'headgate-content';
const CONTENT_SIZE = 'headgate-size';
const EMPTY = [digestOf(''), digestOf('', 'sha512')];

function blobKey(digest: Digest): string {
  return `${BLOBS}${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

function digestOfKey(key: string): Digest | undefined {
  return parseDigest(key.slice(BLOBS.length).replace('/', ':'));
}

/**
 * What a blob's object says, or undefined if it is damaged: an empty one without metadata (a tool that copied the bucket
 * has lost it) is no content. A push of the blob then mends it.
 */
function locationOf(digest: Digest, { size, metadata }: ObjectFacts): Location | undefined {
  const key = metadata[CONTENT_KEY];
  if (key === undefined) return size > 0 || EMPTY.includes(digest) ? { key: blobKey(digest), size } : undefined;
  const bytes = Number(metadata[CONTENT_SIZE]);
  return key.startsWith('content/') && Number.isSafeInteger(bytes) && bytes >= 0 ? { key, size: bytes } : undefined;
}

/** The blobs of one bucket. */
export class Content {
  readonly #bucket: Bucket;
  readonly #locations = new BoundedCache<Location>(S3_LOCATIONS_KEPT);

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  #remember(digest: Digest, location: Location | undefined): Location | undefined {
    if (location === undefined) this.#locations.delete(digest);
    else this.#locations.set(digest, location, 1);
    return location;
  }

  /** Where the bucket has a blob now: asked every time, since another process may have deleted it. */
  async locate(digest: Digest): Promise<Location | undefined> {
    const facts = await this.#bucket.facts(blobKey(digest));
    return this.#remember(digest, facts && locationOf(digest, facts));
  }

  /** The same, but what was seen before is taken as it was. */
  async #known(digest: Digest): Promise<Location | undefined> {
    return this.#locations.get(digest) ?? (await this.locate(digest));
  }

  async read(digest: Digest, range: ByteRange | undefined): Promise<BlobBody | undefined> {
    const known = this.#locations.get(digest);
    if (known !== undefined) {
      const body = await this.#readAt(known, range);
      if (body !== undefined) return body;
      this.#locations.delete(digest);
    }
    const opened = await this.#bucket.open(blobKey(digest));
    if (opened === undefined) return undefined;
    const location = this.#remember(digest, locationOf(digest, opened));
    if (location !== undefined && range === undefined && location.key === blobKey(digest)) {
      return this.#bodyOf(location, 0, location.size, opened);
    }
    opened.body?.close();
    return location && (await this.#readAt(location, range));
  }

  async #readAt(location: Location, range: ByteRange | undefined): Promise<BlobBody | undefined> {
    const { key, size } = location;
    if (size === 0) return { size, bytes: Buffer.alloc(0) };
    const opened = await this.#bucket.open(key, range ?? { start: 0, end: size - 1 });
    return opened && this.#bodyOf(location, range?.start ?? 0, range === undefined ? size : range.end + 1, opened);
  }

  #bodyOf({ key, size }: Location, start: number, end: number, opened: OpenObject): BlobBody {
    if (opened.bytes !== undefined) return { size, bytes: opened.bytes };
    if (opened.body === undefined) return { size, bytes: Buffer.alloc(0) };
    return { size, stream: objectStream(this.#bucket, key, { start, end }, opened.body) };
  }

  /** Keeps few bytes, checked against the digest, as the blob's own object. */
  async put(digest: Digest, bytes: Buffer): Promise<void> {
    const key = blobKey(digest);
    if (!(await this.#bucket.put(key, bytes, { unlessThere: true }))) {
      if (await this.#isWhole(digest, bytes.length)) return;
      await this.#bucket.put(key, bytes);
    }
    this.#remember(digest, { key, size: bytes.length });
  }

  /** Whether there is a blob of that size, and its content too. */
  async #isWhole(digest: Digest, size: number): Promise<boolean> {
    const location = await this.locate(digest);
    if (location?.size !== size) return false;
    return location.key === blobKey(digest) || (await this.#bucket.facts(location.key))?.size === size;
  }

  /** Makes content that was checked against the digest the blob. False if the blob was there, which is then left alone. */
  async place(digest: Digest, location: Location): Promise<boolean> {
    const key = blobKey(digest);
    const metadata = { [CONTENT_KEY]: location.key, [CONTENT_SIZE]: String(location.size) };
    const nothing = Buffer.alloc(0);
    if (!(await this.#bucket.put(key, nothing, { metadata, unlessThere: true }))) {
      // That may be what a try did whose answer was lost.
      if (await this.#isWhole(digest, location.size)) return this.#locations.get(digest)?.key === location.key;
      await this.#bucket.put(key, nothing, { metadata });
    }
    this.#remember(digest, location);
    return true;
  }

  /** The key of a blob's own object. */
  keyOf(digest: Digest): string {
    return blobKey(digest);
  }

  /** @throws {BlobsUnavailable} unless the blob is there with that size. */
  async expect(digest: Digest, size: number): Promise<void> {
    const found = await this.locate(digest);
    if (found?.size !== size)
      throw new BlobsUnavailable(`${digest} was written to ${this.#bucket.name} and is not there`);
  }

  /** Takes the object of a blob away; content that lies elsewhere stays. */
  async remove(digest: Digest): Promise<void> {
    this.#locations.delete(digest);
    await this.#bucket.delete(blobKey(digest));
    this.#locations.delete(digest);
  }

  /** Whether a location is that of the blob's own object. */
  isOwn(digest: Digest, { key }: Location): boolean {
    return key === blobKey(digest);
  }

  /** An address at S3 where the blob can be read, or undefined if there is no such blob. */
  async redirect(digest: Digest): Promise<string | undefined> {
    const location = await this.#known(digest);
    return location && (await this.#bucket.presign(location.key));
  }

  /** Digests after that one, in the order of their text, which is also that of the keys. */
  async list(after: Digest | undefined, limit: number): Promise<Digest[]> {
    const found: Digest[] = [];
    let last = after === undefined ? undefined : blobKey(after);
    while (found.length < limit) {
      const wanted = Math.min(limit - found.length, KEYS_LISTED);
      const keys = await this.#bucket.list(BLOBS, last, wanted);
      for (const key of keys) {
        const digest = digestOfKey(key);
        if (digest !== undefined) found.push(digest);
      }
      if (keys.length < wanted) break;
      last = keys.at(-1);
    }
    return found;
  }
}
