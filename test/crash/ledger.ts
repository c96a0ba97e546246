/**
 * What clients were told, so that it can be held against what is found later. A fact is about one thing that one client
 * alone writes, one write at a time; so what is found must be what was acknowledged last, or the one write after it
 * that was never answered.
 */
import type { TinyImage } from '../tinyimage.ts';

/** A stream that one client owns: its labels and where its tags point. Null: it does not exist. */
export type StreamState = {
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
} | null;

interface Fact<T> {
  acknowledged: T;
  /** Sent, not answered. */
  pending: { readonly value: T } | undefined;
  /** Whether a client has touched it since it was last looked at. */
  touched: boolean;
}

/** An upload that was begun and may never have been finished. */
export interface Upload {
  readonly repository: string;
  readonly location: string;
  readonly bytes: Buffer;
  /** Bytes that the server has acknowledged. */
  acknowledged: number;
  /** Bytes that were sent. */
  sent: number;
  /** It was asked to become a blob; after that it may be gone. */
  finishing: boolean;
}

/** Facts of one kind, by the name of what they are about. */
export class Facts<T> {
  readonly #facts = new Map<string, Fact<T>>();
  readonly #initial: T;
  readonly #told: () => void;

  /** @param told is called with each acknowledgement. */
  constructor(initial: T, told: () => void) {
    this.#initial = initial;
    this.#told = told;
  }

  /** What holds, as far as was acknowledged or found. */
  get(name: string): T {
    return this.#facts.get(name)?.acknowledged ?? this.#initial;
  }

  /** Makes a change: while the server has not answered it may hold or not, afterwards it does. */
  async change(name: string, value: T, act: () => Promise<unknown>): Promise<void> {
    const fact: Fact<T> = { acknowledged: this.get(name), pending: { value }, touched: true };
    this.#facts.set(name, fact);
    await act();
    fact.acknowledged = value;
    fact.pending = undefined;
    this.#told();
  }

  /** All that may be found of a thing. */
  possible(name: string): readonly T[] {
    const fact = this.#facts.get(name);
    if (!fact) return [this.#initial];
    return fact.pending ? [fact.acknowledged, fact.pending.value] : [fact.acknowledged];
  }

  /** What was found holds from now on. */
  settle(name: string, found: T): void {
    this.#facts.set(name, { acknowledged: found, pending: undefined, touched: false });
  }

  /** The names of all things, or of those that were touched since they were settled. */
  names(which: 'all' | 'touched'): string[] {
    return [...this.#facts].flatMap(([name, { touched }]) => (which === 'all' || touched ? [name] : []));
  }
}

/** All that clients were told. */
export class Ledger {
  /**
   * Milliseconds that content stays which a client was told of, if garbage is collected without grace meanwhile: what no
   * tag leads to any more may then be gone.
   */
  readonly leaseMs: number | undefined;

  constructor(leaseMs?: number) {
    this.leaseMs = leaseMs;
  }

  get collecting(): boolean {
    return this.leaseMs !== undefined;
  }

  /** Writes that were acknowledged. */
  acknowledgements = 0;
  /** Called with each of them, as soon as its answer has come. */
  whenAcknowledged: (() => void) | undefined;
  readonly #told = (): void => {
    this.acknowledgements += 1;
    this.whenAcknowledged?.();
  };
  /** Streams with one owner, by `namespace/name`. */
  readonly streams = new Facts<StreamState>(null, this.#told);
  /** Tags of the stream that all share, by `namespace/name:tag`: digests, '' for none. */
  readonly tags = new Facts<string>('', this.#told);
  /** Labels of that stream, by `namespace/name:label`; '' for none. */
  readonly labels = new Facts<string>('', this.#told);
  /** When the upload of an image's blobs began, by the clock of `performance`. */
  readonly uploaded = new WeakMap<TinyImage, number>();
  /** Every image that was made, by digest. */
  readonly images = new Map<string, TinyImage>();
  /** Uploads since the last start. */
  uploads: Upload[] = [];
  /** The greatest resourceVersion that was answered. */
  revision = 0n;
  /** Manifests that were acknowledged, by repository. */
  readonly #pushed = new Map<string, Set<string>>();
  /** Acknowledged pushes of manifests. */
  pushes = 0;

  /**
   * A manifest was acknowledged.
   * @param by What it was pushed by; a child of an index goes with that.
   */
  pushed(repository: string, digest: string, by: 'tag' | 'digest' | 'index'): void {
    if (this.collecting && by !== 'digest') {
      this.pushes += 1;
      return;
    }
    const digests = this.#pushed.get(repository) ?? new Set();
    this.#pushed.set(repository, digests.add(digest));
    this.pushes += 1;
  }

  /** Every repository that a client has, or had. */
  repositories(): readonly string[] {
    return [
      ...new Set([...this.streams.names('all'), ...this.tags.names('all').map((name) => name.split(':')[0] ?? '')]),
    ];
  }

  /** Digests that can be pulled from a repository. */
  digestsOf(repository: string): readonly string[] {
    return [...(this.#pushed.get(repository) ?? [])];
  }

  /** A stream is gone, and what was in it need not be there any more. */
  forget(repository: string): void {
    this.#pushed.delete(repository);
  }

  /** A resourceVersion was answered. */
  saw(resourceVersion: string | undefined): void {
    const revision = BigInt(resourceVersion ?? 0);
    if (revision > this.revision) this.revision = revision;
  }
}
