/**
 * The resource `imagestreamimports`: looks up images at other registries, and, if it is asked to, sets tags of a stream to
 * what it found. As openshift-apiserver does (pkg/image/apiserver/registry/imagestreamimport/rest.go).
 */
import { isDeepStrictEqual } from 'node:util';
import { formatReference, parseReference, ReferenceInvalid } from '../image/reference.ts';
import { IMAGE_API, IMAGE_GROUP, IMAGE_VERSION } from '../images/image.ts';
import { openRegistries } from '../importing/client.ts';
import { importSecrets, keyringOf } from '../importing/credentials.ts';
import { type Lookups, makeLookups } from '../importing/lookup.ts';
import type { RemoteRegistries } from '../importing/remote.ts';
import { IMPORT_SECONDS } from '../limits.ts';
import { canonicalOf } from '../objects/changes.ts';
import { refuseExceeding } from '../objects/charges.ts';
import type { Context, Settings } from '../objects/context.ts';
import { conflict, internalError, invalid, notFound } from '../objects/errors.ts';
import { managedByUpdate } from '../objects/fields/managed.ts';
import { namespaceCheck } from '../objects/namespaced.ts';
import { apiTime, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import { type KeptObject, parsed } from '../objects/values.ts';
import { imageStreams } from './imagestream.ts';
import { recordExcess } from './imagestreamimport.excess.ts';
import { imageStatus, repositoryStatus } from './imagestreamimport.outcome.ts';
import { type ImportedTag, importTags } from './imagestreamimport.tags.ts';
import { validateImport } from './imagestreamimport.validate.ts';
import { createStream, ImageMaker, readable, updateStream } from './imagestreamimport.write.ts';
import { importErrors } from './registrypolicy.ts';
import { imageStreamImportSchema } from './schema.import.ts';
import type { ImageImportSpec, ImageImportStatus, ImageStream, ImageStreamImport } from './types.ts';

/** On a stream: when something was last imported into it. RFC 3339. */
export const CHECK_ANNOTATION = 'openshift.io/image.dockerRepositoryCheck';
/** On a tag of spec: the platform that is picked from a list. */
const PREFER_OS_ANNOTATION = 'importer.image.openshift.io/prefer-os';
const PREFER_ARCH_ANNOTATION = 'importer.image.openshift.io/prefer-arch';

/** A stream as it was when its import began; undefined if there was none. */
type Found = { readonly kept: KeptObject; readonly stream: ImageStream } | undefined;

/**
 * Does what an ImageStreamImport asks for; resolves to it with its status.
 * @param tell Whether lookups that failed are told in the stream as well, or only what was found is set.
 * @throws {DomainError} NotFound, Conflict (the stream changed meanwhile), Invalid, Forbidden.
 */
export async function importImages(
  ctx: Context,
  namespace: string,
  request: ImageStreamImport,
  tell: 'all' | 'found' = 'all',
): Promise<ImageStreamImport> {
  await namespaceCheck(ctx.store, namespace, imageStreamImports, nameOf(request));
  const asked = received(ctx, namespace, request);
  const errors = validateImport(asked);
  if (errors.length === 0) errors.push(...(await importErrors(ctx, asked)));
  if (errors.length > 0) throw invalid(imageStreamImports, nameOf(asked), errors);
  const found = await findStream(ctx, namespace, asked);
  if (asked.spec.import && !found) {
    await refuseExceeding(ctx, imageStreams, namespace, { resource: imageStreamImports, name: nameOf(asked) });
  }
  const looked = await lookUp(ctx, namespace, asked, found?.stream);
  if (!asked.spec.import) return canonicalOf(imageStreamImports, withoutManifests(looked));
  const told = tell === 'all' ? looked : onlyFound(looked);
  if (tell === 'found' && !told.spec.repository && !told.spec.images?.length) return looked;
  const done = await store(ctx, namespace, told, found);
  return tell === 'all' ? canonicalOf(imageStreamImports, withoutManifests(done)) : looked;
}

/** What was asked for, as far as it was found. */
function onlyFound(looked: ImageStreamImport): ImageStreamImport {
  const { repository, ...spec } = looked.spec;
  const found = (_one: unknown, index: number): boolean => looked.status.images?.[index]?.status.status === 'Success';
  const all = looked.status.repository?.status.status === 'Success';
  return {
    ...looked,
    spec: { ...spec, images: spec.images?.filter(found) ?? [], ...(all && repository && { repository }) },
    status: {
      images: looked.status.images?.filter(found) ?? [],
      ...(all && looked.status.repository && { repository: looked.status.repository }),
    },
  };
}

/** The request as the server takes it: identity is its own, a status that was sent is not looked at. */
function received(ctx: Context, namespace: string, request: ImageStreamImport): ImageStreamImport {
  const { deletionTimestamp: _time, deletionGracePeriodSeconds: _seconds, ...sent } = request.metadata;
  const creationTimestamp = apiTime(ctx.now());
  const images = request.spec.images?.map(withTarget);
  const asked: ImageStreamImport = {
    kind: 'ImageStreamImport',
    apiVersion: IMAGE_API,
    metadata: { ...sent, namespace, uid: ctx.uid(), creationTimestamp },
    spec: { ...request.spec, ...(images && { images }) },
    status: {},
  };
  const manager = ctx.fieldManager ?? 'unknown';
  const writer = { manager, operation: 'Update', apiVersion: IMAGE_API } as const;
  const managedFields = managedByUpdate(imageStreamImportSchema, undefined, asked, writer, creationTimestamp);
  const { managedFields: _sent, ...metadata } = asked.metadata;
  return { ...asked, metadata: { ...metadata, ...(managedFields.length > 0 && { managedFields }) } };
}

/** Without a target, the tag by which an image is named is set. A digest sets none. */
function withTarget(image: ImageImportSpec): ImageImportSpec {
  const tag = image.to ? '' : tagOf(image.from.name ?? '');
  return tag ? { ...image, to: { name: tag } } : image;
}

/** The tag in a reference; '' if there is none, or no reference, which the validation tells. */
function tagOf(name: string): string {
  try {
    return parseReference(name).tag;
  } catch (error) {
    if (error instanceof ReferenceInvalid) return '';
    throw error;
  }
}

async function findStream(ctx: Context, namespace: string, { metadata }: ImageStreamImport): Promise<Found> {
  const { name = '', resourceVersion } = metadata;
  const kept = await readKept(ctx.store, imageStreams, namespace, name);
  if (!kept) {
    if (resourceVersion) throw notFound(imageStreamImports, name);
    return undefined;
  }
  const stream = parsed(imageStreams, ctx.settings, kept);
  const current = stream.metadata.resourceVersion ?? '';
  if (resourceVersion && resourceVersion !== current) {
    const message = `the image stream was updated from ${JSON.stringify(resourceVersion)} to ${JSON.stringify(current)}`;
    throw conflict({ group: IMAGE_GROUP, resource: 'imagestream' }, name, message);
  }
  return { kept, stream };
}

const registries = new WeakMap<Settings, RemoteRegistries>();

/** One client for all imports of a process: it bounds what they do together. */
function registriesOf(settings: Settings): RemoteRegistries {
  const known = registries.get(settings) ?? openRegistries(settings.imports ?? { allowPrivate: false, deny: [] });
  registries.set(settings, known);
  return known;
}

/** The request with the status of its lookups. */
async function lookUp(
  ctx: Context,
  namespace: string,
  asked: ImageStreamImport,
  stream: ImageStream | undefined,
): Promise<ImageStreamImport> {
  const late = AbortSignal.timeout(IMPORT_SECONDS * 1000);
  const lookups = makeLookups({
    registries: registriesOf(ctx.settings),
    keyring: keyringOf(await importSecrets(ctx, namespace)),
    now: () => ctx.now(),
    signal: ctx.signal ? AbortSignal.any([ctx.signal, late]) : late,
  });
  const { repository } = asked.spec;
  const images = await lookUpImages(lookups, asked.spec.images ?? [], stream);
  const all = repository && (await lookups.repository(wantedOf(repository)));
  // What was broken off is no outcome that may be kept.
  if (ctx.signal?.aborted) throw internalError('the client has gone; nothing was imported');
  const status = { ...(images.length > 0 && { images }), ...(all && { repository: repositoryStatus(all) }) };
  return { ...asked, status };
}

function wantedOf({ from, importPolicy }: Pick<ImageImportSpec, 'from' | 'importPolicy'>): {
  readonly name: string;
  readonly insecure: boolean;
  readonly mode: string;
} {
  const { insecure = false, importMode = '' } = importPolicy ?? {};
  return { name: from.name ?? '', insecure, mode: importMode };
}

async function lookUpImages(
  lookups: Lookups,
  specs: readonly ImageImportSpec[],
  stream: ImageStream | undefined,
): Promise<ImageImportStatus[]> {
  const wanted = specs.map((spec) => {
    const { name, ...how } = wantedOf(spec);
    const target = spec.to?.name ?? (tagOf(name) || 'latest');
    const annotations = stream?.spec?.tags?.find((tag) => tag.name === target)?.annotations ?? {};
    const preference = { os: annotations[PREFER_OS_ANNOTATION], architecture: annotations[PREFER_ARCH_ANNOTATION] };
    return { name, ...how, preference };
  });
  return (await lookups.images(wanted)).map(imageStatus);
}

/** Creates the Images that were found and sets the stream's tags to them. The request with all that as its status. */
async function store(
  ctx: Context,
  namespace: string,
  looked: ImageStreamImport,
  found: Found,
): Promise<ImageStreamImport> {
  const now = ctx.now();
  const name = nameOf(looked);
  const base: ImageStream = found ? structuredClone(found.stream) : { metadata: { name, namespace } };
  const imported = importTags(base, importedTags(looked), now);
  const status = await withImages(new ImageMaker(ctx), looked);
  const asked = { resource: imageStreamImports, namespace };
  const done = (stream: ImageStream): ImageStreamImport => ({ ...looked, status: { ...status, import: stream } });
  if (found?.stream.metadata.annotations?.[CHECK_ANNOTATION] !== undefined && isSame(found.stream, imported.stream)) {
    return done(readable(ctx, namespace, found.stream, found.kept.head.revision));
  }
  const annotations = { ...base.metadata.annotations, [CHECK_ANNOTATION]: apiTime(now) };
  const stream = { ...imported.stream, metadata: { ...imported.stream.metadata, annotations } };
  const next = { ...imported, stream };
  if (!found) return done(await createStream(ctx, asked, next));
  try {
    return done(await updateStream(ctx, asked, next, found));
  } catch (error) {
    await recordExcess(ctx, asked, found, next.stream, error);
    throw error;
  }
}

function isSame(a: ImageStream, b: ImageStream): boolean {
  return isDeepStrictEqual(canonicalOf(imageStreams, a), canonicalOf(imageStreams, b));
}

/** The tags that an import sets: first those of the repository, then those that were named. */
function importedTags({ spec, status }: ImageStreamImport): ImportedTag[] {
  const tags: ImportedTag[] = [];
  const { repository } = spec;
  for (const result of (repository && status.repository?.images) ?? []) {
    const { importPolicy, referencePolicy, from } = repository ?? { from: {} };
    const tag = result.tag ?? '';
    const source = formatReference({ ...parseReference(from.name ?? ''), id: '', tag });
    tags.push({ tag, from: source, importPolicy, referencePolicy, result, named: false });
  }
  for (const [index, { to, from, importPolicy, referencePolicy }] of (spec.images ?? []).entries()) {
    const result = status.images?.[index];
    if (!to || !result) continue;
    tags.push({ tag: to.name ?? '', from: from.name ?? '', importPolicy, referencePolicy, result, named: true });
  }
  return tags;
}

/** The status with Images as they were created. Those that no tag is to name were only looked up. */
async function withImages(
  maker: ImageMaker,
  { spec, status }: ImageStreamImport,
): Promise<ImageStreamImport['status']> {
  const made = async (result: ImageImportStatus): Promise<ImageImportStatus> => {
    if (!result.image) return result;
    const manifests = await Promise.all((result.manifests ?? []).map((child) => maker.make(child)));
    const { manifests: _looked, ...rest } = result;
    return { ...rest, image: await maker.make(result.image), ...(manifests.length > 0 && { manifests }) };
  };
  const { repository, images } = status;
  const all = repository && {
    ...repository,
    ...(repository.images && { images: await inOrder(repository.images, made) }),
  };
  const named = await inOrder(images ?? [], async (result, index) =>
    spec.images?.[index]?.to ? made(result) : result,
  );
  return { ...status, ...(all && { repository: all }), ...(images && { images: named }) };
}

async function inOrder<T>(items: readonly T[], work: (item: T, index: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (const [index, item] of items.entries()) done.push(await work(item, index));
  return done;
}

/** The answer without manifests and configs where they were not asked for. */
function withoutManifests(done: ImageStreamImport): ImageStreamImport {
  const { spec, status } = done;
  const clear = (result: ImageImportStatus, keep: boolean | undefined): ImageImportStatus => {
    if (keep || !result.image) return result;
    const { dockerImageManifest: _manifest, dockerImageConfig: _config, ...image } = result.image;
    return { ...result, image };
  };
  const images = status.images?.map((result, index) => clear(result, spec.images?.[index]?.includeManifest));
  const keep = spec.repository?.includeManifest;
  const tags = status.repository?.images?.map((result) => clear(result, keep));
  const repository = status.repository && { ...status.repository, ...(tags && { images: tags }) };
  return { ...done, status: { ...status, ...(images && { images }), ...(repository && { repository }) } };
}

export const imageStreamImports: Resource<ImageStreamImport> = {
  group: IMAGE_GROUP,
  version: IMAGE_VERSION,
  kind: 'ImageStreamImport',
  resource: 'imagestreamimports',
  singular: 'imagestreamimport',
  namespaced: true,
  verbs: ['create'],
  schema: imageStreamImportSchema,
  // It is never read back, and its answer has no columns.
  table: { columns: [], cells: () => [] },
  computed: { create: (ctx, namespace, request) => importImages(ctx, namespace, request) },
};
