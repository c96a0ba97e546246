/**
 * The blob seam: content by digest, and the uploads that become content. Which repository may read a blob is a link in
 * the store, never the presence of the bytes. Each driver passes the same tests (suite.ts).
 */
import type { Readable } from 'node:stream';
import type { Digest } from '../image/digest.ts';

/** Bytes `start` to `end`, both inclusive, 0-based; both lie inside the blob. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Another one whenever the stored bytes may have been changed; it says nothing else. */
export type ContentVersion = number;

/** Content that was opened. */
export interface BlobBody {
  /** Bytes of the whole blob, also when a range was asked for. */
  readonly size: number;
  /** Undefined from drivers that cannot tell. */
  readonly version?: ContentVersion;
  /** `bytes` are sure to be what the digest says. */
  readonly checked?: true;
  /** All the bytes asked for, if they are few (limits.ts, SMALL_BLOB_BYTES); then `stream` is undefined. */
  readonly bytes?: Buffer;
  /** The bytes asked for, in pieces of about 1 MiB. Whoever takes it must read it to the end or destroy it. */
  readonly stream?: BlobStream;
}

/** Content in pieces, on its way in or out. */
export interface BlobStream extends Readable {
  /**
   * Takes a piece back when nobody will look at it any more, to use its memory again: waiting for the collector to find
   * out costs as much CPU as moving the bytes does. Nobody has to hand anything back.
   */
  readonly handBack?: (piece: Uint8Array) => void;
}

/** Names an upload: 32 hexadecimal characters. */
export type UploadId = string & { readonly brand: 'UploadId' };

/** What `commit` made of an upload. */
export interface CommittedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Whether the content is what was uploaded, and not what had been there before. */
  readonly placed: boolean;
  /** As that of `BlobBody`, if it was placed. */
  readonly version?: ContentVersion;
}

export interface Blobs {
  /** Bytes of a blob, or undefined if there is none. */
  stat(digest: Digest): Promise<number | undefined>;
  /**
   * An address where anybody can read the blob without us for some minutes, or undefined if there is no such blob. Only a
   * driver that was told to send clients elsewhere has this.
   */
  readonly redirect?: (digest: Digest) => Promise<string | undefined>;
  /** Opens a blob, or undefined if there is none. */
  read(digest: Digest, range?: ByteRange): Promise<BlobBody | undefined>;
  /** Keeps a small blob (a manifest) in one go. The digest has been checked by the caller. Durable when it resolves. */
  put(digest: Digest, bytes: Buffer): Promise<void>;
  /**
   * Keeps content whose digest is known before it comes, in one go; a driver has this where it is cheaper than an upload.
   * Nothing is kept unless all of it is what the digest says. The source is not destroyed.
   * @throws {DigestMismatch}; {BlobsFull}; the source's own error.
   */
  readonly keep?: (digest: Digest, source: BlobStream) => Promise<void>;
  /** Begins an upload. It survives a restart of the server. */
  begin(): Promise<UploadId>;
  /** Bytes that an upload holds, or undefined if there is no such upload. */
  uploaded(id: UploadId): Promise<number | undefined>;
  /**
   * Adds bytes to the end of an upload and resolves to the number it then holds. `offset` is the number that the caller
   * believes it holds. If the source breaks off, what had arrived is kept and the source's error is thrown; `uploaded`
   * then says how much that is. The source is never destroyed, so that a refusal can be answered on its connection: one
   * that was not read to its end is left paused. If the disk fails, the upload holds what it held before, unless its
   * content has become uncertain: then it is dropped.
   * @throws {UploadUnknown}, also when the upload is aborted meanwhile; {UploadOffset} before anything is read;
   *   {UploadBusy} if another append, or a commit, is under way, in this process or another; {BlobsFull} if the disk is.
   */
  append(id: UploadId, offset: number, source: BlobStream): Promise<number>;
  /**
   * Makes an upload the blob with that digest, after checking that it is: durable when it resolves. If the blob exists
   * already the upload is just dropped. On a mismatch the upload is dropped too and nothing is kept. After another error
   * the same commit may be tried again; if that says UploadUnknown, the content was lost and must be sent again.
   * @throws {UploadUnknown}; {UploadBusy}; {DigestMismatch}; {BlobsFull}.
   */
  commit(id: UploadId, digest: Digest): Promise<CommittedBlob>;
  /** Drops an upload; an append under way breaks off, a commit comes to its end first. Whether there was one. */
  abort(id: UploadId): Promise<boolean>;
  /** Deletes a blob. Whether there was one. */
  delete(digest: Digest): Promise<boolean>;
  /** A deletion whose process has died, or which has failed, may still take effect for some seconds. */
  readonly lingers?: true;
  /** Digests after that one, in the order of their text, at most `limit`. */
  list(after: Digest | undefined, limit: number): Promise<Digest[]>;
  /** Uploads that nobody has added to since the time, so that they can be dropped. */
  staleUploads(before: Date): Promise<UploadId[]>;
  /** Lets go of what the driver holds. Appends under way break off. */
  close(): Promise<void>;
}

/** The base of all errors of a driver; an engine's own error never leaks. */
export class BlobError extends Error {
  override name = 'BlobError';
}

/** There is no such upload: never begun, committed, aborted or expired. */
export class UploadUnknown extends BlobError {
  override name = 'UploadUnknown';
}

/** Another request is adding to, or committing, this upload. */
export class UploadBusy extends BlobError {
  override name = 'UploadBusy';
}

/** The upload holds another number of bytes than the caller believes. */
export class UploadOffset extends BlobError {
  override name = 'UploadOffset';
  readonly actual: number;
  constructor(actual: number) {
    super(`the upload holds ${actual} bytes`);
    this.actual = actual;
  }
}

/** The bytes are not what the digest says. */
export class DigestMismatch extends BlobError {
  override name = 'DigestMismatch';
  readonly actual: Digest;
  constructor(expected: Digest, actual: Digest) {
    super(`the content has digest ${actual}, not ${expected}`);
    this.actual = actual;
  }
}

/** The disk or bucket is full. */
export class BlobsFull extends BlobError {
  override name = 'BlobsFull';
}

/** The blob store cannot be reached or does not work. */
export class BlobsUnavailable extends BlobError {
  override name = 'BlobsUnavailable';
}
