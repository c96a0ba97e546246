/**
 * One pass over the text of some JSON for what JSON.parse does not tell: how deep it is, members that repeat, and numbers
 * that are not written as integers, whatever they are worth.
 */
import { JSON_DEPTH, REPORTED_FIELDS } from '../limits.ts';

export interface Survey {
  /** Levels of objects and lists; the survey ends where it is more than JSON_DEPTH. */
  readonly depth: number;
  /** Paths of repeated members in the order in which they end, each once; at most REPORTED_FIELDS. */
  readonly duplicates: readonly string[];
  /** Where numbers stand that are written with a fraction or an exponent, by their members' names; at most REPORTED_FIELDS. */
  readonly fractions: readonly (readonly (string | number)[])[];
}

/** A member that should not stand where it stands. */
export interface Finding {
  readonly path: string;
  /** Whether it is there a second time; otherwise it is not known. */
  readonly repeated: boolean;
}

/** Hears of each member's name as it is read. */
type Reader = (levels: readonly Level[], repeated: boolean) => void;

interface Level {
  readonly list: boolean;
  /** Names of an object's members: a list while they are few. */
  names: string[] | Set<string>;
  name: string;
  index: number;
  /** Whether the next string is a name. */
  expectsName: boolean;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const DOT = 0x2e;
const LARGE_E = 0x45;
const SMALL_E = 0x65;

/** The survey of a text. Text that is not JSON gives some survey or other; JSON.parse will refuse it. */
export function surveyed(text: string): Survey {
  const duplicates = new Set<string>();
  const survey = walk(text, (levels, repeated) => {
    if (repeated && duplicates.size < REPORTED_FIELDS) duplicates.add(pathOf(levels));
  });
  return { ...survey, duplicates: survey.depth > JSON_DEPTH ? [] : [...duplicates] };
}

/** The members that repeat, and these that are not known, in the order in which the text comes to them, each once. */
export function findingsIn(text: string, unknown: readonly string[]): Finding[] {
  const odd = new Set(unknown);
  const found = new Map<string, Finding>();
  walk(text, (levels, repeated) => {
    const path = pathOf(levels);
    if (repeated) found.set(`repeated ${path}`, found.get(`repeated ${path}`) ?? { path, repeated });
    else if (odd.has(path)) found.set(path, { path, repeated });
  });
  return [...found.values()];
}

function walk(text: string, read: Reader): Omit<Survey, 'duplicates'> {
  const levels: Level[] = [];
  const fractions: (string | number)[][] = [];
  let level: Level | undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (level?.expectsName) nameMember(levels, level, text.slice(at + 1, end), read);
        at = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_LIST: {
        const list = text.charCodeAt(at) === OPEN_LIST;
        level = { list, names: [], name: '', index: 0, expectsName: !list };
        levels.push(level);
        depth = Math.max(depth, levels.length);
        if (depth > JSON_DEPTH) return { depth, fractions: [] };
        break;
      }
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        levels.pop();
        level = levels.at(-1);
        break;
      case COMMA:
        if (!level) break;
        if (level.list) level.index++;
        else level.expectsName = true;
        break;
      case COLON:
        if (level) level.expectsName = false;
        break;
      case DOT:
      case SMALL_E:
      case LARGE_E:
        // Not the letter in true and false. `1.5e3` is found twice, which does not matter.
        if (fractions.length < REPORTED_FIELDS && isDigit(text.charCodeAt(at - 1))) fractions.push(stepsOf(levels));
        break;
    }
  }
  return { depth, fractions };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function stepsOf(levels: readonly Level[]): (string | number)[] {
  return levels.map(({ list, index, name }) => (list ? index : name));
}

/** Position of the quote that ends the string; of the last character if there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}

function nameMember(levels: readonly Level[], level: Level, raw: string, read: Reader): void {
  level.name = raw.includes('\\') ? unescaped(raw) : raw;
  read(levels, !isNew(level, level.name));
}

const FEW_NAMES = 16;

/** Whether an object has no member of that name yet; it has one afterwards. */
function isNew(level: Level, name: string): boolean {
  const { names } = level;
  if (!Array.isArray(names)) {
    const before = names.size;
    return names.add(name).size > before;
  }
  if (names.includes(name)) return false;
  if (names.length < FEW_NAMES) names.push(name);
  else level.names = new Set(names).add(name);
  return true;
}

function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function pathOf(levels: readonly Level[]): string {
  let path = '';
  for (const { list, index, name } of levels) {
    if (list) path += `[${index}]`;
    else path += path === '' ? name : `.${name}`;
  }
  return path;
}
