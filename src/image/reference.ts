/**
 * Docker image references: `[registry[:port]/][namespace/]name[:tag][@digest]`, with the grammar, the defaults and the
 * messages of OpenShift (library-go `pkg/image/reference`), because clients see all three.
 */
import { REFERENCE_CHARACTERS } from '../limits.ts';
import { NAME_CHARACTERS } from './name.ts';

/** The parts of a reference; those that are not there are ''. */
export interface DockerImageReference {
  readonly registry: string;
  readonly namespace: string;
  /** The last parts of the path; may hold `/`. */
  readonly name: string;
  readonly tag: string;
  /** The digest, as it was written. */
  readonly id: string;
}

/** Text that is not a reference. The message is the one that the OpenShift API server gives. */
export class ReferenceInvalid extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReferenceInvalid';
  }
}

const HOST_PART = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const HOST = `${HOST_PART}(?:\\.${HOST_PART})*(?::[0-9]+)?`;
// The reference's own pattern lets the separator be empty, which means the same here and takes exponential time in
// an engine that backtracks.
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const NAME = `(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*`;
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(`^(${NAME})(?::(${TAG}))?(?:@(${DIGEST}))?$`);

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const HUB = 'docker.io';
const HUB_V1 = 'index.docker.io';
const HUB_V2 = 'registry-1.docker.io';

/**
 * The parts of a reference.
 *
 * @throws {ReferenceInvalid} with the API server's own words.
 */
export function parseReference(text: string): DockerImageReference {
  const match = text.length <= REFERENCE_CHARACTERS ? REFERENCE.exec(text) : null;
  if (match === null) {
    throw new ReferenceInvalid(whyNot(text));
  }
  const [, path = '', tag = '', id = ''] = match;
  if (path.length > NAME_CHARACTERS) {
    throw new ReferenceInvalid(`repository name must not be more than ${NAME_CHARACTERS} characters`);
  }
  const wrong = id === '' ? undefined : digestFault(id);
  if (wrong !== undefined) {
    throw new ReferenceInvalid(wrong);
  }
  return place(path, tag, id);
}

function whyNot(text: string): string {
  if (text === '') {
    return 'repository name must have at least one component';
  }
  if (text.length <= REFERENCE_CHARACTERS && REFERENCE.test(text.toLowerCase())) {
    return 'repository name must be lowercase';
  }
  return 'invalid reference format';
}

/** What is wrong with the digest of a reference; hexadecimal in capitals passes, as it does there. */
function digestFault(id: string): string | undefined {
  const colon = id.indexOf(':');
  const algorithm = id.slice(0, colon);
  if (!/^[a-zA-Z0-9\-_+.]+:[a-fA-F0-9]+$/.test(id)) {
    return 'invalid checksum digest format';
  }
  if (!Object.hasOwn(HEX_LENGTH, algorithm)) {
    return 'unsupported digest algorithm';
  }
  return id.length - colon - 1 === HEX_LENGTH[algorithm] ? undefined : 'invalid checksum digest length';
}

function place(path: string, tag: string, id: string): DockerImageReference {
  const slash = path.indexOf('/');
  if (slash === -1 && (path.includes('.') || path.startsWith('localhost'))) {
    // Only a registry: what looked like a tag is its port, and all of the text is kept in the registry.
    const registry = `${path}${tag === '' ? '' : `:${tag}`}${id === '' ? '' : `@${id}`}`;
    return { registry, namespace: '', name: '', tag: '', id };
  }
  const first = path.slice(0, Math.max(slash, 0));
  const hasRegistry = /[.:]/.test(first) || first === 'localhost';
  const registry = hasRegistry ? first : '';
  const rest = hasRegistry ? path.slice(slash + 1) : path;
  const cut = rest.indexOf('/');
  return cut === -1
    ? { registry, namespace: '', name: rest, tag, id }
    : { registry, namespace: rest.slice(0, cut), name: rest.slice(cut + 1), tag, id };
}

/** Whether a registry is one of Docker Hub's three names. */
export function isDockerHub(registry: string): boolean {
  return registry === HUB || registry === HUB_V1 || registry === HUB_V2;
}

/** The reference as text, with just the parts that are set; of tag and id only the id. */
export function formatReference(ref: DockerImageReference): string {
  const registry = ref.registry === '' ? '' : `${ref.registry}/`;
  if (ref.name === '') {
    return registry === '' ? '' : `${registry}${ref.namespace === '' ? '' : `${ref.namespace}/`}`;
  }
  return `${registry}${ref.namespace === '' ? '' : `${ref.namespace}/`}${nameString(ref)}`;
}

function nameString(ref: DockerImageReference): string {
  if (ref.id !== '') return withImage(ref.name, ref.id);
  return ref.tag === '' ? ref.name : `${ref.name}:${ref.tag}`;
}

/** How an image of a repository is pulled. A name that is no digest came from a registry of version 1: like a tag. */
export function withImage(repository: string, image: string): string {
  return `${repository}${digestFault(image) === undefined ? '@' : ':'}${image}`;
}

/** The reference with what a Docker client assumes: registry docker.io, there namespace `library`; tag latest. */
export function dockerClientDefaults(ref: DockerImageReference): DockerImageReference {
  const registry = ref.registry === '' ? HUB : ref.registry;
  return {
    ...ref,
    registry,
    namespace: ref.namespace === '' && isDockerHub(registry) ? 'library' : ref.namespace,
    tag: ref.tag === '' ? 'latest' : ref.tag,
  };
}

/** The reference without a tag that says no more than its absence. */
export function minimal(ref: DockerImageReference): DockerImageReference {
  return ref.tag === 'latest' ? { ...ref, tag: '' } : ref;
}

/** The reference without what the Docker daemon would assume anyway. */
export function daemonMinimal(ref: DockerImageReference): DockerImageReference {
  const registry = isDockerHub(ref.registry) ? HUB : ref.registry;
  const namespace = isDockerHub(registry) && ref.namespace === 'library' ? '' : ref.namespace;
  return minimal({ ...ref, registry, namespace });
}

/** The reference without its tag if it has a digest; an id that is no digest becomes the tag if there is none. */
export function mostSpecific(ref: DockerImageReference): DockerImageReference {
  if (ref.id === '') {
    return ref;
  }
  if (digestFault(ref.id) === undefined) {
    return { ...ref, tag: '' };
  }
  return ref.tag === '' ? { ...ref, tag: ref.id, id: '' } : ref;
}

/** The reference without tag and id. */
export function asRepository(ref: DockerImageReference): DockerImageReference {
  return { ...ref, tag: '', id: '' };
}

/** The repository's name as its registry knows it: `namespace/name`. */
export function repositoryName(ref: DockerImageReference): string {
  return formatReference({ ...asRepository(ref), registry: '' });
}

/** The host that serves the reference's images: Docker Hub's names all mean registry-1.docker.io. */
export function registryHost(ref: DockerImageReference): string {
  return ref.registry === '' || isDockerHub(ref.registry) ? HUB_V2 : ref.registry;
}

/**
 * Host and port as registry policies compare them: without a port in the reference, 443, or 80 if `insecure`.
 * A reference without registry is at docker.io, one that names Docker Hub at registry-1.docker.io: as in OpenShift.
 */
export function registryHostPort(
  ref: DockerImageReference,
  insecure: boolean,
): { readonly host: string; readonly port: string } {
  const host = ref.registry === '' ? HUB : registryHost(ref);
  const colon = host.indexOf(':');
  if (colon === -1) {
    return { host, port: insecure ? '80' : '443' };
  }
  // Two colons happen only in a registry that swallowed a digest; Go's SplitHostPort yields nothing for it.
  return colon === host.lastIndexOf(':')
    ? { host: host.slice(0, colon), port: host.slice(colon + 1) }
    : { host: '', port: '' };
}

/** Whether two references mean the same once a Docker client's defaults are filled in. */
export function sameReference(a: DockerImageReference, b: DockerImageReference): boolean {
  const [x, y] = [dockerClientDefaults(a), dockerClientDefaults(b)];
  return (
    x.registry === y.registry && x.namespace === y.namespace && x.name === y.name && x.tag === y.tag && x.id === y.id
  );
}
