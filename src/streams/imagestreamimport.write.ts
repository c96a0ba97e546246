/** What an import writes: Images first, then the stream with the record of its moves. */
import type { Image } from '../images/image.ts';
import { images } from '../images/images.ts';
import { CONFLICT_TRIES, IMPORT_COMMIT_BYTES, IMPORT_COMMIT_TAGS } from '../limits.ts';
import { canonicalOf, keptAs, puts } from '../objects/changes.ts';
import type { Context } from '../objects/context.ts';
import { alreadyExists, type GroupResource, invalid, isProblem, modified } from '../objects/errors.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { restricted, restrictionCheck, restrictionsFor } from '../objects/restrictions.ts';
import { type KeptObject, keptOf, served } from '../objects/values.ts';
import { createObject, creation } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { imageStreams, internalRules, streamKey, tagPart } from './imagestream.ts';
import type { Imported } from './imagestreamimport.tags.ts';
import { recordMoves, type TagMoveDraft } from './tagmove.ts';
import type { ImageStream } from './types.ts';

/** Creates Images, each once; those that exist stay as they are. */
export class ImageMaker {
  readonly #ctx: Context;
  readonly #made = new Map<string, Promise<Image>>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /**
   * The Image as an import answers with it: as it was created, or, if it existed, as it was found. Manifest and config are
   * not kept. @throws {DomainError} Invalid.
   */
  make(found: Image): Promise<Image> {
    const name = nameOf(found);
    const made = this.#made.get(name) ?? this.#create(found);
    this.#made.set(name, made);
    return made;
  }

  async #create(found: Image): Promise<Image> {
    const { dockerImageManifest: _manifest, dockerImageConfig: _config, ...image } = found;
    const named = image.dockerImageManifests?.map((child) => ({
      ...child,
      // The API wants a platform of each child; build caches and attestations have none.
      architecture: child.architecture || 'unknown',
      os: child.os || 'unknown',
    }));
    const whole: Image = { ...image, ...(named && { dockerImageManifests: named }) };
    try {
      return bare((await createObject(this.#ctx, images, '', structuredClone(whole))).object);
    } catch (error) {
      if (!isProblem(error, 'AlreadyExists')) throw error;
      // As the reference answers (sic): with the metadata that the creation would have set, and without a version.
      const { uid, now } = { uid: this.#ctx.uid(), now: apiTime(this.#ctx.now()) };
      return { ...whole, metadata: { ...whole.metadata, uid, creationTimestamp: now } };
    }
  }
}

/** An object as it stands inside another. */
function bare<T extends { kind?: string; apiVersion?: string }>({ kind: _kind, apiVersion: _api, ...rest }: T): T {
  return rest as T;
}

/** A stream that an import creates: with its status, which a client could not give. Its moves are recorded piece by piece. */
const importedStreams: Resource<ImageStream> = {
  ...imageStreams,
  kept: {
    ...keptOf(imageStreams),
    prepareCreate: (ctx, stream) => internalRules.prepareUpdate?.(ctx, stream, { metadata: {} }),
    alongside: () => [],
  },
};

/** The resource by whose name a request came: errors of the stream behind it are about that. */
interface Asked {
  readonly resource: GroupResource;
  readonly namespace: string;
}

/**
 * Creates the stream of an import. The stream as it is stored; as it would be for a dry run.
 * @throws {DomainError} AlreadyExists if somebody else was faster; Invalid, NotFound (the namespace), Forbidden (quotas).
 */
export async function createStream(ctx: Context, asked: Asked, imported: Imported): Promise<ImageStream> {
  const { namespace, resource } = asked;
  const name = nameOf(imported.stream);
  for (let tries = 1; ; tries++) {
    try {
      return await restricted(ctx, namespace, true, (inner) => createOnce(inner, namespace, imported));
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
      if (error.key === streamKey(namespace, name) || tries >= CONFLICT_TRIES) throw alreadyExists(resource, name);
    }
  }
}

async function createOnce(ctx: Context, namespace: string, { stream, drafts }: Imported): Promise<ImageStream> {
  const { object, changes } = await creation(ctx, importedStreams, namespace, structuredClone(stream));
  return commit(ctx, namespace, { stream: object, drafts }, changes);
}

/**
 * Changes the stream of an import from what it was when the import began.
 * @throws {DomainError} Conflict if it has been changed since; Invalid.
 */
export async function updateStream(
  ctx: Context,
  asked: Asked,
  imported: Imported,
  old: OldStream,
): Promise<ImageStream> {
  try {
    return await restricted(ctx, asked.namespace, false, (inner) => updateOnce(inner, asked.namespace, imported, old));
  } catch (error) {
    if (error instanceof CommitConflict) throw modified(asked.resource, nameOf(imported.stream));
    throw error;
  }
}

/** A stream as it was when its import began. */
interface OldStream {
  readonly kept: KeptObject;
  readonly stream: ImageStream;
}

async function updateOnce(ctx: Context, namespace: string, imported: Imported, old: OldStream): Promise<ImageStream> {
  const stream = structuredClone(imported.stream);
  await internalRules.prepareUpdate?.(ctx, stream, old.stream);
  const errors = await internalRules.validate(ctx, stream, old.stream);
  if (errors.length > 0) throw invalid(imageStreams, nameOf(stream), errors);
  const stored = canonicalOf(imageStreams, stream);
  const changes = puts(imageStreams, namespace, stored, old.kept);
  if (changes.length === 0) return readable(ctx, namespace, old.stream, old.kept.head.revision);
  changes.push(restrictionCheck(await restrictionsFor(ctx, namespace)));
  return commit(ctx, namespace, { stream: stored, drafts: imported.drafts }, changes, old.kept);
}

/**
 * Commits the changes of a stream in as many commits as they need. Each leaves the stream consistent: spec says for every
 * tag where it is to come from, and the tags that are not in history yet look like tags that still wait for their import.
 */
async function commit(
  ctx: Context,
  namespace: string,
  { stream, drafts }: Imported,
  changes: readonly Change[],
  old?: KeptObject,
): Promise<ImageStream> {
  const name = nameOf(stream);
  const key = streamKey(namespace, name);
  let revision = old?.head.revision ?? 0;
  if (ctx.dryRun) {
    if (!old && (await ctx.store.get(key))) throw new CommitConflict(key, 0);
    return readable(ctx, namespace, stream, revision);
  }
  const head = changes.find((change) => change.op === 'put' && change.key === key);
  const isPart = (change: Change): boolean => 'key' in change && change.op !== 'check' && change.key.startsWith(key);
  const parts = changes.filter((change) => change !== head && isPart(change));
  // The namespace's check and what its quotas are charged belong to the creation itself.
  const first = changes.filter((change) => !isPart(change));
  const left = new Set([...drafts, ...unrecorded(stream, drafts, old)]);
  const pieces = piecesOf(parts);
  for (const [index, piece] of pieces.entries()) {
    const keys = new Set(piece.flatMap((change) => ('key' in change ? [change.key] : [])));
    const isLast = index === pieces.length - 1;
    const now = [...left].filter(({ tag }) => isLast || keys.has(key + tagPart(tag ?? '')));
    for (const draft of now) left.delete(draft);
    const record = await recordMoves(ctx, namespace, name, now);
    const written: Change[] = head?.op === 'put' ? [{ ...head, expect: revision }] : [];
    revision = await ctx.store.commit([...(index === 0 ? first : []), ...written, ...piece, ...record]);
  }
  return readable(ctx, namespace, stream, revision);
}

/** What the rules of the stream added to the moves that the import made: tags that are only references have events too. */
function unrecorded(stream: ImageStream, drafts: readonly TagMoveDraft[], old: KeptObject | undefined): TagMoveDraft[] {
  const last = new Map(drafts.map((draft) => [draft.tag, draft.to]));
  const before = new Map(
    old?.parts.map(({ key, value }) => [key, (JSON.parse(value.toString()) as { items: unknown[] | null }).items?.[0]]),
  );
  const found: TagMoveDraft[] = [];
  for (const { tag, items } of stream.status?.tags ?? []) {
    const to = items?.[0];
    if (!to) continue;
    const key = streamKey(stream.metadata.namespace ?? '', nameOf(stream)) + tagPart(tag);
    const from = last.has(tag) ? last.get(tag) : (before.get(key) as TagMoveDraft['from'] | undefined);
    if (JSON.stringify(from) !== JSON.stringify(to)) found.push({ tag, from: from ?? null, to, cause: 'tag' });
  }
  return found;
}

/** Changes in groups that fit into one commit beside the stream and the record; at least one group. */
function piecesOf(parts: readonly Change[]): Change[][] {
  const pieces: Change[][] = [[]];
  let bytes = 0;
  for (const part of parts) {
    const size = part.op === 'put' ? part.value.length : 0;
    let piece = pieces.at(-1) ?? [];
    if (piece.length >= IMPORT_COMMIT_TAGS || (piece.length > 0 && bytes + size > IMPORT_COMMIT_BYTES)) {
      piece = [];
      bytes = 0;
      pieces.push(piece);
    }
    piece.push(part);
    bytes += size;
  }
  return pieces;
}

/** The stream as a read at that revision gives it, without kind and apiVersion; a dry run of a creation has no version. */
export function readable(ctx: Context, namespace: string, stream: ImageStream, revision: number): ImageStream {
  const bytes = served(imageStreams, ctx.settings, keptAs(imageStreams, namespace, stream, revision), 'item');
  const object = JSON.parse(bytes.toString()) as ImageStream;
  if (revision === 0) delete object.metadata.resourceVersion;
  return object;
}
