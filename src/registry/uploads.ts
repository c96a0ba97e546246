/**
 * Uploads: a session is begun (POST), given bytes (PATCH), and made a blob (PUT). What a session holds is asked of the
 * blob store every time, so that whatever happened to a request, the next one is told the truth.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { type UploadId, UploadOffset } from '../blobs/blobs.ts';
import type { Digest } from '../image/digest.ts';
import { keepUpload } from '../streams/arrival.ts';
import { admit } from './admission.ts';
import { requireDigest } from './blobs.ts';
import { ClientGone, declaredLength, hasBody, invite } from './body.ts';
import { RegistryError } from './errors.ts';
import { answerEmpty, blobLocation, contextOf, type Exchange, type Target } from './exchange.ts';
import { mountBlob } from './mount.ts';
import { type ChunkRange, parseChunkRange } from './ranges.ts';
import { closeSession, findSession, openSession, type Session, sessionEnd } from './sessions.ts';

/** POST: mounts a blob, takes a whole one in one go (`?digest=`), or begins a session. */
export async function startUpload(exchange: Exchange, target: Target): Promise<void> {
  const query = new URLSearchParams(exchange.query);
  const algorithm = query.get('digest-algorithm');
  if (algorithm !== null && algorithm !== 'sha256' && algorithm !== 'sha512') {
    const message = `the digest algorithm ${JSON.stringify(algorithm)} is not supported; use sha256 or sha512`;
    throw new RegistryError('DIGEST_INVALID', message);
  }
  await admit(exchange, target);
  const mount = query.get('mount');
  if (mount !== null) {
    const digest = await mountBlob(exchange, target, mount, query.get('from') ?? undefined);
    if (digest !== undefined) return answerCreated(exchange, target, digest);
  }
  const digest = query.get('digest');
  if (digest !== null) return takeWhole(exchange, target, requireDigest(digest));
  const { services, user } = exchange;
  const session = await openSession(services, target.repo, user);
  answerEmpty(exchange, 202, sessionHeaders(target, session.id, 0));
}

/** PATCH: adds a chunk (with Content-Range) or whatever comes (without). */
export async function appendUpload(exchange: Exchange, target: Target): Promise<void> {
  const session = await requireSession(exchange, target);
  const held = await receive(exchange, target, session);
  answerEmpty(exchange, 202, sessionHeaders(target, session.id, held));
}

/** PUT: adds the last chunk, or all, or nothing more, and makes it the blob with `?digest=`. */
export async function finishUpload(exchange: Exchange, target: Target): Promise<void> {
  const text = new URLSearchParams(exchange.query).get('digest');
  if (text === null) {
    throw new RegistryError('DIGEST_INVALID', 'the digest is missing; add ?digest= to the URL of the upload');
  }
  const digest = requireDigest(text);
  const session = await requireSession(exchange, target);
  if (hasBody(exchange.req) || exchange.req.headers['content-range'] !== undefined) {
    await receive(exchange, target, session);
  }
  const ctx = contextOf(exchange);
  try {
    await keepUpload(ctx, target.repo, { id: session.id, digest, ending: [sessionEnd(session.id)] });
  } catch (error) {
    // Whatever made the upload vanish, its session is of no more use.
    if ((await exchange.services.blobs.uploaded(session.id)) === undefined) {
      await closeSession(exchange.services, session.id);
    }
    throw error;
  }
  answerCreated(exchange, target, digest);
}

/** GET: how much a session holds. */
export async function uploadStatus(exchange: Exchange, target: Target): Promise<void> {
  const session = await requireSession(exchange, target);
  const held = await exchange.services.blobs.uploaded(session.id);
  if (held === undefined) throw uploadUnknown(target);
  answerEmpty(exchange, 204, sessionHeaders(target, session.id, held));
}

/** DELETE: cancels an upload. */
export async function cancelUpload(exchange: Exchange, target: Target): Promise<void> {
  const session = await requireSession(exchange, target);
  const dropped = await exchange.services.blobs.abort(session.id);
  await closeSession(exchange.services, session.id);
  if (!dropped) throw uploadUnknown(target);
  answerEmpty(exchange, 204);
}

function answerCreated(exchange: Exchange, target: Target, digest: Digest): void {
  answerEmpty(exchange, 201, { Location: blobLocation(target, digest), 'Docker-Content-Digest': digest });
}

/**
 * Where a session is and what it holds. The URL is relative (clients refuse to follow one to another address), always the
 * same session, and has a query, since some clients append `&digest=…`. An empty session is `0-0`, as ever.
 */
function sessionHeaders(target: Target, id: UploadId, held: number): OutgoingHttpHeaders {
  return {
    Location: `/v2/${target.name}/blobs/uploads/${id}?offset=${held}`,
    Range: `0-${Math.max(held - 1, 0)}`,
    'Docker-Upload-UUID': id,
  };
}

async function requireSession(exchange: Exchange, target: Target): Promise<Session> {
  const session = await findSession(exchange.services, target.repo, target.last);
  if (!session) throw uploadUnknown(target);
  return session;
}

function uploadUnknown(target: Target): RegistryError {
  const message = `there is no such upload in ${target.name}: it was finished, cancelled, has expired or was never begun`;
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', message, { detail: { upload: target.last } });
}

/** POST with `?digest=`: the whole blob in one request; no session is left of it, whatever happens. */
async function takeWhole(exchange: Exchange, target: Target, digest: Digest): Promise<void> {
  const { blobs } = exchange.services;
  const id = await blobs.begin();
  try {
    if (hasBody(exchange.req)) await append(exchange, id, 0);
    await keepUpload(contextOf(exchange), target.repo, { id, digest, ending: [] });
  } catch (error) {
    await blobs.abort(id);
    throw error;
  }
  answerCreated(exchange, target, digest);
}

/** Adds the body to a session, after checking that it belongs where the session ends. Returns what it then holds. */
async function receive(exchange: Exchange, target: Target, session: Session): Promise<number> {
  const { req, services } = exchange;
  const header = req.headers['content-range'];
  const held = await services.blobs.uploaded(session.id);
  if (held === undefined) throw uploadUnknown(target);
  if (header === undefined) return hasBody(req) ? append(exchange, session.id, held) : held;
  const range = parseChunkRange(header);
  if (!range) {
    const message = `the Content-Range ${JSON.stringify(header)} is malformed; write <first byte>-<last byte>`;
    throw outOfRange(target, session, held, message);
  }
  if (range.start !== held) throw outOfRange(target, session, held, wrongStart(range, held));
  const length = range.end - range.start + 1;
  checkLength(declaredLength(req) ?? length, length);
  try {
    const now = await append(exchange, session.id, held);
    checkLength(now - held, length);
    return now;
  } catch (error) {
    if (error instanceof UploadOffset) throw outOfRange(target, session, error.actual, wrongStart(range, error.actual));
    throw error;
  }
}

function wrongStart(range: ChunkRange, held: number): string {
  return `the chunk begins at byte ${range.start}, but the upload goes on at byte ${held}`;
}

/** 416 with where the session stands; it lives. */
function outOfRange(target: Target, session: Session, held: number, message: string): RegistryError {
  const headers = sessionHeaders(target, session.id, held) as Record<string, string>;
  return new RegistryError('RANGE_INVALID', message, { headers, detail: { offset: held } });
}

function checkLength(actual: number, expected: number): void {
  if (actual === expected) return;
  const message = `the Content-Range says ${expected} bytes, but the body has ${actual}`;
  throw new RegistryError('SIZE_INVALID', message, { detail: { expected, actual } });
}

/**
 * Streams the body into an upload. If the client breaks off, what has come is kept.
 * @throws {ClientGone}; all that `Blobs.append` throws.
 */
async function append(exchange: Exchange, id: UploadId, offset: number): Promise<number> {
  const { req, res, services, pace } = exchange;
  invite(req, res);
  req.setTimeout(pace.idleSeconds * 1000);
  try {
    return await services.blobs.append(id, offset, Object.assign(req, { handBack: freeChunk }));
  } catch (error) {
    if (req.destroyed && !req.complete) throw new ClientGone('the upload broke off', { cause: error });
    throw error;
  } finally {
    req.setTimeout(0);
  }
}

/**
 * Frees a chunk of a body. Node copies each into memory of its own, of which the collector learns late, and then looks
 * through everything to find it: with 16 chunks in a MiB that takes a fifth of the CPU of an upload.
 */
function freeChunk({ buffer, byteLength }: Uint8Array): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
