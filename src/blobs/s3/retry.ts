/**
 * Trying again: with a random wait that grows, only while the caller's patience lasts, and out of one budget for all
 * requests, so that an S3 that fails everything is not asked four times as much.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { S3_PATIENCE_MS, S3_RETRY_BUDGET, S3_RETRY_MS, S3_TRIES, S3_TRY_MS } from '../../limits.ts';
import { BlobsUnavailable } from '../blobs.ts';
import { failureOf, isPassing } from './failure.ts';

export interface RetryOptions {
  /** Between 0 and 1, as Math.random gives it. */
  readonly random?: () => number;
  /** Milliseconds since any point in time. */
  readonly clock?: () => number;
}

export interface TryOptions {
  /** Milliseconds that one try may take, if it is not S3_TRY_MS. */
  readonly tryMs?: number;
}

/** The tries of all requests of one driver. */
export class Retry {
  readonly #random: () => number;
  readonly #clock: () => number;
  readonly #closing = new AbortController();
  #budget = S3_RETRY_BUDGET;

  constructor({ random = Math.random, clock = () => performance.now() }: RetryOptions = {}) {
    this.#random = random;
    this.#clock = clock;
  }

  /** Further tries that may be made now. */
  get budget(): number {
    return Math.floor(this.#budget);
  }

  /**
   * Runs a request until it succeeds, fails for good, or patience or budget end.
   * @throws what the last try threw; {BlobsUnavailable} when the driver closes.
   */
  async run<T>(request: (signal: AbortSignal) => Promise<T>, { tryMs = S3_TRY_MS }: TryOptions = {}): Promise<T> {
    const start = this.#clock();
    for (let tries = 1; ; tries += 1) {
      try {
        const result = await this.#once(request, tryMs);
        this.#budget = Math.min(S3_RETRY_BUDGET, this.#budget + 0.1);
        return result;
      } catch (error) {
        this.#closing.signal.throwIfAborted();
        const failure = failureOf(error);
        const wait = Math.max(this.#random() * S3_RETRY_MS * 2 ** (tries - 1), failure.retryAfterMs ?? 0);
        const late = this.#clock() - start + wait > S3_PATIENCE_MS;
        if (!isPassing(failure) || tries >= S3_TRIES || late || this.#budget < 1) throw error;
        this.#budget -= 1;
        await this.#wait(wait);
      }
    }
  }

  /** One try. Its signal is never aborted after it: what the request has opened may still be in use. */
  async #once<T>(request: (signal: AbortSignal) => Promise<T>, ms: number): Promise<T> {
    this.#closing.signal.throwIfAborted();
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const timer = setTimeout(abort, ms);
    this.#closing.signal.addEventListener('abort', abort, { once: true });
    try {
      return await request(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener('abort', abort);
    }
  }

  async #wait(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#closing.signal });
    } catch {
      this.#closing.signal.throwIfAborted();
    }
  }

  /** Breaks off all requests and waits. */
  close(): void {
    this.#closing.abort(new BlobsUnavailable('the blob store is closed'));
  }
}
