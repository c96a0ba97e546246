/** Images of a few bytes, the same for the same seed: for tests that need many, and never run them. */
import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../src/image/mediatype.ts';

/** A manifest and the blobs that it names; an index has none. */
export interface TinyImage {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
}

/** An image with one layer for each number of bytes. */
export function tinyImage(seed: string, layerBytes: readonly number[] = [64], architecture = 'amd64'): TinyImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      created: '2024-01-01T00:00:00Z',
      config: { Env: [`SEED=${seed}`] },
    }),
  );
  const layers = layerBytes.map((bytes, index) => bytesOf(`${seed} ${index}`, bytes));
  const described = (mediaType: string, blob: Buffer) => ({ mediaType, digest: digestOf(blob), size: blob.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: described(OCI_CONFIG, config),
      layers: layers.map((layer) => described(OCI_LAYER, layer)),
    }),
  );
  return { digest: digestOf(manifest), mediaType: OCI_MANIFEST, manifest, blobs: [config, ...layers] };
}

/** An index of images; each is said to be for another variant of one architecture, or for those that are given. */
export function tinyIndex(children: readonly TinyImage[], architectures: readonly string[] = []): TinyImage {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: children.map(({ digest, mediaType, manifest: { length } }, index) => ({
        mediaType,
        digest,
        size: length,
        platform: platformOf(index, architectures[index]),
      })),
    }),
  );
  return { digest: digestOf(manifest), mediaType: OCI_INDEX, manifest, blobs: [] };
}

function platformOf(index: number, architecture: string | undefined): object {
  const os = 'linux';
  return architecture === undefined ? { architecture: 'arm', os, variant: `v${index}` } : { architecture, os };
}

/** Bytes that no compression shrinks, the same for the same seed. */
export function bytesOf(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}
