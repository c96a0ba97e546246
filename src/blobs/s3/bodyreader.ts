/** Reads the body of an answer into memory that the caller gives, and holds it back meanwhile. */
import type { Readable } from 'node:stream';
import { CutShort } from './failure.ts';

/** The body of an answer. Whoever has it must read it to its end or close it. */
export interface Body {
  /**
   * Fills the target. `came` is told how many bytes came, also before an error is thrown.
   * @throws what broke the body off; {CutShort} if it ends before, or takes longer than `ms`.
   */
  fill(target: Buffer, ms: number, came: (bytes: number) => void): Promise<void>;
  close(): void;
}

/** A body that comes as a stream. Whoever makes it must read it to its end or close it. */
export class BodyReader implements Body {
  readonly #body: Readable;
  /** What came and had no place. */
  #left: Buffer | undefined;
  #target: Buffer | undefined;
  #filled = 0;
  #over: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  constructor(body: Readable) {
    this.#body = body;
    body.on('data', (chunk: Buffer) => this.#take(chunk));
    body.on('end', () => this.#end({}));
    body.on('error', (error) => this.#end({ error }));
    body.on('close', () => this.#end({ error: new CutShort('the connection was closed') }));
    body.pause();
  }

  #take(chunk: Buffer): void {
    const target = this.#target;
    const count = target === undefined ? 0 : chunk.copy(target, this.#filled);
    this.#filled += count;
    if (count < chunk.length) this.#left = chunk.subarray(count);
    if (target !== undefined && this.#filled < target.length) return;
    this.#body.pause();
    this.#wake?.();
  }

  #end(over: { readonly error?: Error }): void {
    this.#over ??= over;
    this.#wake?.();
  }

  async fill(target: Buffer, ms: number, came: (bytes: number) => void): Promise<void> {
    this.#target = target;
    this.#filled = 0;
    const left = this.#left;
    this.#left = undefined;
    if (left) this.#take(left);
    if (this.#filled < target.length && this.#over === undefined) await this.#wait(ms);
    this.#target = undefined;
    came(this.#filled);
    if (this.#filled < target.length) throw this.#over?.error ?? new CutShort('the answer ended early');
  }

  async #wait(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#body.destroy(new CutShort(`nothing came for ${ms} ms`)), ms);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#body.resume();
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }

  close(): void {
    this.#body.destroy();
  }
}
