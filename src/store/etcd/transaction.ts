/** A commit as one transaction of etcd, and what its answer says. */
import { ETCD_REQUEST_BYTES } from '../../limits.ts';
import { type Change, CommitConflict, CommitTooLarge, type Revision } from '../store.ts';
import type { Layout } from './layout.ts';
import { type Operation, TXN, type TxnRequest, type TxnResponse } from './messages.ts';

/** A key whose revision a commit expects. */
interface Expectation {
  readonly key: string;
  /** The key in etcd. */
  readonly from: Buffer;
  readonly revision: Revision;
}

/** A transaction that was made ready to be sent. */
export interface Transaction {
  readonly request: Buffer;
  readonly expectations: readonly Expectation[];
  /** Whether the answer to a transaction that failed says at which revisions the expected keys are. */
  readonly explains: boolean;
}

/** Bytes of a request that etcd's log adds to it, and some to spare. */
const LOG_BYTES = 512;

/**
 * The transaction that makes the changes. It also writes the key `last`, unless there is nothing to change, so that the
 * revision of that key is always that of the latest commit.
 * @throws {CommitTooLarge}
 */
export function transactionOf(layout: Layout, changes: readonly Change[]): Transaction {
  const expectations = changes.flatMap((change) =>
    change.op !== 'deletePrefix' && change.expect !== undefined
      ? [{ key: change.key, from: layout.key(change.key), revision: change.expect }]
      : [],
  );
  const txn: TxnRequest = {
    compare: expectations.map(({ from, revision }) => ({ from, what: 'revision', equals: revision })),
    success: operationsOf(layout, changes),
    failure: expectations.map(({ from }) => ({ op: 'range', from, keysOnly: true })),
  };
  const request = TXN.encode(txn);
  if (request.length <= ETCD_REQUEST_BYTES - LOG_BYTES) return { request, expectations, explains: true };
  const shorter = TXN.encode({ ...txn, failure: [] });
  if (shorter.length <= ETCD_REQUEST_BYTES - LOG_BYTES) return { request: shorter, expectations, explains: false };
  throw new CommitTooLarge(
    `a commit of ${shorter.length} bytes with the names of its keys: etcd takes ${ETCD_REQUEST_BYTES}`,
  );
}

function operationsOf(layout: Layout, changes: readonly Change[]): Operation[] {
  const writes = changes.flatMap((change) => operationOf(layout, change));
  const look: Operation = { op: 'range', from: layout.last };
  if (writes.length === 0) return [look];
  const made: Operation[] = [...writes, { op: 'put', key: layout.last, value: Buffer.alloc(0) }];
  // A put always changes something, and so does a deletion of what is known to exist.
  if (changes.some((change) => change.op === 'put' || (change.op === 'delete' && change.expect))) return made;
  const compare = writes.flatMap((write) =>
    write.op === 'delete' ? [{ ...write, what: 'created' as const, equals: 0 }] : [],
  );
  return [{ op: 'txn', compare, success: [look], failure: made }];
}

function operationOf(layout: Layout, change: Change): Operation[] {
  switch (change.op) {
    case 'put':
      return [{ op: 'put', key: layout.key(change.key), value: change.value }];
    case 'delete':
      return change.expect === 0 ? [] : [{ op: 'delete', from: layout.key(change.key) }];
    case 'deletePrefix':
      return [{ op: 'delete', ...layout.below(change.prefix) }];
    case 'check':
      return [];
  }
}

/** The revision that a transaction which succeeded has made; if it had nothing to change, that of the latest commit. */
export function revisionOf(response: TxnResponse): Revision {
  const [first] = response.answers;
  if (first && 'answers' in first) return first.succeeded ? revisionOf(first) : response.header.revision;
  return response.answers.length === 1 && first ? (first.entries[0]?.revision ?? 0) : response.header.revision;
}

/**
 * The first expectation that did not hold, as the answer to the failed transaction says; undefined if it does not say.
 */
export function conflictOf({ expectations, explains }: Transaction, response: TxnResponse): CommitConflict | undefined {
  if (!explains) return undefined;
  for (const [index, { key, revision }] of expectations.entries()) {
    const answer = response.answers[index];
    const actual = answer && 'entries' in answer ? (answer.entries[0]?.revision ?? 0) : 0;
    if (actual !== revision) return new CommitConflict(key, actual);
  }
  return undefined;
}
