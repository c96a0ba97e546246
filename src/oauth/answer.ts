/** Answers of the OAuth pages: never cached, never framed, and what a page may load or send is said in its head. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import { OAUTH_FORM_BYTES, OAUTH_FORM_SECONDS } from '../limits.access.ts';

/** The request is answered with this and nothing else. */
export class OAuthRefusal extends Error {
  override name = 'OAuthRefusal';
  readonly status: number;
  /** The word of RFC 6749. */
  readonly error: string;
  readonly headers: OutgoingHttpHeaders;
  constructor(status: number, error: string, message: string, headers: OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.error = error;
    this.headers = headers;
  }
}

const HEADERS = {
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
} as const;

function send(res: HttpResponse, status: number, body: string, headers: OutgoingHttpHeaders): void {
  res.writeHead(status, { ...HEADERS, 'Content-Length': Buffer.byteLength(body), ...headers });
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

/** Answers with JSON. */
export function sendJson(res: HttpResponse, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): void {
  send(res, status, JSON.stringify(value), { 'Content-Type': 'application/json', ...headers });
}

/** Answers with plain text. */
export function sendText(res: HttpResponse, status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
  send(res, status, text, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
}

/** Answers with a page. Its forms may be sent here only, and to where that answer leads (`onward`, an origin). */
export function sendPage(
  res: HttpResponse,
  status: number,
  html: string,
  headers: OutgoingHttpHeaders = {},
  onward = '',
): void {
  const policy = `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${onward}`;
  const all = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy.trim(), ...headers };
  send(res, status, html, all);
}

/** Sends the client elsewhere. */
export function redirect(res: HttpResponse, location: string, headers: OutgoingHttpHeaders = {}): void {
  send(res, 302, '', { Location: location, ...headers });
}

/** @throws {OAuthRefusal} for a body that is no form, or too large. */
export async function readForm(req: HttpRequest): Promise<URLSearchParams> {
  const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new OAuthRefusal(415, 'invalid_request', 'send a form: application/x-www-form-urlencoded');
  }
  const tooLarge = new OAuthRefusal(413, 'invalid_request', 'the form is too large', { Connection: 'close' });
  if (Number(req.headers['content-length'] ?? 0) > OAUTH_FORM_BYTES) throw tooLarge;
  const pieces: Buffer[] = [];
  let bytes = 0;
  // Whoever sends it bit by bit holds a connection no longer than this.
  const timer = setTimeout(() => req.destroy(), OAUTH_FORM_SECONDS * 1000);
  try {
    for await (const piece of req as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > OAUTH_FORM_BYTES) throw tooLarge;
      pieces.push(piece);
    }
  } finally {
    clearTimeout(timer);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString());
}
