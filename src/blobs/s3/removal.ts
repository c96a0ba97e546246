/**
 * Deleting content, so that nothing is left of it, whatever fails meanwhile: first the store notes what is to be deleted,
 * then it is deleted, then the note is. What a dead process left noted, the next look for stale uploads deletes.
 */
import type { Digest } from '../../image/digest.ts';
import { BlobsUnavailable, type UploadId } from '../blobs.ts';
import { parseUploadId } from '../uploadid.ts';
import { type Bucket, KEYS_LISTED } from './bucket.ts';
import type { Content } from './content.ts';
import type { Garbage, Records, UploadRecord } from './records.ts';

/** Under which all of an upload lies. */
export function folderOf(id: UploadId): string {
  return `content/${id}/`;
}

/** The object that an upload's parts become. */
export function partsKey(id: UploadId): string {
  return `${folderOf(id)}parts`;
}

/** What would be left of an upload. */
export function garbageOf({ parts, committing }: UploadRecord): Garbage {
  return { ...(parts && { partsId: parts.uploadId }), ...(committing && { digest: committing.digest }) };
}

/** Deletes what is of no use in one bucket. */
export class Removal {
  readonly #bucket: Bucket;
  readonly #content: Content;
  readonly #records: Records;
  readonly #now: () => Date;

  constructor(bucket: Bucket, content: Content, records: Records, now: () => Date) {
    this.#now = now;
    this.#bucket = bucket;
    this.#content = content;
    this.#records = records;
  }

  /** Deletes what the store has noted of an upload, but for the content that is the blob's after all. */
  async clear(id: UploadId, { digest, partsId }: Garbage): Promise<void> {
    const kept = digest && (await this.#content.locate(digest))?.key;
    if (partsId !== undefined) await this.#bucket.dropParts(partsKey(id), partsId);
    await this.clearBut(id, kept);
    await this.#records.dropGarbage(id);
  }

  /** The same; if it fails, it stays noted. */
  async clearQuietly(id: UploadId, garbage: Garbage): Promise<void> {
    try {
      await this.clear(id, garbage);
    } catch {
      // S3 or the store is away. The next look for stale uploads tries again.
    }
  }

  /** Deletes all objects of an upload but one. */
  async clearBut(id: UploadId, kept: string | undefined): Promise<void> {
    for (;;) {
      const keys = await this.#bucket.list(folderOf(id), undefined, KEYS_LISTED);
      await Promise.all(keys.filter((key) => key !== kept).map((key) => this.#bucket.delete(key)));
      if (keys.length < KEYS_LISTED) return;
    }
  }

  /** Deletes a blob and its content. Whether there was one. */
  async deleteBlob(digest: Digest): Promise<boolean> {
    const location = await this.#content.locate(digest);
    if (location === undefined) return false;
    const id = parseUploadId(location.key.split('/')[1] ?? '');
    if (this.#content.isOwn(digest, location) || id === undefined) {
      await this.#content.remove(digest);
      return true;
    }
    await this.#records.addGarbage(id, { digest });
    await this.#content.remove(digest);
    await this.clearQuietly(id, {});
    return true;
  }

  /** Deletes what dead processes have left: noted content, and parts of which nobody knows any more. */
  async sweep(before: Date): Promise<void> {
    for await (const [id, garbage] of this.#records.garbage()) {
      if (garbage.notBefore === undefined || new Date(garbage.notBefore) <= this.#now()) await this.clear(id, garbage);
    }
    for await (const { key, uploadId, begun } of this.#bucket.openParts('')) {
      if (begun >= before) continue;
      const [folder, name = ''] = key.split('/');
      const id = folder === 'content' ? parseUploadId(name) : undefined;
      const found = id && (await this.#records.find(id));
      if (found?.record.parts?.uploadId !== uploadId) await this.#bucket.dropParts(key, uploadId);
    }
  }

  /** The same; what S3 does not do now is left for the next time. @throws {StoreError} if the records cannot be read. */
  async sweepQuietly(before: Date): Promise<void> {
    try {
      await this.sweep(before);
    } catch (error) {
      if (error instanceof BlobsUnavailable) return;
      throw error;
    }
  }
}
