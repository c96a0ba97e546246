/** Blobs: sent whole or in ranges, and let go of. */

import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream';
import type { BlobBody, BlobStream, ByteRange } from '../blobs/blobs.ts';
import { isVerified, rememberVerified } from '../blobs/verified.ts';
import { isLeased, leaseContent } from '../collecting/leases.ts';
import type { HttpResponse } from '../http/message.ts';
import { type Digest, digestAlgorithm, digestHex, digestOf, parseDigest } from '../image/digest.ts';
import { BLOB_RANGES, DOWNLOAD_IDLE_SECONDS } from '../limits.ts';
import { endWith } from '../observe/answer.ts';
import { readableBlob, unlinkBlob } from '../streams/repository.ts';
import { ContentDamaged } from './damage.ts';
import { blobUnknown, digestInvalid, RegistryError } from './errors.ts';
import { API_VERSION, answerEmpty, contextOf, type Exchange, entityTag, type Target, unchanged } from './exchange.ts';
import { mayPush, permitDelete } from './permission.ts';
import { contentRange, selectRanges } from './ranges.ts';

const OCTETS = 'application/octet-stream';
/** Content by digest never changes. */
const FOREVER = 'max-age=31536000, immutable';

/** GET and HEAD of a blob. */
export async function getBlob(exchange: Exchange, target: Target): Promise<void> {
  const digest = requireDigest(target.last);
  const { services, req, res } = exchange;
  const linked = readableBlob(services, target.repo, digest);
  const size = linked instanceof Promise ? await linked : linked;
  if (size === undefined) throw blobUnknown(digest, target.name);
  if (req.method === 'HEAD') {
    // The link says what may be read; only the bytes say that they are there. A client that is told so uploads nothing,
    // so they must stay until it has pushed what refers to them.
    if (!isLeased(services, digest) && (await mayPush(exchange, target.repo))) await leaseContent(services, digest);
    if ((await services.blobs.stat(digest)) === undefined) throw blobUnknown(digest, target.name);
    res.writeHead(200, [...blobHeaders(digest, size), 'Content-Type', OCTETS]);
    res.end();
  } else if (unchanged(req, digest)) {
    answerEmpty(exchange, 304, {
      'Docker-Content-Digest': digest,
      ETag: entityTag(digest),
      'Cache-Control': FOREVER,
    });
  } else {
    const elsewhere = await services.blobs.redirect?.(digest);
    if (elsewhere === undefined) await sendBlob(exchange, target, digest, size);
    else
      answerEmpty(exchange, 307, { Location: elsewhere, 'Docker-Content-Digest': digest, 'Cache-Control': 'no-store' });
  }
}

/** DELETE of a blob: the repository lets go of it; the bytes stay for whoever else has them. */
export async function deleteBlob(exchange: Exchange, target: Target): Promise<void> {
  const digest = requireDigest(target.last);
  await permitDelete(exchange, target);
  if (!(await unlinkBlob(contextOf(exchange), target.repo, digest))) throw blobUnknown(digest, target.name);
  answerEmpty(exchange, 202);
}

/** The digest that a client wrote. @throws {RegistryError} DIGEST_INVALID. */
export function requireDigest(text: string): Digest {
  const digest = parseDigest(text);
  if (digest === undefined) throw digestInvalid(text);
  return digest;
}

/** Flat, name after name and value: Node takes that as it is, where an object is walked and copied. */
function blobHeaders(digest: Digest, length: number): string[] {
  return [
    'Docker-Distribution-Api-Version',
    API_VERSION,
    'Content-Length',
    String(length),
    'Docker-Content-Digest',
    digest,
    'ETag',
    entityTag(digest),
    'Accept-Ranges',
    'bytes',
    'Cache-Control',
    FOREVER,
  ];
}

async function sendBlob(exchange: Exchange, target: Target, digest: Digest, size: number): Promise<void> {
  const { req } = exchange;
  // Part of another version is worth nothing to the client: If-Range then asks for the whole.
  const condition = req.headers['if-range'];
  const range = condition === undefined || condition === entityTag(digest) ? req.headers.range : undefined;
  const selection = selectRanges(range, size);
  switch (selection.kind) {
    case 'whole': {
      const body = await openBlob(exchange, target, digest);
      return sendVerified(exchange, [...blobHeaders(digest, size), 'Content-Type', OCTETS], body, digest);
    }
    case 'one': {
      const { start, end } = selection.range;
      const body = await openBlob(exchange, target, digest, selection.range);
      const part = ['Content-Type', OCTETS, 'Content-Range', contentRange(selection.range, size)];
      return send(exchange, 206, [...blobHeaders(digest, end - start + 1), ...part], body);
    }
    case 'several':
      return sendParts(exchange, target, { digest, size, ranges: selection.ranges });
    case 'unsatisfiable':
      throw new RegistryError('RANGE_INVALID', `the blob has ${size} bytes; none of the range asked for is there`, {
        headers: { 'Content-Range': `bytes */${size}` },
      });
    case 'too many':
      throw new RegistryError('UNSUPPORTED', `at most ${BLOB_RANGES} ranges can be asked for at once`, { status: 400 });
  }
}

async function openBlob(exchange: Exchange, target: Target, digest: Digest, range?: ByteRange): Promise<BlobBody> {
  const body = await exchange.services.blobs.read(digest, range);
  if (!body) throw blobUnknown(digest, target.name);
  return body;
}

/**
 * Answers 200 with the whole of a blob, and holds it against its digest the first time. A client has been told the length
 * by then, so content that does not fit breaks off before its last bytes and cannot be taken for whole.
 * @throws {RegistryError} UNKNOWN for damaged content, where nothing has been sent yet; for more, after what was sent.
 */
export async function sendVerified(
  exchange: Exchange,
  headers: string[],
  body: BlobBody,
  digest: Digest,
): Promise<void> {
  const { blobs } = exchange.services;
  const { version } = body;
  if (body.checked || isVerified(blobs, digest, version)) return send(exchange, 200, headers, body);
  if (body.bytes) {
    if (digestOf(body.bytes, digestAlgorithm(digest)) !== digest) throw new ContentDamaged(digest);
    return send(exchange, 200, headers, body);
  }
  const hash = createHash(digestAlgorithm(digest));
  let left = body.size;
  await send(exchange, 200, headers, body, (piece) => {
    hash.update(piece);
    left -= piece.length;
    if (left > 0) return;
    if (left < 0 || hash.digest('hex') !== digestHex(digest)) throw new ContentDamaged(digest);
    rememberVerified(blobs, digest, version);
  });
}

/** Answers with content that was opened. `look` is shown each piece before it is sent, and throws to break off. */
export function send(
  exchange: Exchange,
  status: number,
  headers: string[],
  body: BlobBody,
  look?: (piece: Buffer) => void,
): Promise<void> {
  const { res } = exchange;
  if (res.destroyed) {
    body.stream?.destroy();
    return Promise.resolve();
  }
  res.writeHead(status, headers);
  if (body.stream) return pour(exchange, body.stream, look);
  if (body.bytes) endWith(res, body.bytes);
  else res.end();
  return Promise.resolve();
}

/**
 * Sends a stream to its end. A client that has had enough and closes is no error. If the source breaks off the
 * connection is closed, for the status has gone out already and only that tells the client.
 */
function pour(
  exchange: Exchange,
  source: BlobStream | (() => AsyncGenerator<Buffer>),
  look?: (piece: Buffer) => void,
): Promise<void> {
  const { res } = exchange;
  res.setTimeout(DOWNLOAD_IDLE_SECONDS * 1000);
  return new Promise((resolve, reject) => {
    const settled = (error?: NodeJS.ErrnoException | null): void => {
      res.setTimeout(0);
      if (error && !clientClosed(error)) reject(error);
      else resolve();
    };
    if (typeof source === 'function') pipeline(source, res, settled);
    else pump(source, res, settled, look);
  });
}

/** As `pipeline`, but hands each piece back once the system has taken all of it. */
function pump(
  source: BlobStream,
  res: HttpResponse,
  settled: (error?: Error) => void,
  look?: (piece: Buffer) => void,
): void {
  let failed: Error | undefined;
  source.on('data', (piece: Buffer) => {
    try {
      look?.(piece);
    } catch (error) {
      source.destroy(error instanceof Error ? error : undefined);
      return;
    }
    const more = res.write(piece, (error) => {
      if (!error) source.handBack?.(piece);
    });
    if (!more) source.pause();
  });
  res.on('drain', () => source.resume());
  source.on('end', () => res.end());
  source.on('error', (error) => {
    failed = error;
    res.destroy();
  });
  res.on('error', () => undefined);
  // Comes after the last byte has been taken, and also when the connection or the source breaks off.
  res.on('close', () => {
    source.destroy();
    settled(failed);
  });
}

const CLOSED = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_DESTROYED']);

function clientClosed(error: NodeJS.ErrnoException): boolean {
  return error.code !== undefined && CLOSED.has(error.code);
}

interface Parts {
  readonly digest: Digest;
  readonly size: number;
  readonly ranges: readonly ByteRange[];
}

/** 206 multipart/byteranges: exactly one part for each range, in the order in which they were asked for. */
async function sendParts(exchange: Exchange, target: Target, parts: Parts): Promise<void> {
  const { digest, size, ranges } = parts;
  const boundary = `headgate-${digestHex(digest).slice(0, 32)}`;
  const heads = ranges.map((range, index) =>
    Buffer.from(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${OCTETS}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`,
    ),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length = ranges.reduce((sum, { start, end }, index) => {
    return sum + (heads[index]?.length ?? 0) + end - start + 1;
  }, tail.length);
  async function* content(): AsyncGenerator<Buffer> {
    for (const [index, range] of ranges.entries()) {
      const body = await openBlob(exchange, target, digest, range);
      yield heads[index] ?? tail;
      if (body.stream) yield* body.stream;
      else if (body.bytes) yield body.bytes;
    }
    yield tail;
  }
  // What cannot be opened at all shall be said with a status, so the first part is opened before anything is sent.
  const probe = await openBlob(exchange, target, digest, { start: 0, end: 0 });
  probe.stream?.destroy();
  exchange.res.writeHead(206, [
    ...blobHeaders(digest, length),
    'Content-Type',
    `multipart/byteranges; boundary=${boundary}`,
  ]);
  await pour(exchange, content);
}
