/** The Image object of image.openshift.io/v1, as it goes over the wire. */
import type { KubeObject, ObjectMeta } from '../objects/object.ts';

export const IMAGE_GROUP = 'image.openshift.io';
export const IMAGE_VERSION = 'v1';
export const IMAGE_API = `${IMAGE_GROUP}/${IMAGE_VERSION}`;

/** On an Image: its layers are listed base first. */
export const LAYERS_ORDER_ANNOTATION = 'image.openshift.io/dockerLayersOrder';
/** On an Image: manifest and config are not kept in the object, since a registry has them as blobs. */
export const MANIFEST_BLOB_STORED_ANNOTATION = 'image.openshift.io/manifestBlobStored';
/** On an Image: it was pushed to this registry. */
export const MANAGED_ANNOTATION = 'openshift.io/image.managed';
/** On a signature: it was fetched by a controller; not kept on create. */
export const MANAGED_SIGNATURE_ANNOTATION = 'image.openshift.io/managed-signature';

export interface ImageLayer {
  /** The blob's digest. */
  name: string;
  /** Bytes. */
  size: number;
  mediaType: string;
}

/** A child of a manifest list or index. */
export interface ImageManifest {
  digest: string;
  mediaType: string;
  /** Bytes. */
  manifestSize: number;
  architecture: string;
  os: string;
  variant?: string;
}

export interface SignatureCondition {
  type: string;
  status: string;
  lastProbeTime?: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface SignatureSubject {
  organization?: string;
  commonName?: string;
  publicKeyID?: string;
}

export interface ImageSignature {
  kind?: string;
  apiVersion?: string;
  metadata: ObjectMeta;
  type: string;
  /** Base64. */
  content: string;
  conditions?: SignatureCondition[];
  imageIdentity?: string;
  signedClaims?: Record<string, string>;
  created?: string;
  issuedBy?: SignatureSubject;
  issuedTo?: SignatureSubject;
}

export interface Image extends KubeObject {
  dockerImageReference?: string;
  /** A DockerImage object (image/metadata.ts). */
  dockerImageMetadata?: unknown;
  dockerImageMetadataVersion?: string;
  dockerImageManifest?: string;
  dockerImageLayers?: ImageLayer[];
  signatures?: ImageSignature[];
  dockerImageSignatures?: string[];
  dockerImageManifestMediaType?: string;
  dockerImageConfig?: string;
  dockerImageManifests?: ImageManifest[];
}
