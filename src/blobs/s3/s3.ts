/**
 * Blobs in a bucket of S3, or of a server that speaks its protocol, which any number of processes may share. content.ts
 * says where things lie, uploads.ts how replicas share the uploads; what is to come of an upload is in the store.
 */
import type { Digest } from '../../image/digest.ts';
import type { Store } from '../../store/store.ts';
import { type Blobs, BlobsUnavailable, type UploadId, UploadUnknown } from '../blobs.ts';
import { parseUploadId } from '../uploadid.ts';
import type { S3Address } from './address.ts';
import { Bucket } from './bucket.ts';
import { Content } from './content.ts';
import { failureOf, isMisconfigured } from './failure.ts';
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
}

/**
 * Opens the blobs of a bucket. If S3 does not answer, they open nevertheless: each call then fails until it does.
 * @throws {BlobsUnavailable} if settings or rights must be changed first; the message says which.
 */
export async function openS3Blobs({ address, store, now, warn }: S3BlobsOptions): Promise<Blobs> {
  const bucket = await Bucket.open(address);
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
  const removal = new Removal(bucket, content, records);
  const uploads = new Uploads({ bucket, content, records, removal, now: now ?? (() => new Date()) });
  return driver({ address, bucket, content, removal, uploads });
}

interface Driver {
  readonly address: S3Address;
  readonly bucket: Bucket;
  readonly content: Content;
  readonly removal: Removal;
  readonly uploads: Uploads;
}

function driver({ address, bucket, content, removal, uploads }: Driver): Blobs {
  let closing: Promise<void> | undefined;
  const open = (): void => {
    if (closing !== undefined) throw new BlobsUnavailable('the blob store is closed');
  };
  const known = (id: UploadId): UploadId => {
    if (parseUploadId(id) === undefined) throw new UploadUnknown('there is no such upload; its id is malformed');
    return id;
  };
  return {
    async stat(digest) {
      open();
      return (await content.locate(digest))?.size;
    },
    async read(digest, range) {
      open();
      return await content.read(digest, range);
    },
    async put(digest, bytes) {
      open();
      await content.put(digest, bytes);
    },
    async begin() {
      open();
      return await uploads.begin();
    },
    async uploaded(id) {
      open();
      return parseUploadId(id) === undefined ? undefined : await uploads.length(id);
    },
    async append(id, offset, source) {
      open();
      return await uploads.append(known(id), offset, source);
    },
    async commit(id, digest) {
      open();
      return await uploads.commit(known(id), digest);
    },
    async abort(id) {
      open();
      return parseUploadId(id) !== undefined && (await uploads.abort(id));
    },
    async delete(digest) {
      open();
      return await removal.deleteBlob(digest);
    },
    async list(after, limit) {
      open();
      return await content.list(after, limit);
    },
    async staleUploads(before) {
      open();
      await removal.sweepQuietly(before);
      return await uploads.stale(before);
    },
    close() {
      closing ??= uploads.close().then(() => bucket.close());
      return closing;
    },
    ...(address.redirect && {
      redirect: async (digest: Digest) => {
        open();
        return await content.redirect(digest);
      },
    }),
  };
}
