/**
 * What is durable of an upload, and what is to be deleted: records in the store, where one commit decides between
 * replicas. Any replica may go on with any upload at any time: it writes the record anew, and whoever worked on it before
 * and is not dead after all finds, at its next write, that it has lost (see uploads.ts).
 */
import type { Digest } from '../../image/digest.ts';
import { LIST_PAGE_OBJECTS } from '../../limits.ts';
import { type Change, CommitConflict, type Revision, type Store } from '../../store/store.ts';
import { UploadBusy, type UploadId, UploadUnknown } from '../blobs.ts';
import type { SentPart } from './bucket.ts';

/** What an upload holds. */
export interface UploadRecord {
  /** Bytes: those of all parts, and of the tail. */
  readonly length: number;
  /** RFC 3339. */
  readonly changed: string;
  /** How many requests have added to it. */
  readonly appends: number;
  /** Parts of the one object that they will become, all of the same size. */
  readonly parts?: { readonly uploadId: string; readonly sent: readonly SentPart[] };
  /** What came after the last full part, in an object of its own. */
  readonly tail?: { readonly key: string; readonly size: number };
  /** A commit that was begun: from then on the content may be the blob's. */
  readonly committing?: { readonly digest: Digest };
}

/** Content that is to be deleted, unless it is the blob's after all. */
export interface Garbage {
  /** The blob that the content may be. */
  readonly digest?: Digest;
  /** RFC 3339: the blob may come to be until then, by a request whose answer was lost; before, nothing is deleted. */
  readonly notBefore?: string;
  /** Parts that were not finished. */
  readonly partsId?: string;
}

/** A record and the revision at which it was read. */
export interface Recorded {
  readonly record: UploadRecord;
  readonly revision: Revision;
}

/** The records of one bucket and prefix. */
export class Records {
  readonly #store: Store;
  readonly #uploads: string;
  readonly #garbage: string;

  /** @param bucket bucket and prefix: a store may have known another one before. */
  constructor(store: Store, bucket: string) {
    this.#store = store;
    this.#uploads = `/s3/${bucket}/uploads/`;
    this.#garbage = `/s3/${bucket}/garbage/`;
  }

  async find(id: UploadId): Promise<Recorded | undefined> {
    const entry = await this.#store.get(this.#uploads + id);
    return entry && { record: JSON.parse(entry.value.toString()) as UploadRecord, revision: entry.revision };
  }

  /**
   * Writes a record over the one that was read; `expect` 0 makes a new one. Its revision.
   * @throws {UploadBusy} if another process has written meanwhile; {UploadUnknown} if it has ended the upload.
   */
  async write(id: UploadId, record: UploadRecord, expect: Revision): Promise<Revision> {
    const value = Buffer.from(JSON.stringify(record));
    return await this.#change(id, [{ op: 'put', key: this.#uploads + id, value, expect }]);
  }

  /** Forgets an upload, and remembers what of it is to be deleted. Throws as `write`. */
  async end(id: UploadId, expect: Revision, garbage?: Garbage): Promise<void> {
    await this.#change(id, [
      { op: 'delete', key: this.#uploads + id, expect },
      ...(garbage === undefined ? [] : [this.#dump(id, garbage)]),
    ]);
  }

  #dump(id: UploadId, garbage: Garbage): Change {
    return { op: 'put', key: this.#garbage + id, value: Buffer.from(JSON.stringify(garbage)) };
  }

  async #change(id: UploadId, changes: readonly Change[]): Promise<Revision> {
    try {
      return await this.#store.commit(changes);
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (error.actual === 0) throw new UploadUnknown('the upload was ended by another request', { cause: error });
      throw new UploadBusy(`another request has gone on with upload ${id}`, { cause: error });
    }
  }

  /** Remembers content that is to be deleted. */
  async addGarbage(id: UploadId, garbage: Garbage): Promise<void> {
    await this.#store.commit([this.#dump(id, garbage)]);
  }

  /** Forgets content that was deleted. */
  async dropGarbage(id: UploadId): Promise<void> {
    await this.#store.commit([{ op: 'delete', key: this.#garbage + id }]);
  }

  /** All uploads, page by page. */
  async *uploads(): AsyncGenerator<readonly [UploadId, UploadRecord]> {
    for await (const [id, value] of this.#all(this.#uploads)) yield [id, JSON.parse(value.toString()) as UploadRecord];
  }

  /** All that is to be deleted, page by page. */
  async *garbage(): AsyncGenerator<readonly [UploadId, Garbage]> {
    for await (const [id, value] of this.#all(this.#garbage)) yield [id, JSON.parse(value.toString()) as Garbage];
  }

  async *#all(prefix: string): AsyncGenerator<readonly [UploadId, Buffer]> {
    let after: string | undefined;
    do {
      const page = await this.#store.list(prefix, { limit: LIST_PAGE_OBJECTS, ...(after !== undefined && { after }) });
      for (const { key, value } of page.entries) yield [key.slice(prefix.length) as UploadId, value];
      after = page.more ? page.entries.at(-1)?.key : undefined;
    } while (after !== undefined);
  }
}
