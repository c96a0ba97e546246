/** Bodies of requests: read, waited for, and got rid of when the request is refused before they have come. */
import type { OutgoingHttpHeaders } from 'node:http';
import { endsAlone, type HttpHandler, type HttpRequest, type HttpResponse } from '../http/message.ts';
import {
  LINGER_BYTES,
  LINGER_SECONDS,
  REFUSED_BODY_BYTES,
  REGISTRY_BODY_SECONDS,
  UPLOAD_IDLE_SECONDS,
} from '../limits.ts';
import { RegistryError } from './errors.ts';

/** The client broke the connection off: there is nobody to answer. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/** How long bodies may take. */
export interface Pace {
  /** Seconds in which a body that is read whole must have come. */
  readonly bodySeconds: number;
  /** Seconds of silence after which the connection of an upload is given up. */
  readonly idleSeconds: number;
  /** Seconds in which the body of a refused request must have come, or its connection is closed. */
  readonly lingerSeconds: number;
}

export const PACE: Pace = {
  bodySeconds: REGISTRY_BODY_SECONDS,
  idleSeconds: UPLOAD_IDLE_SECONDS,
  lingerSeconds: LINGER_SECONDS,
};

/** A request with a body. */
export interface Coming {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly pace: Pace;
}

/** Requests whose client waits for `100 Continue` before it sends the body. */
const waiting = new WeakSet<HttpRequest>();

/**
 * The listener for a server's `checkContinue` event: the client is told to go on only when its body is going to be read,
 * so a chunk that is refused never crosses the network. Without it Node says so by itself before anything is checked.
 */
export function whenContinueIsExpected(handler: HttpHandler): HttpHandler {
  return (req, res) => {
    waiting.add(req);
    handler(req, res);
  };
}

/** Whether the request announces a body of at least one byte. */
export function hasBody(req: HttpRequest): boolean {
  if (req.headers['transfer-encoding'] !== undefined) return true;
  const length = req.headers['content-length'];
  return length !== undefined && Number(length) > 0;
}

/** Bytes that the request announces; undefined for a body of unknown length or none. */
export function declaredLength(req: HttpRequest): number | undefined {
  const length = req.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** Tells a client that waits for it to send the body. */
export function invite(req: HttpRequest, res: HttpResponse): void {
  if (waiting.delete(req)) res.writeContinue();
}

/**
 * The whole body.
 * @throws {RegistryError} with that code and status 413 for more than `limit` bytes, 408 for a body that does not come;
 *   {ClientGone}.
 */
export async function readBody(
  { req, res, pace }: Coming,
  limit: number,
  code: 'MANIFEST_INVALID' | 'SIZE_INVALID' | 'SIGNATURE_INVALID',
): Promise<Buffer> {
  const tooLarge = (): RegistryError =>
    new RegistryError(code, `the body is too large: at most ${limit} bytes are accepted`, { status: 413 });
  if ((declaredLength(req) ?? 0) > limit) throw tooLarge();
  invite(req, res);
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const refuse = (error: RegistryError): void => {
      clearTimeout(timer);
      req.removeAllListeners('data');
      req.pause();
      reject(error);
    };
    const timer = setTimeout(() => refuse(tooSlow(pace.bodySeconds)), pace.bodySeconds * 1000);
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limit) chunks.push(chunk);
      else refuse(tooLarge());
    });
    req.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks, bytes));
    });
    req.on('error', (error) => reject(new ClientGone('the request broke off', { cause: error })));
    req.on('close', () => {
      clearTimeout(timer);
      if (!req.complete) reject(new ClientGone('the request broke off'));
    });
  });
}

function tooSlow(seconds: number): RegistryError {
  const message = `the body did not come within ${seconds} seconds; send it again`;
  return new RegistryError('UNAVAILABLE', message, { status: 408 });
}

/** Reads what is left of a body, and drops it, so that the connection can go on. It is closed if that takes too long. */
export function dropRest({ req, pace }: Coming): void {
  if (req.complete || !hasBody(req)) return;
  const timer = setTimeout(() => req.destroy(), pace.lingerSeconds * 1000);
  req.on('close', () => clearTimeout(timer));
  req.resume();
}

/**
 * Answers a request of whose body something may be left. A little is read and dropped, so that the connection can go on;
 * with more, the answer goes out at once and the connection is closed, but only after the client has had time to read
 * it: closing while bytes arrive would reset the connection and take the answer with it.
 */
export function answerEarly(
  coming: Coming,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Buffer | undefined,
): void {
  const { req, res } = coming;
  if (!hasBody(req) || req.complete || endsAlone(req)) {
    res.writeHead(status, headers);
    res.end(body);
  } else if (waiting.delete(req)) {
    // The client may or may not send its body now; only a new connection tells the two apart.
    res.writeHead(status, { ...headers, Connection: 'close' });
    res.end(body);
  } else if ((declaredLength(req) ?? Number.POSITIVE_INFINITY) <= REFUSED_BODY_BYTES) {
    res.writeHead(status, headers);
    res.end(body);
    dropRest(coming);
  } else {
    res.writeHead(status, { ...headers, Connection: 'close' });
    if (body) res.write(body);
    else res.flushHeaders();
    linger(coming);
  }
}

function linger({ req, res, pace }: Coming): void {
  let left = LINGER_BYTES;
  const over = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(over, pace.lingerSeconds * 1000);
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) over();
  });
  req.on('end', over);
  req.on('error', over);
  req.on('close', over);
  req.resume();
}
