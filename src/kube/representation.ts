/** An object in the form that was negotiated: itself, a Table of one row or only its metadata, as JSON or YAML. */
import { NEGOTIATIONS_KEPT } from '../limits.ts';
import { DomainError } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { Exchange } from './exchange.ts';
import { metadataBytes } from './metadatabytes.ts';
import { negotiate, type Representation } from './negotiate.ts';
import { type IncludeObject, includeObjectOf, partialOf, tableOf } from './table.ts';
import { yamlText } from './yaml.ts';

/** How an answer is written. */
export interface Rendering extends Representation {
  /** Of the rows of Tables. */
  readonly includeObject: IncludeObject;
}

export interface Offered {
  /** A list or a watch. */
  readonly list?: boolean;
  /** There are no Tables of it. */
  readonly tableless?: boolean;
}

const plainJson: Rendering = {
  form: 'object',
  encoding: 'json',
  apiVersion: 'meta.k8s.io/v1',
  pretty: false,
  contentType: 'application/json',
  includeObject: 'Metadata',
};

const remembered = new Map<string, Representation>();

/**
 * How to answer this request.
 * @throws {DomainError} NotAcceptable; BadRequest for an `includeObject` that there is not.
 */
export function renderingOf({ req, query }: Exchange, { list = false, tableless = false }: Offered = {}): Rendering {
  const { accept, 'user-agent': userAgent } = req.headers;
  const pretty = query.get('pretty');
  const includeObject = includeObjectOf(query.get('includeObject'));
  const person = userAgent !== undefined && /^(?:curl|Wget|Mozilla)/.test(userAgent);
  if (accept === 'application/json' && pretty === null && !person && includeObject === 'Metadata') return plainJson;
  const key = `${list}${tableless}${pretty}${person ? userAgent : ''} ${accept}`;
  let found = remembered.get(key);
  if (!found) {
    found = negotiate(accept, { list, tableless, pretty, userAgent });
    if (remembered.size >= NEGOTIATIONS_KEPT) remembered.clear();
    remembered.set(key, found);
  }
  return { ...found, includeObject };
}

/** One object, in whichever way it is at hand; each is asked for only if the form needs it. */
export interface Shown {
  /** As JSON with kind and apiVersion. */
  readonly served: () => Buffer;
  /** Parsed. */
  readonly object: () => KubeObject;
}

/**
 * The body of an answer that is one object.
 * @throws {DomainError} NotAcceptable if the form is that of a list.
 */
export function rendered(resource: Resource, shown: Shown, how: Rendering, now: () => Date): Buffer | string {
  const json = objectJson(resource, shown, how, now);
  if (how.encoding === 'yaml') return yamlText(JSON.parse(json.toString()));
  return how.pretty ? `${JSON.stringify(JSON.parse(json.toString()), null, 2)}\n` : json;
}

function objectJson(resource: Resource, shown: Shown, how: Rendering, now: () => Date): Buffer | string {
  switch (how.form) {
    case 'object':
      return shown.served();
    case 'table': {
      const object = shown.object();
      const { resourceVersion } = object.metadata;
      const metadata = resourceVersion === undefined ? {} : { resourceVersion };
      const { apiVersion, includeObject } = how;
      return [...tableOf(resource, [object], { apiVersion, includeObject, now: now(), metadata })].join('');
    }
    case 'partial':
      return `${JSON.stringify(partialOf(shown.object(), how.apiVersion))}\n`;
    case 'partialList':
      throw notThis('you requested PartialObjectMetadataList, but the requested object is not a list');
  }
}

/** A form that the media type allows and the answer does not. */
export function notThis(message: string): DomainError {
  return new DomainError({ reason: 'NotAcceptable', message });
}

/** The metadata of an object that begins with it, as an object of its own. */
export function partialJson(item: Buffer, how: Rendering): Buffer {
  const opening = Buffer.from(`{"kind":"PartialObjectMetadata","apiVersion":"${how.apiVersion}","metadata":`);
  return Buffer.concat([opening, metadataBytes(item), CLOSING]);
}

const CLOSING = Buffer.from('}');

/** `image.openshift.io/v1`; only the version for the core group. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group ? `${group}/${version}` : version;
}

/** A computed object as JSON with kind and apiVersion, which it need not carry itself. */
export function servedJson(kind: string, apiVersion: string, object: KubeObject): Buffer {
  return Buffer.from(JSON.stringify({ kind, apiVersion, ...withoutType(object) }));
}

/** What stands in a list: neither kind nor apiVersion, which the list says for all. */
export function withoutType(object: KubeObject): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}
