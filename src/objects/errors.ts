/**
 * What can go wrong in the domain, as typed errors. Each edge has one catalogue that translates them:
 * `kube/status.ts` into a Status, `registry/errors.ts` into OCI error codes.
 */

import { isDeepStrictEqual } from 'node:util';

export interface GroupResource {
  readonly group: string;
  /** The plural, e.g. `imagestreams`. */
  readonly resource: string;
}

export interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

export type FieldErrorType =
  | 'Required'
  | 'Invalid'
  | 'NotSupported'
  | 'Forbidden'
  | 'Duplicate'
  | 'NotFound'
  | 'TooLong'
  | 'TypeInvalid'
  | 'InternalError';

/** One thing wrong with one field, in the words of Kubernetes (apimachinery `field.Error`). */
export interface FieldError {
  readonly type: FieldErrorType;
  /** Path such as `spec.tags[latest].from.name`; `[]` where the reference has no path. */
  readonly field: string;
  readonly value?: unknown;
  readonly detail: string;
}

export type Problem =
  | { readonly reason: 'BadRequest'; readonly message: string }
  | { readonly reason: 'Unauthorized'; readonly message: string }
  | {
      readonly reason: 'Forbidden';
      readonly resource: GroupResource;
      readonly name: string;
      /** What follows `… is forbidden: `, or all that is said if it is bare. */
      readonly message: string;
      readonly bare?: true;
      readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[];
    }
  | {
      readonly reason: 'NotFound';
      readonly resource: GroupResource;
      readonly name: string;
      /** Whether the details say nothing. */
      readonly bare?: true;
    }
  | {
      readonly reason: 'AlreadyExists';
      readonly resource: GroupResource;
      readonly name: string;
      /** Whether what exists is on its way out. */
      readonly deleting?: boolean;
    }
  | { readonly reason: 'Conflict'; readonly resource: GroupResource; readonly name: string; readonly message: string }
  | {
      readonly reason: 'Invalid';
      readonly kind: GroupKind;
      readonly name: string;
      readonly causes: readonly FieldError[];
    }
  /** A server-side apply would change fields that others manage. */
  | {
      readonly reason: 'ApplyConflict';
      readonly conflicts: readonly { readonly manager: string; readonly field: string }[];
    }
  /** The path exists, the method does not. */
  | { readonly reason: 'MethodNotAllowed'; readonly message: string }
  /** The path does not exist: "the server could not find the requested resource". */
  | { readonly reason: 'NoSuchResource' }
  | { readonly reason: 'NotAcceptable'; readonly message: string }
  | { readonly reason: 'UnsupportedMediaType'; readonly message: string }
  /** `continue` restarts a list that lost its snapshot, at the price of consistency. */
  | { readonly reason: 'Expired'; readonly message: string; readonly continue?: string }
  | { readonly reason: 'RequestEntityTooLarge'; readonly message: string }
  | { readonly reason: 'TooManyRequests'; readonly message: string; readonly retryAfterSeconds: number }
  /** The resourceVersion asked for is ahead of the store. */
  | { readonly reason: 'ResourceVersionTooLarge'; readonly asked: number; readonly current: number }
  | { readonly reason: 'ServerTimeout'; readonly resource: GroupResource; readonly operation: string }
  | { readonly reason: 'ServiceUnavailable'; readonly message: string; readonly retryAfterSeconds: number }
  | { readonly reason: 'InsufficientStorage'; readonly message: string }
  | { readonly reason: 'InternalError'; readonly message: string };

/** The error that domain code throws. */
export class DomainError extends Error {
  override name = 'DomainError';
  readonly problem: Problem;
  constructor(problem: Problem, options?: ErrorOptions) {
    super('message' in problem ? problem.message : problem.reason, options);
    this.problem = problem;
  }
}

export function isProblem(error: unknown, reason: Problem['reason']): error is DomainError {
  return error instanceof DomainError && error.problem.reason === reason;
}

export function notFound(resource: GroupResource, name: string): DomainError {
  return new DomainError({ reason: 'NotFound', resource: named(resource), name });
}

export function alreadyExists(resource: GroupResource, name: string, deleting = false): DomainError {
  return new DomainError({ reason: 'AlreadyExists', resource: named(resource), name, deleting });
}

export function conflict(resource: GroupResource, name: string, message: string): DomainError {
  return new DomainError({ reason: 'Conflict', resource: named(resource), name, message });
}

/** Another writer was faster: the message that every Kubernetes client knows. */
export function modified(resource: GroupResource, name: string): DomainError {
  return conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

export function badRequest(message: string): DomainError {
  return new DomainError({ reason: 'BadRequest', message });
}

export function invalid(kind: GroupKind, name: string, causes: readonly FieldError[]): DomainError {
  return new DomainError({ reason: 'Invalid', kind: { group: kind.group, kind: kind.kind }, name, causes });
}

export function forbidden(resource: GroupResource, name: string, message: string): DomainError {
  return new DomainError({ reason: 'Forbidden', resource: named(resource), name, message });
}

export function internalError(message: string, cause?: unknown): DomainError {
  return new DomainError({ reason: 'InternalError', message }, { cause });
}

/** Just the names, so that a whole Resource may be passed. */
function named(resource: GroupResource): GroupResource {
  return { group: resource.group, resource: resource.resource };
}

export function required(field: string, detail = ''): FieldError {
  return { type: 'Required', field, detail };
}

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail };
}

/** What is wrong with a value that must stay what it was; nothing with one that is new. */
export function fixedErrors(field: string, value: unknown, old: { readonly was: unknown } | undefined): FieldError[] {
  return !old || isDeepStrictEqual(value, old.was) ? [] : [invalidValue(field, value, 'field is immutable')];
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { type: 'Forbidden', field, detail };
}
