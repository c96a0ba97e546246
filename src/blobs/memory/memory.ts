/** Blobs in memory, for tests. Several drivers may share one content, as processes share a folder. */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Digest, digestAlgorithm, digestOf } from '../../image/digest.ts';
import { SMALL_BLOB_BYTES } from '../../limits.ts';
import {
  type BlobBody,
  type Blobs,
  BlobsUnavailable,
  type ByteRange,
  type CommittedBlob,
  DigestMismatch,
  UploadBusy,
  type UploadId,
  UploadOffset,
  UploadUnknown,
} from '../blobs.ts';
import { Intake } from '../intake.ts';
import { inPieces } from '../pieces.ts';

interface MemoryUpload {
  readonly chunks: Uint8Array[];
  length: number;
  changed: Date;
  /** The append under way. */
  work?: { readonly intake: Intake; readonly done: Promise<unknown> } | undefined;
}

/** What would be a disk. */
export interface MemoryContent {
  readonly blobs: Map<Digest, Buffer>;
  readonly uploads: Map<UploadId, MemoryUpload>;
}

/** No blobs and no uploads. */
export function memoryContent(): MemoryContent {
  return { blobs: new Map(), uploads: new Map() };
}

/** Opens the blobs of a content, by default of a new one. */
export function openMemoryBlobs(content: MemoryContent = memoryContent()): Blobs {
  return new MemoryBlobs(content);
}

class MemoryBlobs implements Blobs {
  readonly #content: MemoryContent;
  readonly #appends = new Map<Intake, Promise<unknown>>();
  #closed = false;

  constructor(content: MemoryContent) {
    this.#content = content;
  }

  #open(): MemoryContent {
    if (this.#closed) throw new BlobsUnavailable('the blob store is closed');
    return this.#content;
  }

  #upload(id: UploadId): MemoryUpload {
    const upload = this.#open().uploads.get(id);
    if (upload === undefined) throw new UploadUnknown('there is no such upload; begin a new one');
    if (upload.work !== undefined) throw new UploadBusy('another request is working on this upload');
    return upload;
  }

  async stat(digest: Digest): Promise<number | undefined> {
    return this.#open().blobs.get(digest)?.length;
  }

  async read(digest: Digest, range?: ByteRange): Promise<BlobBody | undefined> {
    const blob = this.#open().blobs.get(digest);
    if (blob === undefined) return undefined;
    const bytes = range === undefined ? blob : blob.subarray(range.start, range.end + 1);
    if (bytes.length <= SMALL_BLOB_BYTES) return { size: blob.length, bytes };
    return {
      size: blob.length,
      stream: inPieces(bytes.length, { read: async (start, end) => bytes.subarray(start, end) }),
    };
  }

  async put(digest: Digest, bytes: Buffer): Promise<void> {
    this.#open().blobs.set(digest, Buffer.from(bytes));
  }

  async begin(): Promise<UploadId> {
    const id = randomBytes(16).toString('hex') as UploadId;
    this.#open().uploads.set(id, { chunks: [], length: 0, changed: new Date() });
    return id;
  }

  async uploaded(id: UploadId): Promise<number | undefined> {
    return this.#open().uploads.get(id)?.length;
  }

  async append(id: UploadId, offset: number, source: Readable): Promise<number> {
    const upload = this.#upload(id);
    if (upload.length !== offset) throw new UploadOffset(upload.length);
    const intake = new Intake(source);
    const done = this.#take(upload, intake);
    upload.work = { intake, done };
    this.#appends.set(intake, done);
    try {
      await done;
    } finally {
      upload.work = undefined;
      this.#appends.delete(intake);
      intake.release();
    }
    if (intake.broke !== undefined) throw intake.broke.reason;
    return upload.length;
  }

  async #take(upload: MemoryUpload, intake: Intake): Promise<void> {
    for (let piece = await intake.next(); piece !== undefined; piece = await intake.next()) {
      upload.chunks.push(...piece.chunks);
      upload.length += piece.bytes;
      upload.changed = new Date();
    }
  }

  async commit(id: UploadId, digest: Digest): Promise<CommittedBlob> {
    const upload = this.#upload(id);
    const bytes = Buffer.concat(upload.chunks);
    const actual = digestOf(bytes, digestAlgorithm(digest));
    this.#content.uploads.delete(id);
    if (actual !== digest) throw new DigestMismatch(digest, actual);
    const placed = !this.#content.blobs.has(digest);
    this.#content.blobs.set(digest, bytes);
    return { digest, size: bytes.length, placed };
  }

  async abort(id: UploadId): Promise<boolean> {
    const { uploads } = this.#open();
    const work = uploads.get(id)?.work;
    const dropped = uploads.delete(id);
    work?.intake.break(new UploadUnknown('the upload was ended by another request'));
    await work?.done;
    return dropped;
  }

  async delete(digest: Digest): Promise<boolean> {
    return this.#open().blobs.delete(digest);
  }

  async list(after: Digest | undefined, limit: number): Promise<Digest[]> {
    const digests = [...this.#open().blobs.keys()].filter((digest) => after === undefined || digest > after);
    return digests.sort().slice(0, limit);
  }

  async staleUploads(before: Date): Promise<UploadId[]> {
    const stale = [...this.#open().uploads].filter(([, { changed, work }]) => work === undefined && changed < before);
    return stale.map(([id]) => id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const intake of this.#appends.keys()) intake.break(new BlobsUnavailable('the blob store is closing'));
    await Promise.all(this.#appends.values());
  }
}
