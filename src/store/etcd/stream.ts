/** One watch of etcd on a stream of its own, until either side ends it. */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { type Revision, type StoreError, StoreUnavailable } from '../store.ts';
import { judge, storeFailure } from './failure.ts';
import type { Members } from './members.ts';
import {
  decodeWatch,
  encodeWatch,
  WATCH_PATH,
  type WatchEvent,
  type WatchRequest,
  type WatchResponse,
} from './watchmessages.ts';

/** Why a watch ended. */
export type Ending =
  /** etcd has compacted the past up to this revision, and the watch begins before it. */
  | { readonly compacted: Revision }
  | { readonly error: StoreError }
  /** It was closed here. */
  | 'closed';

export interface StreamListener {
  /** Whole commits of the watched keys, in order. `revision`: everything up to it has been told. */
  events(events: readonly WatchEvent[], revision: Revision): void;
  /** The watch stands: from now on it is told what happens. */
  created?(cluster: bigint): void;
}

/** A stream that has begun. */
export interface WatchStream {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  close(): void;
}

/**
 * Begins to watch.
 * @throws {StoreUnavailable} if no member can be reached.
 */
export async function openWatch(
  members: Members,
  request: WatchRequest,
  listener: StreamListener,
): Promise<WatchStream> {
  const stream = await members.stream(WATCH_PATH, decodeWatch);
  const { promise: ended, resolve } = Promise.withResolvers<Ending>();
  let over = false;
  const end = (ending: Ending): void => {
    if (over) return;
    over = true;
    stream.cancel();
    resolve(ending);
  };
  take(stream, members, listener, end, () => over);
  stream.write(encodeWatch(request));
  return { ended, close: () => end('closed') };
}

function take(
  stream: ClientDuplexStream<Buffer, WatchResponse>,
  members: Members,
  listener: StreamListener,
  end: (ending: Ending) => void,
  isOver: () => boolean,
): void {
  let pieces: WatchEvent[] = [];
  stream.on('data', (response: WatchResponse) => {
    if (isOver()) return;
    if (response.compacted > 0) return end({ compacted: response.compacted });
    if (response.canceled) {
      const failure = Object.assign(new Error(response.reason), { details: response.reason });
      if (judge(failure).token) members.forgetToken();
      const denied = response.reason.includes('permission denied');
      const error = denied
        ? new StoreUnavailable(
            `etcd at ${members.where} does not let the user watch the prefix: grant its role read access`,
          )
        : storeFailure(failure, members.where);
      return end({ error });
    }
    if (response.created) {
      listener.created?.(response.header.cluster);
      return;
    }
    pieces = pieces.length === 0 ? [...response.events] : pieces.concat(response.events);
    if (response.fragment) return;
    const events = pieces;
    pieces = [];
    // Without events it is a notice that nothing has happened up to the header's revision.
    const revision = events.at(-1)?.now.revision ?? response.header.revision;
    listener.events(events, revision);
  });
  stream.on('error', (error) => {
    if (judge(error).token) members.forgetToken();
    end({ error: storeFailure(error, members.where) });
  });
  stream.on('end', () => end({ error: storeFailure(new Error('the watch was ended'), members.where) }));
}
