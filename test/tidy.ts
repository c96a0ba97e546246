/**
 * The rules of the house that a program can check, as functions from sources to complaints. Sources are parsed with
 * oxc-parser, so that strings, comments and types are told from code.
 */
import { posix } from 'node:path';
import { type Comment, type EcmaScriptModule, parseSync, visitorKeys } from 'oxc-parser';

const FILE_LINES = 400;
const FUNCTION_LINES = 70;

/** A source file. */
export interface Source {
  /** From the root of the checkout, with slashes: `src/store/store.ts`. */
  readonly path: string;
  readonly text: string;
}

/** A node of the syntax tree, as far as it matters here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** A source that was parsed. */
export interface Parsed extends Source {
  readonly program: Node;
  readonly module: EcmaScriptModule;
  readonly comments: readonly Comment[];
  /** Line of a position, from 1. */
  line(position: number): number;
}

/** Parses a source; throws if it is no valid TypeScript. */
export function parse({ path, text }: Source): Parsed {
  const { program, module, comments, errors } = parseSync(path, text);
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`);
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const line = (position: number) => starts.findLastIndex((start) => start <= position) + 1;
  return { path, text, program: program as unknown as Node, module, comments, line };
}

/** Folders of src by layer, lowest first. A folder imports from its own layer and those below. */
const LAYERS: readonly (readonly string[])[] = [
  ['image'],
  ['objects', 'store', 'blobs', 'access', 'observe', 'http'],
  ['streams', 'images', 'cluster', 'importing', 'collecting', 'trust'],
  ['registry', 'kube', 'oauth'],
  ['cli', ''],
];
/** What a layer would allow and the design forbids: each edge serves whatever domain it is given. */
const WALLS: Readonly<Record<string, readonly string[]>> = {
  kube: ['registry', 'oauth', 'streams', 'images', 'cluster', 'importing', 'collecting', 'trust'],
  registry: ['kube', 'oauth'],
  oauth: ['kube', 'registry', 'streams', 'images', 'importing', 'collecting', 'trust'],
};
/** Files that every folder may import. */
const EVERYONES = ['src/limits.ts', 'src/limits.work.ts', 'src/limits.access.ts', 'package.json'];

/** Imports that run against the layers, leave the repository's sources, or name a file without its extension. */
export function importComplaints(source: Parsed): string[] {
  const complaints: string[] = [];
  if (!source.path.startsWith('src/') || isTest(source.path)) return complaints;
  const from = folderOf(source.path);
  for (const { specifier, start } of importsOf(source)) {
    if (!specifier.startsWith('.')) continue;
    const target = posix.join(posix.dirname(source.path), specifier);
    const why = wrongWay(from, target);
    if (why) complaints.push(`${source.path}:${source.line(start)} imports ${target}: ${why}`);
  }
  return complaints;
}

function wrongWay(from: string, target: string): string | undefined {
  if (EVERYONES.includes(target)) return undefined;
  if (!target.startsWith('src/')) return 'src imports nothing outside of src';
  const to = folderOf(target);
  const [mine, other] = [layerOf(from), layerOf(to)];
  if (mine < 0) return `src/${from} has no layer yet; give it one in test/tidy.ts`;
  if (other < 0) return `src/${to} has no layer yet; give it one in test/tidy.ts`;
  if (WALLS[from]?.includes(to)) return `${from} must not know ${to}`;
  if (other > mine) return `${from} lies below ${to || 'main.ts'}`;
  return undefined;
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

/** The folder below src that a source is in; '' for src itself. */
function folderOf(path: string): string {
  const segments = path.split('/');
  return segments.length > 2 ? (segments[1] ?? '') : '';
}

function importsOf({ module, text }: Parsed): { readonly specifier: string; readonly start: number }[] {
  const exports = module.staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest));
  const requests = [...module.staticImports.map(({ moduleRequest }) => moduleRequest), ...exports];
  const found = requests.flatMap((request) => (request ? [{ specifier: request.value, start: request.start }] : []));
  for (const { moduleRequest } of module.dynamicImports) {
    // A literal stands in quotes; anything computed is taken as it is written, and so is no relative path.
    const written = text.slice(moduleRequest.start, moduleRequest.end);
    found.push({ specifier: written.replace(/^(['"`])(.*)\1$/, '$2'), start: moduleRequest.start });
  }
  return found;
}

/** Whether a path is a test, or support of tests that lives beside the code. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || isSuite(path) || path.startsWith('test/');
}

/** Whether a path is a suite that drivers share, or a part of one: `suite.ts`, `suite-watches.ts`. */
function isSuite(path: string): boolean {
  return /^suite(?:-.*)?\.ts$/.test(posix.basename(path));
}

/**
 * Files and functions that are too long. A function counts from its name or parameters to its last brace, with the
 * functions in it; but tests and groups of tests count for themselves, not for the function that registers them.
 */
export function lengthComplaints(source: Parsed): string[] {
  const complaints: string[] = [];
  const lines = source.line(source.text.trimEnd().length);
  if (lines > FILE_LINES) complaints.push(`${source.path} has ${lines} lines; at most ${FILE_LINES}: split it by noun`);
  for (const { name, node, lines } of functionsOf(source)) {
    if (lines <= FUNCTION_LINES) continue;
    complaints.push(
      `${source.path}:${source.line(node.start)} ${name} has ${lines} lines; at most ${FUNCTION_LINES}: split it by step`,
    );
  }
  return complaints;
}

interface LongFunction {
  readonly name: string;
  readonly node: Node;
  readonly lines: number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function functionsOf(source: Parsed): LongFunction[] {
  const found: LongFunction[] = [];
  const visit = (node: Node, name: string, registered: boolean): number => {
    let testLines = 0;
    const registers = isTest(source.path) && isTitled(node);
    for (const child of childrenOf(node)) {
      testLines += visit(child, nameOf(child) ?? nameOf(node) ?? name, registers);
    }
    if (!FUNCTIONS.has(node.type)) return testLines;
    const lines = source.line(node.end - 1) - source.line(node.start) + 1;
    found.push({ name, node, lines: lines - testLines });
    return registered ? lines : 0;
  };
  visit(source.program, 'a function', false);
  return found;
}

/** Whether a node is a call such as `given('…', () => …)`: in tests, one that registers a test or a group of them. */
function isTitled(node: Node): boolean {
  const [title, ...others] = node.type === 'CallExpression' ? childrenOf(node).slice(1) : [];
  const isText = title?.type === 'TemplateLiteral' || (title?.type === 'Literal' && typeof title.value === 'string');
  return isText && others.some(({ type }) => FUNCTIONS.has(type));
}

const REGISTRARS = new Set(['test', 'it', 'describe', 'suite']);

/** Whether a node is a call such as `test('…', () => …)`. */
function registersTests(node: Node): boolean {
  return node.type === 'CallExpression' && isNode(node.callee) && REGISTRARS.has(String(node.callee.name));
}

function nameOf(node: Node): string | undefined {
  for (const named of [node.id, node.key]) {
    if (isNode(named) && typeof named.name === 'string') return named.name;
  }
  return undefined;
}

function childrenOf(node: Node): Node[] {
  return (visitorKeys[node.type] ?? []).flatMap((key) => node[key]).filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

const NO_NOUN = /^(?:utils?|helpers?|commons?|managers?|service|misc)$/i;

/**
 * Names of folders and files that say nothing. Words of a name are told apart by case, dots and dashes. The end of a unit of
 * systemd is none of its name.
 */
export function nameComplaints(path: string): string[] {
  const words = path
    .replace(/(?<=^deploy\/systemd\/.*)\.service$/, '')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .split(/[/._-]/);
  const bad = words.find((word) => NO_NOUN.test(word));
  return bad ? [`${path} is named for nothing ("${bad}"); name it for the noun that is in it`] : [];
}

/** Marks of work that was put off. */
export function markComplaints({ path, text }: Source): string[] {
  const complaints: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /\b(?:TO[D]O|FIX[M]E|XX[X])\b/.exec(line);
    if (mark) complaints.push(`${path}:${index + 1} says ${mark[0]}: do it now, or file an issue`);
  }
  return complaints;
}

const EVASIONS = new Set(['skip', 'todo', 'only']);

/** Tests that do not run, or keep others from running: `test.skip(…)`, `t.todo()`, `{ only: true }`. */
export function evasionComplaints(source: Parsed): string[] {
  if (!isTest(source.path)) return [];
  const complaints: string[] = [];
  const complain = (node: Node, how: string) =>
    complaints.push(`${source.path}:${source.line(node.start)} uses ${how}: mend the test or delete it`);
  const visit = (node: Node): void => {
    const { callee } = node;
    if (node.type === 'CallExpression' && isNode(callee) && callee.type === 'MemberExpression') {
      const name = isNode(callee.property) ? String(callee.property.name) : '';
      if (EVASIONS.has(name)) complain(node, `.${name}(…)`);
    }
    if (registersTests(node)) {
      for (const option of childrenOf(node).flatMap((argument) => childrenOf(argument))) {
        const name = option.type === 'Property' && isNode(option.key) ? String(option.key.name) : '';
        if (EVASIONS.has(name)) complain(option, `{ ${name}: … }`);
      }
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(source.program);
  return complaints;
}

/** Lines of a function whose name may say all there is to say. */
const SELF_EXPLAINING_LINES = 3;

/** Exported classes of src, and functions of more than a few lines, that no docstring stands before. */
export function docstringComplaints(source: Parsed): string[] {
  if (!source.path.startsWith('src/') || isTest(source.path)) return [];
  const complaints: string[] = [];
  for (const statement of childrenOf(source.program)) {
    const name = exportedName(statement);
    if (name === undefined || isSelfExplaining(source, statement)) continue;
    const before = source.comments.findLast(({ end }) => end <= statement.start);
    const documented = before?.value.startsWith('*') && source.text.slice(before.end, statement.start).trim() === '';
    if (!documented) {
      complaints.push(`${source.path}:${source.line(statement.start)} exports ${name} without a docstring`);
    }
  }
  return complaints;
}

function isSelfExplaining(source: Parsed, statement: Node): boolean {
  const isClass = isNode(statement.declaration) && statement.declaration.type === 'ClassDeclaration';
  return !isClass && source.line(statement.end - 1) - source.line(statement.start) < SELF_EXPLAINING_LINES;
}

/** The name of the function or class that a statement exports. Overloads need words once: what has no body has none. */
function exportedName(statement: Node): string | undefined {
  const { declaration } = statement;
  if (!statement.type.startsWith('Export') || !isNode(declaration)) return undefined;
  if (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') {
    return nameOf(declaration) ?? 'default';
  }
  const [variable] = childrenOf(declaration);
  const holdsFunction = variable && isNode(variable.init) && FUNCTIONS.has(variable.init.type);
  return holdsFunction ? nameOf(variable) : undefined;
}

/**
 * Tests beside the code that are named for no source: `a.test.ts` and `a.b.test.ts` go with `a.ts`, a folder's tests
 * with any source of it that they import, and tests of a driver with the suite that they run.
 */
export function placeComplaints(source: Parsed, paths: ReadonlySet<string>): string[] {
  if (!source.path.startsWith('src/') || !source.path.endsWith('.test.ts')) return [];
  const folder = posix.dirname(source.path);
  const [noun = ''] = posix.basename(source.path).split('.');
  const named = source.path.replace(/\.test\.ts$/, '.ts');
  if (paths.has(named) || paths.has(`${folder}/${noun}.ts`)) return [];
  const imported = importsOf(source).map(({ specifier }) => posix.join(folder, specifier));
  if (imported.some((path) => isSuite(path) || posix.dirname(path) === folder)) return [];
  return [`${source.path} tests no source beside it: there is no ${named}, and it imports nothing of ${folder}`];
}

/** Links of a Markdown file that lead nowhere in the checkout. Code is left out. */
export function linkComplaints(page: Source, paths: ReadonlySet<string>, textOf: (path: string) => string): string[] {
  const complaints: string[] = [];
  const prose = page.text.replace(/```[\s\S]*?```|`[^`\n]*`/g, (code) => code.replace(/[^\n]/g, ' '));
  for (const match of prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)) {
    const [, link = ''] = match;
    if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? page.path : posix.join(posix.dirname(page.path), decodeURI(file));
    const line = prose.slice(0, match.index).split('\n').length;
    const folder = target.endsWith('/') ? target : `${target}/`;
    if (!paths.has(target) && ![...paths].some((path) => folder === './' || path.startsWith(folder))) {
      complaints.push(`${page.path}:${line} links to ${target}, which is not there`);
    } else if (anchor && target.endsWith('.md') && !anchorsOf(textOf(target)).has(anchor)) {
      complaints.push(`${page.path}:${line} links to #${anchor}, but ${target} has no such heading`);
    }
  }
  return complaints;
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replace(/```[\s\S]*?```/g, '').matchAll(/^#+\s+(.*?)\s*$/gm);
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
  return new Set([...headings].map(([, heading = '']) => slug(heading)));
}
