/** fieldValidation: what becomes of members that no schema knows, and of those that a body names twice. */
import { REPORTED_FIELDS } from '../limits.ts';
import type { WrongType } from '../objects/canonical.ts';
import { badRequest } from '../objects/errors.ts';
import { quoted } from '../objects/quoting.ts';
import type { Finding } from './jsonsurvey.ts';

/** `Strict` refuses, `Warn` (the default of the server) warns, `Ignore` says nothing. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** What was found in a body. */
export interface FieldFindings {
  /** Paths of members that are not known: of a body in its order, otherwise sorted. */
  readonly unknown: readonly string[];
  /** Paths of members that stand there more than once, in the order of the body. */
  readonly duplicates: readonly string[];
  /** Both in the order of the body, where that is known. */
  readonly inOrder?: readonly Finding[];
  readonly wrongTypes?: readonly WrongType[];
}

/** The kind that the body should be, for the words of a refusal. */
export interface ExpectedKind {
  readonly kind: string;
  /** `v1`, without the group. */
  readonly version: string;
}

/** The findings in words, one each: `unknown field "spec.x"`, `duplicate field "data.k"`. */
export function fieldFindings({ unknown, duplicates, inOrder }: FieldFindings): string[] {
  const all: readonly Finding[] = inOrder ?? [
    ...duplicates.map((path) => ({ path, repeated: true })),
    ...unknown.map((path) => ({ path, repeated: false })),
  ];
  const words = all.map(({ path, repeated }) => `${repeated ? 'duplicate' : 'unknown'} field ${quoted(path)}`);
  return words.slice(0, REPORTED_FIELDS);
}

/** Paths of a body's members in the order in which they stand there. */
export function inBodyOrder(body: unknown, paths: readonly string[]): string[] {
  if (paths.length < 2) return [...paths];
  const wanted = new Set(paths);
  const found: string[] = [];
  const visit = (value: unknown, at: string): void => {
    if (wanted.has(at)) found.push(at);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (Array.isArray(value)) visit(member, `${at}[${key}]`);
      else visit(member, at === '' ? key : `${at}.${key}`);
    }
  };
  visit(body, '');
  return found;
}

/** Findings as one text, with which they are refused under `Strict`. */
export function strictDecodingError(findings: readonly string[]): string {
  return `strict decoding error: ${findings.join(', ')}`;
}

/**
 * The warnings that the client should get.
 * @throws {DomainError} BadRequest if a value is of the wrong type, or under `Strict` if there is anything to warn of.
 */
export function checkFields(mode: FieldValidation, expected: ExpectedKind, findings: FieldFindings): string[] {
  const wrong = findings.wrongTypes?.[0];
  if (wrong) throw badRequest(`${notHandled(expected)}: ${wrong.message}`);
  if (mode === 'Ignore') return [];
  const words = fieldFindings(findings);
  if (mode === 'Warn' || words.length === 0) return words;
  throw badRequest(`${notHandled(expected)}: ${strictDecodingError(words)}`);
}

/** `ConfigMap in version "v1" cannot be handled as a ConfigMap`. */
export function notHandled({ kind, version }: ExpectedKind): string {
  return `${kind} in version ${quoted(version)} cannot be handled as a ${kind}`;
}
