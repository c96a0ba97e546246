/** Which form an answer takes (Accept) and which a body has (Content-Type), as kube-apiserver decides it. */
import { DomainError } from '../objects/errors.ts';

/** What is answered: the object (or list) itself, a Table of it, or only its metadata. */
export type Form = 'object' | 'table' | 'partial' | 'partialList';

export interface Representation {
  readonly form: Form;
  readonly encoding: 'json' | 'yaml';
  /** apiVersion of a Table or of partial metadata; `meta.k8s.io/v1` otherwise. */
  readonly apiVersion: MetaApiVersion;
  /** Whether JSON is indented, for people. */
  readonly pretty: boolean;
  /** The Content-Type of the answer. */
  readonly contentType: 'application/json' | 'application/yaml';
}

export type MetaApiVersion = 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';

export interface NegotiatedRequest {
  /** Whether a collection is read: its 406 names the types of watches too. */
  readonly list?: boolean;
  /** Whether the answer has no other forms, as discovery has none. */
  readonly plain?: boolean;
  /** Whether there are no Tables of it (reviews, mappings, OpenShift's subresources): asking for one alone is 406. */
  readonly tableless?: boolean;
  /** `pretty` of the query. */
  readonly pretty?: string | null | undefined;
  /** Browsers and curl are answered indented unless they say otherwise. */
  readonly userAgent?: string | undefined;
}

/** One clause of an Accept header. */
export interface AcceptClause {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const OFFERED = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
const OFFERED_STREAMS = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** The clauses of an Accept header, best first; those with q=0 are left out. */
export function acceptClauses(accept: string): AcceptClause[] {
  const clauses: AcceptClause[] = [];
  for (const text of accept.split(',')) {
    const [range = '', ...pairs] = text.split(';');
    const [type = '', subtype = ''] = range.trim().toLowerCase().split('/');
    if (!type) continue;
    const parameters = new Map<string, string>();
    for (const pair of pairs) {
      const equals = pair.indexOf('=');
      if (equals < 0) continue;
      const value = pair.slice(equals + 1).trim();
      parameters.set(pair.slice(0, equals).trim().toLowerCase(), unquoted(value));
    }
    const quality = Number.parseFloat(parameters.get('q') ?? '1');
    parameters.delete('q');
    clauses.push({
      type,
      subtype: type === '*' ? '*' : subtype,
      parameters,
      quality: Number.isNaN(quality) ? 1 : quality,
    });
  }
  return clauses.filter((clause) => clause.quality > 0).sort(byPreference);
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function byPreference(a: AcceptClause, b: AcceptClause): number {
  return b.quality - a.quality || wildcards(a) - wildcards(b);
}

function wildcards(clause: AcceptClause): number {
  if (clause.type === '*') return 2;
  return clause.subtype === '*' ? 1 : 0;
}

/** Whether a clause takes a media type, its parameters apart. */
export function takes(clause: AcceptClause, type: string, subtype: string): boolean {
  if (clause.type === '*') return true;
  return clause.type === type && (clause.subtype === '*' || clause.subtype === subtype);
}

const PROTOBUF = 'vnd.kubernetes.protobuf';

/**
 * How to answer. Protobuf is never chosen: every client that asks for it names JSON as well.
 * @throws {DomainError} NotAcceptable, with the words of kube-apiserver.
 */
export function negotiate(accept: string | undefined, request: NegotiatedRequest = {}): Representation {
  const pretty = isPretty(request);
  if (!accept) return representation('json', 'object', 'meta.k8s.io/v1', pretty);
  const clauses = acceptClauses(accept);
  let offered = false;
  for (const clause of clauses) {
    for (const encoding of ['json', 'yaml'] as const) {
      if (!takes(clause, 'application', encoding)) continue;
      offered = true;
      const form = formOf(clause.parameters, request.plain ?? false);
      if (form && !(request.tableless && form.form === 'table'))
        return representation(encoding, form.form, form.apiVersion, pretty || clause.parameters.get('pretty') === '1');
    }
    offered ||= takes(clause, 'application', PROTOBUF);
  }
  throw notAcceptable(offered ? 'parameters' : 'type', request.list ?? false);
}

/**
 * 406. `type`: no type that was asked for is offered (Kubernetes' router says so); `parameters`: the type is, but not
 * in the form that was asked for.
 */
export function notAcceptable(because: 'type' | 'parameters', list = false): DomainError {
  const types = list && because === 'type' ? `${OFFERED}, ${OFFERED_STREAMS}` : OFFERED;
  const message =
    because === 'type'
      ? `406: Not Acceptable\n\nAvailable representations: ${types}`
      : `only the following media types are accepted: ${types}`;
  return new DomainError({ reason: 'NotAcceptable', message });
}

function representation(
  encoding: 'json' | 'yaml',
  form: Form,
  apiVersion: MetaApiVersion,
  pretty: boolean,
): Representation {
  return { form, encoding, apiVersion, pretty, contentType: `application/${encoding}` };
}

const FORMS: Readonly<Record<string, Form>> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partialList',
};

/** The form that the parameters ask for; undefined if it is not offered. */
function formOf(
  parameters: ReadonlyMap<string, string>,
  plain: boolean,
): { readonly form: Form; readonly apiVersion: MetaApiVersion } | undefined {
  const stream = parameters.get('stream');
  if (stream && stream !== 'watch') return undefined;
  if (parameters.get('sv')) return undefined;
  const as = parameters.get('as');
  const group = parameters.get('g');
  const version = parameters.get('v');
  if (as === undefined && group === undefined && version === undefined) {
    return { form: 'object', apiVersion: 'meta.k8s.io/v1' };
  }
  if (plain || group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  const form = Object.hasOwn(FORMS, as ?? '') ? FORMS[as ?? ''] : undefined;
  return form && { form, apiVersion: `meta.k8s.io/${version}` };
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

function isPretty({ pretty, userAgent }: NegotiatedRequest): boolean {
  if (pretty) return TRUE.has(pretty);
  return userAgent !== undefined && /^(?:curl|Wget|Mozilla\/5\.0)/.test(userAgent);
}

/** The media type of a Content-Type header, without its parameters; '' if there is none or it is malformed. */
function mediaType(contentType: string | undefined): string {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[^\s/]+\/[^\s/]+$/.test(type) ? type : '';
}

export type BodyType = 'json' | 'yaml' | 'protobuf';

/**
 * What the body of a POST, PUT or DELETE holds; JSON if nothing is said.
 * @throws {DomainError} UnsupportedMediaType, with the words of kube-apiserver.
 */
export function bodyType(contentType: string | undefined): BodyType {
  if (!contentType) return 'json';
  switch (mediaType(contentType)) {
    case 'application/json':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    case `application/${PROTOBUF}`:
      return 'protobuf';
    default:
      throw unsupportedBody();
  }
}

/** 415 for a POST, PUT or DELETE. */
function unsupportedBody(): DomainError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${OFFERED}`;
  return new DomainError({ reason: 'UnsupportedMediaType', message });
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** The Content-Type of each kind of patch. */
export const PATCH_TYPES: ReadonlyMap<string, PatchType> = new Map<string, PatchType>([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

/**
 * Which kind of patch a body is. There is no default.
 * @throws {DomainError} UnsupportedMediaType, with the words of kube-apiserver.
 */
export function patchType(contentType: string | undefined): PatchType {
  const type = PATCH_TYPES.get(mediaType(contentType));
  if (type) return type;
  throw new DomainError({ reason: 'UnsupportedMediaType', message: '415: Unsupported Media Type' });
}
