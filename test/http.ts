/** Requests as they are, without what clients do on their own: redirects, retries, challenges. */
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

/** Behind a balancer each request is to go to any replica (test/replicas.ts): it has a connection of its own. */
const BALANCED = process.env.TEST_REPLICAS !== undefined;

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  /** Bytes are sent with their length, a stream in chunks. */
  readonly body?: Buffer | string | Readable;
  readonly agent?: http.Agent;
  /** PEM of the authority to trust. */
  readonly ca?: string;
}

/**
 * Asks and resolves to the whole answer.
 * @throws the socket's error, if the connection ends before the answer does.
 */
export async function ask(url: string | URL, options: Ask = {}): Promise<Answer> {
  const res = await answerTo(url, options);
  const pieces: Buffer[] = [];
  for await (const piece of res) pieces.push(piece as Buffer);
  return { status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(pieces) };
}

/** Asks and resolves when the answer begins; its body is to be read or destroyed. */
export function answerTo(url: string | URL, options: Ask = {}): Promise<http.IncomingMessage> {
  const { method = 'GET', headers = {}, body, agent, ca } = options;
  const { protocol } = new URL(url);
  const given = agent ? { agent } : BALANCED ? { agent: false as const } : {};
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const known = { method, headers, ...given, ...(ca !== undefined && { ca }) };
  const req = protocol === 'https:' ? https.request(url, known, resolve) : http.request(url, known, resolve);
  req.on('error', reject);
  if (body === undefined) req.end();
  else if (typeof body === 'string' || Buffer.isBuffer(body)) {
    req.setHeader('Content-Length', Buffer.byteLength(body));
    req.end(body);
  } else {
    body.on('error', (error) => req.destroy(error));
    body.pipe(req);
  }
  return promise;
}

/** What a JSON body says. */
export function json({ body }: Answer): unknown {
  return JSON.parse(body.toString());
}
