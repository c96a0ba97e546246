/**
 * Manifests as OpenShift's API server reads them to describe an Image: with Go's JSON decoder, which lets pass much that a
 * registry refuses (see manifest.ts for that).
 */
import { decodeFields, type Field, FieldInvalid, field } from './fields.ts';
import { JsonInvalid, parseJson } from './json.ts';
import { baseMediaType, DOCKER_LIST, isIndexType } from './mediatype.ts';

/** One of `dockerImageManifests`: a child of a list. */
export interface SubManifest {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly manifestSize: number;
  /** '' if the list does not say; the API refuses such an Image. */
  readonly architecture: string;
  /** '' if the list does not say; the API refuses such an Image. */
  readonly os: string;
  readonly variant?: string;
}

const DESCRIPTOR: readonly Field[] = [
  field('mediaType', 'string'),
  field('size', 'integer'),
  field('digest', 'string'),
];

const MANIFEST: readonly Field[] = [
  field('schemaVersion', 'integer'),
  field('mediaType', 'string'),
  field('name', 'string'),
  field('tag', 'string'),
  field('architecture', 'string'),
  field('fsLayers', { list: [field('blobSum', 'string')] }),
  field('history', { list: [field('v1Compatibility', 'string')] }),
  field('layers', { list: DESCRIPTOR }),
  field('config', { object: DESCRIPTOR }),
];

export interface LooseDescriptor {
  readonly mediaType?: string;
  readonly size?: number;
  readonly digest?: string;
}

/** A manifest as Go reads it for this purpose: much is let pass that a registry would refuse. */
export interface LooseManifest {
  readonly schemaVersion?: number;
  readonly mediaType?: string;
  readonly fsLayers?: readonly { readonly blobSum?: string }[];
  readonly history?: readonly { readonly v1Compatibility?: string }[];
  readonly layers?: readonly LooseDescriptor[];
  readonly config?: LooseDescriptor;
}

/**
 * Reads a manifest of any kind.
 *
 * @throws {JsonInvalid} if it is not JSON.
 * @throws {FieldInvalid} if a member has another type than Go expects.
 */
export function readLooseManifest(text: string): LooseManifest {
  return decodeFields(parseJson(text), MANIFEST, 'folded') as LooseManifest;
}

const LIST: readonly Field[] = [
  field('schemaVersion', 'integer'),
  field('mediaType', 'string'),
  field('config', { object: [] }),
  field('layers', { list: [] }),
  field('annotations', 'labels'),
  field('manifests', {
    list: [
      ...DESCRIPTOR,
      field('urls', 'strings'),
      field('annotations', 'labels'),
      field('platform', {
        object: [
          field('architecture', 'string'),
          field('os', 'string'),
          field('os.version', 'string'),
          field('os.features', 'strings'),
          field('variant', 'string'),
          field('features', 'strings'),
        ],
      }),
    ],
  }),
];

interface LooseList {
  readonly mediaType?: string;
  readonly config?: object;
  readonly layers?: readonly object[];
  readonly manifests?: readonly (LooseDescriptor & {
    readonly platform?: { readonly architecture?: string; readonly os?: string; readonly variant?: string };
  })[];
}

/**
 * The children of a list whose declared media type says that it is one; undefined if it is none or cannot be read.
 */
export function childrenOfList(
  declared: string | undefined,
  text: string | undefined,
): readonly SubManifest[] | undefined {
  const mediaType = baseMediaType(declared ?? '');
  if (!text || !isIndexType(mediaType)) {
    return undefined;
  }
  let list: LooseList;
  try {
    list = decodeFields(parseJson(text), LIST, 'folded') as LooseList;
  } catch (error) {
    if (error instanceof JsonInvalid || error instanceof FieldInvalid) {
      return undefined;
    }
    throw error;
  }
  const contradicts = list.mediaType === undefined ? mediaType === DOCKER_LIST : list.mediaType !== mediaType;
  // A document that is image and list at once could show one thing to one client and another to the next.
  if (contradicts || list.config !== undefined || list.layers !== undefined) {
    return undefined;
  }
  return (list.manifests ?? []).map(({ digest = '', mediaType: type = '', size = 0, platform = {} }) => ({
    digest,
    mediaType: type,
    manifestSize: size,
    architecture: platform.architecture ?? '',
    os: platform.os ?? '',
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  }));
}
