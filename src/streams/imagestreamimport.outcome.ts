/** How lookups are told in the status of an ImageStreamImport. Pure. */
import type { ImageFound, Outcome, RepositoryFound } from '../importing/lookup.ts';
import type { DomainError, GroupResource } from '../objects/errors.ts';
import { quoted } from '../objects/quoting.ts';
import type { ImageImportStatus, ImportOutcome, RepositoryImportStatus } from './types.ts';

const SUCCESS: ImportOutcome = { metadata: {}, status: 'Success' };

/** The status of an image that was looked up. */
export function imageStatus({ tag, outcome }: ImageFound): ImageImportStatus {
  const told = tag === undefined ? {} : { tag };
  if ('failure' in outcome) return { status: failureStatus(outcome.failure), ...told };
  const manifests = outcome.manifests.length > 0 && { manifests: [...outcome.manifests] };
  return { status: SUCCESS, image: outcome.image, ...told, ...manifests };
}

/** The status of a repository that was looked up. */
export function repositoryStatus(found: RepositoryFound): RepositoryImportStatus {
  if ('failure' in found) return { status: failureStatus(found.failure) };
  const failures = found.tags.filter(({ outcome }) => isFailure(outcome)).length;
  return {
    status: failures === 0 ? SUCCESS : someFailed(failures),
    images: found.tags.map(imageStatus),
    additionalTags: [...found.additionalTags],
  };
}

function isFailure(outcome: Outcome): boolean {
  return 'failure' in outcome;
}

function someFailed(failures: number): ImportOutcome {
  const which = failures === 1 ? 'one' : String(failures);
  return {
    metadata: {},
    status: 'Failure',
    message: `${which} of the images from this repository failed to import`,
    reason: 'ImportFailed',
  };
}

/** The Status of a lookup that failed: not found, not authorized, or anything else. */
function failureStatus({ problem, message }: DomainError): ImportOutcome {
  switch (problem.reason) {
    case 'NotFound':
      return {
        ...failed(`${qualified(problem.resource)} ${quoted(problem.name)} not found`, 'NotFound'),
        details: { name: problem.name, group: problem.resource.group, kind: problem.resource.resource },
        code: 404,
      };
    case 'Unauthorized':
      return { ...failed(problem.message, 'Unauthorized'), code: 401 };
    default:
      return {
        ...failed(`Internal error occurred: ${message}`, 'InternalError'),
        details: { causes: [{ message }] },
        code: 500,
      };
  }
}

function failed(message: string, reason: string): ImportOutcome {
  return { metadata: {}, status: 'Failure', message, reason };
}

function qualified({ group, resource }: GroupResource): string {
  return `${resource}.${group}`;
}
