/**
 * YAML, for those few who speak it: its library is seventy modules, a tenth of all that a start would otherwise load, so
 * it comes with the first request that needs it. What is written is what Go's library would write: members in the order
 * of their names, quoted where YAML 1.1 would read something else.
 */
import { createRequire } from 'node:module';
import type { Pair, Scalar, ToStringOptions } from 'yaml';

type Yaml = typeof import('yaml');

const require = createRequire(import.meta.url);
let loaded: Yaml | undefined;

/** The library. The first call takes some tens of milliseconds. */
export function yaml(): Yaml {
  loaded ??= require('yaml') as Yaml;
  return loaded;
}

/** A value as a YAML document that ends with a line break. */
export function yamlText(value: unknown, options: ToStringOptions = {}): string {
  const { Document, visit } = yaml();
  const document = new Document(value, { version: '1.1', sortMapEntries: byName, aliasDuplicateObjects: false });
  visit(document, { Scalar: (_key, scalar) => quoteAmbiguous(scalar, document.schema.tags) });
  return document.toString({ directives: false, indentSeq: false, singleQuote: true, ...options });
}

/** Text that would be read as something else stands in double quotes; what merely needs some has single ones. */
function quoteAmbiguous(scalar: Scalar, tags: Yaml['Document']['prototype']['schema']['tags']): void {
  const { value } = scalar;
  if (typeof value !== 'string' || value.includes('\n')) return;
  const ambiguous =
    value === '' || value.includes('\t') || tags.some((tag) => 'test' in tag && tag.default && tag.test?.test(value));
  if (ambiguous) scalar.type = 'QUOTE_DOUBLE';
}

function byName(a: Pair, b: Pair): number {
  return compareNames(nameOf(a), nameOf(b));
}

function nameOf({ key }: Pair): string {
  return String(yaml().isScalar(key) ? key.value : key);
}

const DIGIT = /\p{Nd}/u;
const LETTER = /\p{L}/u;

/** The order in which Go's library writes names: letters after all else, and numbers in them by what they are worth. */
export function compareNames(first: string, second: string): number {
  const [a, b] = [Array.from(first), Array.from(second)];
  let digits = false;
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [one = '', other = ''] = [a[at], b[at]];
    if (one === other) {
      digits = DIGIT.test(one);
      continue;
    }
    const [oneIsLetter, otherIsLetter] = [LETTER.test(one), LETTER.test(other)];
    if (oneIsLetter && otherIsLetter) return one < other ? -1 : 1;
    if (oneIsLetter || otherIsLetter) return digits === oneIsLetter ? -1 : 1;
    return compareNumbers(a, b, at) || (one < other ? -1 : 1);
  }
  return a.length - b.length;
}

/** By the numbers that begin in both at a place; 0 if that does not tell. */
function compareNumbers(a: readonly string[], b: readonly string[], at: number): number {
  const leading = a[at] === '0' || b[at] === '0' ? significantBefore(a, at) : '';
  const [one, other] = [numberAt(a, at), numberAt(b, at)];
  return Number(BigInt(leading + one || 0) - BigInt(leading + other || 0)) || one.length - other.length;
}

/** `1` if the digits before a place hold another than 0, so that zeros there count. */
function significantBefore(text: readonly string[], at: number): string {
  for (let before = at - 1; before >= 0 && DIGIT.test(text[before] ?? ''); before--) {
    if (text[before] !== '0') return '1';
  }
  return '';
}

function numberAt(text: readonly string[], at: number): string {
  let end = at;
  while (/[0-9]/.test(text[end] ?? '')) end++;
  return text.slice(at, end).join('');
}
