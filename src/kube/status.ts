/**
 * Errors as the Kubernetes API words them: the one catalogue that turns whatever was thrown into a Status. Nothing of an
 * engine's own error, or of an unexpected one, reaches the client.
 */
import { BlobError, BlobsFull, BlobsUnavailable } from '../blobs/blobs.ts';
import { COMMIT_BYTES, STORAGE_RETRY_SECONDS } from '../limits.ts';
import { DomainError, type FieldError, type GroupKind, type GroupResource, type Problem } from '../objects/errors.ts';
import { fieldErrorDetail, fieldErrorsText } from '../objects/fielderrors.ts';
import { quoted } from '../objects/quoting.ts';
import { CommitTooLarge, Compacted, RevisionAhead, StoreError, StoreFull, StoreUnavailable } from '../store/store.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural; for Invalid the kind. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** The Status object, as it goes over the wire. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** A failure as it is answered. */
export interface Failure {
  /** The HTTP status code. */
  readonly code: number;
  readonly status: Status;
  /** For the Retry-After header, without which client-go does not try again. */
  readonly retryAfterSeconds?: number;
}

/** The answer to anything that was thrown. Anything unexpected is 500 without its words: the caller logs it. */
export function statusOf(error: unknown): Failure {
  if (error instanceof DomainError) return ofProblem(error.problem);
  if (error instanceof StoreError) return ofStoreError(error);
  if (error instanceof BlobError) return ofBlobError(error);
  return internal('the server met an error that it did not expect; its log says more');
}

/** `Status` Success: the answer to a deletion. */
export function successStatus(details?: StatusDetails): Status {
  const status: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return details ? { ...status, details: orderedDetails(details) } : status;
}

interface FailureOptions {
  readonly details?: StatusDetails;
  readonly retryAfterSeconds?: number;
  readonly continue?: string;
}

function failure(code: number, reason: string, message: string, options: FailureOptions = {}): Failure {
  const { details, retryAfterSeconds } = options;
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: options.continue ? { continue: options.continue } : {},
    status: 'Failure',
    message,
    reason,
    ...(details && { details: orderedDetails(details) }),
    code,
  };
  return retryAfterSeconds === undefined ? { code, status } : { code, status, retryAfterSeconds };
}

/** Empty members are left out and the rest put in the order in which Go prints them. */
function orderedDetails(details: StatusDetails): StatusDetails {
  const { name, group, kind, uid, causes, retryAfterSeconds } = details;
  return {
    ...(name && { name }),
    ...(group && { group }),
    ...(kind && { kind }),
    ...(uid && { uid }),
    ...(causes && causes.length > 0 && { causes }),
    ...(retryAfterSeconds && { retryAfterSeconds }),
  };
}

function ofProblem(problem: Problem): Failure {
  switch (problem.reason) {
    case 'BadRequest':
      return failure(400, problem.reason, problem.message);
    case 'Unauthorized':
      return failure(401, problem.reason, problem.message);
    case 'Forbidden':
      return forbidden(problem);
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
      return aboutObject(problem);
    case 'Invalid':
      return invalid(problem.kind, problem.name, problem.causes);
    case 'ApplyConflict':
      return applyConflict(problem.conflicts);
    case 'NoSuchResource':
      return failure(404, 'NotFound', 'the server could not find the requested resource', { details: {} });
    case 'MethodNotAllowed':
      return methodNotAllowed(problem.message);
    case 'NotAcceptable':
      return negotiation(406, problem.reason, problem.message);
    case 'UnsupportedMediaType':
      return negotiation(415, problem.reason, problem.message);
    default:
      return ofServer(problem);
  }
}

type ServersProblem = Extract<
  Problem,
  {
    reason:
      | 'Expired'
      | 'RequestEntityTooLarge'
      | 'TooManyRequests'
      | 'ResourceVersionTooLarge'
      | 'ServerTimeout'
      | 'ServiceUnavailable'
      | 'InsufficientStorage'
      | 'InternalError';
  }
>;

function ofServer(problem: ServersProblem): Failure {
  switch (problem.reason) {
    case 'Expired':
      return failure(410, problem.reason, problem.message, problem.continue ? { continue: problem.continue } : {});
    case 'RequestEntityTooLarge':
      return tooLarge(problem.message);
    case 'TooManyRequests':
      return retryLater(429, problem.reason, problem.message, problem.retryAfterSeconds);
    case 'ResourceVersionTooLarge':
      return versionTooLarge(`Too large resource version: ${problem.asked}, current: ${problem.current}`);
    case 'ServerTimeout':
      return serverTimeout(problem.resource, problem.operation);
    case 'ServiceUnavailable':
      return retryLater(503, problem.reason, problem.message, problem.retryAfterSeconds);
    case 'InsufficientStorage':
      return retryLater(507, problem.reason, problem.message, STORAGE_RETRY_SECONDS);
    case 'InternalError':
      return internal(problem.message);
  }
}

function ofStoreError(error: StoreError): Failure {
  if (error instanceof StoreFull) return full('the store is full; nothing was changed');
  if (error instanceof StoreUnavailable) {
    return away('the store cannot be reached at the moment; a change that was asked for may or may not have been made');
  }
  if (error instanceof Compacted) {
    return failure(410, 'Expired', `The resourceVersion asked for is too old: the oldest is ${error.oldest}`);
  }
  if (error instanceof RevisionAhead) return versionTooLarge(`Too large resource version, current: ${error.current}`);
  if (error instanceof CommitTooLarge) return tooLarge(`limit is ${COMMIT_BYTES}`);
  return internal('the store met an error; the log of the server says more');
}

function ofBlobError(error: BlobError): Failure {
  if (error instanceof BlobsFull) return full('the blob store is full; nothing was changed');
  if (error instanceof BlobsUnavailable) return away('the blob store cannot be reached at the moment');
  return internal('the blob store met an error; the log of the server says more');
}

function full(message: string): Failure {
  const advice = `${message}. Free space, then try again`;
  return retryLater(507, 'InsufficientStorage', advice, STORAGE_RETRY_SECONDS);
}

function away(message: string): Failure {
  return retryLater(503, 'ServiceUnavailable', message, STORAGE_RETRY_SECONDS);
}

function retryLater(code: number, reason: string, message: string, retryAfterSeconds: number): Failure {
  return failure(code, reason, message, { details: { retryAfterSeconds }, retryAfterSeconds });
}

/** `imagestreams.image.openshift.io`; only the plural for the core group. */
function qualified(resource: GroupResource): string {
  return resource.group ? `${resource.resource}.${resource.group}` : resource.resource;
}

function detailsOf(resource: GroupResource, name: string): StatusDetails {
  return { name, group: resource.group, kind: resource.resource };
}

function aboutObject(problem: Extract<Problem, { reason: 'NotFound' | 'AlreadyExists' | 'Conflict' }>): Failure {
  const subject = `${qualified(problem.resource)} ${quoted(problem.name)}`;
  const details = detailsOf(problem.resource, problem.name);
  switch (problem.reason) {
    case 'NotFound':
      return failure(404, problem.reason, `${subject} not found`, { details: problem.bare ? {} : details });
    case 'AlreadyExists':
      return failure(
        409,
        problem.reason,
        `${problem.deleting ? 'object is being deleted: ' : ''}${subject} already exists`,
        { details },
      );
    case 'Conflict':
      return failure(409, problem.reason, `Operation cannot be fulfilled on ${subject}: ${problem.message}`, {
        details,
      });
  }
}

function forbidden(problem: Extract<Problem, { reason: 'Forbidden' }>): Failure {
  const { resource, name, causes } = problem;
  let message = `${qualified(resource)} ${quoted(name)} is forbidden: ${problem.message}`;
  if (!name) message = `${qualified(resource)} is forbidden: ${problem.message}`;
  if (!resource.resource && !resource.group) message = `forbidden: ${problem.message}`;
  if (problem.bare) message = problem.message;
  const details = { ...detailsOf(resource, name), ...(causes && { causes }) };
  return failure(403, problem.reason, message, { details });
}

const REASONS: Readonly<Record<FieldError['type'], string>> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotSupported: 'FieldValueNotSupported',
  Forbidden: 'FieldValueForbidden',
  Duplicate: 'FieldValueDuplicate',
  NotFound: 'FieldValueNotFound',
  TooLong: 'FieldValueTooLong',
  TypeInvalid: 'FieldValueTypeInvalid',
  InternalError: 'InternalError',
};

/**
 * 422. The message names each error once, the causes list them all. An Invalid that names neither kind, object nor cause
 * is a patch that cannot be applied: Kubernetes then says no more than that.
 */
function invalid(kind: GroupKind, name: string, errors: readonly FieldError[]): Failure {
  if (!kind.kind && !name && errors.length === 0) {
    const message = 'the server rejected our request due to an error in our request';
    return failure(422, 'Invalid', message, { details: {} });
  }
  const subject = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  const message = `${subject} ${quoted(name)} is invalid${errors.length === 0 ? '' : `: ${fieldErrorsText(errors)}`}`;
  const causes = errors.map((error) => ({
    reason: REASONS[error.type],
    message: fieldErrorDetail(error),
    field: error.field,
  }));
  return failure(422, 'Invalid', message, { details: { name, group: kind.group, kind: kind.kind, causes } });
}

/** A conflict of server-side apply. `manager` is described already: in quotes, with version and time of an update. */
function applyConflict(conflicts: readonly { readonly manager: string; readonly field: string }[]): Failure {
  const causes = conflicts.map(({ manager, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field,
  }));
  const [only] = causes;
  if (only && causes.length === 1) {
    const message = `Apply failed with 1 conflict: ${only.message}: ${only.field}`;
    return failure(409, 'Conflict', message, { details: { causes } });
  }
  const managers = [...Map.groupBy(conflicts, ({ manager }) => manager)].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = managers.flatMap(([manager, fields]) => [
    `conflicts with ${manager}:`,
    ...fields.map(({ field }) => `- ${field}`),
  ]);
  const message = `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
  return failure(409, 'Conflict', message, { details: { causes } });
}

const UNSUPPORTED_ON = / is not supported on resources of kind "([^".]+)\.?([^"]*)"$/;

/** 405. Where the message names a resource (`watch is not supported on resources of kind "…"`), so do the details. */
function methodNotAllowed(message: string): Failure {
  const [, kind, group] = UNSUPPORTED_ON.exec(message) ?? [];
  const details = { ...(group && { group }), ...(kind && { kind }) };
  return failure(405, 'MethodNotAllowed', message, { details });
}

/** 406 and 415: what Kubernetes' router says has details (empty ones), what its handlers say has none. */
function negotiation(code: 406 | 415, reason: string, message: string): Failure {
  return failure(code, reason, message, message.startsWith(`${code}: `) ? { details: {} } : {});
}

const TOO_LARGE = 'Request entity too large: ';

function tooLarge(message: string): Failure {
  const words = message.startsWith(TOO_LARGE) ? message : TOO_LARGE + message;
  return failure(413, 'RequestEntityTooLarge', words);
}

/** client-go knows the cause, and starts over rather than to wait for a version that will not come. */
function versionTooLarge(message: string): Failure {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  const details = { causes, retryAfterSeconds: 1 };
  return failure(504, 'Timeout', `Timeout: ${message}`, { details, retryAfterSeconds: 1 });
}

function serverTimeout(resource: GroupResource, operation: string): Failure {
  const message = `The ${operation} operation against ${qualified(resource)} could not be completed at this time, please try again.`;
  const details = { ...detailsOf(resource, operation), retryAfterSeconds: 2 };
  return failure(500, 'ServerTimeout', message, { details, retryAfterSeconds: 2 });
}

const INTERNAL = 'Internal error occurred: ';

function internal(message: string): Failure {
  const words = message.startsWith(INTERNAL) ? message.slice(INTERNAL.length) : message;
  return failure(500, 'InternalError', INTERNAL + words, { details: { causes: [{ message: words }] } });
}
