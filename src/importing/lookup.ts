/** Looking up many images at other registries: each once, a few at a time, each with its own outcome. */
import { parseDigest } from '../image/digest.ts';
import {
  type DockerImageReference,
  dockerClientDefaults,
  formatReference,
  mostSpecific,
  parseReference,
  registryHost,
  repositoryName,
} from '../image/reference.ts';
import { IMAGE_GROUP, type Image } from '../images/image.ts';
import { IMPORT_BYTES, IMPORT_LANES, IMPORT_REPOSITORY_TAGS } from '../limits.ts';
import { DomainError, internalError, notFound } from '../objects/errors.ts';
import type { Keyring } from './credentials.ts';
import { type ImportMode, imageOfManifest, ownPlatform, type Preference, type Reading } from './foundimage.ts';
import { type RegistryCredentials, RemoteError, type RemoteRegistries, type RemoteRepository } from './remote.ts';
import { prioritised } from './tagorder.ts';
import { makeTurns, type Turns } from './turns.ts';

/** An image to look up. */
export interface ImageWanted {
  /** A reference, or `*`, which nothing is found for. */
  readonly name: string;
  readonly insecure: boolean;
  readonly mode: ImportMode;
  /** For a list that was named by a tag. */
  readonly preference: Preference;
}

/** What a lookup came to. */
export type Outcome =
  | {
      readonly image: Image;
      /** The images of a list that is kept as it is. */
      readonly manifests: readonly Image[];
    }
  | { readonly failure: DomainError };

/** What a lookup by tag or digest came to. */
export interface ImageFound {
  /** Undefined if it was looked up by digest. */
  readonly tag: string | undefined;
  readonly outcome: Outcome;
}

export interface RepositoryWanted {
  /** A reference without tag and digest. */
  readonly name: string;
  readonly insecure: boolean;
  readonly mode: ImportMode;
}

export type RepositoryFound =
  | { readonly failure: DomainError }
  | {
      /** In the order of importance. */
      readonly tags: readonly { readonly tag: string; readonly outcome: Outcome }[];
      /** Tags that were left out. */
      readonly additionalTags: readonly string[];
    };

export interface LookupOptions {
  readonly registries: RemoteRegistries;
  readonly keyring: Keyring;
  now(): Date;
  readonly signal?: AbortSignal | undefined;
}

/** The lookups of one import: what was fetched for one is not fetched again for another. */
export interface Lookups {
  images(wanted: readonly ImageWanted[]): Promise<ImageFound[]>;
  /** The first tags of a repository in the order of their importance, and those of the rest that `images` has found. */
  repository(wanted: RepositoryWanted): Promise<RepositoryFound>;
}

/** A repository that something is looked up in. All that is looked up in it shares the spelling and the insecurity of the first. */
interface Source {
  readonly key: string;
  readonly ref: DockerImageReference;
  readonly insecure: boolean;
  readonly credentials: RegistryCredentials | undefined;
  readonly remote: RemoteRepository;
}

interface Finder {
  readonly options: LookupOptions;
  readonly reading: Reading;
  readonly lanes: Turns;
}

/** Lookups of one import. */
export function makeLookups(options: LookupOptions): Lookups {
  let held = 0;
  const finder: Finder = {
    options,
    reading: {
      own: ownPlatform(),
      now: () => options.now(),
      hold(bytes) {
        held += bytes;
        if (held > IMPORT_BYTES) throw new RemoteError('failed', TOO_MUCH);
      },
    },
    lanes: makeTurns(IMPORT_LANES),
  };
  const found = new Map<string, Promise<Outcome>>();
  return {
    images: (wanted) => findImages(finder, found, wanted),
    repository: (wanted) => findRepository(finder, found, wanted),
  };
}

const TOO_MUCH = `the manifests and configs of this import have more than ${IMPORT_BYTES} bytes: import fewer images at a time`;

/** Which lookups have one outcome. */
function lookupKey(
  source: Source,
  value: string,
  mode: ImportMode,
  { os = '', architecture = '' }: Preference,
): string {
  return JSON.stringify([source.key, value, mode, os, architecture]);
}

function findImages(
  finder: Finder,
  found: Map<string, Promise<Outcome>>,
  wanted: readonly ImageWanted[],
): Promise<ImageFound[]> {
  const sources = new Map<string, Source>();
  return Promise.all(
    wanted.map(async ({ name, insecure, mode, preference }) => {
      const ref = name === '*' ? { ...NOTHING, name } : parseReference(name);
      const full = dockerClientDefaults(ref);
      const key = sourceKey(full);
      const source = sources.get(key) ?? sourceOf(finder, ref, insecure);
      sources.set(key, source);
      const byDigest = full.id !== '';
      const [value, prefer] = byDigest ? [full.id, {}] : [full.tag, preference];
      const at = lookupKey(source, value, mode, prefer);
      const known = found.get(at);
      const first = known ?? find(finder, source, byDigest ? { id: value } : { tag: value }, mode, prefer);
      found.set(at, first);
      const outcome = known ? again(finder, await first, source) : await first;
      const tag = byDigest ? undefined : full.tag;
      return { tag, outcome: referred(outcome, source, tag ?? '') };
    }),
  );
}

const NOTHING: DockerImageReference = { registry: '', namespace: '', name: '', tag: '', id: '' };

function sourceKey(full: DockerImageReference): string {
  return `${registryHost(full)}/${repositoryName(full)}`;
}

function sourceOf({ options }: Finder, ref: DockerImageReference, insecure: boolean): Source {
  const full = dockerClientDefaults(ref);
  const credentials = options.keyring(`${full.registry}/${repositoryName(full)}`);
  const remote = options.registries.open(ref, { insecure, credentials, signal: options.signal });
  return { key: sourceKey(full), ref, insecure, credentials, remote };
}

/** An outcome that is told once more: that takes as much of the answer as it did before. */
function again({ reading }: Finder, outcome: Outcome, { ref }: Source): Outcome {
  if ('failure' in outcome) return outcome;
  const images = [outcome.image, ...outcome.manifests];
  const bytes = images.map(
    (image) => (image.dockerImageManifest ?? '').length + (image.dockerImageConfig ?? '').length,
  );
  try {
    reading.hold(bytes.reduce((sum, each) => sum + each, 0));
    return outcome;
  } catch (error) {
    if (error instanceof RemoteError) return { failure: failureOf(error, normalised(ref) ?? '') };
    throw error;
  }
}

/** The outcome with the reference by which this caller pulls the image. */
function referred(outcome: Outcome, { ref }: Source, tag: string): Outcome {
  if ('failure' in outcome) return outcome;
  const exact = mostSpecific({ ...ref, tag, id: outcome.image.metadata.name ?? '' });
  return { ...outcome, image: { ...outcome.image, dockerImageReference: formatReference(exact) } };
}

type Which = { readonly tag: string } | { readonly id: string };

async function find(
  finder: Finder,
  source: Source,
  which: Which,
  mode: ImportMode,
  preference: Preference,
): Promise<Outcome> {
  const ref = { ...source.ref, tag: 'tag' in which ? which.tag : '', id: 'id' in which ? which.id : '' };
  const name = normalised(ref);
  if (name === undefined) {
    const shown = ref.name === '' ? '' : formatReference(ref);
    return { failure: internalError(`unable to parse docker reference ${shown}: invalid reference format`) };
  }
  try {
    return await fetchImage(finder, source, which, mode, preference);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.kind !== 'wrong-credentials') return { failure: failureOf(error, name) };
    return withoutCredentials(finder, source, which, { mode, preference, first: failureOf(error, name), name });
  }
}

interface SecondTry {
  readonly mode: ImportMode;
  readonly preference: Preference;
  readonly first: DomainError;
  readonly name: string;
}

/** A password that is not good (any more) must not keep anybody from public images: asks again without. */
async function withoutCredentials(
  finder: Finder,
  source: Source,
  which: Which,
  { mode, preference, first, name }: SecondTry,
): Promise<Outcome> {
  const { registries, signal } = finder.options;
  const remote = registries.open(source.ref, { insecure: source.insecure, credentials: undefined, signal });
  try {
    return await fetchImage(finder, { ...source, remote }, which, mode, preference);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    const second = failureOf(error, name);
    return { failure: second.problem.reason === 'Unauthorized' ? first : second };
  }
}

async function fetchImage(
  { reading, lanes }: Finder,
  { remote, ref }: Source,
  which: Which,
  mode: ImportMode,
  preference: Preference,
): Promise<Outcome> {
  const image = await lanes.take(async () => {
    const manifest = await remote.getManifest('tag' in which ? which : { digest: digestOrFail(which.id) });
    return imageOfManifest(reading, { manifest, repository: remote }, mode, preference);
  });
  const manifests = await Promise.all(
    (image.dockerImageManifests ?? []).map(({ digest }) =>
      lanes.take(async () => {
        const own = { ...ref, tag: '', id: digest };
        try {
          const manifest = await remote.getManifest({ digest: digestOrFail(digest) });
          const child = await imageOfManifest(reading, { manifest, repository: remote }, '', {});
          return { ...child, dockerImageReference: formatReference(own) };
        } catch (error) {
          throw error instanceof RemoteError ? new ChildFailure(error, normalised(own) ?? digest) : error;
        }
      }),
    ),
  );
  return { image, manifests };
}

/** An image of a list that could not be fetched: it fails the list, and is told by its own name. */
class ChildFailure extends RemoteError {
  readonly child: string;
  constructor(cause: RemoteError, child: string) {
    super(cause.kind, cause.message, { cause });
    this.child = child;
  }
}

function digestOrFail(text: string): NonNullable<ReturnType<typeof parseDigest>> {
  const digest = parseDigest(text);
  if (digest) return digest;
  throw new RemoteError('failed', `${text} is no digest that can be fetched: use sha256 or sha512 in lower case`);
}

/** The reference as docker prints it in full; undefined if it names no image. */
function normalised(ref: DockerImageReference): string | undefined {
  if (ref.name === '' || ref.name === '*') return undefined;
  const registry = ref.registry === '' || ref.registry === 'index.docker.io' ? 'docker.io' : ref.registry;
  const namespace = ref.namespace === '' && registry === 'docker.io' ? 'library' : ref.namespace;
  return formatReference({ ...ref, registry, namespace });
}

const DOCKER_IMAGE = { group: IMAGE_GROUP, resource: 'dockerimage' };

function unauthorized(message: string): DomainError {
  return new DomainError({ reason: 'Unauthorized', message });
}

/** How a failed lookup is told, in the words of openshift-apiserver. */
function failureOf(error: RemoteError, asked: string): DomainError {
  const name = error instanceof ChildFailure ? error.child : asked;
  switch (error.kind) {
    case 'not-found':
      return notFound(DOCKER_IMAGE, name);
    case 'unauthorized':
    case 'no-credentials':
      return unauthorized(`you may not have access to the container image "${name}"`);
    case 'wrong-credentials':
      return unauthorized(`incorrect username or password for image "${name}"`);
    case 'failed':
      return internalError(`${name}: ${error.message}`, error);
  }
}

async function findRepository(
  finder: Finder,
  found: ReadonlyMap<string, Promise<Outcome>>,
  { name, insecure, mode }: RepositoryWanted,
): Promise<RepositoryFound> {
  const ref = parseReference(name);
  let source = sourceOf(finder, ref, insecure);
  let listed: readonly string[];
  try {
    listed = await source.remote.listTags();
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.kind !== 'wrong-credentials') return { failure: listFailureOf(error, ref) };
    const { registries, signal } = finder.options;
    const remote = registries.open(ref, { insecure, credentials: undefined, signal });
    source = { ...source, credentials: undefined, remote };
    try {
      listed = await remote.listTags();
    } catch (second) {
      if (!(second instanceof RemoteError)) throw second;
      return { failure: listFailureOf(second.kind === 'failed' ? second : error, ref) };
    }
  }
  // Docker Hub has had images with an empty tag, which meant latest.
  const order = prioritised(new Set(listed.map((tag) => tag || 'latest')));
  const first = order.slice(0, IMPORT_REPOSITORY_TAGS).map(async (tag) => {
    const outcome = await find(finder, source, { tag }, mode, {});
    return { tag, outcome: referred(outcome, source, tag) };
  });
  const tags = await Promise.all(first);
  const additionalTags: string[] = [];
  for (const tag of order.slice(IMPORT_REPOSITORY_TAGS)) {
    const outcome = await found.get(lookupKey(source, tag, mode, {}));
    // As in OpenShift, these come without the images of a list.
    if (outcome && 'image' in outcome)
      tags.push({ tag, outcome: referred({ ...outcome, manifests: [] }, source, tag) });
    else additionalTags.push(tag);
  }
  return { tags, additionalTags };
}

/** A list of tags that was not given. Where a password is asked for and there is none, OpenShift says just that. */
function listFailureOf(error: RemoteError, ref: DockerImageReference): DomainError {
  const name = formatReference(ref);
  switch (error.kind) {
    case 'not-found':
      return notFound(DOCKER_IMAGE, name);
    case 'unauthorized':
    case 'wrong-credentials':
      return unauthorized(`you may not have access to the container image "${name}"`);
    default:
      return internalError(error.message, error);
  }
}
