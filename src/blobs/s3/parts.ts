/**
 * The content of one append on its way to S3: gathered in memory to parts of one size, which are sent while the next
 * comes in. All parts but the last have the same size, and part n always holds the same bytes of an upload, whoever
 * sends it: two processes that work on one upload (one of them taken for dead) cannot mix up its content.
 */
import { S3_PART_BYTES, S3_PARTS, S3_PARTS_AT_ONCE, S3_PARTS_HELD } from '../../limits.ts';
import { BlobsFull } from '../blobs.ts';
import type { Piece } from '../intake.ts';
import type { Bucket, SentPart } from './bucket.ts';

/** Memory that is kept for the next part rather than freed. */
const SPARE = 8;

/**
 * The memory of all parts of a driver. Appends wait for it when there is too much, but only while a part is being sent:
 * if all of it is with clients that send slowly, the next one gets its own, else it would wait for the slowest.
 */
export class PartMemory {
  readonly #spare: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #held = 0;
  #sending = 0;

  async take(): Promise<Buffer> {
    while (this.#held >= S3_PARTS_HELD && this.#sending > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#held += 1;
    // Pages that are never written to take no memory, so that a small upload takes little.
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(S3_PART_BYTES);
  }

  /** Sends what stands in the memory, and takes the memory back. */
  async spend<T>(memory: Buffer, send: () => Promise<T>): Promise<T> {
    this.#sending += 1;
    try {
      return await send();
    } finally {
      this.#sending -= 1;
      this.giveBack(memory);
    }
  }

  giveBack(memory: Buffer): void {
    this.#held -= 1;
    if (this.#spare.length < SPARE) this.#spare.push(memory);
    for (const wake of this.#waiting.splice(0, this.#sending > 0 ? 1 : this.#waiting.length)) wake();
  }
}

/** What is needed of a bucket. */
export type PartsBucket = Pick<Bucket, 'beginParts' | 'putPart'>;

export interface PartsOptions {
  readonly bucket: PartsBucket;
  readonly memory: PartMemory;
  /** Of the object that the parts become. */
  readonly key: string;
  /** S3's name of parts that were sent before, and those. */
  readonly before: { readonly uploadId: string; readonly sent: readonly SentPart[] } | undefined;
}

/** The parts of one append. */
export class Parts {
  readonly #bucket: PartsBucket;
  readonly #memory: PartMemory;
  readonly #key: string;
  readonly #sent: (SentPart | undefined)[];
  readonly #flying = new Set<Promise<void>>();
  #uploadId: string | undefined;
  /** The part that is being gathered. */
  #part: Buffer | undefined;
  #filled = 0;
  #failed: { readonly reason: unknown } | undefined;

  constructor({ bucket, memory, key, before }: PartsOptions) {
    this.#bucket = bucket;
    this.#memory = memory;
    this.#key = key;
    this.#uploadId = before?.uploadId;
    this.#sent = [...(before?.sent ?? [])];
  }

  /** The parts that S3 has, up to the first gap. */
  get sent(): { readonly uploadId: string; readonly sent: readonly SentPart[] } | undefined {
    if (this.#uploadId === undefined) return undefined;
    const gap = this.#sent.indexOf(undefined);
    const whole = gap < 0 ? this.#sent : this.#sent.slice(0, gap);
    return { uploadId: this.#uploadId, sent: whole.filter((part) => part !== undefined) };
  }

  /** What is not a full part yet. It is overwritten by what is added next. */
  get rest(): Buffer {
    return this.#part?.subarray(0, this.#filled) ?? Buffer.alloc(0);
  }

  /** Adds bytes; parts that they fill are sent. @throws what a part that was sent before failed with; {BlobsFull}. */
  async add(chunks: Piece['chunks']): Promise<void> {
    for (const chunk of chunks) {
      for (let done = 0; done < chunk.length; ) {
        this.#part ??= await this.#memory.take();
        const count = Math.min(chunk.length - done, S3_PART_BYTES - this.#filled);
        this.#part.set(count === chunk.length ? chunk : chunk.subarray(done, done + count), this.#filled);
        this.#filled += count;
        done += count;
        if (this.#filled === S3_PART_BYTES) await this.#send(this.#part);
      }
    }
  }

  async #send(part: Buffer): Promise<void> {
    this.#part = undefined;
    this.#filled = 0;
    const index = this.#sent.length;
    if (index >= S3_PARTS || this.#failed !== undefined) {
      this.#memory.giveBack(part);
      this.#check();
      throw new BlobsFull(`an upload to S3 has at most ${S3_PARTS} parts of ${S3_PART_BYTES} bytes`);
    }
    this.#sent.push(undefined);
    const sending = this.#memory.spend(part, async () => {
      this.#uploadId ??= await this.#begin();
      this.#sent[index] = await this.#bucket.putPart(this.#key, this.#uploadId, index + 1, part);
    });
    const flight = sending.catch((reason: unknown) => {
      this.#failed ??= { reason };
    });
    this.#flying.add(flight);
    void flight.then(() => this.#flying.delete(flight));
    // The first one brings the name under which the others go.
    if (this.#uploadId === undefined) await flight;
    while (this.#flying.size >= S3_PARTS_AT_ONCE) await Promise.race(this.#flying);
    this.#check();
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed.reason;
  }

  #begin(): Promise<string> {
    return this.#bucket.beginParts(this.#key);
  }

  /** Resolves when nothing is on its way any more. @throws what a part failed with. */
  async settle(): Promise<void> {
    await Promise.all(this.#flying);
    this.#check();
  }

  /** Lets go of the memory. To be called when nothing is on its way any more. */
  close(): void {
    if (this.#part !== undefined) this.#memory.giveBack(this.#part);
    this.#part = undefined;
    this.#filled = 0;
  }
}
