/** What is wrong with an ImageStreamImport, in the words of openshift-apiserver (pkg/image/apis/image/validation). Pure. */
import { parseReference, ReferenceInvalid } from '../image/reference.ts';
import { IMPORT_IMAGES } from '../limits.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { validateMeta } from '../objects/metadata.ts';
import type { ImageImportSpec, ImageStreamImport, RepositoryImportSpec } from './types.ts';
import { streamNameFault } from './validate.ts';

/** Errors of a request to import. The policy for references is not checked (sic). */
export function validateImport({ metadata, spec }: ImageStreamImport): FieldError[] {
  const { images = [], repository } = spec;
  const errors = images.flatMap((image, index) => imageErrors(image, `spec.images[${index}]`));
  if (repository) errors.push(...repositoryErrors(repository, 'spec.repository'));
  if (images.length > IMPORT_IMAGES) {
    const detail = `has ${images.length} images; at most ${IMPORT_IMAGES} can be imported at once`;
    errors.push(invalidValue('spec.images', null, detail));
  }
  if (images.length === 0 && !repository) {
    errors.push(invalidValue('spec.images', null, 'you must specify at least one image or a repository import'));
  }
  return [...errors, ...validateMeta(metadata, { namespaced: true, validateName: streamNameFault })];
}

function imageErrors({ from, to, importPolicy }: ImageImportSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const name = from.name ?? '';
  if (from.kind !== 'DockerImage') errors.push(kindError(from.kind, path));
  else {
    if (to && !to.name) {
      errors.push(invalidValue(`${path}.to.name`, '', 'the name of the target tag must be specified'));
    }
    if (!name) errors.push(required(`${path}.from.name`));
    else if (name === '*') {
      // Old clients ask so for the streams that they know; the reference then looks no further, and nothing is found.
      return errors;
    } else {
      const fault = faultOf(name);
      if (fault !== undefined) errors.push(invalidValue(`${path}.from.name`, name, fault));
    }
  }
  return [...errors, ...modeErrors(importPolicy?.importMode ?? '', path)];
}

function repositoryErrors({ from, importPolicy }: RepositoryImportSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const name = from.name ?? '';
  if (from.kind !== 'DockerImage') errors.push(kindError(from.kind, path));
  else if (!name) errors.push(required(`${path}.from.name`, 'container image references require a name'));
  else {
    const fault = faultOf(name) ?? tagFault(name);
    if (fault !== undefined) errors.push(invalidValue(`${path}.from.name`, name, fault));
  }
  return [...errors, ...modeErrors(importPolicy?.importMode ?? '', path)];
}

function kindError(kind: string | undefined, path: string): FieldError {
  return invalidValue(`${path}.from.kind`, kind ?? '', 'only DockerImage is supported');
}

function faultOf(name: string): string | undefined {
  try {
    parseReference(name);
    return undefined;
  } catch (error) {
    if (error instanceof ReferenceInvalid) return error.message;
    throw error;
  }
}

function tagFault(name: string): string | undefined {
  const { tag, id } = parseReference(name);
  return tag || id ? 'you must specify an image repository, not a tag or ID' : undefined;
}

function modeErrors(mode: string, path: string): FieldError[] {
  if (mode === '' || mode === 'Legacy' || mode === 'PreserveOriginal') return [];
  const detail = "invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'";
  return [invalidValue(`${path}.importPolicy.importMode`, mode, detail)];
}
