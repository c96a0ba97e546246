/** The answer to a request that came by HTTP/2, taken as HTTP/1.1 would take it. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Writable } from 'node:stream';
import type { Edge, TimedResponse } from '../observe/requests.ts';
import type { Traffic } from '../observe/traffic.ts';
import { breakOff, giveUp, type Http2Request, NO_ERROR } from './http2request.ts';

/** Headers that are about an HTTP/1.1 connection: HTTP/2 forbids them. */
const OF_CONNECTION = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/i;

/** One stream of a session as an answer. */
export class Http2Response extends Writable implements TimedResponse {
  readonly began = performance.now();
  edge: Edge = 'observe';
  operation: string | undefined;
  readonly req: Http2Request;
  statusCode = 200;
  /** There is no place for it. */
  statusMessage = '';
  #headersSent = false;
  /** Whether the protocol forbids this answer a body. */
  #bodiless: boolean;
  /** Whether what is written is the whole body, and the stream can end with it: one frame instead of two. */
  #whole = false;
  #sent = 0;
  readonly #stream: ServerHttp2Stream;

  constructor(req: Http2Request, stream: ServerHttp2Stream) {
    super({ decodeStrings: false });
    this.req = req;
    this.#stream = stream;
    this.#bodiless = req.method === 'HEAD';
    this.on('error', ignore);
    stream.on('error', ignore);
    stream.on('close', () => {
      this.destroy();
      req.broken();
    });
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }

  writeHead(status: number, headers: OutgoingHttpHeaders | string[] = []): this {
    const all: (string | number | readonly string[])[] = [':status', status];
    if (Array.isArray(headers)) {
      for (let at = 0; at + 1 < headers.length; at += 2) {
        const [name = '', value = ''] = [headers[at], headers[at + 1]];
        if (!OF_CONNECTION.test(name)) all.push(name, value);
      }
    } else {
      for (const [name, value] of Object.entries(headers)) {
        if (value !== undefined && !OF_CONNECTION.test(name)) all.push(name, value);
      }
    }
    this.statusCode = status;
    this.#headersSent = true;
    this.#bodiless ||= status === 204 || status === 304;
    for (const part of all) this.#sent += String(part).length;
    if (!this.#stream.closed) this.#stream.respond(all as string[], { endStream: this.#bodiless });
    return this;
  }

  /** What this stream took and gave, with headers as they are written out: the connection has others. */
  traffic(): Traffic {
    return { received: this.req.received, sent: this.#sent };
  }

  /** They are on their way as soon as they are written. */
  flushHeaders(): void {
    if (!this.#headersSent) this.writeHead(this.statusCode);
  }

  writeContinue(): void {
    if (!this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 });
  }

  setTimeout(ms: number): this {
    this.#stream.setTimeout(ms, giveUp);
    return this;
  }

  override end(...args: unknown[]): this {
    const [body] = args;
    this.#whole = body !== undefined && typeof body !== 'function' && !this.#bodiless && this.writableLength === 0;
    return super.end(...(args as Parameters<Writable['end']>));
  }

  override _write(piece: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.flushHeaders();
    if (this.#bodiless) {
      done();
      return;
    }
    this.#sent += piece.length;
    if (this.#whole) this.#stream.end(piece, encoding, done);
    else this.#stream.write(piece, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.flushHeaders();
    if (this.#whole || this.#bodiless) done();
    else this.#stream.end(done);
  }

  /** An answer that is given up is broken off, so that nobody takes it for complete. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { writableFinished, req } = this;
    if (!writableFinished) breakOff(this.#stream);
    // The client need not go on with a body that nobody reads.
    else if (!req.complete) {
      this.#stream.close(NO_ERROR);
      req.destroy();
    }
    done(error);
  }
}

function ignore(): void {
  // 'close' tells whoever must know.
}
