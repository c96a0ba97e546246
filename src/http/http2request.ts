/** A request that came by HTTP/2, told as HTTP/1.1 would tell it. */
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { HttpRequest } from './message.ts';

/** How a stream or a connection is closed that has nothing wrong with it (RFC 9113 §7). */
export const NO_ERROR = 0;

/** One stream of a session as a request. Its body is read only when somebody asks for it. */
export class Http2Request extends Readable implements HttpRequest {
  readonly httpVersionMajor = 2;
  readonly method: string;
  url: string;
  readonly headers: HttpRequest['headers'];
  readonly socket: Socket;
  #complete: boolean;
  #asked = false;
  #bodyBytes = 0;
  readonly #stream: ServerHttp2Stream;
  readonly #rawHeaders: readonly string[];
  #distinct: NodeJS.Dict<string[]> | undefined;

  constructor(stream: ServerHttp2Stream, headers: Http2Headers, rawHeaders: readonly string[], socket: Socket) {
    super();
    this.#stream = stream;
    this.#rawHeaders = rawHeaders;
    this.socket = socket;
    this.headers = headers;
    this.method = headers[':method'] ?? '';
    this.url = headers[':path'] ?? '';
    if (headers[':authority'] !== undefined) headers.host = headers[':authority'];
    this.#complete = stream.endAfterHeaders;
    if (this.#complete) this.push(null);
    else if (headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
    // Without a listener it would end the process.
    this.on('error', ignore);
  }

  get complete(): boolean {
    return this.#complete;
  }

  get headersDistinct(): NodeJS.Dict<string[]> {
    if (!this.#distinct) {
      this.#distinct = {};
      for (let at = 0; at + 1 < this.#rawHeaders.length; at += 2) {
        const [name = '', value = ''] = this.#rawHeaders.slice(at, at + 2);
        this.#distinct[name] ??= [];
        this.#distinct[name].push(value);
      }
    }
    return this.#distinct;
  }

  setTimeout(ms: number): this {
    this.#stream.setTimeout(ms, giveUp);
    return this;
  }

  /** Bytes that came so far: the body, and the headers as they are written out. */
  get received(): number {
    return this.#bodyBytes + this.#rawHeaders.reduce((sum, { length }) => sum + length, 0);
  }

  /** To be called when the stream has closed: what has not come by then never will. */
  broken(): void {
    if (!this.#complete) this.destroy(brokenOff());
  }

  override _read(): void {
    if (this.#asked) {
      this.#stream.resume();
      return;
    }
    this.#asked = true;
    this.#stream.on('data', (piece: Buffer) => {
      this.#bodyBytes += piece.length;
      if (!this.push(piece) && !this.destroyed) this.#stream.pause();
    });
    this.#stream.on('end', () => {
      // A stream that the client has reset also ends, wherever its body stood.
      if (this.#stream.aborted) return;
      this.#complete = true;
      this.push(null);
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#complete && !this.#stream.closed) breakOff(this.#stream);
    // What is left in the stream would keep it.
    else this.#stream.resume();
    done(error);
  }
}

/** What becomes of a stream that stands still. */
export function giveUp(this: ServerHttp2Stream): void {
  breakOff(this);
}

/** Resets a stream, with an error that nobody can take for its end. `close` would send that first, whatever its code. */
export function breakOff(stream: ServerHttp2Stream): void {
  stream.destroy(new Error('the answer was given up'));
}

function ignore(): void {
  // Whoever reads the body hears of it; a handler that does not has no use for it.
}

function brokenOff(): Error {
  return Object.assign(new Error('the client broke its request off'), { code: 'ECONNRESET' });
}
