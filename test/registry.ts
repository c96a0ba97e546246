/** The acts of the OCI distribution protocol, one request each. */

import type http from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { digestOf } from '../src/image/digest.ts';
import { type Answer, type Ask, ask, json } from './http.ts';

/** A registry and who asks it. */
export interface Registry {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly token: string;
  readonly agent?: http.Agent;
}

/** Asks for a path below `/v2/`, or a Location that was answered. */
export function askRegistry(registry: Registry, path: string, options: Ask = {}): Promise<Answer> {
  const headers: OutgoingHttpHeaders = { Authorization: `Bearer ${registry.token}`, ...options.headers };
  const url = new URL(path.startsWith('/') || /^https?:/.test(path) ? path : `/v2/${path}`, registry.url);
  return ask(url, { ...options, headers, ...(registry.agent && { agent: registry.agent }) });
}

/** Begins an upload; resolves to its Location. @throws {Unexpected} */
export async function beginUpload(registry: Registry, repository: string): Promise<string> {
  const begun = await askRegistry(registry, `${repository}/blobs/uploads/`, { method: 'POST' });
  return locationOf(begun, 202);
}

/** Uploads a blob in one request. @throws {Unexpected} */
export async function uploadWhole(registry: Registry, repository: string, bytes: Buffer): Promise<void> {
  const path = `${repository}/blobs/uploads/?digest=${digestOf(bytes)}`;
  const headers = { 'Content-Type': 'application/octet-stream' };
  expectStatus(await askRegistry(registry, path, { method: 'POST', headers, body: bytes }), 201);
}

/** Uploads a blob in pieces of so many bytes. @throws {Unexpected} */
export async function uploadInPieces(
  registry: Registry,
  repository: string,
  bytes: Buffer,
  pieceBytes: number,
): Promise<void> {
  let location = await beginUpload(registry, repository);
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    location = await appendTo(registry, location, start, bytes.subarray(start, start + pieceBytes));
  }
  await finishUpload(registry, location, digestOf(bytes));
}

/** Adds a piece to an upload; resolves to the Location to go on with. @throws {Unexpected} */
export async function appendTo(registry: Registry, location: string, start: number, piece: Buffer): Promise<string> {
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Content-Range': `${start}-${start + piece.length - 1}`,
  };
  return locationOf(await askRegistry(registry, location, { method: 'PATCH', headers, body: piece }), 202);
}

/** Makes an upload a blob. @throws {Unexpected} */
export async function finishUpload(registry: Registry, location: string, digest: string): Promise<void> {
  const url = new URL(location, registry.url);
  url.searchParams.set('digest', digest);
  expectStatus(await askRegistry(registry, url.href, { method: 'PUT', body: '' }), 201);
}

/** Pushes a manifest by tag or digest. @throws {Unexpected} */
export async function putManifest(
  registry: Registry,
  repository: string,
  reference: string,
  bytes: Buffer,
  mediaType: string,
): Promise<void> {
  const headers = { 'Content-Type': mediaType };
  const path = `${repository}/manifests/${reference}`;
  expectStatus(await askRegistry(registry, path, { method: 'PUT', headers, body: bytes }), 201);
}

/** An answer with another status than the test needs. */
export class Unexpected extends Error {
  override name = 'Unexpected';
  readonly answer: Answer;
  constructor(answer: Answer, wanted: number) {
    super(`the server answered ${answer.status}, not ${wanted}: ${answer.body.toString('utf8', 0, 2000)}`);
    this.answer = answer;
  }
}

/** Passes an answer on. @throws {Unexpected} if its status is another. */
export function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Unexpected(answer, status);
  return answer;
}

function locationOf(answer: Answer, status: number): string {
  const { location } = expectStatus(answer, status).headers;
  if (location === undefined) throw new Error('the answer has no Location');
  return location;
}

/** What a manifest refers to: of an image `config` and `layers`, of an index `manifests`. */
export interface ManifestSeen {
  readonly digest: string;
  readonly mediaType?: string;
  readonly config?: { readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly manifests: readonly { readonly digest: string; readonly artifactType?: string }[];
}

/** The manifest that `REPOSITORY:TAG` or `REPOSITORY@DIGEST` leads to. @throws {Unexpected} */
export async function manifestOf(registry: Registry, reference: string): Promise<ManifestSeen> {
  const [, repository, last] = /^([^:@]*)[:@](.+)$/.exec(reference) ?? [];
  const answer = expectStatus(await askRegistry(registry, `${repository}/manifests/${last}`), 200);
  const digest = String(answer.headers['docker-content-digest']);
  return { ...(json(answer) as Omit<ManifestSeen, 'digest'>), digest };
}

/** What refers to a manifest. @throws {Unexpected} */
export async function referrersOf(
  registry: Registry,
  repository: string,
  digest: string,
): Promise<ManifestSeen['manifests']> {
  const answer = expectStatus(await askRegistry(registry, `${repository}/referrers/${digest}`), 200);
  return (json(answer) as ManifestSeen).manifests;
}

/** The status of a HEAD. */
export async function statusOf(registry: Registry, path: string): Promise<number> {
  return (await askRegistry(registry, path, { method: 'HEAD' })).status;
}
