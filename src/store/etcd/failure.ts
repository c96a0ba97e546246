/** What the errors of gRPC and etcd mean: to the caller of the store, and for trying again. */
import { status } from '@grpc/grpc-js';
import { CommitTooLarge, StoreError, StoreFull, StoreUnavailable } from '../store.ts';

/** etcd cannot be reached, or does not answer, at the moment: waiting helps. */
export class EtcdAway extends StoreUnavailable {}

/** What is known of a call that failed. */
export interface Verdict {
  /** Whether another member, or the same a little later, may do better. */
  readonly again: boolean;
  /** Whether the call has certainly changed nothing. */
  readonly undone: boolean;
  /** Whether the token that came with it is worth nothing any more. */
  readonly token: boolean;
  /** Whether the connection is the cause, and not what the member says. */
  readonly connection: boolean;
}

const NOTHING_HELPS: Verdict = { again: false, undone: true, token: false, connection: false };

/** Words with which a member refuses before it has done anything. */
const UNDONE =
  /no leader|too many requests|not capable|leader changed|server stopped|memory storage|not supported for learner/;
/** Words about a token that has expired, or that was made before users or roles were changed. */
const TOKEN = /invalid auth token|revision of auth store is old|user name is empty/;

/** @see Verdict */
export function judge(error: unknown): Verdict {
  const { code, details } = wordsOf(error);
  if (TOKEN.test(details)) return { again: true, undone: true, token: true, connection: false };
  switch (code) {
    case status.UNAVAILABLE:
      if (details.startsWith('etcdserver:'))
        return { again: true, undone: UNDONE.test(details), token: false, connection: false };
      // Without a connection nothing was sent; otherwise it may have been cut after the request had arrived.
      return { again: true, undone: /^No connection established/.test(details), token: false, connection: true };
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
    case status.INTERNAL:
      return { again: true, undone: false, token: false, connection: true };
    case status.UNKNOWN:
      return { again: true, undone: false, token: false, connection: false };
    default:
      return NOTHING_HELPS;
  }
}

/** Whether etcd says that the revision asked for has been compacted. */
export function isCompacted(error: unknown): boolean {
  const { code, details } = wordsOf(error);
  return code === status.OUT_OF_RANGE && details.includes('compacted');
}

/** Whether etcd says that the user may not do this. */
export function isDenied(error: unknown): boolean {
  return wordsOf(error).code === status.PERMISSION_DENIED;
}

/** Whether an answer was larger than a message may be, so that a smaller page may fit. */
export function isTooLarge(error: unknown): boolean {
  const { code, details } = wordsOf(error);
  return code === status.RESOURCE_EXHAUSTED && details.includes('larger than max');
}

/** Whether etcd knows no users and so needs no token. */
export function isAuthOff(error: unknown): boolean {
  const { code, details } = wordsOf(error);
  return code === status.FAILED_PRECONDITION && details.includes('authentication is not enabled');
}

/** The store's error for whatever a call failed with. @param where the location, for the message. */
export function storeFailure(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, details } = wordsOf(error);
  const because = { cause: error };
  if (code === status.RESOURCE_EXHAUSTED && details.includes('space exceeded')) {
    const advice = 'compact and defragment it or raise --quota-backend-bytes, then "etcdctl alarm disarm"';
    return new StoreFull(`etcd at ${where} is out of space (its NOSPACE alarm is raised): ${advice}`, because);
  }
  if (/request is too large|too many operations|larger than max/.test(details)) {
    const advice = 'etcd must run with --max-request-bytes and --max-txn-ops not below their defaults';
    return new CommitTooLarge(`etcd at ${where} refuses a commit of this size (${details}): ${advice}`, because);
  }
  if (details.includes('authentication failed')) {
    return new StoreUnavailable(`etcd at ${where} refuses user and password: correct them in --store`, because);
  }
  if (details.includes('user name is empty')) {
    return new StoreUnavailable(`etcd at ${where} wants a user: write USER:PASSWORD@ in --store`, because);
  }
  if (code === status.PERMISSION_DENIED) {
    const advice =
      'give its role read and write access to the prefix: etcdctl role grant-permission ROLE readwrite --prefix=true PREFIX/';
    return new StoreUnavailable(`etcd at ${where} does not let the user do this (${details}): ${advice}`, because);
  }
  if (code === status.UNIMPLEMENTED) {
    return new StoreUnavailable(`what answers at ${where} is no etcd 3.4 or newer: correct --store`, because);
  }
  return new EtcdAway(`etcd at ${where} does not answer: ${details}`, because);
}

function wordsOf(error: unknown): { readonly code: number | undefined; readonly details: string } {
  if (!(error instanceof Error)) return { code: undefined, details: String(error) };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  const details = 'details' in error && typeof error.details === 'string' ? error.details : error.message;
  return { code, details };
}
