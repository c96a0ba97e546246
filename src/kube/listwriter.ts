/** Sends a list: whole if it is small, in pieces with back-pressure if it is not. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { GZIP_BYTES, LIST_BUFFER_BYTES } from '../limits.ts';
import { type Exchange, headOf, send } from './exchange.ts';
import type { ListForm, ListItem } from './listform.ts';
import type { ListMetadata } from './table.ts';

/** The client has gone; nobody needs to hear of it. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/**
 * A list that is being sent. If it is given up after it has begun, `fail` breaks the connection off, so that no client
 * takes a part for the whole.
 */
export class ListWriter {
  readonly #exchange: Exchange;
  readonly #form: ListForm;
  readonly #contentType: string;
  readonly #metadata: ListMetadata;
  #waiting: Buffer[];
  #bytes = 0;
  #empty = true;
  /** Where it is written to, once it has begun: the answer, or what compresses it. */
  #out: Writable | undefined;

  constructor(exchange: Exchange, form: ListForm, contentType: string, metadata: ListMetadata) {
    this.#exchange = exchange;
    this.#form = form;
    this.#contentType = contentType;
    this.#metadata = metadata;
    this.#waiting = [];
  }

  /** Adds items; resolves when there is room for more. @throws {ClientGone} */
  async add(items: readonly ListItem[]): Promise<void> {
    for (const item of items) {
      const piece = this.#form.piece(item);
      if (!this.#empty && this.#form.separator) this.#keep(this.#form.separator);
      this.#keep(piece);
      this.#empty = false;
      if (this.#bytes >= LIST_BUFFER_BYTES) await this.#flush();
    }
    if (this.#exchange.res.destroyed) throw new ClientGone();
  }

  /** Ends the list. */
  end(): void {
    this.#keep(this.#form.closing(this.#empty, this.#metadata));
    // What is large is compressed, for which it is sent in pieces.
    if (!this.#out && this.#bytes >= GZIP_BYTES && takesGzip(this.#exchange)) this.#begin();
    if (this.#out) this.#out.end(Buffer.concat(this.#waiting));
    else send(this.#exchange, 200, this.#contentType, Buffer.concat([this.#opening(), ...this.#waiting]));
  }

  #begin(): Writable {
    const { res } = this.#exchange;
    const head = headOf(this.#exchange, this.#contentType);
    this.#waiting.unshift(this.#opening());
    if (takesGzip(this.#exchange)) {
      res.writeHead(200, [...head, 'Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding']);
      const gzip = createGzip({ level: 1 });
      res.once('close', () => gzip.destroy());
      gzip.pipe(res);
      this.#out = gzip;
    } else {
      res.writeHead(200, head);
      this.#out = res;
    }
    return this.#out;
  }

  #opening(): Buffer {
    return Buffer.from(this.#form.opening(this.#metadata));
  }

  #keep(piece: Buffer | string): void {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  async #flush(): Promise<void> {
    const out = this.#out ?? this.#begin();
    const room = out.write(Buffer.concat(this.#waiting));
    this.#waiting = [];
    this.#bytes = 0;
    if (!room) await roomIn(out);
  }
}

/** As kube-apiserver reads it: whoever names gzip, or anything, takes it. */
function takesGzip({ req }: Exchange): boolean {
  const encodings = req.headers['accept-encoding'] ?? '';
  return encodings.split(',').some((encoding) => encoding.trim() === 'gzip' || encoding.trim() === '*');
}

/** Resolves when a response takes more. @throws {ClientGone} if it never will. */
export async function roomIn(res: Writable): Promise<void> {
  if (res.destroyed) throw new ClientGone();
  const over = new AbortController();
  const closed = once(res, 'close', { signal: over.signal }).then(() => {
    throw new ClientGone();
  });
  try {
    await Promise.race([once(res, 'drain', { signal: over.signal }), closed]);
  } finally {
    over.abort();
    closed.catch(() => undefined);
  }
}
