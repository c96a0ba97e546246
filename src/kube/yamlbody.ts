/** Bodies in YAML, read as Kubernetes reads them: YAML 1.1 words for booleans, times as texts, no tags of one's own. */
import type { Document, Tags } from 'yaml';
import { API_YAML_BYTES, JSON_DEPTH, REPORTED_FIELDS, YAML_ALIASES } from '../limits.ts';
import { badRequest, DomainError } from '../objects/errors.ts';
import type { Decoded } from './body.ts';
import { yaml } from './yaml.ts';

/** Tags of YAML 1.1 that JSON has no values for; `12:30` is a text. */
const WITHOUT: ReadonlySet<string> = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set']);

function plainTags(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return !WITHOUT.has(tag) && tag !== 'intTime' && tag !== 'floatTime';
    const sexagesimal = 'format' in tag && tag.format === 'TIME';
    return !sexagesimal && !WITHOUT.has(tag.tag.slice(tag.tag.lastIndexOf(':') + 1));
  });
}

/**
 * The value of a YAML document.
 * @throws {DomainError} BadRequest if it is malformed, too large, too deep, several documents, or refers to itself so
 *   often that it would be much larger than it looks.
 */
export function yamlValue(bytes: Buffer, what: string): Decoded {
  if (bytes.length > API_YAML_BYTES) {
    const message = `limit is ${API_YAML_BYTES} for YAML; larger bodies must be JSON`;
    throw new DomainError({ reason: 'RequestEntityTooLarge', message });
  }
  try {
    const document = parsedDocument(bytes.toString('utf8'), what);
    const duplicates: string[] = [];
    look(document.contents, '', 1, what, duplicates);
    const value: unknown = document.toJS({ maxAliasCount: YAML_ALIASES });
    // What aliases stand for adds to the depth; one that stands for what it is in has no end.
    checkDepth(value, 1, what);
    return { value: value ?? null, duplicates };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    // The parser calls itself for each level, and gives up on too many of them or of aliases with errors of its own.
    throw badRequest(`${what} is not valid YAML: ${error instanceof Error ? error.message : 'it cannot be parsed'}`);
  }
}

function parsedDocument(text: string, what: string): Document.Parsed {
  const documents = yaml().parseAllDocuments(text, {
    version: '1.1',
    customTags: plainTags,
    // Repeated members are reported, not refused; the last one counts.
    uniqueKeys: false,
    logLevel: 'silent',
    prettyErrors: true,
  });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (!document) throw badRequest(`${what} is empty`);
  const [error] = document.errors;
  if (error) throw badRequest(`${what} is not valid YAML: ${error.message.split('\n')[0]}`);
  if (second) throw badRequest(`${what} holds several YAML documents: send one`);
  return document;
}

/** Checks depth and numbers, and finds repeated members. */
function look(node: unknown, path: string, depth: number, what: string, duplicates: string[]): void {
  if (yaml().isScalar(node)) {
    if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
      throw badRequest(`${what} is not valid: ${path || 'its value'} is ${node.value}, which JSON cannot hold`);
    }
    return;
  }
  if (!yaml().isCollection(node) || yaml().isAlias(node)) return;
  if (depth > JSON_DEPTH) throw tooDeep(what);
  if (!yaml().isMap(node)) {
    for (const [index, item] of node.items.entries()) look(item, `${path}[${index}]`, depth + 1, what, duplicates);
    return;
  }
  const names = new Set<string>();
  for (const pair of node.items) {
    if (!yaml().isPair(pair)) continue;
    const name = nameOf(pair.key);
    const at = path === '' ? name : `${path}.${name}`;
    if (!names.has(name)) names.add(name);
    else if (duplicates.length < REPORTED_FIELDS && name !== '<<' && !duplicates.includes(at)) duplicates.push(at);
    look(pair.value, at, depth + 1, what, duplicates);
  }
}

function checkDepth(value: unknown, depth: number, what: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > JSON_DEPTH) throw tooDeep(what);
  for (const member of Object.values(value)) checkDepth(member, depth + 1, what);
}

/** 400 for objects and lists in one another, more than JSON_DEPTH of them. */
export function tooDeep(what: string): DomainError {
  return badRequest(`${what} is nested too deeply: at most ${JSON_DEPTH} levels of objects and lists are accepted`);
}

function nameOf(key: unknown): string {
  return yaml().isScalar(key) ? String(key.value) : String(key);
}
