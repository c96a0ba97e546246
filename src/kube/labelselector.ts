/** Label selectors, as `?labelSelector=` carries them: `app=x,tier!=db,env in (a,b),!old,n>3`. */

import { badRequest } from '../objects/errors.ts';
import { labelKey, labelValue } from '../objects/names.ts';
import { quoted } from '../objects/quoting.ts';

export type Labels = Readonly<Record<string, string>> | undefined;

/** One condition on one label. `values` are exactly one for comparisons, at least one for sets. */
export interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';
  readonly values: readonly string[];
}

export interface LabelSelector {
  readonly requirements: readonly Requirement[];
  matches(labels: Labels): boolean;
}

/**
 * Reads a selector; undefined for one that selects everything.
 * @throws {DomainError} BadRequest in the words of Kubernetes.
 */
export function parseLabelSelector(text: string | null | undefined): LabelSelector | undefined {
  if (!text) return undefined;
  const requirements = new Parser(text).all();
  if (requirements.length === 0) return undefined;
  const checks = requirements.map(checkOf);
  return { requirements, matches: (labels) => checks.every((check) => check(labels)) };
}

function checkOf({ key, operator, values }: Requirement): (labels: Labels) => boolean {
  const value = (labels: Labels): string | undefined =>
    labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  const first = values[0] ?? '';
  switch (operator) {
    case '=':
    case '==':
      return (labels) => value(labels) === first;
    case '!=':
      return (labels) => value(labels) !== first;
    case 'in':
      return (labels) => values.includes(value(labels) ?? '') && value(labels) !== undefined;
    case 'notin':
      return (labels) => !values.includes(value(labels) ?? '') || value(labels) === undefined;
    case 'exists':
      return (labels) => value(labels) !== undefined;
    case '!':
      return (labels) => value(labels) === undefined;
    case 'gt':
      return (labels) => compare(value(labels), first) > 0;
    case 'lt':
      return (labels) => compare(value(labels), first) < 0;
  }
}

/** 0 also where a label is no integer: then it neither exceeds nor falls short. */
function compare(value: string | undefined, bound: string): number {
  if (value === undefined || !isInteger(value)) return 0;
  const left = BigInt(value);
  const right = BigInt(bound);
  return left === right ? 0 : left > right ? 1 : -1;
}

function isInteger(text: string): boolean {
  if (!/^[+-]?\d{1,19}$/.test(text)) return false;
  const value = BigInt(text.replace(/^\+/, ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

type Token = { readonly kind: 'symbol' | 'word' | 'end'; readonly text: string };

const TWO_CHARACTERS = new Set(['==', '!=']);
const COMPARISONS: Readonly<Record<string, Requirement['operator']>> = {
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
  in: 'in',
  notin: 'notin',
};

function isSymbol(character: string): boolean {
  return '=!(),><'.includes(character);
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

/** Longest symbols first: `!=` is one token, `!(` are two. */
function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const start = at;
    const character = text.charAt(at);
    if (isSpace(character)) {
      at++;
    } else if (isSymbol(character)) {
      at += TWO_CHARACTERS.has(text.slice(at, at + 2)) ? 2 : 1;
      found.push({ kind: 'symbol', text: text.slice(start, at) });
    } else {
      while (at < text.length && !isSymbol(text.charAt(at)) && !isSpace(text.charAt(at))) at++;
      found.push({ kind: 'word', text: text.slice(start, at) });
    }
  }
  return found;
}

const END: Token = { kind: 'end', text: '' };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  all(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#peek().kind === 'end') return requirements;
    if (!this.#startsRequirement()) throw unexpected(this.#peek(), "expected: !, identifier, or 'end of string'");
    for (;;) {
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next.kind === 'end') return requirements;
      if (!is(next, ',')) throw unexpected(next, "expected: ',' or 'end of string'");
      if (!this.#startsRequirement()) throw unexpected(this.#peek(), "expected: identifier after ','");
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #startsRequirement(): boolean {
    return this.#peek().kind === 'word' || is(this.#peek(), '!');
  }

  #fail(token: Token, expected: string): never {
    throw badRequest(`unable to parse requirement: found '${token.text}', ${expected}`);
  }

  #requirement(): Requirement {
    const absent = is(this.#peek(), '!');
    if (absent) this.#take();
    const key = this.#take();
    if (key.kind !== 'word') this.#fail(key, 'expected: identifier');
    refuse('<nil>', key.text, labelKey(key.text));
    if (absent || this.#peek().kind === 'end' || is(this.#peek(), ',')) {
      return { key: key.text, operator: absent ? '!' : 'exists', values: [] };
    }
    const token = this.#take();
    const operator = Object.hasOwn(COMPARISONS, token.text) ? COMPARISONS[token.text] : undefined;
    if (!operator) this.#fail(token, 'expected: in, notin, =, ==, !=, gt, lt');
    const values = operator === 'in' || operator === 'notin' ? this.#set() : [this.#value()];
    if (operator === 'gt' || operator === 'lt') checkBound(values[0] ?? '');
    values.forEach((value, index) => {
      refuse(`values[${index}][${key.text}]`, value, labelValue(value));
    });
    return { key: key.text, operator, values };
  }

  #value(): string {
    const token = this.#peek();
    if (token.kind === 'end' || is(token, ',')) return '';
    this.#take();
    if (token.kind !== 'word') this.#fail(token, 'expected: identifier');
    return token.text;
  }

  /** `(a,b)`; an empty place, as in `(,a)` or `()`, is the empty value. */
  #set(): string[] {
    const opening = this.#take();
    if (!is(opening, '(')) {
      throw badRequest(`unable to parse requirement: found '${opening.text}' expected: '('`);
    }
    const values = new Set<string>();
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'word') values.add(this.#take().text);
      else if (is(token, ',') || is(token, ')')) values.add('');
      else this.#fail(token, "expected: ',', ')' or identifier");
      const separator = this.#take();
      if (is(separator, ')')) return [...values].sort();
      if (!is(separator, ',')) this.#fail(separator, "expected: ',' or ')'");
    }
  }
}

/** The refusal of what stands between requirements; what stands in one is refused as part of it. */
function unexpected(token: Token, expected: string): Error {
  return badRequest(`found '${token.text}', ${expected}`);
}

function is(token: Token, symbol: string): boolean {
  return token.kind === 'symbol' && token.text === symbol;
}

function checkBound(value: string): void {
  if (isInteger(value)) return;
  throw badRequest(
    `unable to parse requirement: values[0]: Invalid value: ${quoted(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
  );
}

function refuse(field: string, value: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw badRequest(`unable to parse requirement: ${field}: Invalid value: ${quoted(value)}: ${problems.join('; ')}`);
}
