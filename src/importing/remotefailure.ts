/** Why another registry could not be reached or answered no, in the words that Go's clients have for it where they have any. */
import { isJsonObject, type JsonObject, parseJson } from '../image/json.ts';
import { REMOTE_WORDS_CHARACTERS } from '../limits.ts';
import { RemoteError, type RemoteErrorKind } from './remote.ts';

/** A URL as it may stand in an error: without user and query, which may hold secrets (presigned links do). */
function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The error of a request that got no answer. */
export function unanswered(method: string, url: URL, reason: unknown): RemoteError {
  return new RemoteError('failed', `${opening(method)} "${shownUrl(url)}": ${whyUnanswered(url, reason)}`, {
    cause: reason,
  });
}

function opening(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase();
}

/** An error before a request was sent, as Go's client wraps what its authorizer says. */
export function unsent(kind: RemoteErrorKind, method: string, url: URL, why: string): RemoteError {
  return new RemoteError(kind, `${opening(method)} "${shownUrl(url)}": ${why}`);
}

interface SystemError {
  readonly code: string;
  readonly message: string;
  readonly address: string;
  readonly port: number;
}

function systemError(reason: unknown): SystemError {
  const told = (reason instanceof Error ? reason : {}) as Partial<SystemError>;
  const { code = '', message = String(reason), address = '', port = 0 } = told;
  return { code: String(code), message, address, port };
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Where the other side does not speak TLS; the library has several words for it. */
const NO_TLS =
  /wrong version number|packet length too long|http request|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)/i;

const WORDS: Readonly<Record<string, string>> = {
  ECONNRESET: 'read: connection reset by peer',
  EPIPE: 'write: broken pipe',
  ETIMEDOUT: 'dial tcp: i/o timeout',
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
};

const CONNECT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
};

function whyUnanswered(url: URL, reason: unknown): string {
  const { code, message, address, port } = systemError(reason);
  if (reason instanceof Error && reason.name === 'TimeoutError') return 'the registry took too long to answer';
  if (reason instanceof Error && reason.name === 'AbortError') return 'context canceled';
  if (NO_TLS.test(`${code} ${message}`)) return 'http: server gave HTTP response to HTTPS client';
  const connect = CONNECT_WORDS[code];
  if (connect !== undefined) {
    const host = address.includes(':') ? `[${address}]` : address;
    return `dial tcp ${host}:${port}: connect: ${connect}`;
  }
  if (code === 'ENOTFOUND' || code === 'ENODATA') return `dial tcp: lookup ${url.hostname}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${url.hostname}: server misbehaving`;
  if (UNKNOWN_AUTHORITY.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`;
  }
  return WORDS[code] ?? plainWords(message);
}

/** What came from outside, as it may stand in an error: short, on one line, printable. */
function plainWords(text: string): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  return line.length <= REMOTE_WORDS_CHARACTERS ? line : `${line.slice(0, REMOTE_WORDS_CHARACTERS)}…`;
}

/** One of the errors in a registry's answer. */
interface ToldError {
  readonly code: string;
  readonly message: string;
}

/**
 * The error of an answer that is no success.
 * @param what Where an unknown manifest, repository or blob is told by the status alone: HTTP 404 of these is that.
 */
export function refusalOf(status: number, statusText: string, body: Buffer): RemoteError {
  if (status < 400 || status >= 500) {
    return new RemoteError('failed', `received unexpected HTTP status: ${status} ${plainWords(statusText)}`.trim());
  }
  const told = errorsOf(body, status);
  const words = told.map(({ code, message }) => `${code.toLowerCase().replaceAll('_', ' ')}: ${plainWords(message)}`);
  const text =
    words.length > 0 ? words.slice(0, 5).join('; ') : `the registry answered ${status} ${plainWords(statusText)}`;
  if (status === 401 || told.some(({ code }) => code === 'UNAUTHORIZED')) {
    return new RemoteError('unauthorized', words.length > 0 ? text : 'unauthorized: authentication required');
  }
  return new RemoteError(status === 404 ? 'not-found' : 'failed', text);
}

/** The errors that a body tells: in the registry's form, or in that of older token servers. */
function errorsOf(body: Buffer, status: number): ToldError[] {
  const document = jsonObject(body);
  const details = document?.details;
  if (typeof details === 'string' && details !== '') {
    return [
      { code: { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' }[status] ?? 'UNKNOWN', message: details },
    ];
  }
  const errors: readonly unknown[] = Array.isArray(document?.errors) ? document.errors : [];
  return errors.filter(isJsonObject).map(({ code, message }) => ({
    code: typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) ? code : 'UNKNOWN',
    message: typeof message === 'string' ? message : '',
  }));
}

/** The JSON object of an answer; undefined if it is none. */
export function jsonObject(body: Buffer): JsonObject | undefined {
  try {
    const value = parseJson(body);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
