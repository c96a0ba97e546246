/** What an error of S3, of its SDK or of the way there means: what to do about it, and whether to try again. */
import { BlobError, BlobsFull, BlobsUnavailable } from '../blobs.ts';

/** What is known of an error. */
export interface Failure {
  /** S3's own name of it (`NoSuchKey`), that of the SDK (`TimeoutError`), or that of the system (`ECONNREFUSED`). */
  readonly code: string;
  /** The status of the answer, 0 if there was none. */
  readonly status: number;
  readonly message: string;
  /** Milliseconds that S3 asks to wait. */
  readonly retryAfterMs?: number;
}

/** The facts of whatever was thrown. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'Unknown', status: 0, message: String(error) };
  const { $metadata, $retryable, code } = error as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $retryable?: { readonly retryAfterHint?: unknown };
    readonly code?: unknown;
  };
  const system = typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? code : undefined;
  const hint = $retryable?.retryAfterHint;
  return {
    code: system ?? error.name,
    status: $metadata?.httpStatusCode ?? 0,
    message: error.message,
    ...(hint instanceof Date && { retryAfterMs: hint.getTime() - Date.now() }),
  };
}

/** The object is not there; a HEAD has no body to say so in another way. */
export function isMissing({ code }: Failure): boolean {
  return code === 'NoSuchKey' || code === 'NotFound';
}

/** Codes that mean "not now", whatever their status. */
const PASSING = new Set([
  'SlowDown',
  'ServiceUnavailable',
  'InternalError',
  'RequestTimeout',
  'OperationAborted',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  // What the driver's own checks of an answer throw.
  'CutShort',
]);

/** Whether another try may succeed. What never reached S3 or was not answered has no status. */
export function isPassing({ code, status }: Failure): boolean {
  if (code === 'CredentialsProviderError' || code === 'TypeError') return false;
  return status === 0 || status >= 500 || status === 429 || status === 408 || PASSING.has(code);
}

/** Whether it will stay as it is until somebody changes settings or rights. */
export function isMisconfigured(failure: Failure): boolean {
  return adviceOn(failure) !== undefined;
}

/** A body that ended before its announced end. */
export class CutShort extends Error {
  override name = 'CutShort';
}

/** What to do, for failures that somebody must do something about. */
function adviceOn({ code, status, message }: Failure): string | undefined {
  switch (code) {
    case 'NoSuchBucket':
      return 'there is no such bucket; create it, or name another one with --blobs';
    case 'CredentialsProviderError':
      return 'no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role';
    case 'InvalidAccessKeyId':
    case 'XAdminUserNotFound':
      return 'S3 does not know the access key; check AWS_ACCESS_KEY_ID, or the profile in use';
    case 'SignatureDoesNotMatch':
      return 'the secret key does not fit the access key; check AWS_SECRET_ACCESS_KEY, or the profile in use';
    case 'ExpiredToken':
    case 'InvalidToken':
      return 'the session token has expired or is wrong; renew it (AWS_SESSION_TOKEN, or the profile in use)';
    case 'RequestTimeTooSkewed':
      return "this machine's clock differs from S3's by more than 15 minutes; set it (NTP)";
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return `the bucket is in another region; name it with ?region= in --blobs (${message})`;
    case 'InvalidBucketName':
      return 'the bucket has a name that S3 does not allow; check --blobs';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'its certificate is of an authority that is not trusted; name a file with that authority by ?ca=FILE in --blobs';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'CERT_HAS_EXPIRED':
      return `its certificate cannot be accepted: ${message}`;
    default:
      if (status === 403 || status === 401) {
        return `the credentials in use may not do this (${code}); allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads`;
      }
      return undefined;
  }
}

const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage', 'QuotaExceededException']);

/** How a failure that has no words of its own looks from here. */
function symptomOf({ code, status, message }: Failure): string {
  if (code === 'ECONNREFUSED') return 'nothing answers there (connection refused); check that it runs and the endpoint';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name cannot be resolved; check the endpoint and DNS';
  if (code === 'TimeoutError' || code === 'AbortError')
    return 'it did not answer in time; check that it runs and the way to it';
  // An answer to HEAD has no words.
  if (status !== 0) return code === 'Unknown' ? `it answered ${status}` : `it answered ${status} ${code}`;
  return `the connection failed (${code === 'Error' ? message : code})`;
}

/** An error of the seam for one of S3; those of the seam and of the store stay as they are. */
export function s3Error(error: unknown, doing: string, name: string): unknown {
  if (error instanceof BlobError) return error;
  const failure = failureOf(error);
  if (FULL.has(failure.code) || failure.status === 507) {
    return new BlobsFull(`cannot ${doing}: ${name} is full; free space or raise its quota`, { cause: error });
  }
  const why = adviceOn(failure) ?? symptomOf(failure);
  return new BlobsUnavailable(`cannot ${doing}: ${name}: ${why}`, { cause: error });
}
