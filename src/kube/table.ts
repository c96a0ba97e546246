/** Tables and bare metadata: what kubectl prints and what metadata informers read. Made in pieces, so that a list can stream. */
import { badRequest } from '../objects/errors.ts';
import type { KubeObject, ObjectMeta } from '../objects/object.ts';
import { quoted } from '../objects/quoting.ts';
import type { Resource } from '../objects/resource.ts';
import type { MetaApiVersion } from './negotiate.ts';

/** What a row carries beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** Metadata of a list, in the order in which it is printed. */
export interface ListMetadata {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface TableOptions {
  readonly apiVersion: MetaApiVersion;
  readonly includeObject: IncludeObject;
  /** Ages are counted to this moment. */
  readonly now: Date;
  /** The list's; for one object its resourceVersion. */
  readonly metadata: ListMetadata;
  /** Whether the columns are described (default true); in a watch only the first event does. */
  readonly columns?: boolean;
}

/**
 * `includeObject` of the query; without it, metadata.
 * @throws {DomainError} BadRequest for any other word.
 */
export function includeObjectOf(value: string | null | undefined): IncludeObject {
  if (!value) return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  const detail = `includeObject: Invalid value: ${quoted(value)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${detail}`);
}

/** A Table as JSON, in pieces: each row is made when it is asked for. */
export function* tableOf<T extends KubeObject>(
  resource: Resource<T>,
  objects: Iterable<T>,
  options: TableOptions,
): Generator<string, void, undefined> {
  yield tableOpening(resource, options);
  let separator = '';
  for (const object of objects) {
    yield separator + tableRow(resource, object, options);
    separator = ',';
  }
  yield TABLE_CLOSING;
}

/** What comes before the first row. Rows are separated by commas. */
export function tableOpening<T extends KubeObject>(resource: Resource<T>, options: TableOptions): string {
  const { apiVersion, metadata } = options;
  const { resourceVersion, remainingItemCount } = metadata;
  const list = {
    ...(resourceVersion && { resourceVersion }),
    ...(metadata.continue && { continue: metadata.continue }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
  const columns = options.columns === false ? 'null' : columnDefinitions(resource);
  return `{"kind":"Table","apiVersion":"${apiVersion}","metadata":${JSON.stringify(list)},"columnDefinitions":${columns},"rows":[`;
}

/** What comes after the last row. */
export const TABLE_CLOSING = ']}\n';

const definitions = new WeakMap<object, string>();

function columnDefinitions<T extends KubeObject>(resource: Resource<T>): string {
  let json = definitions.get(resource.table);
  if (json === undefined) {
    json = JSON.stringify(
      resource.table.columns.map(({ name, type, format, description, priority }) => ({
        name,
        type,
        format: format ?? '',
        description,
        priority: priority ?? 0,
      })),
    );
    definitions.set(resource.table, json);
  }
  return json;
}

/** One row as JSON. */
export function tableRow<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  options: Pick<TableOptions, 'apiVersion' | 'includeObject' | 'now'>,
): string {
  const cells = JSON.stringify(resource.table.cells(object, options.now));
  return `{"cells":${cells},"object":${rowObject(resource, object, options)}}`;
}

function rowObject<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  options: Pick<TableOptions, 'apiVersion' | 'includeObject'>,
): string {
  switch (options.includeObject) {
    case 'None':
      return 'null';
    case 'Metadata':
      return JSON.stringify(partialOf(object, options.apiVersion));
    case 'Object': {
      const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
      return JSON.stringify({ kind: resource.kind, apiVersion, ...withoutType(object) });
    }
  }
}

function withoutType<T extends KubeObject>(object: T): Omit<T, 'kind' | 'apiVersion'> {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

export interface PartialObjectMetadata {
  readonly kind: 'PartialObjectMetadata';
  readonly apiVersion: MetaApiVersion;
  readonly metadata: ObjectMeta;
}

/** Only the metadata of an object. */
export function partialOf(object: KubeObject, apiVersion: MetaApiVersion = 'meta.k8s.io/v1'): PartialObjectMetadata {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
