/**
 * Large bodies over connections of our own: the system writes what comes into one piece of memory a connection, from
 * where it is copied to where it is needed. Node's HTTP client makes an object and new memory of each 64 KiB, which costs
 * ten times the CPU (docs/performance.md). It is for the plain case only: an answer 200 or 206 whose length is told.
 * Anything else (an error, a redirect, chunks) is left to the SDK, which then asks again.
 */
import net from 'node:net';
import tls from 'node:tls';
import { S3_CONNECT_MS, S3_DOWNLOAD_BUFFER_BYTES, S3_IDLE_CONNECTIONS, S3_IDLE_MS } from '../../limits.ts';
import { BlobsUnavailable, type ByteRange } from '../blobs.ts';
import type { Body } from './bodyreader.ts';
import { CutShort } from './failure.ts';

/** Bytes that the head of an answer may have. */
const HEAD_BYTES = 64 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** An answer whose body may be read. */
export interface Download {
  /** Bytes of the body. */
  readonly length: number;
  /** Bytes of the whole object. */
  readonly size: number;
  readonly body: Body;
}

/** The head of an answer. */
interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** One connection, with one answer at a time. */
class Connection {
  readonly #socket: net.Socket;
  readonly #memory = Buffer.allocUnsafeSlow(S3_DOWNLOAD_BUFFER_BYTES);
  /** What came and was not taken; it stands in the memory, and nothing more comes before it is taken. */
  #left: Buffer = Buffer.alloc(0);
  #take: ((bytes: Buffer) => boolean) | undefined;
  #failed: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(url: URL, ca: Buffer | undefined) {
    const onread = { buffer: this.#memory, callback: (count: number) => this.#came(count) };
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const options = { host, port: Number(url.port || (secure ? 443 : 80)), onread };
    // Node's types know `onread` for plain sockets only; it documents it for both.
    const secured = { ...options, ...(net.isIP(host) === 0 && { servername: host }), ...(ca && { ca }) };
    this.#socket = secure ? tls.connect(secured) : net.connect(options);
    this.#socket.setTimeout(S3_CONNECT_MS);
    this.#socket.once(secure ? 'secureConnect' : 'connect', () => this.#socket.setTimeout(0));
    this.#socket.on('timeout', () => this.fail(Object.assign(new Error('no connection'), { name: 'TimeoutError' })));
    this.#socket.on('error', (error) => this.fail(error));
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => this.fail(new CutShort('the connection was closed')));
    }
  }

  get usable(): boolean {
    return this.#failed === undefined && !this.#socket.destroyed;
  }

  /** Breaks off what is under way, and lets go of the connection. */
  fail(error: Error): void {
    this.#failed ??= error;
    this.#socket.destroy();
    this.#wake?.();
  }

  /** Whether the socket may go on. */
  #came(count: number): boolean {
    this.#left = this.#memory.subarray(0, count);
    const more = this.#take?.(this.#left) ?? false;
    if (!more) this.#wake?.();
    return more;
  }

  /** Gives what comes to a taker, until it says that it has enough; it cuts `#left` to what it leaves. */
  async #until(take: (bytes: Buffer) => boolean): Promise<void> {
    if (this.#left.length > 0 && !take(this.#left)) return;
    if (this.#failed !== undefined) throw this.#failed;
    this.#take = take;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#socket.resume();
    });
    this.#take = undefined;
    this.#wake = undefined;
  }

  /** Asks for an object and reads the head of the answer. */
  async ask(url: URL, range: ByteRange): Promise<Head> {
    this.#socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nRange: bytes=${range.start}-${range.end}\r\n\r\n`,
    );
    let head: Buffer = Buffer.alloc(0);
    let end = -1;
    await this.#until((bytes) => {
      const before = head.length;
      head = Buffer.concat([head, bytes]);
      end = head.indexOf(END_OF_HEAD);
      if (end < 0) return head.length <= HEAD_BYTES;
      this.#left = bytes.subarray(end + END_OF_HEAD.length - before);
      return false;
    });
    if (end < 0) throw this.#failed ?? new CutShort('the answer has no end of its head');
    return headOf(head.toString('latin1', 0, end));
  }

  /**
   * Fills the target with what comes next. Bytes that came; fewer only if the connection broke.
   */
  async fill(target: Buffer): Promise<number> {
    let filled = 0;
    const take = (bytes: Buffer): boolean => {
      const count = bytes.copy(target, filled);
      filled += count;
      this.#left = bytes.subarray(count);
      return filled < target.length;
    };
    await this.#until(take).catch(() => undefined);
    return filled;
  }

  /** Why it is of no more use. */
  get failed(): Error | undefined {
    return this.#failed;
  }

  /** Whether another answer may come by it. */
  get clean(): boolean {
    return this.usable && this.#left.length === 0;
  }

  /** Waits for the next answer: it must not keep the process alive, nor outlast the server's patience. */
  rest(): void {
    this.#socket.setTimeout(S3_IDLE_MS);
    this.#socket.unref();
  }

  wake(): void {
    this.#socket.setTimeout(0);
    this.#socket.ref();
  }
}

/** The body of one answer; the connection is another's once it has ended. */
class AnswerBody implements Body {
  readonly #connection: Connection;
  readonly #ended: (connection: Connection) => void;
  #missing: number;

  constructor(connection: Connection, length: number, ended: (connection: Connection) => void) {
    this.#connection = connection;
    this.#missing = length;
    this.#ended = ended;
  }

  async fill(target: Buffer, ms: number, came: (bytes: number) => void): Promise<void> {
    const connection = this.#connection;
    const timer = setTimeout(() => connection.fail(new CutShort(`a piece did not come in ${ms} ms`)), ms);
    const filled = await connection.fill(target.subarray(0, this.#missing));
    clearTimeout(timer);
    this.#missing -= filled;
    came(filled);
    if (this.#missing === 0) this.#ended(connection);
    if (filled < target.length) throw connection.failed ?? new CutShort('the answer ended early');
  }

  close(): void {
    if (this.#missing > 0) this.#connection.fail(new CutShort('nobody reads on'));
  }
}

/** The connections of one bucket. */
export class Downloads {
  readonly #ca: Buffer | undefined;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];

  constructor(ca: Buffer | undefined) {
    this.#ca = ca;
  }

  /**
   * Asks for a part of an object by a signed address. Undefined if the answer is not the plain one; then it is dropped.
   * @throws the error of the connection; {CutShort}.
   */
  async open(url: URL, range: ByteRange, signal: AbortSignal): Promise<Download | undefined> {
    // A connection that has waited may have been closed at the other end: that says nothing of S3.
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.usable) continue;
      idle.wake();
      try {
        return await this.#ask(idle, url, range, signal);
      } catch {
        signal.throwIfAborted();
      }
    }
    for (const known of this.#all) if (!known.usable) this.#all.delete(known);
    const connection = new Connection(url, this.#ca);
    this.#all.add(connection);
    return await this.#ask(connection, url, range, signal);
  }

  async #ask(connection: Connection, url: URL, range: ByteRange, signal: AbortSignal): Promise<Download | undefined> {
    const abort = (): void => connection.fail(Object.assign(new Error('no answer'), { name: 'TimeoutError' }));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const { status, headers } = await connection.ask(url, range);
      const length = Number(headers.get('content-length') ?? Number.NaN);
      const size = Number(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
      const plain = status === 206 && length === range.end - range.start + 1 && size > range.end;
      if (!plain || headers.has('transfer-encoding')) {
        connection.fail(new CutShort('another answer was expected'));
        return undefined;
      }
      const reusable = headers.get('connection')?.toLowerCase() !== 'close';
      return { length, size, body: new AnswerBody(connection, length, (done) => this.#rest(done, reusable)) };
    } catch (error) {
      connection.fail(new CutShort('the answer was not read'));
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #rest(connection: Connection, reusable: boolean): void {
    if (!reusable || !connection.clean || this.#idle.length >= S3_IDLE_CONNECTIONS) {
      connection.fail(new CutShort('its answer has ended'));
      return;
    }
    connection.rest();
    this.#idle.push(connection);
  }

  close(): void {
    for (const connection of this.#all) connection.fail(new BlobsUnavailable('the blob store is closed'));
    this.#all.clear();
  }
}

function headOf(text: string): Head {
  const [line = '', ...fields] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? 0);
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(':');
    if (colon > 0) headers.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  return { status, headers };
}
