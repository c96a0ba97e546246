/**
 * One request to another server and its whole answer: address checked and pinned, size and time bounded, redirects
 * followed without taking credentials to another host.
 */
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import {
  REMOTE_HOST_CONNECTIONS,
  REMOTE_IDLE_MS,
  REMOTE_REDIRECTS,
  REMOTE_REQUEST_SECONDS,
  REMOTE_RETRY_MOST_MS,
  REMOTE_SMALL_BYTES,
  REMOTE_TRIES,
} from '../limits.ts';
import type { Guard, Place, Zone } from './guard.ts';
import { RemoteError } from './remote.ts';
import { unanswered, unsent } from './remotefailure.ts';
import type { Turns } from './turns.ts';

/** What every request of one process shares. */
export interface Wire {
  readonly guard: Guard;
  readonly turns: Turns;
  readonly agents: Agents;
  /** Milliseconds between two tries. */
  readonly retryMs: number;
}

interface Agents {
  readonly plain: http.Agent;
  readonly checked: https.Agent;
  readonly unchecked: https.Agent;
}

/** Connections that are kept for a while; they do not keep a process alive. */
export function makeAgents(): Agents {
  const options = { keepAlive: true, maxSockets: REMOTE_HOST_CONNECTIONS, timeout: REMOTE_IDLE_MS };
  return {
    plain: new http.Agent(options),
    checked: new https.Agent(options),
    unchecked: new https.Agent({ ...options, rejectUnauthorized: false }),
  };
}

export interface Ask {
  readonly method?: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent only to the server of `url`. */
  readonly authorization?: string | undefined;
  /** More than so many bytes of a success are an error; of any other answer, more than REMOTE_SMALL_BYTES. */
  readonly maxBytes: number;
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly seconds?: number;
  /** Where the server is that gave us this URL, if one did. */
  readonly from?: Zone | undefined;
  /** Tries, if the server cannot answer for the moment. */
  readonly tries?: number;
}

export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Where the server is that was asked first. */
  readonly zone: Zone;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOMENTARY: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Asks, again if the server cannot answer for the moment, and resolves to the answer, whatever its status.
 * @throws {RemoteError} if there is no answer, or one that is too large.
 */
export async function exchange(wire: Wire, ask: Ask): Promise<Reply> {
  const tries = ask.tries ?? REMOTE_TRIES;
  for (let tried = 1; ; tried++) {
    try {
      const reply = await follow(wire, ask);
      const wait = MOMENTARY.has(reply.status) ? waitOf(wire, reply) : undefined;
      if (wait === undefined || tried >= tries) return reply;
      await pause(wait, undefined, ask.signal && { signal: ask.signal });
    } catch (error) {
      if (ask.signal?.aborted) throw unanswered(ask.method ?? 'GET', ask.url, ask.signal.reason);
      if (tried >= tries || !isBroken(error)) throw error;
      await pause(wire.retryMs);
    }
  }
}

function isBroken(error: unknown): boolean {
  const cause = error instanceof RemoteError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && BROKEN.has(String(cause.code));
}

/** Milliseconds to wait before the next try; undefined if there shall be none. */
function waitOf(wire: Wire, { headers }: Reply): number | undefined {
  const asked = headers['retry-after'];
  if (asked === undefined) return wire.retryMs;
  if (!/^\d{1,6}$/.test(asked)) return undefined;
  const ms = Number(asked) * 1000;
  return ms <= REMOTE_RETRY_MOST_MS ? Math.max(ms, Math.min(wire.retryMs, REMOTE_RETRY_MOST_MS)) : undefined;
}

async function follow(wire: Wire, ask: Ask): Promise<Reply> {
  let { url, from } = ask;
  let first: Zone | undefined;
  for (let redirects = 0; ; redirects++) {
    const authorization = sameServer(url, ask.url) ? ask.authorization : undefined;
    const place = await placeOf(wire, { ...ask, url, from });
    first ??= place.zone;
    const reply = await wire.turns.take(() => once(wire, { ...ask, url, authorization }, place));
    const { location } = reply.headers;
    if (!REDIRECTS.has(reply.status) || location === undefined) return { ...reply, zone: first };
    if (redirects >= REMOTE_REDIRECTS) throw refuse(ask, `stopped after ${REMOTE_REDIRECTS} redirects`);
    // Where one server on the Internet was on the way, nobody behind it is believed about private networks.
    if (place.zone === 'public') from = 'public';
    else from ??= place.zone;
    url = redirected(ask, url, location);
  }
}

function sameServer(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.host === b.host;
}

function refuse(ask: Ask, why: string): RemoteError {
  return unsent('failed', ask.method ?? 'GET', ask.url, why);
}

function redirected(ask: Ask, base: URL, location: string): URL {
  const url = URL.parse(location, base);
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse(ask, 'was redirected to something that is no HTTP address');
  if (url.protocol === 'http:' && base.protocol === 'https:' && !ask.insecure) {
    throw refuse(ask, `was redirected from HTTPS to plain HTTP at ${url.host}`);
  }
  url.username = '';
  url.password = '';
  return url;
}

async function placeOf(wire: Wire, { method = 'GET', url, from, signal }: Ask): Promise<Place> {
  try {
    signal?.throwIfAborted();
    return await wire.guard.admit(url.hostname, from);
  } catch (error) {
    throw unanswered(method, url, error);
  }
}

function once(wire: Wire, ask: Ask, place: Place): Promise<Omit<Reply, 'zone'>> {
  const { method = 'GET', url, seconds = REMOTE_REQUEST_SECONDS, insecure } = ask;
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Reply, 'zone'>>();
  const late = AbortSignal.timeout(seconds * 1000);
  const signal = ask.signal ? AbortSignal.any([ask.signal, late]) : late;
  const fail = (error: unknown): void => reject(unanswered(method, url, signal.aborted ? signal.reason : error));
  const options: https.RequestOptions = {
    method,
    headers: {
      'User-Agent': 'headgate',
      ...ask.headers,
      ...(ask.authorization !== undefined && { Authorization: ask.authorization }),
    },
    lookup: pinned(place),
    signal,
  };
  const hear = (res: http.IncomingMessage): void => {
    const isSuccess = res.statusCode !== undefined && res.statusCode < 300;
    collect(res, isSuccess ? ask.maxBytes : REMOTE_SMALL_BYTES).then(
      (body) =>
        resolve({ status: res.statusCode ?? 0, statusText: res.statusMessage ?? '', headers: res.headers, body }),
      fail,
    );
  };
  const req =
    url.protocol === 'http:'
      ? http.request(url, { ...options, agent: wire.agents.plain }, hear)
      : https.request(url, { ...options, agent: insecure ? wire.agents.unchecked : wire.agents.checked }, hear);
  req.on('error', fail);
  req.end();
  return promise;
}

/** Connects to the address that was checked, whatever the name means by now. */
function pinned({ address, family }: Place): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

async function collect(res: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of res) {
    bytes += (piece as Buffer).length;
    if (bytes > maxBytes) {
      res.destroy();
      throw new Error(`the answer has more than ${maxBytes} bytes, which is more than is taken`);
    }
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}
