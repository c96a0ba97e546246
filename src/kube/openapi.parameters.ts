/** Parameters of operations in OpenAPI v3, in our own words. */
import type { Resource } from '../objects/resource.ts';
import type { Json, JsonObject } from './openapi.schemas.ts';

type ScalarType = 'string' | 'integer' | 'boolean';

function query(name: string, type: ScalarType, description: string): JsonObject {
  return { name, in: 'query', description, schema: { type, uniqueItems: true } };
}

function inPath(name: string, description: string): JsonObject {
  return { name, in: 'path', description, required: true, schema: { type: 'string', uniqueItems: true } };
}

/** What a path itself takes: name, namespace, and how to print. `everywhere`: a path over all namespaces. */
export function itemParameters(resource: Resource, named: boolean, everywhere = false): Json[] {
  return [
    ...(named ? [inPath('name', `Name of the ${resource.kind}.`)] : []),
    ...(resource.namespaced && !everywhere ? [inPath('namespace', 'The namespace.')] : []),
    query(
      'pretty',
      'string',
      'With `true`, JSON is indented for people. Browsers and curl get that unless they say `false`.',
    ),
  ];
}

/** Parameters of lists; those of `watching` are about watches too. */
export function listParameters(watching: boolean): Json[] {
  return [
    ...(watching
      ? [
          query(
            'allowWatchBookmarks',
            'boolean',
            'Whether a watch may tell, by events of type BOOKMARK, how far it has come.',
          ),
        ]
      : []),
    query('continue', 'string', 'Asks for the next page: `metadata.continue` of the one before.'),
    query('fieldSelector', 'string', 'Selects by fields, such as `metadata.name=app`.'),
    query('labelSelector', 'string', 'Selects by labels, such as `app=web,tier in (front,back)`.'),
    query('limit', 'integer', 'At most so many objects; if more follow, `metadata.continue` is set.'),
    query('resourceVersion', 'string', 'How new the answer must be, or from where a watch goes on.'),
    query('resourceVersionMatch', 'string', 'How resourceVersion is meant: `Exact` or `NotOlderThan`.'),
    query(
      'sendInitialEvents',
      'boolean',
      'Whether a watch begins with what there is, and then tells by a bookmark that it has.',
    ),
    query('timeoutSeconds', 'integer', 'Ends a list or watch after so many seconds.'),
    ...(watching ? [query('watch', 'boolean', 'Whether changes are told as they happen instead of a list.')] : []),
  ];
}

/** Parameters of writes. */
export function writeParameters(patch = false): Json[] {
  return [
    dryRun(),
    query(
      'fieldManager',
      'string',
      'Who changes; printable characters, at most 128. By default the User-Agent up to its first `/`.',
    ),
    query(
      'fieldValidation',
      'string',
      'What becomes of unknown and repeated fields: `Strict` refuses them, `Warn` (the default) warns, `Ignore` drops them.',
    ),
    ...(patch
      ? [query('force', 'boolean', 'Whether an apply takes over fields that others own. Only for apply.')]
      : []),
  ];
}

/** Parameters of deletions. */
export function deleteParameters(): Json[] {
  return [
    dryRun(),
    query('gracePeriodSeconds', 'integer', 'Seconds that the object has to end well; 0 is at once. Not negative.'),
    query(
      'ignoreStoreReadErrorWithClusterBreakingPotential',
      'boolean',
      'Known for the sake of clients; has no effect.',
    ),
    query('orphanDependents', 'boolean', 'The old form of propagationPolicy: true is `Orphan`. Not both.'),
    query('propagationPolicy', 'string', 'What happens to dependents: `Orphan`, `Background` or `Foreground`.'),
  ];
}

function dryRun(): JsonObject {
  return query('dryRun', 'string', 'With `All`, everything is done but storing.');
}
