/** For tests: another registry on 127.0.0.1, small, with everything in memory, that does as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Digest, digestOf } from '../src/image/digest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from '../src/image/mediatype.ts';

/** A manifest as the upstream serves it. */
export interface Content {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly mediaType: string;
}

export interface ImageOptions {
  readonly docker?: boolean;
  readonly architecture?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Upstream extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** `METHOD path?query` of every request, in order. */
  readonly requests: string[];
  /** The Authorization header of every request; '' where there is none. */
  readonly authorizations: string[];
  /** Called with each request before it is answered; true if it has answered. */
  intercept: ((req: IncomingMessage, res: ServerResponse, url: URL) => boolean) | undefined;
  /** Puts an image under a tag (or, with null, under its digest only). Images of other seeds are other images. */
  addImage(repository: string, tag: string | null, seed: string, options?: ImageOptions): Content;
  /** Puts an index of images that were added. */
  addIndex(repository: string, tag: string, children: readonly { content: Content; platform?: object }[]): Content;
  addManifest(repository: string, tag: string | null, bytes: Buffer, mediaType: string): Content;
  addBlob(bytes: Buffer): Digest;
}

/** Answers a request as registries tell errors. */
export function refuse(
  res: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers?: OutgoingHttpHeaders,
): true {
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  res.end(JSON.stringify({ errors: [{ code, message }] }));
  return true;
}

/** Starts an upstream; it ends when it is disposed of. */
export async function startUpstream(): Promise<Upstream> {
  const repositories = new Map<string, Map<string, Content>>();
  const blobs = new Map<string, Buffer>();
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://upstream.test');
    upstream.requests.push(`${req.method} ${url.pathname}${url.search}`);
    upstream.authorizations.push(req.headers.authorization ?? '');
    if (upstream.intercept?.(req, res, url)) return;
    answer(res, url, repositories, blobs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const addManifest: Upstream['addManifest'] = (repository, tag, bytes, mediaType) => {
    const content: Content = { digest: digestOf(bytes), bytes, mediaType };
    const manifests = repositories.get(repository) ?? new Map<string, Content>();
    repositories.set(repository, manifests);
    manifests.set(content.digest, content);
    if (tag !== null) manifests.set(tag, content);
    return content;
  };
  const addBlob: Upstream['addBlob'] = (bytes) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const upstream: Upstream = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    authorizations: [],
    intercept: undefined,
    addManifest,
    addBlob,
    addImage: (repository, tag, seed, options = {}) => {
      const { manifest, config, layer, mediaType } = imageOf(seed, options);
      addBlob(config);
      addBlob(layer);
      return addManifest(repository, tag, manifest, mediaType);
    },
    addIndex: (repository, tag, children) => {
      const manifests = children.map(({ content: { digest, mediaType, bytes }, platform }) => ({
        ...{ mediaType, digest, size: bytes.length },
        ...(platform && { platform }),
      }));
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
      return addManifest(repository, tag, Buffer.from(JSON.stringify(index)), OCI_INDEX);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return upstream;
}

function imageOf(seed: string, { docker = false, architecture = 'amd64', labels }: ImageOptions) {
  const layer = Buffer.from(`layer of ${seed}`);
  const settings = { Env: [`SEED=${seed}`], ...(labels && { Labels: labels }) };
  const created = '2024-05-06T07:08:09Z';
  const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', created, config: settings }));
  const mediaType = docker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const descriptor = (type: string, bytes: Buffer) => ({
    mediaType: type,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptor(docker ? DOCKER_CONFIG : OCI_CONFIG, config),
    layers: [descriptor(OCI_LAYER, layer)],
  };
  return { manifest: Buffer.from(JSON.stringify(manifest)), config, layer, mediaType };
}

function answer(
  res: ServerResponse,
  url: URL,
  repositories: ReadonlyMap<string, ReadonlyMap<string, Content>>,
  blobs: ReadonlyMap<string, Buffer>,
): void {
  res.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
  if (url.pathname === '/v2/') return void res.end('{}');
  const [, repository = '', kind = '', reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
  const manifests = repositories.get(repository);
  if (kind === 'tags') {
    if (!manifests) return void refuse(res, 404, 'NAME_UNKNOWN', 'repository name not known to registry');
    const tags = [...manifests.keys()].filter((name) => !name.includes(':')).sort();
    return void res.end(JSON.stringify({ name: repository, tags }));
  }
  if (kind === 'blobs') {
    const blob = blobs.get(reference);
    if (!blob) return void refuse(res, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    res.setHeader('Content-Length', blob.length);
    return void res.end(blob);
  }
  const content = manifests?.get(reference);
  if (!content) return void refuse(res, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  res.setHeader('Content-Type', content.mediaType);
  res.setHeader('Docker-Content-Digest', content.digest);
  res.end(content.bytes);
}
