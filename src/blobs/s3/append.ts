/** One append: what comes is hashed, sent to S3, and recorded, now and then and at its end. */

import type { Hash } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { S3_CHECKPOINT_PARTS, S3_PART_BYTES } from '../../limits.ts';
import { BlobsUnavailable, type UploadId } from '../blobs.ts';
import type { Intake } from '../intake.ts';
import type { Bucket } from './bucket.ts';
import { type PartMemory, Parts } from './parts.ts';
import type { Recorded, Records, UploadRecord } from './records.ts';
import { folderOf, partsKey } from './removal.ts';

export interface AppendOptions {
  readonly id: UploadId;
  readonly found: Recorded;
  readonly bucket: Bucket;
  readonly records: Records;
  readonly memory: PartMemory;
  readonly now: () => Date;
}

/** The work of one request on an upload; runs once. */
export class Append {
  readonly #id: UploadId;
  readonly #bucket: Bucket;
  readonly #records: Records;
  readonly #now: () => Date;
  readonly #parts: Parts;
  #recorded: Recorded;
  #taken = 0;

  constructor({ id, found, bucket, records, memory, now }: AppendOptions) {
    this.#id = id;
    this.#recorded = found;
    this.#bucket = bucket;
    this.#records = records;
    this.#now = now;
    this.#parts = new Parts({ bucket, memory, key: partsKey(id), before: found.record.parts });
  }

  /**
   * Takes in all that comes. Bytes that the upload then holds; the hash, if there is one, has covered them.
   * @throws {BlobsUnavailable}, {BlobsFull} of S3; {UploadBusy}, {UploadUnknown} if another process was faster. What was
   *   recorded until then is what the upload holds.
   */
  async run(intake: Intake, hash: Hash | undefined): Promise<number> {
    try {
      for (let piece = await intake.next(); piece !== undefined; piece = await intake.next()) {
        if (this.#taken === 0) await this.#takeTail();
        this.#taken += piece.bytes;
        if (hash !== undefined) for (const chunk of piece.chunks) hash.update(chunk);
        await this.#parts.add(piece.chunks);
        intake.handBack(piece);
        if (this.#unrecorded() >= S3_CHECKPOINT_PARTS) await this.#checkpoint();
      }
      await this.#parts.settle();
      if (this.#taken > 0) await this.#finish();
      return this.#recorded.record.length;
    } catch (error) {
      await this.#parts.settle().catch(() => undefined);
      await this.#dropParts();
      throw error;
    } finally {
      this.#parts.close();
    }
  }

  /** The last part of an upload is not full, and goes on. */
  async #takeTail(): Promise<void> {
    const { tail } = this.#recorded.record;
    if (tail === undefined) return;
    const bytes = await this.#bucket.read(tail.key, tail.size);
    if (bytes === undefined) throw new BlobsUnavailable(`cannot go on with an upload: ${tail.key} is gone`);
    await this.#parts.add([bytes]);
  }

  #unrecorded(): number {
    const { sent = [] } = this.#parts.sent ?? {};
    return sent.length - (this.#recorded.record.parts?.sent.length ?? 0);
  }

  /** Records the parts that S3 has. */
  async #checkpoint(): Promise<void> {
    const parts = this.#parts.sent;
    if (parts !== undefined) await this.#record({ length: parts.sent.length * S3_PART_BYTES, parts });
  }

  /** Keeps what is no full part in an object of its own, and records all. */
  async #finish(): Promise<void> {
    const { rest, sent: parts } = this.#parts;
    const key = folderOf(this.#id) + randomBytes(8).toString('hex');
    if (rest.length > 0) await this.#bucket.put(key, rest);
    await this.#record({
      length: (parts?.sent.length ?? 0) * S3_PART_BYTES + rest.length,
      ...(parts && { parts }),
      ...(rest.length > 0 && { tail: { key, size: rest.length } }),
    });
  }

  async #record(held: Pick<UploadRecord, 'length' | 'parts' | 'tail'>): Promise<void> {
    const appends = this.#recorded.record.appends + 1;
    const record = { ...held, changed: this.#now().toISOString(), appends };
    const revision = await this.#records.write(this.#id, record, this.#recorded.revision);
    this.#recorded = { record, revision };
  }

  /** Parts whose name no record knows would stay until the next look for stale uploads. */
  async #dropParts(): Promise<void> {
    const begun = this.#parts.sent?.uploadId;
    if (begun === undefined || begun === this.#recorded.record.parts?.uploadId) return;
    try {
      await this.#bucket.dropParts(partsKey(this.#id), begun);
    } catch {
      // What led here says more.
    }
  }
}
