/** HTTP/2 on a connection: its streams become requests and answers as handlers know them. */
import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import {
  HEADER_BYTES,
  HTTP2_CONNECTION_WINDOW_BYTES,
  HTTP2_FRAME_BYTES,
  HTTP2_HEADER_PAIRS,
  HTTP2_INVALID_FRAMES,
  HTTP2_QUEUED_MB,
  HTTP2_REJECTED_STREAMS,
  HTTP2_RESETS,
  HTTP2_RESETS_PER_SECOND,
  HTTP2_STREAMS,
  HTTP2_WINDOW_BYTES,
  KEEP_ALIVE_SECONDS,
  LINGER_SECONDS,
} from '../limits.ts';
import type { TimedResponse } from '../observe/requests.ts';
import { Http2Request, NO_ERROR } from './http2request.ts';
import { Http2Response } from './http2response.ts';
import type { HttpRequest } from './message.ts';

/** What answers the requests. */
export interface Http2Handlers {
  readonly request: (req: HttpRequest, res: TimedResponse) => void;
  /** For requests whose client waits for `100 Continue`. */
  readonly expectant: (req: HttpRequest, res: TimedResponse) => void;
}

const OPTIONS = {
  settings: {
    maxConcurrentStreams: HTTP2_STREAMS,
    initialWindowSize: HTTP2_WINDOW_BYTES,
    maxFrameSize: HTTP2_FRAME_BYTES,
    maxHeaderListSize: HEADER_BYTES,
  },
  maxHeaderListPairs: HTTP2_HEADER_PAIRS,
  maxSessionMemory: HTTP2_QUEUED_MB,
  maxSessionInvalidFrames: HTTP2_INVALID_FRAMES,
  maxSessionRejectedStreams: HTTP2_REJECTED_STREAMS,
  streamResetBurst: HTTP2_RESETS,
  streamResetRate: HTTP2_RESETS_PER_SECOND,
} as const;

/** A connection that is served. */
export interface Http2Connection {
  readonly socket: TLSSocket;
  /** Ends it so that no request is lost. */
  drain(): void;
}

/** The highest number that a stream may have: whoever is told it learns nothing but that the end is near. */
const ANY_STREAM = 2 ** 31 - 1;

/** Serves a connection on which the client has chosen HTTP/2, until either side ends it. */
export function serveHttp2(socket: TLSSocket, { request, expectant }: Http2Handlers): Http2Connection {
  const session = performServerHandshake(socket, OPTIONS);
  session.setLocalWindowSize(HTTP2_CONNECTION_WINDOW_BYTES);
  let [open, draining] = [0, false];
  /** Says goodbye, and waits a little for the client to do so too. */
  const finish = (): void => {
    session.close();
    socket.setTimeout(LINGER_SECONDS * 1000, () => socket.destroy());
  };
  const closed = (): void => {
    open--;
    if (draining && open === 0) finish();
  };
  const begun = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[],
  ): void => {
    open++;
    stream.once('close', closed);
    const req = new Http2Request(stream, headers, rawHeaders, socket);
    const res = new Http2Response(req, stream);
    if (headers.expect?.toLowerCase() === '100-continue') expectant(req, res);
    else request(req, res);
  };
  session.on('stream', begun);
  // What breaks a connection breaks its streams, whose handlers hear of it.
  session.on('error', () => undefined);
  session.on('timeout', () => {
    if (open === 0) finish();
    else session.setTimeout(KEEP_ALIVE_SECONDS * 1000);
  });
  session.setTimeout(KEEP_ALIVE_SECONDS * 1000);
  const drain = (): void => {
    if (session.closed || session.destroyed) return;
    draining = true;
    if (open === 0) {
      finish();
      return;
    }
    // The client is told to send no more, and only when it must have read that does it hear which request was the last
    // (RFC 9113 §6.8). With no stream open that cannot be: nghttp2 then reads no further.
    session.goaway(NO_ERROR, ANY_STREAM);
    if (!session.ping(() => session.close())) session.close();
  };
  return { socket, drain };
}
