/** The HTTP/2 connections of a listener. */
import { createRequire } from 'node:module';
import type { TLSSocket } from 'node:tls';
import type { Http2Connection, Http2Handlers } from './http2server.ts';

const require = createRequire(import.meta.url);

/** What speaks the protocol. It comes with the first connection, at once: no start needs it, and it takes one some 20 ms. */
function protocol(): typeof import('./http2server.ts') {
  return require('./http2server.ts') as typeof import('./http2server.ts');
}

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
    const connection = protocol().serveHttp2(socket, this.#handlers);
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
