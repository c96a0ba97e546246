/** Media types of manifests, configs and layers, and what they say about the content. */

export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
/** The type that OpenShift gives to the layers of schema 1, which names none. */
export const DOCKER_SCHEMA1_LAYER = 'application/vnd.docker.container.image.rootfs.diff+x-gtar';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
/** The config of artifacts that need none. */
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';

/** Every media type that a manifest may be pushed with. */
export const MANIFEST_TYPES: readonly string[] = [
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_LIST,
  DOCKER_SCHEMA1_SIGNED,
  DOCKER_SCHEMA1,
];

const RESTRICTED = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}';
const MEDIA_TYPE = new RegExp(`^${RESTRICTED}/${RESTRICTED}$`);

/** Whether the text is a media type by RFC 6838 §4.2, without parameters. */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

/** A media type without parameters, in lower case: media types do not tell case apart. */
export function baseMediaType(text: string): string {
  const semicolon = text.indexOf(';');
  return (semicolon === -1 ? text : text.slice(0, semicolon)).trim().toLowerCase();
}

/** Whether a manifest of this type is kept and looked into: image, index or schema 1. */
export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.includes(mediaType);
}

/** Whether the type is that of an image: Docker's schema 2 or OCI. */
export function isImageType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

/** Whether the type is that of a list of manifests: Docker's list or the OCI index. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

/** Whether the type is one of the two forms of Docker's schema 1. */
export function isSchema1Type(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED;
}

/** Whether the type is that of the config of a container image, and not of some other artifact. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === DOCKER_CONFIG || mediaType === OCI_CONFIG;
}

const LAYER =
  /^application\/vnd\.(?:docker\.image\.rootfs\.(?:foreign\.)?diff\.tar|oci\.image\.layer\.(?:nondistributable\.)?v1\.tar)(?:[.+].+)?$/;
const NONDISTRIBUTABLE =
  /^application\/vnd\.(?:docker\.image\.rootfs\.foreign\.diff\.tar|oci\.image\.layer\.nondistributable\.v1\.tar)(?:[.+].+)?$/;

/** Whether the type is that of a layer of a container image. */
export function isLayerType(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1_LAYER || LAYER.test(mediaType);
}

/** Whether layers of this type stay where their URLs point and are not pushed: foreign, nondistributable. */
export function isNondistributable(mediaType: string): boolean {
  return NONDISTRIBUTABLE.test(mediaType);
}
