/** Field selectors, as `?fieldSelector=` carries them: `metadata.name=a,status.phase!=Active`. */

import { badRequest } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import { quoted } from '../objects/quoting.ts';
import type { Resource } from '../objects/resource.ts';

export interface FieldTerm {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** Which objects; what namespace and name decide needs no object. */
export interface FieldSelector {
  readonly terms: readonly FieldTerm[];
  /** The only name that can match, if the selector asks for one. */
  readonly name: string | undefined;
  /** The only namespace that can match, if the selector asks for one. */
  readonly namespace: string | undefined;
  /** Whether an object of that namespace and name may match. */
  matchesName(namespace: string, name: string): boolean;
  /** Set if more than namespace and name is asked for. */
  readonly matchesObject: ((object: KubeObject) => boolean) | undefined;
}

const NAME = 'metadata.name';
const NAMESPACE = 'metadata.namespace';

/**
 * Reads the terms without asking whether a resource has such fields.
 * @throws {DomainError} BadRequest in the words of Kubernetes.
 */
export function parseFieldTerms(text: string): FieldTerm[] {
  const terms: FieldTerm[] = [];
  for (const part of split(text).sort()) {
    if (part === '') continue;
    const term = termOf(part);
    if (!term) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    terms.push(term);
  }
  return terms;
}

/**
 * Reads a selector for a resource; undefined for one that selects everything.
 * @throws {DomainError} BadRequest if it cannot be read or names a field that the resource does not offer.
 */
export function parseFieldSelector(text: string | null | undefined, resource: Resource): FieldSelector | undefined {
  if (!text) return undefined;
  const terms = parseFieldTerms(text);
  if (terms.length === 0) return undefined;
  const byName: FieldTerm[] = [];
  const byObject: { readonly term: FieldTerm; readonly read: (object: KubeObject) => string }[] = [];
  for (const term of terms) {
    const read = ownField(resource, term.field);
    if (read) byObject.push({ term, read });
    else if (term.field === NAME || term.field === NAMESPACE) byName.push(term);
    else throw unknownField(resource, term.field);
  }
  return {
    terms,
    name: byName.find((term) => term.equal && term.field === NAME)?.value,
    namespace: byName.find((term) => term.equal && term.field === NAMESPACE)?.value,
    matchesName: (namespace, name) =>
      byName.every(({ field, equal, value }) => ((field === NAME ? name : namespace) === value) === equal),
    matchesObject:
      byObject.length === 0
        ? undefined
        : (object) => byObject.every(({ term, read }) => (read(object) === term.value) === term.equal),
  };
}

function ownField(resource: Resource, field: string): ((object: KubeObject) => string) | undefined {
  return resource.fields && Object.hasOwn(resource.fields, field) ? resource.fields[field] : undefined;
}

/** The core group's kinds with fields of their own say it in other words than all others. */
function unknownField(resource: Resource, field: string): Error {
  if (resource.group === '' && resource.fields) return badRequest(`field label not supported: ${field}`);
  return badRequest(`${quoted(field)} is not a known field selector: only "${NAME}", "${NAMESPACE}"`);
}

/** At commas that no backslash escapes. */
function split(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function termOf(part: string): FieldTerm | undefined {
  for (let at = 0; at < part.length; at++) {
    if (part.startsWith('!=', at))
      return { field: part.slice(0, at), equal: false, value: unescaped(part.slice(at + 2)) };
    if (part[at] !== '=') continue;
    const value = part.slice(part[at + 1] === '=' ? at + 2 : at + 1);
    return { field: part.slice(0, at), equal: true, value: unescaped(value) };
  }
  return undefined;
}

function unescaped(value: string): string {
  let plain = '';
  for (let at = 0; at < value.length; at++) {
    const character = value.charAt(at);
    if (character === '\\') {
      const next = value.charAt(++at);
      if (next !== '\\' && next !== ',' && next !== '=') {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
      }
      plain += next;
    } else if (character === '=' || character === ',') {
      throw badRequest(`invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`);
    } else {
      plain += character;
    }
  }
  return plain;
}
