/**
 * Signatures of images as OpenShift's registry gives and takes them: `/extensions/v2/<name>/signatures/<digest>`. Skopeo
 * and podman use it where the registry says `X-Registry-Supports-Signatures`.
 */

import { isJsonObject, JsonInvalid, parseJson } from '../image/json.ts';
import { IMAGE_API, type ImageSignature } from '../images/image.ts';
import { imageSignatures } from '../images/imagesignatures.ts';
import { SIGNATURE_BODY_BYTES } from '../limits.ts';
import { isProblem } from '../objects/errors.ts';
import { findImage } from '../streams/layers.ts';
import { resolveDigest } from '../streams/repository.ts';
import { requireDigest } from './blobs.ts';
import { readBody } from './body.ts';
import { RegistryError } from './errors.ts';
import { answerEmpty, answerJson, contextOf, type Exchange, type Target } from './exchange.ts';
import { permitSigning } from './permission.ts';

/** What skopeo and podman look for in the answer to a ping. */
export const SUPPORTS_SIGNATURES = { 'X-Registry-Supports-Signatures': '1' };

const VERSION = 2;
const TYPE = 'AtomicImageV1';

/** GET: all signatures of an image of the repository; none is an empty list. */
export async function listSignatures(exchange: Exchange, target: Target): Promise<void> {
  const digest = requireDigest(target.last);
  if (!(await resolveDigest(exchange.services, target.repo, digest))) return answerEmpty(exchange, 404);
  const image = await findImage(exchange.services, digest);
  const signatures = (image?.signatures ?? []).map(({ metadata, type, content }) => {
    return { schemaVersion: VERSION, name: metadata.name ?? '', type, content };
  });
  answerJson(exchange, JSON.stringify({ signatures }));
}

/** PUT: adds one, with the caller's own right to do so. */
export async function putSignature(exchange: Exchange, target: Target): Promise<void> {
  const digest = requireDigest(target.last);
  await permitSigning(exchange, target);
  const signature = readSignature(await readBody(exchange, SIGNATURE_BODY_BYTES, 'SIGNATURE_INVALID'), digest);
  try {
    await imageSignatures.computed?.create?.(contextOf(exchange), '', signature);
  } catch (error) {
    if (isProblem(error, 'NotFound')) return answerEmpty(exchange, 404);
    if (isProblem(error, 'AlreadyExists')) {
      const message = `the image has the signature ${signature.metadata.name} already, or one with the same content`;
      throw new RegistryError('SIGNATURE_EXISTS', message);
    }
    if (isProblem(error, 'Invalid') || isProblem(error, 'BadRequest')) throw invalid(error.message);
    throw error;
  }
  answerEmpty(exchange, 201);
}

function readSignature(body: Buffer, digest: string): ImageSignature {
  const given = parse(body);
  if (given.schemaVersion !== VERSION) throw invalid(`schemaVersion must be ${VERSION}`);
  const { name, type = '', content } = given;
  if (typeof name !== 'string' || typeof type !== 'string' || typeof content !== 'string') {
    throw invalid('name, type and content must be text');
  }
  if (!name.startsWith(`${digest}@`)) throw invalid(`name must be ${digest}@ and a name of its own`);
  return { kind: 'ImageSignature', apiVersion: IMAGE_API, metadata: { name }, type: type || TYPE, content };
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const given = parseJson(body);
    if (isJsonObject(given)) return given;
  } catch (error) {
    if (!(error instanceof JsonInvalid)) throw error;
    throw invalid(`not valid JSON: ${error.message}`);
  }
  throw invalid('must be a JSON object');
}

function invalid(reason: string): RegistryError {
  return new RegistryError('SIGNATURE_INVALID', `signature: ${reason}`);
}
