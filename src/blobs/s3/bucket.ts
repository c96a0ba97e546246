/**
 * The requests that the driver makes of S3, by keys relative to the prefix. Each is tried again as retry.ts says; what
 * is thrown in the end is the seam's own error. The SDK is loaded when a bucket is opened, not before.
 */
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type * as Sdk from '@aws-sdk/client-s3';
import {
  S3_ADDRESSES_KEPT,
  S3_REDIRECT_SECONDS,
  S3_SLOWEST_BYTES,
  S3_SLOWEST_COPY_BYTES,
  S3_TRY_MS,
  SMALL_BLOB_BYTES,
} from '../../limits.ts';
import { BoundedCache } from '../../objects/cache.ts';
import { BlobsUnavailable, type ByteRange } from '../blobs.ts';
import type { BlobFigures } from '../figures.ts';
import { nameOf, type S3Address } from './address.ts';
import { type Body, BodyReader } from './bodyreader.ts';
import { type Clients, makeClients } from './clients.ts';
import { Downloads } from './download.ts';
import { CutShort, failureOf, isMissing, s3Error } from './failure.ts';
import { Retry, type TryOptions } from './retry.ts';

/** What S3 tells of an object beside its content. */
export interface ObjectFacts {
  /** Bytes of the whole object. */
  readonly size: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An object, or a part of it, that was opened. */
export interface OpenObject extends ObjectFacts {
  /** What was asked for, if it is little (limits.ts, SMALL_BLOB_BYTES). */
  readonly bytes?: Buffer;
  /** What was asked for, if it is much. Whoever takes it must read it to the end or close it. */
  readonly body?: Body;
}

/** A part that S3 has. */
export interface SentPart {
  readonly etag: string;
  /** Base64. */
  readonly crc32?: string;
}

/** Parts that are not yet one object. */
export interface OpenParts {
  readonly key: string;
  readonly uploadId: string;
  readonly begun: Date;
}

/** Keys that one answer lists at most. */
export const KEYS_LISTED = 1_000;

/** The requests of one bucket. */
export class Bucket {
  /** As messages name it. */
  readonly name: string;
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.S3Client;
  /** For answers that are long in coming, without a byte before: a server may copy the parts to one file. */
  readonly #patient: Sdk.S3Client;
  readonly #downloads: Downloads;
  readonly #address: S3Address;
  readonly #retry = new Retry();
  readonly #figures: BlobFigures | undefined;
  /** Signed addresses, and until when they are used (on the clock of performance.now). */
  readonly #addresses = new BoundedCache<{ readonly url: URL; readonly until: number }>(S3_ADDRESSES_KEPT);
  /** Whether the server knows `If-None-Match: *`, as far as it has shown. */
  #conditional = true;

  private constructor(address: S3Address, { sdk, client, patient, ca }: Clients, figures: BlobFigures | undefined) {
    this.#figures = figures;
    this.#sdk = sdk;
    this.#client = client;
    this.#patient = patient;
    this.#downloads = new Downloads(ca);
    this.#address = address;
    this.name = nameOf(address);
  }

  /** @throws {BlobsUnavailable} if the file with authorities cannot be read. Asks S3 nothing. */
  static async open(address: S3Address, figures?: BlobFigures): Promise<Bucket> {
    return new Bucket(address, await makeClients(address), figures);
  }

  /** Runs a request, several times if need be. */
  async #run<T>(doing: string, request: (signal: AbortSignal) => Promise<T>, options?: TryOptions): Promise<T> {
    const begun = performance.now();
    const tell = (outcome: 'ok' | 'failed'): void =>
      this.#figures?.asked(doing.slice(0, doing.indexOf(' ')), outcome, (performance.now() - begun) / 1000);
    try {
      const result = await this.#retry.run(request, options);
      tell('ok');
      return result;
    } catch (error) {
      tell('failed');
      throw s3Error(error, doing, this.name);
    }
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#address.bucket, Key: this.#address.prefix + key };
  }

  /**
   * Facts of an object, or undefined if there is none. When HEAD finds nothing, GET says whether there is a bucket: an
   * answer to HEAD has no words.
   */
  async facts(key: string): Promise<ObjectFacts | undefined> {
    const facts = await this.#run(`look for ${key}`, async (abortSignal) => {
      try {
        const found = await this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(key)), { abortSignal });
        return { size: found.ContentLength ?? 0, metadata: found.Metadata ?? {} };
      } catch (error) {
        const { status } = failureOf(error);
        if (status >= 400 && status < 500) return undefined;
        throw error;
      }
    });
    if (facts !== undefined) return facts;
    const opened = await this.open(key);
    opened?.body?.close();
    return opened;
  }

  /** Opens an object, or a part of it; undefined if there is none. */
  async open(key: string, range?: ByteRange): Promise<OpenObject | undefined> {
    return await this.#run(`read ${key}`, async (signal) => {
      const download = range && (await this.#download(key, range, signal));
      return download ?? (await this.#open(key, range, signal));
    });
  }

  /** The quick way, for a part that is known to be there: undefined if the answer is not a plain one. */
  async #download(key: string, range: ByteRange, signal: AbortSignal): Promise<OpenObject | undefined> {
    const found = await this.#downloads.open(await this.#signed(key), range, signal);
    if (found === undefined) return undefined;
    const { size, length, body } = found;
    if (length > SMALL_BLOB_BYTES) return { size, metadata: {}, body };
    const bytes = Buffer.allocUnsafe(length);
    await body.fill(bytes, S3_TRY_MS, () => undefined);
    return { size, metadata: {}, bytes };
  }

  async #open(key: string, range: ByteRange | undefined, abortSignal: AbortSignal): Promise<OpenObject | undefined> {
    const Range = range && `bytes=${range.start}-${range.end}`;
    const command = new this.#sdk.GetObjectCommand({ ...this.#at(key), ...(Range && { Range }) });
    try {
      // Whoever reads slowly keeps the connection waiting, which is no fault of S3.
      const found = await this.#patient.send(command, { abortSignal });
      const length = found.ContentLength ?? 0;
      const total = /\/(\d+)$/.exec(found.ContentRange ?? '')?.[1];
      const facts = { size: total === undefined ? length : Number(total), metadata: found.Metadata ?? {} };
      const body = found.Body as Readable;
      if (range !== undefined && length !== range.end - range.start + 1) {
        body.destroy();
        throw new CutShort(`asked for ${Range}, and got ${length} bytes of ${facts.size}`);
      }
      return length > SMALL_BLOB_BYTES
        ? { ...facts, body: new BodyReader(body) }
        : { ...facts, bytes: await allOf(body, length, abortSignal) };
    } catch (error) {
      if (isMissing(failureOf(error))) return undefined;
      throw error;
    }
  }

  /** Reads a whole object of `size` bytes in one go; undefined if there is none. */
  async read(key: string, size: number): Promise<Buffer | undefined> {
    const read = async (signal: AbortSignal): Promise<Buffer | undefined> => {
      const opened = await this.#open(key, undefined, signal);
      if (opened === undefined) return undefined;
      if (opened.size !== size) {
        opened.body?.close();
        throw new CutShort(`the answer has ${opened.size} bytes and should have ${size}`);
      }
      if (opened.bytes !== undefined) return opened.bytes;
      const bytes = Buffer.allocUnsafe(size);
      await opened.body?.fill(bytes, timeFor(size), () => undefined);
      return bytes;
    };
    return await this.#run(`read ${key}`, read, { tryMs: timeFor(size) });
  }

  /**
   * Writes an object. With `unlessThere` nothing is overwritten, where the server knows how: whether it was written.
   * @throws {BlobsUnavailable}; {BlobsFull}.
   */
  async put(key: string, bytes: Buffer, { metadata = {}, unlessThere = false } = {}): Promise<boolean> {
    const put = async (abortSignal: AbortSignal): Promise<boolean> => {
      const condition = unlessThere && this.#conditional ? { IfNoneMatch: '*' } : {};
      const input = { ...this.#at(key), Body: bytes, Metadata: metadata, ...this.#checksum(bytes), ...condition };
      try {
        await this.#client.send(new this.#sdk.PutObjectCommand(input), { abortSignal });
        return true;
      } catch (error) {
        const { code, status } = failureOf(error);
        if (status === 412 || code === 'ConditionalRequestConflict') return false;
        if (!('IfNoneMatch' in condition) || (status !== 501 && code !== 'NotImplemented')) throw error;
        this.#conditional = false;
        return put(abortSignal);
      }
    };
    if (unlessThere && !this.#conditional && (await this.facts(key)) !== undefined) return false;
    return await this.#run(`write ${key}`, put, { tryMs: timeFor(bytes.length) });
  }

  #checksum(bytes: Buffer): { readonly ChecksumCRC32?: string } {
    if (!this.#address.checksums) return {};
    const sum = Buffer.allocUnsafe(4);
    sum.writeUInt32BE(crc32(bytes));
    return { ChecksumCRC32: sum.toString('base64') };
  }

  /** Deletes an object; it need not be there. */
  async delete(key: string): Promise<void> {
    await this.#run(`delete ${key}`, (abortSignal) =>
      this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(key)), { abortSignal }),
    );
  }

  /** Keys that begin so, after that one, in their order, at most `limit` (KEYS_LISTED or fewer). */
  async list(prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    const found = await this.#run('list objects', (abortSignal) => {
      const { Bucket, Key: Prefix } = this.#at(prefix);
      const StartAfter = after === undefined ? {} : { StartAfter: this.#at(after).Key };
      const command = new this.#sdk.ListObjectsV2Command({ Bucket, Prefix, MaxKeys: limit, ...StartAfter });
      return this.#client.send(command, { abortSignal });
    });
    return (found.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [this.#relative(Key)]));
  }

  #relative(key: string): string {
    return key.slice(this.#address.prefix.length);
  }

  /** Begins an object that comes in parts. Resolves to S3's name of the parts. */
  async beginParts(key: string): Promise<string> {
    const begun = await this.#run(`begin ${key}`, (abortSignal) => {
      const sums = this.#address.checksums ? { ChecksumAlgorithm: 'CRC32' as const } : {};
      return this.#client.send(new this.#sdk.CreateMultipartUploadCommand({ ...this.#at(key), ...sums }), {
        abortSignal,
      });
    });
    if (begun.UploadId === undefined) throw new BlobsUnavailable(`${this.name} began an upload without a name`);
    return begun.UploadId;
  }

  /** Sends a part; numbers begin at 1. */
  async putPart(key: string, uploadId: string, number: number, bytes: Buffer): Promise<SentPart> {
    const sums = this.#checksum(bytes);
    const input = { ...this.#at(key), UploadId: uploadId, PartNumber: number, Body: bytes, ...sums };
    const sent = await this.#run(
      `write part ${number} of ${key}`,
      (abortSignal) => this.#client.send(new this.#sdk.UploadPartCommand(input), { abortSignal }),
      { tryMs: timeFor(bytes.length) },
    );
    return { etag: sent.ETag ?? '', ...(sums.ChecksumCRC32 !== undefined && { crc32: sums.ChecksumCRC32 }) };
  }

  /** Makes the parts, in their order, the object. Whether S3 still knew them. */
  async finishParts(
    key: string,
    {
      uploadId,
      parts,
      size,
    }: { readonly uploadId: string; readonly parts: readonly SentPart[]; readonly size: number },
  ): Promise<'done' | 'unknown' | 'changed'> {
    const Parts = parts.map(({ etag, crc32: sum }, index) => ({
      PartNumber: index + 1,
      ETag: etag,
      ...(sum !== undefined && { ChecksumCRC32: sum }),
    }));
    const input = { ...this.#at(key), UploadId: uploadId, MultipartUpload: { Parts } };
    const finish = async (abortSignal: AbortSignal) => {
      try {
        await this.#patient.send(new this.#sdk.CompleteMultipartUploadCommand(input), { abortSignal });
        return 'done';
      } catch (error) {
        const { code } = failureOf(error);
        if (code === 'NoSuchUpload') return 'unknown';
        if (code === 'InvalidPart' || code === 'InvalidPartOrder') return 'changed';
        throw error;
      }
    };
    return await this.#run(`finish ${key}`, finish, { tryMs: S3_TRY_MS + (size / S3_SLOWEST_COPY_BYTES) * 1000 });
  }

  /** Lets go of parts; they need not be there. */
  async dropParts(key: string, uploadId: string): Promise<void> {
    await this.#run(`drop the parts of ${key}`, async (abortSignal) => {
      try {
        const command = new this.#sdk.AbortMultipartUploadCommand({ ...this.#at(key), UploadId: uploadId });
        await this.#client.send(command, { abortSignal });
      } catch (error) {
        if (failureOf(error).code !== 'NoSuchUpload') throw error;
      }
    });
  }

  /** Parts below a prefix that nobody has finished or dropped. They may be dropped while they are listed. */
  async *openParts(prefix: string): AsyncGenerator<OpenParts> {
    const { Bucket, Key: Prefix } = this.#at(prefix);
    let after: string | undefined;
    for (;;) {
      const from = after === undefined ? {} : { KeyMarker: after };
      const page = await this.#run('list unfinished uploads', (abortSignal) =>
        this.#client.send(new this.#sdk.ListMultipartUploadsCommand({ Bucket, Prefix, ...from }), { abortSignal }),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined) continue;
        yield { key: this.#relative(Key), uploadId: UploadId, begun: Initiated ?? new Date(0) };
      }
      // By key alone: each upload has one of its own, and not every server takes the other marker.
      const { NextKeyMarker = '' } = page;
      if (page.IsTruncated !== true || NextKeyMarker === '' || NextKeyMarker === after) return;
      after = NextKeyMarker;
    }
  }

  /** An address at which anybody can read the object for some minutes. Asks S3 nothing. */
  async presign(key: string): Promise<string> {
    try {
      return await this.#sign(key);
    } catch (error) {
      throw s3Error(error, 'sign an address', this.name);
    }
  }

  /** The same for our own reads, which use it several times: signing takes two thirds of the CPU of a small one. */
  async #signed(key: string): Promise<URL> {
    const now = performance.now();
    const known = this.#addresses.get(key);
    if (known !== undefined && known.until > now) return known.url;
    const url = new URL(await this.#sign(key));
    this.#addresses.set(key, { url, until: now + S3_REDIRECT_SECONDS * 500 }, 1);
    return url;
  }

  async #sign(key: string): Promise<string> {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new this.#sdk.GetObjectCommand(this.#at(key));
    return await getSignedUrl(this.#client, command, { expiresIn: S3_REDIRECT_SECONDS });
  }

  close(): void {
    this.#retry.close();
    this.#downloads.close();
    this.#client.destroy();
    this.#patient.destroy();
  }
}

/** Milliseconds that a request with so many bytes may take. */
function timeFor(bytes: number): number {
  return S3_TRY_MS + (bytes / S3_SLOWEST_BYTES) * 1000;
}

/** All the bytes of an answer. @throws {CutShort} if there are fewer. */
async function allOf(body: Readable, length: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const abort = (): void => void body.destroy(new CutShort('the answer did not come to its end in time'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== length) throw new CutShort(`the answer has ${bytes.length} bytes and should have ${length}`);
  return bytes;
}
