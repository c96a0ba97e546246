/** What one process does to uploads: one piece of work on each at a time, which can be broken off. */
import { type BlobStream, UploadBusy, type UploadId } from './blobs.ts';
import { Intake } from './intake.ts';

/** An append or a commit under way in this process. */
interface Work {
  readonly done: Promise<unknown>;
  /** Breaks an append off; a commit goes on. */
  readonly break: (reason: Error) => void;
}

/** The appends and commits of one opened driver. */
export class UploadWork {
  readonly #work = new Map<UploadId, Work>();

  /** Whether something is under way on an upload. */
  has(id: UploadId): boolean {
    return this.#work.has(id);
  }

  /**
   * Runs what takes a source in; it can be broken off. Resolves to what `add` does.
   * @throws {UploadBusy}; what `add` throws; what broke the source off, after `add` has kept what came before.
   */
  async append(id: UploadId, source: BlobStream, add: (intake: Intake) => Promise<number>): Promise<number> {
    const intake = new Intake(source);
    try {
      const length = await this.#run(
        id,
        () => add(intake),
        (reason) => intake.break(reason),
      );
      if (intake.broke !== undefined) throw intake.broke.reason;
      return length;
    } finally {
      intake.release();
    }
  }

  /** Runs a commit, which comes to its end whatever happens. @throws {UploadBusy}; what `make` throws. */
  commit<T>(id: UploadId, make: () => Promise<T>): Promise<T> {
    return this.#run(id, make, () => undefined);
  }

  async #run<T>(id: UploadId, run: () => Promise<T>, breakOff: Work['break']): Promise<T> {
    if (this.#work.has(id)) throw new UploadBusy('another request is working on this upload');
    const running = run();
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#work.set(id, { done: settled, break: breakOff });
    try {
      return await running;
    } finally {
      this.#work.delete(id);
    }
  }

  /** Breaks off what is under way on an upload; resolves when nothing is any more. */
  async end(id: UploadId, reason: Error): Promise<void> {
    for (let work = this.#work.get(id); work !== undefined; work = this.#work.get(id)) {
      work.break(reason);
      await work.done;
    }
  }

  /** Breaks off what is under way on any upload; resolves when all of that has let go. */
  async endAll(reason: Error): Promise<void> {
    const all = [...this.#work.values()];
    for (const work of all) work.break(reason);
    await Promise.all(all.map((work) => work.done));
  }
}
