/** Options of a request, out of its query or a DeleteOptions body, validated in the words of Kubernetes. */

import { FIELD_MANAGER_CHARACTERS } from '../limits.ts';
import { badRequest, type FieldError, forbiddenField, invalid, invalidValue, required } from '../objects/errors.ts';
import { validateFieldManager } from '../objects/metadata.ts';
import { quoted, shownValue } from '../objects/quoting.ts';
import type { DeleteOptions } from '../objects/resource.ts';
import type { Revision } from '../store/store.ts';

/** The query of a request; only its first value of a name counts, but for dryRun. */
export type Query = Pick<URLSearchParams, 'get' | 'getAll' | 'has'>;

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** Objects of a page; 0 for all. */
  readonly limit: number;
  readonly continue: string;
  /** As given; '' if it was not. */
  readonly resourceVersion: string;
  /** '' if it was not given. */
  readonly resourceVersionMatch: string;
  readonly watch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** Of a watch; 0 if the server chooses. */
  readonly timeoutSeconds: number;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  /** '' if it was not given. */
  readonly fieldManager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Only of apply patches. */
  readonly force: boolean;
}

/** What a DELETE asks for. */
export interface Deletion {
  readonly dryRun: boolean;
  readonly options: DeleteOptions;
  /** Whether what is not gone at once is answered with 202: `orphanDependents: false`, the old way to ask for all. */
  readonly accepted: boolean;
}

const META = 'meta.k8s.io';
const NOT_OLDER_THAN = 'NotOlderThan';
const EXACT = 'Exact';

/**
 * @throws {DomainError} BadRequest for what cannot be read, Invalid (kind ListOptions) for what does not go together.
 */
export function listOptions(query: Query, watch: boolean): ListOptions {
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: Math.max(0, integerOf(query, 'limit') ?? 0),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    watch,
    allowWatchBookmarks: booleanOf(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    timeoutSeconds: Math.max(0, integerOf(query, 'timeoutSeconds') ?? 0),
  };
  refuse('ListOptions', watch ? watchProblems(options) : listProblems(options));
  return options;
}

function listProblems(options: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  const { resourceVersion, resourceVersionMatch: match } = options;
  const field = 'resourceVersionMatch';
  if (match) {
    if (!resourceVersion) {
      problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (options.continue) {
      problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== EXACT && match !== NOT_OLDER_THAN) {
      problems.push(unsupported(field, match, [EXACT, NOT_OLDER_THAN, '']));
    }
    if (match === EXACT && resourceVersion === '0') {
      const detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
      problems.push(forbiddenField(field, detail));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    problems.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return problems;
}

function watchProblems(options: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  const { resourceVersion, resourceVersionMatch: match, sendInitialEvents } = options;
  const field = 'resourceVersionMatch';
  // A watch from now on is read as one with initial events, which has a match.
  if (options.continue && sendInitialEvents === undefined && (resourceVersion === '' || resourceVersion === '0')) {
    problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (sendInitialEvents !== undefined && match !== NOT_OLDER_THAN) {
    const detail = `sendInitialEvents requires setting resourceVersionMatch to ${NOT_OLDER_THAN}`;
    problems.push(forbiddenField(field, detail));
  }
  if (!match) return problems;
  if (sendInitialEvents === undefined) {
    const detail = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    problems.push(forbiddenField(field, detail));
  }
  if (match !== NOT_OLDER_THAN) problems.push(unsupported(field, match, [NOT_OLDER_THAN]));
  if (options.continue) {
    problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return problems;
}

/**
 * The revision that a resourceVersion means; undefined if none was given.
 * @throws {DomainError} BadRequest if it is no version. (Kubernetes answers 500 to this in places.)
 */
export function revisionOf(resourceVersion: string): Revision | undefined {
  if (resourceVersion === '') return undefined;
  if (!/^\d{1,20}$/.test(resourceVersion)) {
    const text = quoted(resourceVersion);
    throw badRequest(`resourceVersion: Invalid value: ${text}: strconv.ParseUint: parsing ${text}: invalid syntax`);
  }
  return Math.min(Number(resourceVersion), Number.MAX_SAFE_INTEGER);
}

/** Options of a POST. Throws as `listOptions`, with kind CreateOptions. */
export function createOptions(query: Query): WriteOptions {
  return writeOptions('CreateOptions', query, []);
}

/** Options of a PUT. Throws as `listOptions`, with kind UpdateOptions. */
export function updateOptions(query: Query): WriteOptions {
  return writeOptions('UpdateOptions', query, []);
}

/** Options of a PATCH. Throws as `listOptions`, with kind PatchOptions. */
export function patchOptions(query: Query, apply: boolean): WriteOptions {
  const problems: FieldError[] = [];
  if (apply && !query.get('fieldManager')) problems.push(required('fieldManager', 'is required for apply patch'));
  if (!apply && query.has('force')) problems.push(forbiddenField('force', 'may not be specified for non-apply patch'));
  return writeOptions('PatchOptions', query, problems);
}

function writeOptions(kind: string, query: Query, before: readonly FieldError[]): WriteOptions {
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const mode = query.get('fieldValidation') || 'Warn';
  const force = booleanOf(query, 'force') ?? false;
  const problems = [...before, ...validateFieldManager(fieldManager, 'fieldManager'), ...dryRunProblems(dryRun)];
  if (mode !== 'Strict' && mode !== 'Warn' && mode !== 'Ignore') {
    const problem = unsupported('fieldValidation', mode, ['', 'Ignore', 'Strict', 'Warn']);
    throw invalid({ group: META, kind }, '', [...problems, problem]);
  }
  refuse(kind, problems);
  return { dryRun: dryRun.length > 0, fieldManager, fieldValidation: mode, force };
}

function dryRunProblems(dryRun: readonly string[]): FieldError[] {
  return dryRun.every((value) => value === 'All') ? [] : [unsupported('dryRun', dryRun, ['All'])];
}

/** All but Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the plain space. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Who writes when the client does not say so: the program's name out of its User-Agent. */
export function managerOfAgent(agent: string | undefined): string {
  if (!agent) return '';
  const name = agent.split('/', 1)[0] ?? '';
  return name.replace(UNPRINTABLE, '').slice(0, FIELD_MANAGER_CHARACTERS);
}

/**
 * What a DELETE asks for: its body if it has one, its query otherwise.
 * @throws {DomainError} BadRequest for what cannot be read, Invalid (kind DeleteOptions) for what does not go together.
 */
export function deletionOf(body: unknown, query: Query): Deletion {
  const given = body === undefined ? queryMembers(query) : bodyMembers(body);
  const { dryRun, orphanDependents, propagationPolicy: policy, gracePeriodSeconds, preconditions } = given;
  const problems: FieldError[] = [];
  if (policy !== undefined && orphanDependents !== undefined) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    problems.push(invalidValue('propagationPolicy', policy, detail));
  }
  const known = policy === undefined ? undefined : POLICIES.find((name) => name === policy);
  if (policy !== undefined && !known) problems.push(unsupported('propagationPolicy', policy, [...POLICIES, 'nil']));
  refuse('DeleteOptions', [...problems, ...dryRunProblems(dryRun)]);
  const propagationPolicy =
    known ?? (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background');
  return {
    dryRun: dryRun.length > 0,
    accepted: orphanDependents === false,
    options: {
      ...(preconditions && { preconditions }),
      ...(propagationPolicy && { propagationPolicy }),
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    },
  };
}

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const;

interface DeleteMembers {
  readonly dryRun: readonly string[];
  readonly orphanDependents: boolean | undefined;
  readonly propagationPolicy: string | undefined;
  readonly gracePeriodSeconds: number | undefined;
  readonly preconditions: DeleteOptions['preconditions'];
}

function queryMembers(query: Query): DeleteMembers {
  return {
    dryRun: query.getAll('dryRun'),
    orphanDependents: booleanOf(query, 'orphanDependents'),
    propagationPolicy: query.get('propagationPolicy') ?? undefined,
    gracePeriodSeconds: integerOf(query, 'gracePeriodSeconds'),
    preconditions: queryPreconditions(query.get('uid'), query.get('resourceVersion')),
  };
}

function queryPreconditions(uid: string | null, resourceVersion: string | null): DeleteMembers['preconditions'] {
  if (!uid && !resourceVersion) return undefined;
  return { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
}

/** Clients send any apiVersion here, that of their own group above all. */
function bodyMembers(body: unknown): DeleteMembers {
  const object = memberObject(body, 'the body');
  const kind = object.kind;
  if (kind !== undefined && kind !== '' && kind !== 'DeleteOptions') {
    throw badRequest(`the body of a DELETE is a DeleteOptions, not a ${shownValue(kind)}: leave it out or send one`);
  }
  const conditions = object.preconditions == null ? undefined : memberObject(object.preconditions, 'preconditions');
  const uid = conditions && optional(conditions, 'uid', 'string');
  const resourceVersion = conditions && optional(conditions, 'resourceVersion', 'string');
  return {
    dryRun: stringsOf(object.dryRun),
    orphanDependents: optional(object, 'orphanDependents', 'boolean'),
    propagationPolicy: optional(object, 'propagationPolicy', 'string'),
    gracePeriodSeconds: optional(object, 'gracePeriodSeconds', 'number'),
    preconditions: conditions && {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
}

function memberObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`DeleteOptions: ${where} must be an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

interface Scalars {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<K extends keyof Scalars>(
  object: Readonly<Record<string, unknown>>,
  member: string,
  type: K,
): Scalars[K] | undefined {
  const value = object[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw badRequest(`DeleteOptions: ${member} must be a ${type}`);
  return value as Scalars[K];
}

function stringsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badRequest('DeleteOptions: dryRun must be a list of strings');
  return value.map(String);
}

/** Only an absent parameter, "false" and "0" are false, as in apimachinery: `?watch=` and `?watch=perhaps` are true. */
function booleanOf(query: Query, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return value !== '0' && value.toLowerCase() !== 'false';
}

/** @throws {DomainError} BadRequest: objects cannot be asked for without what belongs to their cluster any more. */
export function refuseExport(exporting: string | null): void {
  if (exporting === null || exporting === '0' || exporting.toLowerCase() === 'false') return;
  throw badRequest('the export parameter, deprecated since v1.14, is no longer supported');
}

/** A duration as Go reads it. No part of it can be read in two ways, or a long one would take the square of its length. */
const DURATION = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/;

/** `timeout` of any request, which is read and not needed: answers are given as soon as they are there. */
export function checkTimeout(query: Query): void {
  const timeout = query.get('timeout');
  if (!timeout || DURATION.test(timeout)) return;
  throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${quoted(timeout)}`);
}

function integerOf(query: Query, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const refused = `strconv.ParseInt: parsing ${quoted(value)}`;
  if (!/^[+-]?\d+$/.test(value)) throw badRequest(`${refused}: invalid syntax`);
  const integer = BigInt(value.replace('+', ''));
  if (BigInt.asIntN(64, integer) !== integer) throw badRequest(`${refused}: value out of range`);
  return Math.min(Number(integer), Number.MAX_SAFE_INTEGER);
}

function unsupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((one) => quoted(one)).join(', ')}`;
  return { type: 'NotSupported', field, value, detail };
}

function refuse(kind: string, problems: readonly FieldError[]): void {
  if (problems.length > 0) throw invalid({ group: META, kind }, '', problems);
}
