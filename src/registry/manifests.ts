/** Manifests: by tag or by digest, answered with the bytes and the type that were pushed. */

import type { Blobs } from '../blobs/blobs.ts';
import type { CachedBlobs } from '../blobs/cache.ts';
import { isLeased, leaseContent } from '../collecting/leases.ts';
import type { HttpResponse } from '../http/message.ts';
import { type Digest, digestAlgorithm, digestOf } from '../image/digest.ts';
import { type Manifest, manifestDigest, parseManifest } from '../image/manifest.ts';
import { isSchema1Type } from '../image/mediatype.ts';
import { isTag } from '../image/name.ts';
import { MANIFEST_BYTES, MANIFEST_TAG_PARAMETERS } from '../limits.ts';
import { endWith } from '../observe/answer.ts';
import type { Awaitable } from '../store/store.ts';
import { deleteManifest, deleteTag } from '../streams/deletion.ts';
import { pushManifest } from '../streams/push.ts';
import { type ManifestLink, repositoryExists, resolveDigest, resolveTag } from '../streams/repository.ts';
import { admit } from './admission.ts';
import { requireDigest, send, sendVerified } from './blobs.ts';
import { readBody } from './body.ts';
import { RegistryError } from './errors.ts';
import {
  API_VERSION,
  answerEmpty,
  contextOf,
  type Exchange,
  entityTag,
  type Target,
  unchanged,
  unlessRepositoryMissing,
} from './exchange.ts';
import { mayPush, permitDelete } from './permission.ts';

/** GET and HEAD of a manifest. Accept is not looked at: what was pushed is what is answered. */
export function getManifest(exchange: Exchange, target: Target): Awaitable<void> {
  const link = resolve(exchange, target);
  return link instanceof Promise
    ? link.then((found) => answerManifest(exchange, target, found))
    : answerManifest(exchange, target, link);
}

/** A reference with a colon is a digest; else it is a tag, and what cannot be a tag is just not there. */
function resolve(exchange: Exchange, { repo, last }: Target): Awaitable<ManifestLink | undefined> {
  if (last.includes(':')) return resolveDigest(exchange.services, repo, requireDigest(last));
  return isTag(last) ? resolveTag(exchange.services, repo, last) : undefined;
}

function answerManifest(exchange: Exchange, target: Target, link: ManifestLink | undefined): Awaitable<void> {
  if (!link) return refuseUnknown(exchange, target);
  const { req, res, services } = exchange;
  if (req.headers['if-none-match'] !== undefined && unchanged(req, link.digest)) {
    return answerEmpty(exchange, 304, { 'Docker-Content-Digest': link.digest, ETag: entityTag(link.digest) });
  }
  if (req.method === 'HEAD') {
    // Whoever asks by digest may be about to push an index that names it.
    return target.last.includes(':') ? answerLeasedHead(exchange, target, link.digest) : answerHead(res, link);
  }
  const blobs: Blobs & Partial<Pick<CachedBlobs, 'peek'>> = services.blobs;
  const bytes = blobs.peek?.(link.digest);
  if (!bytes) return readManifest(exchange, target, link);
  res.writeHead(200, manifestHeaders(link));
  endWith(res, bytes);
}

async function answerLeasedHead(exchange: Exchange, target: Target, digest: Digest): Promise<void> {
  const { services } = exchange;
  if (!isLeased(services, digest) && (await mayPush(exchange, target.repo))) await leaseContent(services, digest);
  const link = await resolveDigest(exchange.services, target.repo, digest);
  if (!link) return refuseUnknown(exchange, target);
  answerHead(exchange.res, link);
}

function answerHead(res: HttpResponse, link: ManifestLink): void {
  res.writeHead(200, manifestHeaders(link));
  res.end();
}

/** Flat, name after name and value: Node takes that as it is, where an object is walked and copied. */
function manifestHeaders(link: ManifestLink): string[] {
  return [
    'Docker-Distribution-Api-Version',
    API_VERSION,
    'Content-Type',
    link.mediaType,
    'Content-Length',
    String(link.size),
    'Docker-Content-Digest',
    link.digest,
    'ETag',
    entityTag(link.digest),
  ];
}

async function readManifest(exchange: Exchange, target: Target, link: ManifestLink): Promise<void> {
  const body = await exchange.services.blobs.read(link.digest);
  if (!body) {
    const message = `${target.last} is an image of ${target.name}, but its manifest is not kept in this registry`;
    throw new RegistryError('MANIFEST_UNKNOWN', message, { detail: { digest: link.digest } });
  }
  // The digest of schema 1 is not that of all its bytes.
  if (isSchema1Type(link.mediaType)) await send(exchange, 200, manifestHeaders(link), body);
  else await sendVerified(exchange, manifestHeaders(link), body, link.digest);
}

function refuseUnknown(exchange: Exchange, target: Target): Promise<never> {
  return unlessRepositoryMissing(repositoryExists(exchange.services, target.repo), target, manifestUnknown(target));
}

function manifestUnknown(target: Target): RegistryError {
  const what = target.last.includes(':') ? 'manifest' : 'tag';
  return new RegistryError('MANIFEST_UNKNOWN', `there is no ${what} ${target.last} in ${target.name}`, {
    detail: { name: target.name, reference: target.last },
  });
}

/** PUT of a manifest, by tag, or by digest with any number of `?tag=`. */
export async function putManifest(exchange: Exchange, target: Target): Promise<void> {
  const { req } = exchange;
  const byDigest = target.last.includes(':') ? requireDigest(target.last) : undefined;
  if (byDigest === undefined) requireTag(target.last);
  const parameters = tagParameters(exchange.query, byDigest !== undefined);
  const ctx = contextOf(exchange);
  await admit(exchange, target);
  const bytes = await readBody(exchange, MANIFEST_BYTES, 'MANIFEST_INVALID');
  if (byDigest !== undefined) checkBytes(bytes, byDigest);
  const manifest = parseManifest(bytes, req.headers['content-type']);
  const digest = digestFor(bytes, manifest, byDigest);
  const tags = byDigest === undefined ? [target.last] : parameters;
  if (tags.length === 0) await pushManifest(ctx, target.repo, { digest, manifest, bytes });
  for (const tag of tags) await pushManifest(ctx, target.repo, { tag, digest, manifest, bytes });
  answerEmpty(exchange, 201, {
    Location: `/v2/${target.name}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    ...(manifest.subject && { 'OCI-Subject': manifest.subject.digest }),
    ...(parameters.length > 0 && { 'OCI-Tag': parameters.join(', ') }),
  });
}

/** The digest of schema 1 leaves out its signatures, so it can only be checked once the manifest is parsed. */
function digestFor(bytes: Buffer, manifest: Manifest, asked: Digest | undefined): Digest {
  if (!isSchema1Type(manifest.mediaType)) return asked ?? digestOf(bytes);
  const digest = manifestDigest(bytes, manifest.mediaType);
  if (asked !== undefined && asked !== digest) throw mismatch(asked, digest);
  return digest;
}

/** Bytes that are not what the digest says may be anything: that is said before anything else about them. */
function checkBytes(bytes: Buffer, digest: Digest): void {
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest && !bytes.includes('"signatures"')) throw mismatch(digest, actual);
}

function mismatch(asked: Digest, actual: Digest): RegistryError {
  return new RegistryError('DIGEST_INVALID', `the manifest has digest ${actual}, not ${asked}`, {
    detail: { digest: asked, actual },
  });
}

function tagParameters(query: string, byDigest: boolean): readonly string[] {
  if (query === '') return [];
  const tags = [...new Set(new URLSearchParams(query).getAll('tag'))];
  if (tags.length === 0) return tags;
  if (!byDigest) {
    throw new RegistryError('TAG_INVALID', '?tag= goes with a digest; put the manifest by its digest, or by one tag');
  }
  if (tags.length > MANIFEST_TAG_PARAMETERS) {
    const message = `${tags.length} tags are too many for one push; at most ${MANIFEST_TAG_PARAMETERS} are set at once`;
    throw new RegistryError('TAG_INVALID', message, { status: 414 });
  }
  for (const tag of tags) requireTag(tag);
  return tags;
}

function requireTag(text: string): void {
  if (isTag(text)) return;
  const message = `${JSON.stringify(text)} is not a tag; use a letter, digit or "_", then at most 127 of these, "." and "-"`;
  throw new RegistryError('TAG_INVALID', message, { detail: { tag: text } });
}

/** DELETE of a tag (only that name goes) or of a manifest (with all tags that point to it). */
export async function deleteReference(exchange: Exchange, target: Target): Promise<void> {
  const { repo, last } = target;
  const digest = last.includes(':') ? requireDigest(last) : undefined;
  const tag = digest === undefined && isTag(last) ? last : undefined;
  await permitDelete(exchange, target, tag);
  const ctx = contextOf(exchange);
  const removed =
    digest !== undefined
      ? await deleteManifest(ctx, repo, digest)
      : tag !== undefined && (await deleteTag(ctx, repo, tag));
  if (!removed) return refuseUnknown(exchange, target);
  answerEmpty(exchange, 202);
}
