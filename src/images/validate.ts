/** What is wrong with an Image or an ImageSignature, in the words of openshift-apiserver (pkg/image/apis/image/validation). */
import { isMediaType } from '../image/mediatype.ts';
import { parseReference, ReferenceInvalid } from '../image/reference.ts';
import { type FieldError, forbiddenField, invalidValue, required } from '../objects/errors.ts';
import { validateMeta } from '../objects/metadata.ts';
import type { ObjectMeta } from '../objects/object.ts';
import type { Image, ImageManifest, ImageSignature, SignatureCondition, SignatureSubject } from './image.ts';

/** The reference's pattern is not anchored: any text that holds a digest passes, and the shortest one is enough. */
const HOLDS_DIGEST = /[a-z0-9]:[a-zA-Z0-9=_-]/;
const TRUSTED = 'Trusted';
const FOR_IMAGE = 'ForImage';

/** Why a name cannot be a path segment (and so an Image's name); undefined if it can. */
export function pathSegmentFault(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`;
  for (const character of ['/', '%']) {
    if (name.includes(character)) return `may not contain '${character}'`;
  }
  return nulFault(name);
}

/** Why text cannot be part of a name that is kept: no key of a store holds NUL (OpenShift's can). */
export function nulFault(text: string): string | undefined {
  return text.includes('\0') ? 'may not contain a NUL character' : undefined;
}

/**
 * Errors of an update's metadata that are told once more than Kubernetes tells them today: openshift-apiserver is built with
 * older libraries, whose generic layer asks for everything again.
 */
export function commonMetadataErrors(metadata: ObjectMeta, namespaced: boolean): FieldError[] {
  return validateMeta({ ...metadata, finalizers: [] }, { namespaced, validateName: pathSegmentFault });
}

/** Errors of an Image without its metadata; `path` goes before each field, e.g. `image.`. */
export function validateImage(image: Image, path = ''): FieldError[] {
  const errors = validateReference(image.dockerImageReference ?? '', `${path}dockerImageReference`);
  for (const [index, signature] of (image.signatures ?? []).entries()) {
    errors.push(...validateSignature(signature, `${path}signatures[${index}].`));
  }
  const manifests = image.dockerImageManifests ?? [];
  for (const [index, manifest] of manifests.entries()) {
    errors.push(...validateManifest(manifest, `${path}dockerImageManifests[${index}].`));
  }
  const layers = image.dockerImageLayers ?? [];
  if (manifests.length > 0 && layers.length > 0) {
    // The value is printed by the names of Go's fields.
    const value = layers.map(({ name, size, mediaType }) => ({ Name: name, LayerSize: size, MediaType: mediaType }));
    const detail = 'dockerImageLayers should not be set when dockerImageManifests is set';
    errors.push(invalidValue(`${path}dockerImageLayers`, value, detail));
  }
  return errors;
}

function validateReference(reference: string, field: string): FieldError[] {
  if (reference === '') return [required(field)];
  const fault = referenceFault(reference);
  return fault === undefined ? [] : [invalidValue(field, reference, fault)];
}

/** Why text is no Docker image reference; undefined if it is one. */
export function referenceFault(reference: string): string | undefined {
  try {
    parseReference(reference);
    return undefined;
  } catch (error) {
    if (error instanceof ReferenceInvalid) return error.message;
    throw error;
  }
}

function validateManifest(manifest: ImageManifest, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!HOLDS_DIGEST.test(manifest.digest)) {
    errors.push(invalidValue(`${path}digest`, manifest.digest, 'digest does not conform with OCI image specification'));
  }
  if (!isMediaType(manifest.mediaType)) {
    errors.push(invalidValue(`${path}mediaType`, manifest.mediaType, 'media type does not conform to RFC6838'));
  }
  if (!manifest.architecture) errors.push(required(`${path}architecture`));
  if (!manifest.os) errors.push(required(`${path}os`));
  if (manifest.manifestSize < 0) {
    errors.push(invalidValue(`${path}size`, manifest.manifestSize, 'manifest size cannot be negative'));
  }
  return errors;
}

/** Errors of a signature inside an Image (`path` ends with a dot) or by itself (`path` is ''). */
export function validateSignature(signature: ImageSignature, path: string): FieldError[] {
  const errors = validateSignatureMetadata(signature, path);
  if (!signature.type) errors.push(required(`${path}type`));
  if (!signature.content) errors.push(required(`${path}content`));
  errors.push(...validateTrust(signature, path));
  return errors;
}

function validateSignatureMetadata({ metadata }: ImageSignature, path: string): FieldError[] {
  const rules = { namespaced: false, validateName: pathSegmentFault, field: `${path}metadata` };
  const errors = validateMeta(metadata, rules);
  if (Object.keys(metadata.labels ?? {}).length > 0) {
    errors.push(forbiddenField(`${path}metadata.labels`, 'signature labels cannot be set'));
  }
  if (Object.keys(metadata.annotations ?? {}).length > 0) {
    errors.push(forbiddenField(`${path}metadata.annotations`, 'signature annotations cannot be set'));
  }
  const name = metadata.name ?? '';
  const parts = name.split('@');
  if (parts.length !== 2 || !parts[0] || !parts[1]) {
    const detail = 'name must be of format <imageName>@<signatureName>';
    errors.push(invalidValue(`${path}metadata.name`, name, detail));
  }
  return errors;
}

/** Trusted and ForImage come together; what a signature claims may only stand there once it has been verified. */
function validateTrust(signature: ImageSignature, path: string): FieldError[] {
  const conditions = signature.conditions ?? [];
  const trusted = lastProbed(conditions, TRUSTED);
  const forImage = lastProbed(conditions, FOR_IMAGE);
  const errors: FieldError[] = [];
  if (trusted && !forImage) errors.push(missingCondition(conditions, FOR_IMAGE, path));
  if (forImage && !trusted) errors.push(missingCondition(conditions, TRUSTED, path));
  if (trusted && trusted.status !== 'Unknown') return errors;
  const claims = {
    imageIdentity: signature.imageIdentity,
    signedClaims: signature.signedClaims,
    issuedBy: signature.issuedBy && entityWords(signature.issuedBy),
    issuedTo: signature.issuedTo && {
      ...entityWords(signature.issuedTo),
      PublicKeyID: signature.issuedTo.publicKeyID,
    },
  };
  for (const [field, value] of Object.entries(claims)) {
    const set = typeof value === 'object' ? Object.keys(value).length > 0 : value;
    if (set) errors.push(invalidValue(path + field, value, 'must be unset for unknown signature state'));
  }
  return errors;
}

/** Errors show values as the reference's own types print them. */
function entityWords({ organization = '', commonName = '' }: SignatureSubject): object {
  return { Organization: organization, CommonName: commonName };
}

/** Of the conditions of a type the one that was probed last, or later in the list. */
function lastProbed(conditions: readonly SignatureCondition[], type: string): SignatureCondition | undefined {
  let last: SignatureCondition | undefined;
  for (const condition of conditions) {
    if (condition.type === type && (!last || probed(condition) >= probed(last))) last = condition;
  }
  return last;
}

function probed({ lastProbeTime }: SignatureCondition): number {
  return lastProbeTime ? Date.parse(lastProbeTime) : Number.NEGATIVE_INFINITY;
}

function missingCondition(conditions: readonly SignatureCondition[], type: string, path: string): FieldError {
  const value = conditions.map((condition) => ({
    Type: condition.type,
    Status: condition.status,
    LastProbeTime: condition.lastProbeTime ?? null,
    LastTransitionTime: condition.lastTransitionTime ?? null,
    Reason: condition.reason ?? '',
    Message: condition.message ?? '',
  }));
  return invalidValue(`${path}conditions`, value, `missing "${type}" condition type`);
}
