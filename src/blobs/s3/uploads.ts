/**
 * Uploads in a bucket, on which any replica may work. What an upload holds is a record in the store (records.ts), and its
 * bytes are S3's: full parts of one multipart upload, and what came after the last full part as an object of its own.
 *
 * Whoever asks first goes on: no replica owns an upload, none has to be found, and when one dies the next request
 * continues elsewhere at once. Each step ends in a write of the record over the one that was read, so of two processes
 * that work on one upload, the slower is told so and has changed nothing. The alternative, sending each request on to an
 * owner, needs replicas that know and reach each other, leases that must run out, and this road as well when an owner is
 * dead. The price is paid at the commit: a digest whose bytes came through several processes is computed by reading the
 * content again, since Node cannot hand the state of a hash on. Clients that push a blob in one request never pay it.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Digest, digestAlgorithm, digestOf } from '../../image/digest.ts';
import { S3_COMMIT_SECONDS } from '../../limits.ts';
import type { Revision } from '../../store/store.ts';
import {
  type BlobStream,
  BlobsUnavailable,
  type CommittedBlob,
  DigestMismatch,
  UploadBusy,
  type UploadId,
  UploadOffset,
  UploadUnknown,
} from '../blobs.ts';
import { finishedDigest, RunningHashes } from '../hashes.ts';
import type { Intake } from '../intake.ts';
import { newUploadId } from '../uploadid.ts';
import { UploadWork } from '../uploadwork.ts';
import { Append } from './append.ts';
import type { Bucket } from './bucket.ts';
import type { Content, Location } from './content.ts';
import { objectStream } from './objectstream.ts';
import type { PartMemory } from './parts.ts';
import type { Recorded, Records } from './records.ts';
import { garbageOf, partsKey, type Removal } from './removal.ts';

/** What an upload is made. */
interface Placing {
  readonly digest: Digest;
  /** Whether the content is known to be what the digest says. */
  readonly checked: boolean;
  /** Whether a commit was begun before, which may have come to any step. */
  readonly again: boolean;
}

export interface UploadsOptions {
  readonly bucket: Bucket;
  readonly content: Content;
  readonly records: Records;
  readonly removal: Removal;
  readonly memory: PartMemory;
  readonly now: () => Date;
}

/** The uploads of one bucket, as one process works on them. */
export class Uploads {
  readonly #bucket: Bucket;
  readonly #content: Content;
  readonly #records: Records;
  readonly #removal: Removal;
  readonly #now: () => Date;
  readonly #memory: PartMemory;
  readonly #hashes = new RunningHashes();
  readonly #work = new UploadWork();
  /** Commits of this process that were begun and failed, by the revision of their records. */
  readonly #failed = new Map<UploadId, Revision>();

  constructor({ bucket, content, records, removal, memory, now }: UploadsOptions) {
    this.#memory = memory;
    this.#bucket = bucket;
    this.#content = content;
    this.#records = records;
    this.#removal = removal;
    this.#now = now;
  }

  /** Begins an upload: S3 hears of it when bytes come. */
  async begin(): Promise<UploadId> {
    const id = newUploadId();
    await this.#records.write(id, { length: 0, changed: this.#now().toISOString(), appends: 0 }, 0);
    return id;
  }

  async length(id: UploadId): Promise<number | undefined> {
    return (await this.#records.find(id))?.record.length;
  }

  async append(id: UploadId, offset: number, source: BlobStream): Promise<number> {
    return await this.#work.append(id, source, (intake) => this.#append(id, offset, intake));
  }

  async #found(id: UploadId): Promise<Recorded> {
    const found = await this.#records.find(id);
    if (found === undefined) throw new UploadUnknown('there is no such upload; begin a new one');
    return found;
  }

  async #append(id: UploadId, offset: number, intake: Intake): Promise<number> {
    const found = await this.#found(id);
    if (found.record.committing !== undefined) throw new UploadBusy('this upload is being made a blob');
    if (found.record.length !== offset) throw new UploadOffset(found.record.length);
    const hash = this.#hashes.take(id, offset);
    const [bucket, records, memory, now] = [this.#bucket, this.#records, this.#memory, this.#now];
    const length = await new Append({ id, found, bucket, records, memory, now }).run(intake, hash);
    if (hash !== undefined) this.#hashes.keep(id, hash, length);
    return length;
  }

  async commit(id: UploadId, digest: Digest): Promise<CommittedBlob> {
    return await this.#work.commit(id, () => this.#commit(id, digest));
  }

  async #commit(id: UploadId, digest: Digest): Promise<CommittedBlob> {
    const found = await this.#found(id);
    const { length } = found.record;
    const again = found.record.committing !== undefined;
    const hash = this.#hashes.take(id, length);
    const hashed = hash && this.#hashed(hash, digest);
    if (hashed !== undefined && hashed !== digest) await this.#refuse(id, found, digest, hashed);
    // From here on nobody adds anything, and whoever drops the upload first looks whether it has become the blob.
    const committing = { ...found.record, committing: { digest }, changed: this.#now().toISOString() };
    const claimed = { record: committing, revision: await this.#records.write(id, committing, found.revision) };
    let placed = true;
    try {
      if (length === 0) await this.#content.put(digest, Buffer.alloc(0));
      else placed = await this.#place(id, claimed, { digest, checked: hashed !== undefined, again });
    } catch (error) {
      if (hash !== undefined) this.#hashes.keep(id, hash, length);
      this.#failed.set(id, claimed.revision);
      throw error;
    }
    this.#failed.delete(id);
    return { digest, size: length, placed };
  }

  /** The digest that the running hash stands for; it can go on. */
  #hashed(hash: Hash, expected: Digest): Digest | undefined {
    return digestAlgorithm(expected) === 'sha256' ? finishedDigest('sha256', hash.copy()) : undefined;
  }

  /** Drops an upload whose content is not what was said. */
  async #refuse(id: UploadId, found: Recorded, expected: Digest, actual: Digest): Promise<never> {
    await this.#end(id, found);
    throw new DigestMismatch(expected, actual);
  }

  /** Makes the content one object, checks it if that was not done, and makes it the blob, unless that is there. */
  async #place(id: UploadId, claimed: Recorded, { digest, checked, again }: Placing): Promise<boolean> {
    const location = await this.#whole(id, claimed, again);
    if (!checked) {
      const actual = await this.#digestOf(location, digest);
      if (actual !== digest) await this.#refuse(id, claimed, digest, actual);
    }
    if (!(await this.#content.place(digest, location))) {
      await this.#end(id, claimed);
      return false;
    }
    // One append leaves nothing but the content; each further one may have left what came before it.
    const spare = claimed.record.appends > 1 || claimed.record.parts !== undefined;
    await this.#records.end(id, claimed.revision, spare ? { digest } : undefined);
    if (spare) await this.#removal.clearQuietly(id, { digest });
    return true;
  }

  /** Where all of the upload lies as one object. */
  async #whole(id: UploadId, { record, revision }: Recorded, again: boolean): Promise<Location> {
    const { parts, tail, length } = record;
    if (parts === undefined && tail !== undefined) return { key: tail.key, size: length };
    const key = partsKey(id);
    if (parts === undefined) throw new BlobsUnavailable('the record of the upload names no content');
    const { uploadId, sent } = parts;
    if (again && (await this.#isWhole(key, length))) return { key, size: length };
    const last = tail && (await this.#bucket.read(tail.key, tail.size));
    if (tail !== undefined && last === undefined) throw new BlobsUnavailable(`${tail.key} is gone`);
    const rest = last ? [await this.#bucket.putPart(key, uploadId, sent.length + 1, last)] : [];
    const done = await this.#bucket.finishParts(key, { uploadId, parts: [...sent, ...rest], size: length });
    // A try whose answer was lost may have done it: then the parts are unknown, and the object is there.
    if (done !== 'done' && !(await this.#isWhole(key, length))) {
      await this.#end(id, { record, revision });
      throw new UploadUnknown('S3 has lost the parts of this upload; send it again');
    }
    return { key, size: length };
  }

  async #isWhole(key: string, length: number): Promise<boolean> {
    return (await this.#bucket.facts(key))?.size === length;
  }

  /** Reads content and digests it. */
  async #digestOf({ key, size }: Location, expected: Digest): Promise<Digest> {
    const algorithm = digestAlgorithm(expected);
    const opened = await this.#bucket.open(key, { start: 0, end: size - 1 });
    if (opened?.bytes !== undefined) return digestOf(opened.bytes, algorithm);
    if (opened?.body === undefined) throw new BlobsUnavailable(`the content of the upload, ${key}, is gone`);
    const hash = createHash(algorithm);
    const stream = objectStream(this.#bucket, key, { start: 0, end: size }, opened.body);
    for await (const piece of stream) {
      hash.update(piece as Buffer);
      stream.handBack?.(piece as Buffer);
    }
    return finishedDigest(algorithm, hash);
  }

  /** Forgets an upload and deletes what there is of it, unless it has become the blob. */
  async #end(id: UploadId, { record, revision }: Recorded): Promise<void> {
    this.#hashes.drop(id);
    const garbage = garbageOf(record);
    await this.#records.end(id, revision, garbage);
    await this.#removal.clearQuietly(id, garbage);
  }

  /**
   * The same after a commit that failed. Its last request may have been lost on the way and still arrive, so the content
   * is looked at again, and deleted, only when that is over.
   */
  async #endLater(id: UploadId, { record, revision }: Recorded): Promise<void> {
    this.#hashes.drop(id);
    this.#failed.delete(id);
    const notBefore = new Date(this.#now().getTime() + S3_COMMIT_SECONDS * 1000).toISOString();
    await this.#records.end(id, revision, { ...garbageOf(record), notBefore });
  }

  /**
   * Drops an upload. Whether there was one.
   * @throws {UploadBusy} while another process makes it a blob.
   */
  async abort(id: UploadId): Promise<boolean> {
    await this.#work.end(id, new UploadUnknown('the upload was ended by another request'));
    for (;;) {
      const found = await this.#records.find(id);
      if (found === undefined) return false;
      const { committing, changed } = found.record;
      const age = this.#now().getTime() - new Date(changed).getTime();
      const failed = this.#failed.get(id) === found.revision;
      if (committing !== undefined && !failed && age < S3_COMMIT_SECONDS * 1000) {
        throw new UploadBusy('this upload is being made a blob');
      }
      try {
        if (committing === undefined) await this.#end(id, found);
        else await this.#endLater(id, found);
        return true;
      } catch (error) {
        // Another process added to it meanwhile, and will learn that it is gone.
        if (!(error instanceof UploadBusy || error instanceof UploadUnknown)) throw error;
      }
    }
  }

  async stale(before: Date): Promise<UploadId[]> {
    const found: UploadId[] = [];
    for await (const [id, { changed }] of this.#records.uploads()) {
      if (new Date(changed) < before && !this.#work.has(id)) found.push(id);
    }
    return found;
  }

  /** Breaks off what is under way and resolves when all of it has been kept. */
  async close(): Promise<void> {
    await this.#work.endAll(new BlobsUnavailable('the blob store is closing'));
  }
}
