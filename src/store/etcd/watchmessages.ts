/** etcd's messages of the Watch service. */
import type { Revision } from '../store.ts';
import { type Header, headerOf, type KeyValue, keyValueOf, type Range } from './messages.ts';
import { eachField, Message, numberOf } from './wire.ts';

export interface WatchRequest extends Range {
  /** The first revision that is told. */
  readonly start: Revision;
}

export interface WatchEvent {
  readonly deleted: boolean;
  /** For a deletion: only key and revision. */
  readonly now: KeyValue;
  readonly before: KeyValue | undefined;
}

export interface WatchResponse {
  readonly header: Header;
  /** The first answer, without events. */
  readonly created: boolean;
  readonly canceled: boolean;
  /** Above 0: the watch begins before this revision, up to which etcd has compacted. */
  readonly compacted: Revision;
  /** Why it was cancelled. */
  readonly reason: string;
  /** More of the same answer follows. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

export const WATCH_PATH = '/etcdserverpb.Watch/Watch';

/** With progress notices (4), values before (6), and large answers in pieces (8). */
export function encodeWatch({ from, to, start }: WatchRequest): Buffer {
  return new Message()
    .message(1, (inner) => inner.bytes(1, from).bytes(2, to).int(3, start).flag(4, true).flag(6, true).flag(8, true))
    .finish();
}

/** Reads what a watch is told. */
export function decodeWatch(bytes: Buffer): WatchResponse {
  let header: Header = { cluster: 0n, revision: 0 };
  const events: WatchEvent[] = [];
  let [created, canceled, fragment, compacted, reason] = [false, false, false, 0, ''];
  eachField(bytes, (field, reader) => {
    if (field === 1) header = headerOf(reader.bytes());
    else if (field === 3) created = reader.bool();
    else if (field === 4) canceled = reader.bool();
    else if (field === 5) compacted = numberOf(reader);
    else if (field === 6) reason = reader.string();
    else if (field === 7) fragment = reader.bool();
    else if (field === 11) events.push(eventOf(reader.bytes()));
    else return false;
    return true;
  });
  return { header, created, canceled, compacted, reason, fragment, events };
}

function eventOf(bytes: Uint8Array): WatchEvent {
  let deleted = false;
  let now: KeyValue | undefined;
  let before: KeyValue | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) deleted = numberOf(reader) === 1;
    else if (field === 2) now = keyValueOf(reader.bytes());
    else if (field === 3) before = keyValueOf(reader.bytes());
    else return false;
    return true;
  });
  return { deleted, now: now ?? keyValueOf(Buffer.alloc(0)), before };
}
