/**
 * JSON that came from outside: parsed by the platform's parser, but only after one linear scan has shown that it does not
 * nest deeper than the code that will walk it can bear.
 *
 * Bytes that are not UTF-8 are replaced by U+FFFD, as Go's decoders do: inside strings they survive as that
 * character, elsewhere they are an error. A byte order mark is an error too. Of repeated members the last one counts.
 */
import { JSON_DEPTH } from '../limits.ts';

/** JSON that was refused: what is wrong and where. */
export class JsonInvalid extends Error {
  /** UTF-16 code units before the fault. */
  readonly offset: number;
  /** The line of the fault, from 1. */
  readonly line: number;
  /** The column of the fault in its line, from 1, in UTF-16 code units. */
  readonly column: number;

  constructor(reason: string, text: string, offset: number) {
    let line = 1;
    let lineStart = 0;
    for (let feed = text.indexOf('\n'); feed !== -1 && feed < offset; feed = text.indexOf('\n', lineStart)) {
      line++;
      lineStart = feed + 1;
    }
    const column = offset - lineStart + 1;
    super(`${reason} at line ${line}, column ${column} (offset ${offset})`);
    this.name = 'JsonInvalid';
    this.offset = offset;
    this.line = line;
    this.column = column;
  }
}

/** A JSON object, as `parseJson` returns it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed value is a JSON object (neither null nor an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value of a JSON document.
 *
 * @param options.depth Arrays and objects that may be open at once; JSON_DEPTH if not given.
 * @throws {JsonInvalid} for anything that is not JSON, or nests deeper.
 */
export function parseJson(input: string | Uint8Array, options: { readonly depth?: number } = {}): unknown {
  const text = typeof input === 'string' ? input : decode(input);
  const depth = options.depth ?? JSON_DEPTH;
  const deep = tooDeepAt(text, depth);
  if (deep !== undefined) {
    throw new JsonInvalid(`nested deeper than ${depth} levels`, text, deep);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The platform's message names a position only sometimes, and its words change between versions.
    const fault = firstFault(text);
    throw new JsonInvalid(fault.reason, text, fault.offset);
  }
}

/** Unlike TextDecoder, Buffer keeps a byte order mark, so that it is refused rather than dropped. */
function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Where the document first nests deeper than the limit. Of a malformed document, only what precedes the fault counts. */
function tooDeepAt(text: string, limit: number): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
      if (depth > limit) {
        return at;
      }
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--;
    }
  }
  return undefined;
}

/** The offset of the quote that closes the string which opens at `start`, or of the end of the text. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slash = end - 1;
    while (text.charCodeAt(slash) === BACKSLASH) {
      slash--;
    }
    if ((end - slash) % 2 === 1) {
      return end;
    }
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

interface Fault {
  readonly reason: string;
  readonly offset: number;
}

type Expected = 'value' | 'value or ]' | 'member or }' | 'member' | ':' | ', or end' | 'nothing';

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9.eE+-])|(?:true|false|null)(?![A-Za-z])/y;

/** Walks a document that the platform's parser refused, without recursion, and says where it went wrong. */
function firstFault(text: string): Fault {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = skipSpace(text, at);
    const found = text.charAt(at);
    const step = closes(expected, found, open) ?? advance(expected, found, text, at);
    if (step === undefined) {
      return { reason: describe(expected, found, open), offset: at };
    }
    if (typeof step === 'object') {
      return step;
    }
    if (step === 'closed') {
      open.pop();
      at++;
      expected = open.length === 0 ? 'nothing' : ', or end';
    } else if (found === '{' || found === '[') {
      open.push(found);
      at++;
      expected = found === '{' ? 'member or }' : 'value or ]';
    } else {
      expected = next(expected, open);
      at = step;
    }
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  let code = text.charCodeAt(at);
  while (code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== 0x0b && code !== 0x0c)) {
    at++;
    code = text.charCodeAt(at);
  }
  return at;
}

function closes(expected: Expected, found: string, open: readonly string[]): 'closed' | undefined {
  const inside = open.at(-1);
  const object = inside === '{' && found === '}' && (expected === 'member or }' || expected === ', or end');
  const array = inside === '[' && found === ']' && (expected === 'value or ]' || expected === ', or end');
  return object || array ? 'closed' : undefined;
}

/** The offset after the token, a fault inside it, or undefined if another token was expected. */
function advance(expected: Expected, found: string, text: string, at: number): number | Fault | undefined {
  switch (expected) {
    case 'value':
    case 'value or ]':
      if (found === '{' || found === '[') {
        return at + 1;
      }
      return found === '"' ? stringEnd(text, at) : after(SCALAR, text, at);
    case 'member':
    case 'member or }':
      return found === '"' ? stringEnd(text, at) : undefined;
    case ':':
      return found === ':' ? at + 1 : undefined;
    case ', or end':
      return found === ',' ? at + 1 : undefined;
    case 'nothing':
      return undefined;
  }
}

function next(expected: Expected, open: readonly string[]): Expected {
  const inside = open.at(-1);
  switch (expected) {
    case 'member':
    case 'member or }':
      return ':';
    case ':':
      return 'value';
    case ', or end':
      return inside === '{' ? 'member' : 'value';
    default:
      return inside === undefined ? 'nothing' : ', or end';
  }
}

/** The offset after the string's closing quote, or what is wrong inside it. */
function stringEnd(text: string, start: number): number | Fault {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      return at + 1;
    }
    if (code < 0x20) {
      return { reason: `unescaped control character ${JSON.stringify(text.charAt(at))} in a string`, offset: at };
    }
    if (code === BACKSLASH) {
      const end = after(ESCAPE, text, at);
      if (end === undefined) {
        return { reason: 'unknown escape in a string', offset: at };
      }
      at = end - 1;
    }
  }
  return { reason: 'string without end', offset: start };
}

function after(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function describe(expected: Expected, found: string, open: readonly string[]): string {
  const what = found === '' ? 'the end' : JSON.stringify(found);
  switch (expected) {
    case 'nothing':
      return `unexpected ${what} after the document`;
    case ', or end':
      return `expected "," or "${open.at(-1) === '{' ? '}' : ']'}" but found ${what}`;
    case ':':
      return `expected ":" but found ${what}`;
    case 'value or ]':
      return `expected a value or "]" but found ${what}`;
    case 'member or }':
      return `expected a member name in double quotes or "}" but found ${what}`;
    case 'member':
      return `expected a member name in double quotes but found ${what}`;
    case 'value':
      return `expected a value but found ${what}`;
  }
}
