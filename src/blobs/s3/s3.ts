/**
 * Blobs in a bucket of S3, or of a server that speaks its protocol, which any number of processes may share. content.ts
 * says where things lie, uploads.ts how replicas share the uploads; what is to come of an upload is in the store.
 */
import type { Digest } from '../../image/digest.ts';
import type { Store } from '../../store/store.ts';
import {
  type BlobStream,
  type Blobs,
  BlobsUnavailable,
  type ByteRange,
  type UploadId,
  UploadUnknown,
} from '../blobs.ts';
import type { BlobFigures } from '../figures.ts';
import { parseUploadId } from '../uploadid.ts';
import type { S3Address } from './address.ts';
import { Bucket } from './bucket.ts';
import { Content } from './content.ts';
import { failureOf, isMisconfigured } from './failure.ts';
import { keepContent } from './keep.ts';
import { PartMemory } from './parts.ts';
import { Records } from './records.ts';
import { Removal } from './removal.ts';
import { Uploads } from './uploads.ts';

export interface S3BlobsOptions {
  readonly address: S3Address;
  /** Holds the records of uploads until they are blobs; all that share a bucket share it too. */
  readonly store: Store;
  readonly now?: () => Date;
  /** Hears why S3 cannot be used at the moment, though it may be later. */
  readonly warn?: (text: string) => void;
  readonly figures?: BlobFigures;
}

/**
 * Opens the blobs of a bucket. If S3 does not answer, they open nevertheless: each call then fails until it does.
 * @throws {BlobsUnavailable} if settings or rights must be changed first; the message says which.
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<Blobs> {
  const { address, store, now = () => new Date(), warn, figures } = options;
  const bucket = await Bucket.open(address, figures);
  try {
    await bucket.list('blobs/', undefined, 1);
  } catch (error) {
    if (error instanceof BlobsUnavailable && isMisconfigured(failureOf(error.cause))) {
      bucket.close();
      throw error;
    }
    warn?.(error instanceof Error ? error.message : String(error));
  }
  const content = new Content(bucket);
  const records = new Records(store, `${address.bucket}/${address.prefix}`.replace(/\/$/, ''));
  const removal = new Removal(bucket, content, records, now);
  const memory = new PartMemory();
  const uploads = new Uploads({ bucket, content, records, removal, memory, now });
  return driver({ address, bucket, content, removal, memory, uploads });
}

interface Driver {
  readonly address: S3Address;
  readonly bucket: Bucket;
  readonly content: Content;
  readonly removal: Removal;
  readonly memory: PartMemory;
  readonly uploads: Uploads;
}

function driver({ address, bucket, content, removal, memory, uploads }: Driver): Blobs {
  let closing: Promise<void> | undefined;
  /** The same, as long as the driver is open. */
  const open =
    <A extends unknown[], T>(work: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) =>
    async (...args) => {
      if (closing !== undefined) throw new BlobsUnavailable('the blob store is closed');
      return await work(...args);
    };
  const known = (id: UploadId): UploadId => {
    if (parseUploadId(id) === undefined) throw new UploadUnknown('there is no such upload; its id is malformed');
    return id;
  };
  return {
    stat: open(async (digest: Digest) => (await content.locate(digest))?.size),
    read: open((digest: Digest, range?: ByteRange) => content.read(digest, range)),
    put: open((digest: Digest, bytes: Buffer) => content.put(digest, bytes)),
    keep: open((digest: Digest, source: BlobStream) => keepContent({ bucket, content, memory }, digest, source)),
    begin: open(() => uploads.begin()),
    uploaded: open(async (id: UploadId) => (parseUploadId(id) === undefined ? undefined : await uploads.length(id))),
    append: open(async (id: UploadId, offset: number, source: BlobStream) => uploads.append(known(id), offset, source)),
    commit: open(async (id: UploadId, digest: Digest) => uploads.commit(known(id), digest)),
    abort: open(async (id: UploadId) => parseUploadId(id) !== undefined && (await uploads.abort(id))),
    delete: open((digest: Digest) => removal.deleteBlob(digest)),
    lingers: true,
    list: open((after: Digest | undefined, limit: number) => content.list(after, limit)),
    staleUploads: open(async (before: Date) => {
      await removal.sweepQuietly(before);
      return await uploads.stale(before);
    }),
    ...(address.redirect && { redirect: open((digest: Digest) => content.redirect(digest)) }),
    close() {
      closing ??= uploads.close().then(() => bucket.close());
      return closing;
    },
  };
}
