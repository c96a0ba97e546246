/** One request and its answer: what the acts of the registry are given. */

import type { OutgoingHttpHeaders } from 'node:http';
import type { User } from '../access/user.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Digest } from '../image/digest.ts';
import type { Context, Services } from '../objects/context.ts';
import { endWith } from '../observe/answer.ts';
import type { Awaitable } from '../store/store.ts';
import type { RepositoryName } from '../streams/repository.ts';
import type { Pace } from './body.ts';
import { nameUnknown } from './errors.ts';

/** Who is calling, and by which address. */
export interface RegistryAccess {
  /**
   * The caller, or undefined for nobody in particular (no credential).
   * @throws {DomainError} Unauthorized for a credential that is not good.
   */
  identify(req: HttpRequest): Awaitable<User | undefined>;
  /**
   * What the token endpoint gives for a credential.
   * @throws {DomainError} Unauthorized; TooManyRequests for who has guessed too often.
   */
  grant(credential: RegistryCredential): Promise<RegistryGrant>;
  /** Scheme and authority by which the client reached the server: `https://host:port`, without a slash at the end. */
  publicUrl(req: HttpRequest): string;
}

/** A name and a password, or a token with any name. */
export interface RegistryCredential {
  readonly name: string;
  readonly secret: string;
  /** Where it comes from. */
  readonly address: string;
  /** Whether the client wants something that it can keep instead of a password. */
  readonly offline: boolean;
}

/** What a registry client sends as its bearer token from then on. */
export interface RegistryGrant {
  readonly token: string;
  /** Seconds after which it should ask again. */
  readonly seconds: number;
  /** What it may keep to ask for further tokens, if it wanted that. */
  readonly refreshToken?: string;
}

export interface Exchange {
  readonly services: Services;
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly pace: Pace;
  /** What follows the question mark, not decoded. */
  readonly query: string;
  readonly user: User;
  /** Nobody has authenticated: a refusal is a challenge. */
  readonly anonymous: boolean;
  /** Set once something is to be told beside the answer; sent as Warning headers. */
  warnings: string[] | undefined;
}

/** The repository that a request is about. */
export interface Target {
  readonly repo: RepositoryName;
  /** Its name as the client wrote it: that is how it goes into answers. */
  readonly name: string;
  /** What stands last in the path: tag, digest or upload id, not yet checked. */
  readonly last: string;
}

export const API_VERSION = 'registry/2.0';

/** Bytes of all Warning headers of one answer (OCI specification). */
const WARNING_BYTES = 4096;

/** The domain's view of a request that changes something. */
export function contextOf(exchange: Exchange): Context {
  return {
    ...exchange.services,
    user: exchange.user,
    dryRun: false,
    fieldManager: 'registry',
    warn: (text) => {
      exchange.warnings ??= [];
      exchange.warnings.push(text);
    },
  };
}

/** Answers without a body. */
export function answerEmpty(exchange: Exchange, status: number, headers: OutgoingHttpHeaders = {}): void {
  const length = status === 204 || status === 304 ? {} : { 'Content-Length': 0 };
  exchange.res.writeHead(status, {
    'Docker-Distribution-Api-Version': API_VERSION,
    ...length,
    ...headers,
    ...warningHeaders(exchange),
  });
  exchange.res.end();
}

/** Answers 200 with JSON; a HEAD gets the headers of the same. */
export function answerJson(exchange: Exchange, text: string, headers: OutgoingHttpHeaders = {}): void {
  const body = Buffer.from(text);
  exchange.res.writeHead(200, {
    'Docker-Distribution-Api-Version': API_VERSION,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...headers,
    ...warningHeaders(exchange),
  });
  endWith(exchange.res, body);
}

/** `Warning: 299 - "text"`, as the OCI specification has it, one header for each. */
function warningHeaders(exchange: Exchange): OutgoingHttpHeaders {
  if (!exchange.warnings) return {};
  const values: string[] = [];
  let left = WARNING_BYTES;
  for (const warning of exchange.warnings) {
    const value = `299 - "${warning.replaceAll(/[^\x20-\x7e]+/g, ' ').replaceAll(/["\\]/g, '\\$&')}"`;
    left -= value.length;
    if (left < 0) break;
    values.push(value);
  }
  return { Warning: values };
}

/** Where a blob of the repository is. */
export function blobLocation(target: Target, digest: Digest): string {
  return `/v2/${target.name}/blobs/${digest}`;
}

/** The entity tag of content that has a digest. */
export function entityTag(digest: Digest): string {
  return `"${digest}"`;
}

/** Whether the client has the content already (If-None-Match). */
export function unchanged(req: HttpRequest, digest: Digest): boolean {
  const header = req.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const tag = entityTag(digest);
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === tag);
}

/** Says that a repository does not exist if that is so, else throws what is given. */
export async function unlessRepositoryMissing(
  exists: Awaitable<boolean>,
  target: Target,
  otherwise: Error,
): Promise<never> {
  throw (await exists) ? otherwise : nameUnknown(target.name);
}
