/** Objects of image.openshift.io/v1 that are about streams, as they go over the wire. */
import type { Image } from '../images/image.ts';
import type { KubeObject } from '../objects/object.ts';

export interface ObjectReference {
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiVersion?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

export interface TagImportPolicy {
  insecure?: boolean;
  scheduled?: boolean;
  importMode?: string;
}

export interface TagReferencePolicy {
  /** `Source` or `Local`. */
  type: string;
}

/** An entry of spec.tags: where a tag takes its image from. */
export interface TagReference {
  name: string;
  annotations?: Record<string, string> | null;
  from?: ObjectReference;
  reference?: boolean;
  generation?: number | null;
  importPolicy?: TagImportPolicy;
  referencePolicy?: TagReferencePolicy;
}

/** An entry of a tag's history. */
export interface TagEvent {
  created: string | null;
  dockerImageReference: string;
  /** The Image's name; '' for a reference that was not imported. */
  image: string;
  generation: number;
}

export interface TagEventCondition {
  type: string;
  status: string;
  lastTransitionTime?: string | null;
  reason?: string;
  message?: string;
  generation: number;
}

/** A tag's history, newest first. */
export interface NamedTagEventList {
  tag: string;
  items: TagEvent[] | null;
  conditions?: TagEventCondition[];
}

export interface ImageLookupPolicy {
  local: boolean;
}

export interface ImageStreamSpec {
  lookupPolicy?: ImageLookupPolicy;
  dockerImageRepository?: string;
  tags?: TagReference[];
}

export interface ImageStreamStatus {
  dockerImageRepository: string;
  publicDockerImageRepository?: string;
  tags?: NamedTagEventList[];
}

export interface ImageStream extends KubeObject {
  spec?: ImageStreamSpec;
  status?: ImageStreamStatus;
}

export interface ImageStreamImage extends KubeObject {
  image: Image;
}

export interface ImageStreamTag extends KubeObject {
  tag: TagReference | null;
  generation: number;
  lookupPolicy: ImageLookupPolicy;
  conditions?: TagEventCondition[];
  image: Image;
}

export interface ImageStreamMapping extends KubeObject {
  image: Image;
  tag: string;
}

export interface ImageBlobReferences {
  imageMissing: boolean;
  /** From the base up; null if there are none. */
  layers: string[] | null;
  config: string | null;
  manifests?: string[];
}

export interface ImageLayerData {
  /** Bytes; null when not known. */
  size: number | null;
  mediaType: string;
}

export interface ImageStreamLayers extends KubeObject {
  blobs: Record<string, ImageLayerData>;
  images: Record<string, ImageBlobReferences>;
}

/** A tag as it should be and as it is. Absent parts are printed as null. */
export interface ImageTag extends KubeObject {
  spec: TagReference | null;
  status: NamedTagEventList | null;
  /** null if there is none, and in lists. */
  image: Image | null;
}

/** How one step of an import went: a Status without kind and apiVersion. */
export interface ImportOutcome {
  metadata: Record<string, never>;
  status?: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    causes?: { reason?: string; message?: string; field?: string }[];
    retryAfterSeconds?: number;
  };
  /** HTTP status. */
  code?: number;
}

export interface RepositoryImportSpec {
  from: ObjectReference;
  importPolicy?: TagImportPolicy;
  referencePolicy?: TagReferencePolicy;
  includeManifest?: boolean;
}

export interface ImageImportSpec {
  from: ObjectReference;
  /** The tag that is set; left out, the one in from. Without either, the image is only looked up. */
  to?: { name?: string };
  importPolicy?: TagImportPolicy;
  referencePolicy?: TagReferencePolicy;
  includeManifest?: boolean;
}

export interface ImageImportStatus {
  status: ImportOutcome;
  image?: Image;
  /** The tag that was looked up; left out for a digest. */
  tag?: string;
  /** The children of a manifest list or index that was kept as such. */
  manifests?: Image[];
}

export interface RepositoryImportStatus {
  status: ImportOutcome;
  images?: ImageImportStatus[];
  additionalTags?: string[];
}

export interface ImageStreamImport extends KubeObject {
  spec: {
    /** Whether anything is stored. */
    import: boolean;
    repository?: RepositoryImportSpec;
    images?: ImageImportSpec[];
  };
  status: {
    import?: ImageStream;
    repository?: RepositoryImportStatus;
    images?: ImageImportStatus[];
  };
}
