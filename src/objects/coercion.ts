/** Scalars as Go decodes and prints them: ranges of integers, times, base64, and the types that take several forms. */
import { BadQuantity, parseQuantity, quantityText, roundedToMilli } from './quantity.ts';
import type { ScalarSchema } from './schema.ts';

/** A value that does not fit. Without a message it is of the wrong JSON type, or a number out of its type's range. */
export class WrongValue {
  readonly given: unknown;
  readonly message: string | undefined;
  constructor(given: unknown, message?: string) {
    this.given = given;
    this.message = message;
  }
}

const INT32 = 2 ** 31;

/**
 * The value as it is printed; undefined if it counts as not given (an empty time). `integer` takes int32 or, within
 * ±2^53, int64: beyond, JavaScript could not keep it exactly. Formats of strings: `date-time`, `micro-time`, `byte`,
 * `int-or-string`, `quantity`; others are not looked at.
 */
export function coerced(schema: ScalarSchema, given: unknown): unknown {
  switch (schema.type) {
    case 'string':
      return text(schema.format, given);
    case 'boolean':
      return typeof given === 'boolean' ? given : new WrongValue(given);
    case 'number':
      return typeof given === 'number' ? given : new WrongValue(given);
    case 'integer':
      return integer(schema.format, given);
  }
}

function integer(format: string | undefined, given: unknown): unknown {
  if (typeof given !== 'number') return new WrongValue(given);
  if (!Number.isSafeInteger(given)) return new WrongValue(given);
  if (format === 'int32' && (given < -INT32 || given >= INT32)) return new WrongValue(given);
  return given + 0;
}

function text(format: string | undefined, given: unknown): unknown {
  // Kubernetes reads whatever stands there, without its quotes if it has some.
  if (format === 'quantity') return quantity(typeof given === 'string' ? given.trim() : JSON.stringify(given));
  if (typeof given !== 'string') {
    const number = typeof given === 'number' && Number.isFinite(given);
    if (number && format === 'int-or-string') return integer('int32', given);
    return new WrongValue(given);
  }
  switch (format) {
    case 'date-time':
      return given === '' ? undefined : time(given, false);
    case 'micro-time':
      return given === '' ? undefined : time(given, true);
    case 'byte':
      return base64(given);
    default:
      return given;
  }
}

/** As Kubernetes prints the amounts of resources: `1024Mi` is `1Gi`, and nothing is finer than a thousandth. */
function quantity(given: string): unknown {
  try {
    return quantityText(roundedToMilli(parseQuantity(given)));
  } catch (error) {
    if (error instanceof BadQuantity) return new WrongValue(given, error.message);
    throw error;
  }
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|([+-])(\d\d):(\d\d))$/;

/** RFC 3339 in any offset becomes UTC, to the second; a micro time keeps, and wants, six digits of it. */
function time(given: string, micro: boolean): unknown {
  if (given.length === 20 && given.endsWith('Z') && !micro && TIME.test(given)) return validDate(given, given);
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  const match = TIME.exec(given);
  if (!match || (micro && match[7]?.length !== 6)) {
    return new WrongValue(given, `parsing time ${JSON.stringify(given)} as "${layout}": ${unparsed(given)}`);
  }
  const [, , , , , , , fraction, zone, sign, hours, minutes] = match;
  const local = given.slice(0, 19);
  const offset = zone === 'Z' ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  const utc = validDate(given, `${local}Z`);
  if (utc instanceof WrongValue) return utc;
  const seconds = new Date(Date.parse(`${local}Z`) - offset * 60_000).toISOString().slice(0, 19);
  return micro ? `${seconds}.${fraction}Z` : `${seconds}Z`;
}

/** The text, unless there is no such date (the 30th of February, the 25th hour). */
function validDate(given: string, utc: string): unknown {
  const milliseconds = Date.parse(utc);
  if (!Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().startsWith(utc.slice(0, 19))) return utc;
  return new WrongValue(given, `parsing time ${JSON.stringify(given)}: ${outOfRange(utc)} out of range`);
}

function outOfRange(utc: string): string {
  const [month, hour, minute] = [utc.slice(5, 7), utc.slice(11, 13), utc.slice(14, 16)].map(Number);
  if (month === undefined || month < 1 || month > 12) return 'month';
  if (hour === undefined || hour > 23) return 'hour';
  if (minute === undefined || minute > 59) return 'minute';
  return Number(utc.slice(17, 19)) > 59 ? 'second' : 'day';
}

const TIME_PARTS: readonly [RegExp, string][] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d/, '05'],
  [/^(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
];

/** Where the text leaves the layout, in the words of Go's time.Parse. */
function unparsed(given: string): string {
  let rest = given;
  for (const [part, name] of TIME_PARTS) {
    const match = part.exec(rest);
    if (!match) return `cannot parse ${JSON.stringify(rest)} as "${name}"`;
    rest = rest.slice(match[0].length);
  }
  return rest === '' ? `cannot parse ${JSON.stringify(given)} as ".000000"` : `extra text: ${JSON.stringify(rest)}`;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard base64 with padding; line breaks inside are dropped, as Go does. */
function base64(given: string): unknown {
  const plain = given.includes('\n') || given.includes('\r') ? given.replace(/[\r\n]/g, '') : given;
  if (BASE64.test(plain)) return plain;
  return new WrongValue(given, `illegal base64 data at input byte ${illegalAt(plain)}`);
}

/** The byte at which Go's decoder gives up. */
function illegalAt(text: string): number {
  const bad = text.search(/[^A-Za-z0-9+/]/);
  if (bad < 0) return text.length - (text.length % 4);
  if (text[bad] !== '=') return Buffer.byteLength(text.slice(0, bad));
  const inGroup = bad % 4;
  if (inGroup < 2) return bad;
  if (inGroup === 2 && text[bad + 1] !== '=') return Math.min(bad + 1, text.length);
  return bad + (inGroup === 2 ? 2 : 1);
}
