/** HTTP servers as this program starts and stops them. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { KeyPair } from './access/authority.ts';
import type { Address } from './config.ts';
import { Http2Sessions } from './http/http2sessions.ts';
import type { HttpRequest } from './http/message.ts';
import { HANDSHAKE_SECONDS, HEADER_BYTES, HEADER_SECONDS, KEEP_ALIVE_SECONDS } from './limits.ts';
import { type TimedResponse, TimedServerResponse } from './observe/requests.ts';

export type Handler = (req: HttpRequest, res: TimedResponse) => void;

type Http = http.Server<typeof http.IncomingMessage, typeof TimedServerResponse>;
/** A server for HTTPS. */
export type Https = https.Server<typeof http.IncomingMessage, typeof TimedServerResponse>;
export type Server = Http | Https;

const OPTIONS = {
  ServerResponse: TimedServerResponse,
  keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000,
  headersTimeout: HEADER_SECONDS * 1000,
  maxHeaderSize: HEADER_BYTES,
  // A layer may take hours; whoever reads a body watches its pace.
  requestTimeout: 0,
} as const;

/** TLS as it is renewed on a running server, by setSecureContext. */
export function tlsOptions(server: KeyPair, authority: string): SecureContextOptions {
  return { key: server.key, cert: server.certificate, ca: authority, minVersion: 'TLSv1.2' };
}

/** What answers a server's requests. */
export interface Handlers {
  readonly request: Handler;
  /** For requests whose client waits for `100 Continue`, which is then up to the handler. */
  readonly expectant: Handler;
  /** For requests that ask for a WebSocket; `head` is what came after them. Without it they are requests like others. */
  readonly upgrade?: (req: HttpRequest, res: TimedResponse, head: Buffer) => void;
}

/** Whether a request is a WebSocket's; all else that may ask for an upgrade is answered as if it had not. */
function wantsWebSocket({ method, headers }: http.IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Answers requests for WebSockets: the connection is handed over, and is closed after any answer but 101. */
function handOver(server: Server, { upgrade }: Handlers): void {
  if (!upgrade) return;
  server.on('upgrade', (req: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    const res = new TimedServerResponse(req);
    socket.on('error', () => socket.destroy());
    // The socket of an HTTP server is one.
    res.assignSocket(socket as Socket);
    res.shouldKeepAlive = false;
    res.on('finish', () => {
      if (res.statusCode !== 101) socket.end();
    });
    upgrade(req, res, head);
  });
}

/** A server for plain HTTP. */
export function plainServer(handlers: Handlers): Http {
  const server = http.createServer<typeof http.IncomingMessage, typeof TimedServerResponse>(OPTIONS, handlers.request);
  return server.on('checkContinue', handlers.expectant);
}

/** The HTTP/2 connections of the servers that have any. */
const multiplexed = new WeakMap<Server, Http2Sessions>();

/**
 * A server for HTTPS that asks for a client certificate and takes those of our authority, without demanding one: who
 * is calling is for the handler to find out. It speaks HTTP/1.1 and, unless told otherwise, HTTP/2.
 */
export function secureServer(
  pair: KeyPair,
  authority: string,
  handlers: Handlers,
  { http2 = true }: { readonly http2?: boolean } = {},
): Https {
  const server = https.createServer<typeof http.IncomingMessage, typeof TimedServerResponse>(
    {
      ...OPTIONS,
      ...tlsOptions(pair, authority),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      handshakeTimeout: HANDSHAKE_SECONDS * 1000,
      shouldUpgradeCallback: wantsWebSocket,
    },
    handlers.request,
  );
  handOver(server, handlers);
  if (http2) multiplex(server, handlers);
  return server.on('checkContinue', handlers.expectant);
}

/** Has connections whose client chose HTTP/2 served as such; all others go where Node would have sent them. */
function multiplex(server: Https, handlers: Handlers): void {
  const sessions = new Http2Sessions(handlers);
  multiplexed.set(server, sessions);
  const others = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') sessions.accept(socket);
    else for (const listener of others) listener.call(server, socket);
  });
}

/**
 * Begins to listen and resolves to the port.
 * @throws Node's own error (EADDRINUSE, EACCES, …), which says host and port.
 */
export async function listen(server: Server, address: Address): Promise<number> {
  server.listen({ host: address.host, port: address.port });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Takes no more connections and waits for requests under way, but not longer than `graceMs`. */
export async function drain(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  // Connections that have come already are taken: closing would break those that the system holds for us.
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const closed = once(server, 'close');
  const sessions = multiplexed.get(server);
  server.close();
  sessions?.drain();
  // A connection that was busy when the server closed becomes idle later and would stay open.
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const deadline = setTimeout(() => {
    server.closeAllConnections();
    sessions?.destroy();
  }, graceMs);
  try {
    await closed;
  } finally {
    clearInterval(idle);
    clearTimeout(deadline);
  }
}

/** The host by which a client on this machine reaches a listener: one cannot connect to "every address" by name. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** `host:port`, as in URLs and image references. */
export function authorityOf(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
