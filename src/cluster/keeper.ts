/** Work that what is stored calls for: done at first for all there is, then for each thing that changes. */
import { PURGE_RETRY_SECONDS } from '../limits.ts';
import { type Revision, type Store, StoreError, type StoreEvent, type Watch } from '../store/store.ts';

type Work = () => Promise<void>;

export interface KeeperOptions {
  readonly store: Pick<Store, 'revision' | 'watch'>;
  /** By the prefix of keys: what a change calls for; undefined if nothing. */
  readonly changed: Readonly<Record<string, (event: StoreEvent) => Work | undefined>>;
  /** Looks at all there is. */
  readonly all: (keeper: Keeper) => Promise<void>;
  /** Hears of what could not be done: it is tried again at the next start. */
  readonly failed: (error: unknown) => void;
  /** Seconds after which all is looked at again when the store was away, or could tell no more. */
  readonly retrySeconds?: number;
}

/** Works in the background, at one thing after the other, until it is closed. */
export class Keeper {
  readonly #options: KeeperOptions;
  #watches: readonly Watch[] = [];
  #running: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#begin();
  }

  /** Resolves once everything that is to be done at the moment is done. */
  get idle(): Promise<void> {
    return this.#running;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Does something after what is to be done already. */
  run(work: Work): void {
    this.#running = this.#running
      .then(() => (this.#closed ? undefined : work()))
      .catch((error: unknown) => {
        if (error instanceof StoreError) this.#beginLater();
        else this.#options.failed(error);
      });
  }

  /** Ends it; what it is doing at the moment is finished. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#running;
  }

  #begin(): void {
    const { store, changed, all } = this.#options;
    this.run(async () => {
      const after = await store.revision();
      if (this.#closed) return;
      this.#stop();
      this.#watches = Object.entries(changed).map(([prefix, workFor]) => this.#watch(prefix, after, workFor));
      await all(this);
    });
  }

  #watch(prefix: string, after: Revision, workFor: (event: StoreEvent) => Work | undefined): Watch {
    return this.#options.store.watch(prefix, after, {
      batch: ({ events }) => {
        for (const event of events) {
          const work = workFor(event);
          if (work) this.run(work);
        }
      },
      // What the store did not tell is looked for.
      ended: (error) => error && this.#beginLater(),
    });
  }

  #beginLater(): void {
    this.#stop();
    const { retrySeconds = PURGE_RETRY_SECONDS } = this.#options;
    if (!this.#closed) this.#retry = setTimeout(() => this.#begin(), retrySeconds * 1000).unref();
  }

  #stop(): void {
    clearTimeout(this.#retry);
    for (const watch of this.#watches) watch.close();
    this.#watches = [];
  }
}
