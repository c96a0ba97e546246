/**
 * The one catalogue of what the registry answers when it refuses: OCI error codes and their status, and which of them
 * each error of the domain, the store and the blobs becomes. A driver's own words never reach a client.
 */
import { BlobError, BlobsFull, BlobsUnavailable, DigestMismatch, UploadBusy, UploadUnknown } from '../blobs/blobs.ts';
import type { Digest } from '../image/digest.ts';
import { ManifestInvalid } from '../image/manifest.ts';
import { REASON_CHARACTERS } from '../limits.ts';
import { DomainError, type GroupResource, type Problem } from '../objects/errors.ts';
import { CommitConflict, CommitTooLarge, StoreFull, StoreUnavailable } from '../store/store.ts';
import { ManifestReferencesMissing } from '../streams/push.ts';

/** Code and status: those of the OCI specification and of distribution's `errcode`. */
const STATUS = {
  UNKNOWN: 500,
  UNSUPPORTED: 405,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNAVAILABLE: 503,
  TOOMANYREQUESTS: 429,
  RANGE_INVALID: 416,
  NAME_UNKNOWN: 404,
  NAME_INVALID: 400,
  TAG_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  DIGEST_INVALID: 400,
  SIZE_INVALID: 400,
  PAGINATION_NUMBER_INVALID: 400,
  SIGNATURE_INVALID: 400,
  SIGNATURE_EXISTS: 409,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** One entry of the body of a refusal. */
export interface ErrorEntry {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail?: unknown;
}

/** A refusal as it goes over the wire. */
export interface Refusal {
  readonly status: number;
  readonly errors: readonly ErrorEntry[];
  readonly headers: Readonly<Record<string, string>>;
  /** The fault is the server's: whoever runs it should see the error. */
  readonly fault: boolean;
}

export interface RefusalOptions {
  readonly detail?: unknown;
  /** If it is not the code's own. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The error that the registry's own code throws. */
export class RegistryError extends Error {
  override name = 'RegistryError';
  readonly code: ErrorCode;
  readonly refusal: Refusal;
  constructor(code: ErrorCode, message: string, options: RefusalOptions = {}) {
    super(message);
    this.code = code;
    this.refusal = refusal(code, message, options);
  }
}

function refusal(code: ErrorCode, message: string, options: RefusalOptions = {}): Refusal {
  const { detail, headers = {} } = options;
  const status = options.status ?? STATUS[code];
  const entry = detail === undefined ? { code, message } : { code, message, detail };
  return { status, errors: [entry], headers, fault: status === 500 };
}

/**
 * What stands after the status. Clients built on distribution's code (docker, podman, skopeo) read the body of a refusal
 * below 500 only; of others they show the status line.
 */
export function reasonPhrase(message: string): string {
  return message.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_CHARACTERS);
}

/** 400: what should be a digest is none. */
export function digestInvalid(text: string): RegistryError {
  const message = `${JSON.stringify(text)} is not a digest; use sha256: and 64, or sha512: and 128, lower-case hexadecimal digits`;
  return new RegistryError('DIGEST_INVALID', message, { detail: { digest: text } });
}

/** 404: the repository has no such blob, or the caller shall not know of it. */
export function blobUnknown(digest: string, name: string): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', `there is no blob ${digest} in ${name}`, { detail: { digest } });
}

/** 404: there is no such repository. */
export function nameUnknown(name: string): RegistryError {
  return new RegistryError('NAME_UNKNOWN', `there is no repository ${name}`, { detail: { name } });
}

/** What is answered for an error of any kind. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof RegistryError) return error.refusal;
  if (error instanceof DomainError) return ofProblem(error.problem);
  if (error instanceof ManifestInvalid) {
    return refusal('MANIFEST_INVALID', `manifest: ${error.message}`, { detail: { pointer: error.pointer } });
  }
  if (error instanceof ManifestReferencesMissing) return ofMissing(error.digests);
  if (error instanceof BlobError) return ofBlobs(error);
  if (error instanceof StoreFull) return full();
  if (error instanceof StoreUnavailable) return unavailable('the store cannot be reached; try again', 5);
  if (error instanceof CommitConflict) return unavailable('another writer was faster; try again', 1);
  if (error instanceof CommitTooLarge) {
    return refusal('SIZE_INVALID', 'the change is too large to be stored in one go', { status: 413 });
  }
  return refusal('UNKNOWN', 'internal error; the server has logged it');
}

function unavailable(message: string, retryAfterSeconds: number): Refusal {
  return refusal('UNAVAILABLE', message, { headers: { 'Retry-After': String(retryAfterSeconds) } });
}

function full(): Refusal {
  const message = 'the registry has no space left; nothing was stored, try again when there is';
  return refusal('UNAVAILABLE', message, { status: 507, headers: { 'Retry-After': '60' } });
}

function ofMissing(digests: readonly Digest[]): Refusal {
  const errors = digests.map((digest): ErrorEntry => {
    const message = `the manifest refers to ${digest}, which is not in this repository; push it first`;
    return { code: 'MANIFEST_BLOB_UNKNOWN', message, detail: { digest } };
  });
  return { status: STATUS.MANIFEST_BLOB_UNKNOWN, errors, headers: {}, fault: false };
}

function ofBlobs(error: BlobError): Refusal {
  if (error instanceof UploadUnknown) {
    return refusal('BLOB_UPLOAD_UNKNOWN', 'there is no such upload: it was finished, cancelled or never begun');
  }
  if (error instanceof UploadBusy) {
    const message = 'another request is adding to this upload; wait for it, or ask for its state with GET';
    return refusal('BLOB_UPLOAD_INVALID', message, { status: 409, headers: { 'Retry-After': '1' } });
  }
  if (error instanceof DigestMismatch) {
    return refusal('DIGEST_INVALID', error.message, { detail: { actual: error.actual } });
  }
  // Whoever runs the server must learn what is wrong and what to do; the client need not.
  if (error instanceof BlobsFull) return { ...full(), fault: true };
  if (error instanceof BlobsUnavailable) {
    return { ...unavailable('the blob store cannot be reached; try again', 5), fault: true };
  }
  return refusal('UNKNOWN', 'internal error of the blob store; the server has logged it');
}

function ofProblem(problem: Problem): Refusal {
  switch (problem.reason) {
    case 'Unauthorized':
      return refusal('UNAUTHORIZED', problem.message);
    case 'Forbidden':
      return refusal('DENIED', problem.message);
    case 'NotFound':
      return ofNotFound(problem.resource, problem.name);
    case 'Invalid': {
      const { causes } = problem;
      // What is only forbidden would be fine otherwise: limits of the namespace.
      if (causes.length > 0 && causes.every(({ type }) => type === 'Forbidden')) {
        return refusal('DENIED', causes.map(({ detail }) => detail).join('; '));
      }
      const message = causes.map(({ field, detail }) => `${field}: ${detail}`).join('; ');
      return refusal('MANIFEST_INVALID', message, { detail: causes });
    }
    case 'MethodNotAllowed':
      return refusal('UNSUPPORTED', problem.message);
    case 'RequestEntityTooLarge':
      return refusal('SIZE_INVALID', problem.message, { status: 413 });
    case 'TooManyRequests':
      return refusal('TOOMANYREQUESTS', problem.message, { headers: retryAfter(problem.retryAfterSeconds) });
    case 'ServiceUnavailable':
      return unavailable(problem.message, problem.retryAfterSeconds);
    case 'InsufficientStorage':
      return full();
    case 'AlreadyExists':
    case 'ApplyConflict':
    case 'Conflict':
    case 'Expired':
    case 'ResourceVersionTooLarge':
    case 'ServerTimeout':
      return unavailable('another writer was faster, or the store is behind; try again', 1);
    case 'BadRequest':
    case 'NotAcceptable':
    case 'UnsupportedMediaType':
      return refusal('UNKNOWN', problem.message, { status: 400 });
    case 'NoSuchResource':
      return refusal('UNSUPPORTED', 'there is nothing at this path', { status: 404 });
    case 'InternalError':
      return refusal('UNKNOWN', 'internal error; the server has logged it');
  }
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) };
}

function ofNotFound(resource: GroupResource, name: string): Refusal {
  switch (resource.resource) {
    case 'namespaces': {
      const message = `the namespace ${JSON.stringify(name)} does not exist; create it, then push again`;
      return refusal('NAME_UNKNOWN', message, { detail: { namespace: name } });
    }
    case 'images':
    case 'imagestreamtags':
    case 'imagestreamimages':
      return refusal('MANIFEST_UNKNOWN', `there is no image ${name}`);
    default:
      return refusal('NAME_UNKNOWN', `there is no ${resource.resource} ${JSON.stringify(name)}`);
  }
}
