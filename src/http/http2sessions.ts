/** The HTTP/2 connections of a listener. */
import type { TLSSocket } from 'node:tls';
import { type Http2Connection, type Http2Handlers, serveHttp2 } from './http2server.ts';

/** All that are open, so that they can be ended. */
export class Http2Sessions {
  readonly #handlers: Http2Handlers;
  readonly #open = new Set<Http2Connection>();
  #draining = false;

  constructor(handlers: Http2Handlers) {
    this.#handlers = handlers;
  }

  /** Serves a connection whose client has chosen HTTP/2. */
  accept(socket: TLSSocket): void {
    const connection = serveHttp2(socket, this.#handlers);
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    if (this.#draining) connection.drain();
  }

  /** Asks all clients to go elsewhere; each connection closes with its last request. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#open) connection.drain();
  }

  /** Breaks off what is left. */
  destroy(): void {
    for (const { socket } of this.#open) socket.destroy();
  }
}
