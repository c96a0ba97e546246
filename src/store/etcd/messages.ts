/**
 * etcd's messages of the KV service, as far as they are used here; the numbers are those of its published API
 * (https://etcd.io/docs/latest/dev-guide/api_reference_v3/).
 */
import type { Revision } from '../store.ts';
import { bufferOf, eachField, Message, numberOf } from './wire.ts';

/** A call that has one question and one answer. */
export interface Method<Q, R> {
  readonly path: string;
  readonly encode: (request: Q) => Buffer;
  readonly decode: (bytes: Buffer) => R;
}

/** What comes with every answer. */
export interface Header {
  /** Of the etcd cluster; 0 if it was not said. */
  readonly cluster: bigint;
  /** The latest revision of the whole cluster: other programs' commits count too. */
  readonly revision: Revision;
}

/** Keys of a range: `to` is exclusive; without it, the one key. */
export interface Range {
  readonly from: Buffer;
  readonly to?: Buffer;
}

export interface RangeRequest extends Range {
  readonly limit?: number;
  /** 0 or nothing is the latest. */
  readonly revision?: Revision;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly created: Revision;
  readonly revision: Revision;
}

export interface RangeResponse {
  readonly header: Header;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
  /** Of all keys in the range. */
  readonly count: number;
}

/** Holds if every key of the range is as said; for no key at all, the number is 0. */
export interface Compare extends Range {
  readonly what: 'created' | 'revision';
  readonly equals: Revision;
}

export type Operation =
  | ({ readonly op: 'range' } & RangeRequest)
  | { readonly op: 'put'; readonly key: Buffer; readonly value: Buffer; readonly lease?: bigint }
  | ({ readonly op: 'delete' } & Range)
  | ({ readonly op: 'txn' } & TxnRequest);

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface TxnResponse {
  /** Its revision is the transaction's own, if it changed something. */
  readonly header: Header;
  readonly succeeded: boolean;
  /** One for each operation; undefined for what has nothing to say. */
  readonly answers: readonly (RangeResponse | TxnResponse | undefined)[];
}

export const RANGE: Method<RangeRequest, RangeResponse> = {
  path: '/etcdserverpb.KV/Range',
  encode: (request) => writeRange(new Message(), request).finish(),
  decode: rangeResponseOf,
};

export const TXN: Method<TxnRequest, TxnResponse> = {
  path: '/etcdserverpb.KV/Txn',
  encode: (request) => writeTxn(new Message(), request).finish(),
  decode: txnResponseOf,
};

export const COMPACT: Method<{ readonly revision: Revision }, undefined> = {
  path: '/etcdserverpb.KV/Compact',
  // Physical (2): the answer comes when the space is free.
  encode: ({ revision }) => new Message().int(1, revision).flag(2, true).finish(),
  decode: () => undefined,
};

function writeRange(message: Message, { from, to, limit, revision, keysOnly, countOnly }: RangeRequest): Message {
  return message.bytes(1, from).bytes(2, to).int(3, limit).int(4, revision).flag(8, keysOnly).flag(9, countOnly);
}

function writeTxn(message: Message, { compare, success, failure }: TxnRequest): Message {
  for (const each of compare) message.message(1, (inner) => writeCompare(inner, each));
  for (const each of success) message.message(2, (inner) => writeOperation(inner, each));
  for (const each of failure) message.message(3, (inner) => writeOperation(inner, each));
  return message;
}

/** Result (1) EQUAL is 0; target (2): CREATE 1, MOD 2; the number itself is 5 or 6. */
function writeCompare(message: Message, { from, to, what, equals }: Compare): void {
  const created = what === 'created';
  message
    .int(2, created ? 1 : 2)
    .bytes(3, from)
    .member(created ? 5 : 6, equals)
    .bytes(64, to);
}

function writeOperation(message: Message, operation: Operation): void {
  switch (operation.op) {
    case 'range':
      message.message(1, (inner) => writeRange(inner, operation));
      break;
    case 'put':
      message.message(2, (inner) => inner.bytes(1, operation.key).bytes(2, operation.value).int(3, operation.lease));
      break;
    case 'delete':
      message.message(3, (inner) => inner.bytes(1, operation.from).bytes(2, operation.to));
      break;
    case 'txn':
      message.message(4, (inner) => writeTxn(inner, operation));
  }
}

const NO_HEADER: Header = { cluster: 0n, revision: 0 };
const NOTHING: Buffer = Buffer.alloc(0);

/** The header of any answer. */
export function headerOf(bytes: Uint8Array): Header {
  let cluster = 0n;
  let revision = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) cluster = BigInt(reader.uint64());
    else if (field === 3) revision = numberOf(reader);
    else return false;
    return true;
  });
  return { cluster, revision };
}

/** A key and what it holds. */
export function keyValueOf(bytes: Uint8Array): KeyValue {
  let key: Buffer = NOTHING;
  let value: Buffer = NOTHING;
  let created = 0;
  let revision = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) key = bufferOf(reader);
    else if (field === 2) created = numberOf(reader);
    else if (field === 3) revision = numberOf(reader);
    else if (field === 5) value = bufferOf(reader);
    else return false;
    return true;
  });
  return { key, value, created, revision };
}

function rangeResponseOf(bytes: Uint8Array): RangeResponse {
  let header = NO_HEADER;
  const entries: KeyValue[] = [];
  let more = false;
  let count = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) header = headerOf(reader.bytes());
    else if (field === 2) entries.push(keyValueOf(reader.bytes()));
    else if (field === 3) more = reader.bool();
    else if (field === 4) count = numberOf(reader);
    else return false;
    return true;
  });
  return { header, entries, more, count };
}

function txnResponseOf(bytes: Uint8Array): TxnResponse {
  let header = NO_HEADER;
  let succeeded = false;
  const answers: (RangeResponse | TxnResponse | undefined)[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) header = headerOf(reader.bytes());
    else if (field === 2) succeeded = reader.bool();
    else if (field === 3) answers.push(answerOf(reader.bytes()));
    else return false;
    return true;
  });
  return { header, succeeded, answers };
}

function answerOf(bytes: Uint8Array): RangeResponse | TxnResponse | undefined {
  let answer: RangeResponse | TxnResponse | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) answer = rangeResponseOf(reader.bytes());
    else if (field === 4) answer = txnResponseOf(reader.bytes());
    else return false;
    return true;
  });
  return answer;
}
