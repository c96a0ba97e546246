/**
 * Takes in the source of an upload: gathers its chunks, without copying, into pieces of about 1 MiB and holds the
 * source back while one full piece waits. So receiving goes on while the piece before is hashed and written, and an
 * upload never holds more than two pieces.
 */
import { BLOB_PIECE_BYTES, BLOB_PIECE_CHUNKS } from '../limits.ts';
import type { BlobStream } from './blobs.ts';

/** Chunks in order, and the bytes of them all. */
export interface Piece {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
}

/** Why no more will come: the end, or what broke the source off. */
interface Over {
  readonly broke?: { readonly reason: unknown };
}

/** The source was destroyed before its end, without saying why. */
function prematureClose(): Error {
  return Object.assign(new Error('the source of the upload was closed before its end'), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new TypeError('the source of an upload must give bytes');
}

/**
 * Watches a source from the moment it is made, so that an error of the source is never unhandled, but reads nothing
 * before `next` is called. The source is never destroyed: its owner may still have to answer on the same connection.
 */
export class Intake {
  readonly #source: BlobStream;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #state: 'idle' | 'flowing' | 'held back' = 'idle';
  #over: Over | undefined;
  #wake: (() => void) | undefined;

  constructor(source: BlobStream) {
    this.#source = source;
    source.on('error', this.#onError);
    source.on('close', this.#onClose);
  }

  readonly #onData = (chunk: unknown): void => {
    if (this.#over !== undefined) return;
    try {
      const bytes = asBytes(chunk);
      if (bytes.length === 0) return;
      this.#chunks.push(bytes);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#finish({ broke: { reason: error } });
      return;
    }
    if (!this.#full()) return;
    this.#state = 'held back';
    this.#source.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => this.#finish({});
  readonly #onError = (error: unknown): void => this.#finish({ broke: { reason: error } });
  readonly #onClose = (): void => this.#closed();

  /** A stream that ended is closed too, which is no fault. */
  #closed(): void {
    const whole = this.#source.readableEnded;
    this.#finish(whole ? {} : { broke: { reason: this.#source.errored ?? prematureClose() } });
  }

  #full(): boolean {
    return this.#bytes >= BLOB_PIECE_BYTES || this.#chunks.length >= BLOB_PIECE_CHUNKS;
  }

  #finish(over: Over): void {
    this.#over ??= over;
    this.#wake?.();
  }

  /** Breaks the intake off with an error; what has come is still handed out. */
  break(error: unknown): void {
    this.#finish({ broke: { reason: error } });
    if (this.#state === 'flowing') this.#source.pause();
  }

  /** The next piece, or undefined when no more will come: `broke` then says whether that is the end of the source. */
  async next(): Promise<Piece | undefined> {
    this.#flow();
    while (!this.#full() && this.#over === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#bytes === 0) return undefined;
    const piece = { chunks: this.#chunks, bytes: this.#bytes };
    this.#chunks = [];
    this.#bytes = 0;
    this.#flow();
    return piece;
  }

  /** To be called when nobody will look at a piece any more; nobody has to. */
  handBack({ chunks }: Piece): void {
    const { handBack } = this.#source;
    if (handBack) for (const chunk of chunks) handBack(chunk);
  }

  /** What broke the source off, or undefined if it has ended or still flows. */
  get broke(): { readonly reason: unknown } | undefined {
    return this.#over?.broke;
  }

  /** Whether nothing will come after the pieces handed out. */
  get exhausted(): boolean {
    return this.#over !== undefined && this.#bytes === 0;
  }

  #flow(): void {
    if (this.#over !== undefined || this.#full() || this.#state === 'flowing') return;
    if (this.#state === 'idle') {
      if (this.#source.readableEnded || this.#source.destroyed) {
        this.#closed();
        return;
      }
      this.#source.on('data', this.#onData);
      this.#source.on('end', this.#onEnd);
    }
    this.#state = 'flowing';
    this.#source.resume();
  }

  /** Lets go of the source. One that has not ended is left paused. */
  release(): void {
    if (this.#state === 'flowing' && !this.#source.readableEnded) this.#source.pause();
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('error', this.#onError);
    this.#source.off('close', this.#onClose);
    // Its error may still be on the way to its listeners, though it has been seen, and thrown, already.
    if (this.#source.destroyed) this.#source.on('error', () => undefined);
  }
}
