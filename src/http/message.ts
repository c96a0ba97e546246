/**
 * A request and its answer as every handler sees them, whichever protocol they came by. Those of node:http are such, and
 * so are those of HTTP/2 (http2request.ts, http2response.ts), which are told and tell everything as HTTP/1.1 would.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

export interface HttpRequest extends Readable {
  readonly httpVersionMajor: number;
  readonly method?: string | undefined;
  url?: string | undefined;
  /** `host` says where the client thinks it is, and `transfer-encoding` that a body of unknown length follows. */
  readonly headers: IncomingHttpHeaders;
  readonly headersDistinct: NodeJS.Dict<string[]>;
  /** The connection, which may carry other requests at the same time. */
  readonly socket: Socket;
  /** Whether all of it has come. */
  readonly complete: boolean;
  /** Milliseconds of silence after which it is given up; 0 for none. */
  setTimeout(ms: number): unknown;
}

export interface HttpResponse extends Writable {
  readonly req: HttpRequest;
  statusCode: number;
  /** What HTTP/1.1 says beside the code; others have no place for it. */
  statusMessage: string;
  readonly headersSent: boolean;
  /** What the registry was asked to do, by the name that OpenShift's metrics have for it. */
  operation?: string | undefined;
  /** Headers may be flat, name after name and value. Those that are about an HTTP/1.1 connection are for that only. */
  writeHead(status: number, headers?: OutgoingHttpHeaders | string[]): this;
  flushHeaders(): void;
  writeContinue(): void;
  /** Milliseconds in which the client must take something, or it is given up; 0 for none. */
  setTimeout(ms: number): unknown;
}

/** What answers requests. */
export type HttpHandler = (req: HttpRequest, res: HttpResponse) => void;

/**
 * Whether the answer to a request can end though its body has not: where others share the connection, only this one is
 * broken off. Over HTTP/1.1 the body must be read, or the connection closed.
 */
export function endsAlone({ httpVersionMajor }: HttpRequest): boolean {
  return httpVersionMajor > 1;
}
