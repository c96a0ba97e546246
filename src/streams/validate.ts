/** What is wrong with an ImageStream or a tag, in the words of openshift-apiserver (pkg/image/apis/image/validation). */
import { parseReference, ReferenceInvalid } from '../image/reference.ts';
import { nulFault, pathSegmentFault, referenceFault } from '../images/validate.ts';
import { type FieldError, forbiddenField, invalidValue, required } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { historyErrors, type RegistryPolicy, sourceRefusal } from './registrypolicy.ts';
import type { ImageStream, NamedTagEventList, TagReference } from './types.ts';

const STREAM_NAME = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const REPOSITORY_CHARACTERS = 255;

/** Why a name cannot be a stream's; undefined if it can. */
export function streamNameFault(name: string): string | undefined {
  const fault = pathSegmentFault(name);
  if (fault !== undefined) return fault;
  return STREAM_NAME.test(name) ? undefined : 'must match "[a-z0-9]+(?:[._-][a-z0-9]+)*"';
}

/** Errors of a stream without its metadata. Its status is right but for where its images come from. */
export function validateStream(stream: ImageStream, policy: RegistryPolicy | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const repository = `${stream.metadata.namespace}/${nameOf(stream)}`;
  if (repository.length > REPOSITORY_CHARACTERS) {
    const detail = `'namespace/name' cannot be longer than ${REPOSITORY_CHARACTERS} characters`;
    errors.push(invalidValue('metadata.name', nameOf(stream), detail));
  }
  errors.push(...validateRepository(stream.spec?.dockerImageRepository ?? '', policy));
  for (const tag of stream.spec?.tags ?? []) {
    const path = `spec.tags[${tag.name}]`;
    errors.push(...tagNameErrors(tag.name, `${path}.name`), ...validateTag(tag, path, policy));
  }
  return policy ? [...errors, ...historyErrors(policy, stream)] : errors;
}

/** Errors of a tag's name, which may otherwise be any text (sic). */
export function tagNameErrors(name: string, field: string): FieldError[] {
  const fault = nulFault(name);
  return fault === undefined ? [] : [invalidValue(field, name, fault)];
}

function validateRepository(repository: string, policy: RegistryPolicy | undefined): FieldError[] {
  if (repository === '') return [];
  const field = 'spec.dockerImageRepository';
  try {
    const { tag, id } = parseReference(repository);
    const errors: FieldError[] = [];
    if (tag) errors.push(invalidValue(field, repository, 'the repository name may not contain a tag'));
    if (id) errors.push(invalidValue(field, repository, 'the repository name may not contain an ID'));
    const refused = errors.length === 0 && policy ? sourceRefusal(policy, repository, false) : undefined;
    return refused === undefined ? errors : [forbiddenField(field, refused)];
  } catch (error) {
    if (error instanceof ReferenceInvalid) return [invalidValue(field, repository, error.message)];
    throw error;
  }
}

/** Errors of a tag of a spec, of an ImageStreamTag (`path` is `tag`) or of an ImageTag (`spec`). */
export function validateTag(tag: TagReference, path: string, policy: RegistryPolicy | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const { from, importPolicy, referencePolicy } = tag;
  if (from) {
    const name = from.name ?? '';
    if (!name) errors.push(required(`${path}.from.name`));
    errors.push(...validateFrom(tag, from.kind ?? '', name, path, policy));
  }
  const type = referencePolicy?.type ?? '';
  if (type !== 'Source' && type !== 'Local') {
    const detail = 'valid values are "Source", "Local"';
    errors.push(invalidValue(`${path}.referencePolicy.type`, type, detail));
  }
  const mode = importPolicy?.importMode ?? '';
  if (mode !== '' && mode !== 'Legacy' && mode !== 'PreserveOriginal') {
    const detail = "invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'";
    errors.push(invalidValue(`${path}.importPolicy.importMode`, mode, detail));
  }
  return errors;
}

function validateFrom(
  tag: TagReference,
  kind: string,
  name: string,
  path: string,
  policy: RegistryPolicy | undefined,
): FieldError[] {
  switch (kind) {
    case 'DockerImage': {
      const fault = name ? referenceFault(name) : undefined;
      if (fault !== undefined) return [invalidValue(`${path}.from.name`, name, fault)];
      const refused = policy && sourceRefusal(policy, name, tag.importPolicy?.insecure);
      return refused === undefined ? [] : [forbiddenField(`${path}.from.name`, refused)];
    }
    case 'ImageStreamImage':
    case 'ImageStreamTag': {
      if (!tag.importPolicy?.scheduled) return [];
      const detail = 'only tags pointing to Docker repositories may be scheduled for background import';
      return [invalidValue(`${path}.importPolicy.scheduled`, true, detail)];
    }
    default: {
      const detail = "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'";
      return [required(`${path}.from.kind`, detail)];
    }
  }
}

/** Errors of the histories that a status is to hold. References that were there before are not looked at. */
export function validateHistories(
  histories: readonly NamedTagEventList[],
  old: readonly NamedTagEventList[],
): FieldError[] {
  const known = new Set(old.flatMap(({ items }) => (items ?? []).map((item) => item.dockerImageReference)));
  const errors: FieldError[] = [];
  for (const { tag, items } of histories) {
    errors.push(...tagNameErrors(tag, `status.tags[${tag}].tag`));
    for (const [index, item] of (items ?? []).entries()) {
      if (known.has(item.dockerImageReference)) continue;
      const fault = referenceFault(item.dockerImageReference);
      if (fault === undefined) continue;
      const field = `status.tags[${tag}].items[${index}].dockerImageReference`;
      errors.push(invalidValue(field, item.dockerImageReference, fault));
    }
  }
  return errors;
}
