/**
 * Imports what tags of streams name: whoever sets a tag to an image of another registry, or names a whole repository, finds
 * it imported soon after, as OpenShift's image controller does it.
 */
import { IMPORT_IMAGES, PENDING_IMPORT_SECONDS, PENDING_IMPORTS_AT_ONCE, PURGE_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { StoreError, type Watch } from '../store/store.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { CHECK_ANNOTATION, importImages } from './imagestreamimport.ts';
import type { ImageStream, ImageStreamImport, TagReference } from './types.ts';

/** The kind of a tag's source that is at another registry. */
const DOCKER_IMAGE = 'DockerImage';
/** On a stream, as `true`: its repository may be reached without TLS. */
const INSECURE_REPOSITORY = 'openshift.io/image.insecureRepository';

export interface PendingImportsOptions {
  /** Hears of what failed for other reasons than that an image cannot be had. */
  readonly failed: (error: unknown) => void;
  /** Seconds before each try. */
  readonly seconds?: readonly number[];
}

/** Work that goes on in the background. */
export interface PendingImports {
  /** Ends it; imports that are under way are broken off. */
  close(): Promise<void>;
}

/** Begins with the streams that wait already, and goes on with each that is written from now on. */
export function startPendingImports(ctx: Context, options: PendingImportsOptions): PendingImports {
  const imports = new Imports(ctx, options);
  imports.begin();
  return imports;
}

class Imports implements PendingImports {
  readonly #ctx: Context;
  readonly #options: Required<PendingImportsOptions>;
  /** By the stream's key: its next try. */
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  /** How often it was tried since somebody changed it. */
  readonly #tries = new Map<string, number>();
  /** Whose time has come. */
  readonly #ready: string[] = [];
  readonly #running = new Map<string, Promise<void>>();
  readonly #ended = new AbortController();
  #watch: Watch | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(ctx: Context, { failed, seconds = PENDING_IMPORT_SECONDS }: PendingImportsOptions) {
    this.#ctx = { ...ctx, signal: this.#ended.signal };
    this.#options = { failed, seconds };
  }

  /** Looks at all streams, and follows them. */
  begin(): void {
    void this.#begin().catch((error: unknown) => {
      if (error instanceof StoreError) this.#beginLater();
      else this.#options.failed(error);
    });
  }

  async #begin(): Promise<void> {
    const { prefix } = keptOf(imageStreams);
    const after = await this.#ctx.store.revision();
    if (this.#ended.signal.aborted) return;
    this.#watch = this.#ctx.store.watch(prefix, after, {
      batch: ({ events }) => {
        for (const { key, value } of events) if (key.endsWith('#') && value && mayWait(value)) this.#plan(key, 0);
      },
      ended: (error) => error && this.#beginLater(),
    });
    await eachKept(this.#ctx.store, imageStreams, '', (kept) => {
      if (!mayWait(kept.head.value)) return;
      if (pendingOf(parsed(imageStreams, this.#ctx.settings, kept))) this.#plan(kept.head.key, 0);
    });
  }

  #beginLater(): void {
    this.#watch?.close();
    clearTimeout(this.#again);
    if (this.#ended.signal.aborted) return;
    this.#again = setTimeout(() => this.begin(), PURGE_RETRY_SECONDS * 1000).unref();
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#watch?.close();
    clearTimeout(this.#again);
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
  }

  /** A stream that was changed begins anew; one that waits already keeps its time. */
  #plan(key: string, tries: number): void {
    if (this.#ended.signal.aborted) return;
    if (tries === 0 && this.#waiting.has(key) && this.#tries.get(key) === 0) return;
    clearTimeout(this.#waiting.get(key));
    this.#tries.set(key, tries);
    const start = (): void => {
      this.#waiting.delete(key);
      this.#ready.push(key);
      this.#runNext();
    };
    const seconds = this.#options.seconds[tries] ?? 0;
    this.#waiting.set(key, setTimeout(start, seconds * 1000).unref());
  }

  #runNext(): void {
    if (this.#running.size >= PENDING_IMPORTS_AT_ONCE) return;
    const index = this.#ready.findIndex((key) => !this.#running.has(key));
    const [key] = index < 0 ? [] : this.#ready.splice(index, 1);
    if (key === undefined) return;
    const run = this.#run(key)
      .catch((error: unknown) => {
        // While the store is away nothing can be imported; the watch ends too, and all is looked at again.
        if (!(error instanceof StoreError) && !this.#ended.signal.aborted) this.#options.failed(error);
      })
      .finally(() => {
        this.#running.delete(key);
        this.#runNext();
      });
    this.#running.set(key, run);
    this.#runNext();
  }

  async #run(key: string): Promise<void> {
    const { namespace, name } = nameOfKey(imageStreams, key);
    const stream = await findStream(this.#ctx, namespace, name);
    const pending = stream && pendingOf(stream);
    const tries = this.#tries.get(key) ?? 0;
    this.#tries.delete(key);
    if (!pending) return;
    const last = tries + 1 >= this.#options.seconds.length;
    try {
      const done = await importImages(this.#ctx, namespace, pending, last ? 'all' : 'found');
      if (!last && hasFailures(done) && !this.#tries.has(key)) this.#plan(key, tries + 1);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      // Somebody changed the stream meanwhile, which the watch tells as well.
      if (isProblem(error, 'Conflict')) this.#plan(key, tries);
      // What is not allowed is not tried again until somebody changes it.
      else if (!(['NotFound', 'Forbidden', 'Invalid'] as const).some((reason) => isProblem(error, reason))) throw error;
    }
  }
}

/** Whether a stream's head may name anything of another registry: a quick look, for all that are written. */
function mayWait(head: Buffer): boolean {
  return head.includes(DOCKER_IMAGE) || head.includes('"dockerImageRepository"');
}

/** The import of what a stream waits for; undefined if that is nothing. */
function pendingOf(stream: ImageStream): ImageStreamImport | undefined {
  const { metadata, spec = {} } = stream;
  if (metadata.deletionTimestamp) return undefined;
  const whole = Boolean(spec.dockerImageRepository) && metadata.annotations?.[CHECK_ANNOTATION] === undefined;
  const tags = (spec.tags ?? []).filter((tag) => (whole ? isImportable(tag) : waits(stream, tag)));
  if (!whole && tags.length === 0) return undefined;
  const insecure = metadata.annotations?.[INSECURE_REPOSITORY] === 'true';
  const repository = {
    from: { kind: DOCKER_IMAGE, name: spec.dockerImageRepository ?? '' },
    importPolicy: { insecure },
  };
  return {
    metadata: {
      name: nameOf(stream),
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    },
    spec: {
      import: true,
      ...(whole && { repository }),
      images: tags.slice(0, IMPORT_IMAGES).map(({ name, from = {}, importPolicy, referencePolicy }) => ({
        from: { kind: DOCKER_IMAGE, ...(from.name !== undefined && { name: from.name }) },
        to: { name },
        ...(importPolicy && { importPolicy }),
        ...(referencePolicy && { referencePolicy }),
      })),
    },
    status: {},
  };
}

function isImportable({ from, reference }: TagReference): boolean {
  return from?.kind === DOCKER_IMAGE && !reference;
}

/** Whether a tag was set since it was last imported, or tried to be. */
function waits({ status }: ImageStream, tag: TagReference): boolean {
  if (!isImportable(tag)) return false;
  if (tag.generation === undefined || tag.generation === null) return true;
  const history = status?.tags?.find(({ tag: name }) => name === tag.name);
  const seen = [...(history?.items ?? []).slice(0, 1), ...(history?.conditions ?? [])].map(
    ({ generation }) => generation,
  );
  return tag.generation > Math.max(0, ...seen);
}

function hasFailures({ status }: ImageStreamImport): boolean {
  const failed = [status.repository, ...(status.images ?? [])].filter((one) => one?.status.status === 'Failure');
  return failed.length > 0;
}
