/** Docker's schema 1 manifests: still read, never written. */
import { MANIFEST_LAYERS } from '../limits.ts';
import { ManifestInvalid, readDigest, readList, readString } from './descriptor.ts';
import { type Digest, digestOf } from './digest.ts';
import { isJsonObject, JsonInvalid, type JsonObject, parseJson } from './json.ts';

/** One layer of a schema 1 manifest with the image that ended in it. */
export interface Schema1Layer {
  readonly digest: Digest;
  /** The decoded `v1Compatibility`. */
  readonly v1: JsonObject;
}

/** What a schema 1 manifest says. */
export interface Schema1Content {
  readonly name: string;
  readonly tag: string;
  readonly architecture: string;
  /** The youngest first, as the manifest has them. */
  readonly layers: readonly Schema1Layer[];
}

/**
 * The content of a schema 1 manifest. Its signatures are not looked at.
 *
 * @throws {ManifestInvalid}
 */
export function readSchema1(manifest: JsonObject): Schema1Content {
  const sums = readList(manifest.fsLayers, '/fsLayers', MANIFEST_LAYERS);
  const history = readList(manifest.history, '/history', MANIFEST_LAYERS);
  if (sums.length !== history.length) {
    throw new ManifestInvalid('', `has ${sums.length} fsLayers but ${history.length} history entries`);
  }
  if (sums.length === 0) {
    throw new ManifestInvalid('/fsLayers', 'is empty');
  }
  return {
    name: readString(manifest, 'name', '') ?? '',
    tag: readString(manifest, 'tag', '') ?? '',
    architecture: readString(manifest, 'architecture', '') ?? '',
    layers: sums.map((sum, index) => ({
      digest: readDigest(isJsonObject(sum) ? sum.blobSum : undefined, `/fsLayers/${index}/blobSum`),
      v1: readV1(history[index], `/history/${index}`),
    })),
  };
}

function readV1(entry: unknown, pointer: string): JsonObject {
  const text = isJsonObject(entry) ? readString(entry, 'v1Compatibility', pointer) : undefined;
  if (text === undefined) {
    throw new ManifestInvalid(`${pointer}/v1Compatibility`, 'is missing');
  }
  try {
    const value = parseJson(text);
    if (isJsonObject(value)) {
      return value;
    }
  } catch (error) {
    if (error instanceof JsonInvalid) {
      throw new ManifestInvalid(`${pointer}/v1Compatibility`, `is not JSON: ${error.message}`);
    }
    throw error;
  }
  throw new ManifestInvalid(`${pointer}/v1Compatibility`, 'must be a JSON object');
}

/**
 * The digest by which a schema 1 manifest is known: that of the bytes which were signed, without the signatures that were
 * woven in afterwards. Without signatures, or if they are malformed, it is the digest of all bytes.
 */
export function schema1Digest(bytes: Buffer): Digest {
  return digestOf(signedPayload(bytes) ?? bytes);
}

/** What was signed of a schema 1 manifest; undefined if it is not signed, or not well. */
export function signedPayload(bytes: Buffer): Buffer | undefined {
  try {
    const manifest = parseJson(bytes);
    const signatures = isJsonObject(manifest) ? manifest.signatures : undefined;
    const first: unknown = Array.isArray(signatures) ? signatures[0] : undefined;
    const encoded = isJsonObject(first) ? first.protected : undefined;
    const header = typeof encoded === 'string' ? parseJson(Buffer.from(encoded, 'base64url')) : undefined;
    const length = isJsonObject(header) ? header.formatLength : undefined;
    const tail = isJsonObject(header) ? header.formatTail : undefined;
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > bytes.length) {
      return undefined;
    }
    return typeof tail === 'string'
      ? Buffer.concat([bytes.subarray(0, length), Buffer.from(tail, 'base64url')])
      : undefined;
  } catch (error) {
    if (error instanceof JsonInvalid) {
      return undefined;
    }
    throw error;
  }
}
