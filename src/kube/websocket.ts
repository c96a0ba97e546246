/**
 * Watches over WebSockets (RFC 6455), as browsers ask for them: a text frame for each event. What a client sends is not
 * read, but for its pings and its goodbye.
 */
import { createHash } from 'node:crypto';
import { type Duplex, Writable } from 'node:stream';
import type { HttpRequest } from '../http/message.ts';
import { WEBSOCKET_CLOSE_SECONDS, WEBSOCKET_FRAME_BYTES } from '../limits.ts';
import { badRequest } from '../objects/errors.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BEARER = 'base64url.bearer.authorization.k8s.io.';

const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FINAL = 0x80;
const MASKED = 0x80;
/** Bytes of what a control frame may carry. */
const CONTROL_BYTES = 125;

/** Reasons for a goodbye. */
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;
const TOO_BIG = 1009;

/**
 * Takes the token out of the subprotocols, in which browsers send it since they cannot set `Authorization`. A header that
 * is there counts more.
 */
export function takeBearer(req: HttpRequest): void {
  const offered = protocolsOf(req);
  const bearer = offered.find((protocol) => protocol.startsWith(BEARER));
  if (bearer === undefined) return;
  const others = offered.filter((protocol) => protocol !== bearer);
  req.headers['sec-websocket-protocol'] = others.join(', ');
  const token = Buffer.from(bearer.slice(BEARER.length), 'base64url').toString();
  // A token that is no text of a header is none.
  if (others.length > 0 && /^[\x21-\x7e]+$/.test(token)) req.headers.authorization ??= `Bearer ${token}`;
}

function protocolsOf({ headers }: HttpRequest): string[] {
  const protocols = headers['sec-websocket-protocol'] ?? '';
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}

/**
 * The headers with which a WebSocket is accepted (101), in the flat form.
 * @throws {DomainError} BadRequest if the request is no proper handshake.
 */
export function handshake(req: HttpRequest): string[] {
  const { 'sec-websocket-key': key, 'sec-websocket-version': version } = req.headers;
  if (version !== '13') throw badRequest('a WebSocket must be asked for with Sec-WebSocket-Version: 13');
  if (!key || Buffer.from(key, 'base64').length !== 16) {
    throw badRequest('a WebSocket must be asked for with a Sec-WebSocket-Key of 16 bytes in base64');
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const [protocol] = protocolsOf(req);
  return [
    ...['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', accept],
    // Browsers give up if none of those that they offer is taken.
    ...(protocol === undefined ? [] : ['Sec-WebSocket-Protocol', protocol]),
  ];
}

/** Takes lines, and sends each as a text frame over a connection that has been upgraded. */
export class EventFrames extends Writable {
  readonly #socket: Duplex;
  #received: Buffer;
  #goodbye = false;

  /** @param head What came after the handshake already. */
  constructor(socket: Duplex, head: Buffer) {
    super();
    this.#socket = socket;
    this.#received = head;
    this.on('error', () => undefined);
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.on('end', () => this.end());
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    if (head.length > 0) this.#receive(Buffer.alloc(0));
  }

  override _write(lines: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const frames: Buffer[] = [];
    for (let start = 0; start < lines.length; ) {
      const newline = lines.indexOf('\n', start);
      const end = newline < 0 ? lines.length : newline;
      frames.push(frameHead(TEXT, end - start), lines.subarray(start, end));
      start = end + 1;
    }
    this.#send(Buffer.concat(frames), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#close(NORMAL);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void = () => undefined): void {
    if (this.#goodbye || this.#socket.destroyed) done();
    else this.#socket.write(bytes, done);
  }

  /** Says goodbye, and waits a little for the client to do so too. */
  #close(code: number): void {
    if (this.#goodbye) return;
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    this.#send(Buffer.concat([frameHead(CLOSE, reason.length), reason]));
    this.#goodbye = true;
    this.#socket.end();
    const timer = setTimeout(() => this.destroy(), WEBSOCKET_CLOSE_SECONDS * 1000).unref();
    this.once('close', () => clearTimeout(timer));
  }

  #receive(bytes: Buffer): void {
    if (this.#goodbye) return;
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    for (let frame = frameOf(this.#received); frame !== undefined; frame = frameOf(this.#received)) {
      if (typeof frame === 'number' || frame.opcode === CLOSE) {
        this.#close(typeof frame === 'number' ? frame : NORMAL);
        this.end();
        return;
      }
      this.#received = this.#received.subarray(frame.bytes);
      if (frame.opcode !== PING) continue;
      this.#send(Buffer.concat([frameHead(PONG, frame.content.length), frame.content]));
    }
  }
}

function frameHead(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.of(FINAL | opcode, length);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = FINAL | opcode;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

interface Frame {
  readonly opcode: number;
  readonly content: Buffer;
  /** Of the whole frame. */
  readonly bytes: number;
}

/** The first frame of what a client sent; undefined if it is not all there, the reason for a goodbye if it may not be. */
function frameOf(received: Buffer): Frame | number | undefined {
  const [first, second] = received;
  if (first === undefined || second === undefined) return undefined;
  // Extensions are not offered, and clients must mask.
  if ((first & 0x70) !== 0 || (second & MASKED) === 0) return PROTOCOL_ERROR;
  const opcode = first & 0x0f;
  const short = second & 0x7f;
  const control = opcode >= CLOSE;
  if (control && ((first & FINAL) === 0 || short > CONTROL_BYTES)) return PROTOCOL_ERROR;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (received.length < start) return undefined;
  const length = start === 10 ? Number(received.readBigUInt64BE(2)) : start === 4 ? received.readUInt16BE(2) : short;
  if (length > WEBSOCKET_FRAME_BYTES) return TOO_BIG;
  const end = start + 4 + length;
  if (received.length < end) return undefined;
  const mask = received.subarray(start, start + 4);
  const content = Buffer.from(received.subarray(start + 4, end));
  for (let at = 0; at < content.length; at++) content[at] = (content[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return { opcode, content, bytes: end };
}
