/** The tree keeps the rules of the house (test/tidy.ts), and every rule catches what breaks it. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  docstringComplaints,
  evasionComplaints,
  importComplaints,
  lengthComplaints,
  linkComplaints,
  markComplaints,
  nameComplaints,
  type Parsed,
  parse,
  placeComplaints,
} from './tidy.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const NOT_OURS = new Set(['node_modules', '.git', 'headgate-data', '.parts', 'fixtures', 'dist']);

const paths = globSync('**/*', { cwd: root, withFileTypes: true, exclude: ({ name }) => NOT_OURS.has(name) })
  .filter((entry) => entry.isFile() && !NOT_OURS.has(entry.name))
  .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name)));
const known: ReadonlySet<string> = new Set(paths);

function textOf(path: string): string {
  return readFileSync(posix.join(root, path), 'utf8');
}

const sources = paths.filter((path) => /\.[cm]?[jt]sx?$/.test(path)).map((path) => ({ path, text: textOf(path) }));
const parsed = sources.map(parse);
const pages = paths.filter((path) => path.endsWith('.md')).map((path) => ({ path, text: textOf(path) }));

/** The tree has nothing to complain of; otherwise every complaint is a line of the error. */
function tidy(complaints: readonly string[]): void {
  assert.ok(complaints.length === 0, `\n${complaints.join('\n')}\n`);
}

test('there are sources to look at', () => assert.ok(parsed.length > 20 && known.has('src/limits.ts')));
test('imports run one way', () => tidy(parsed.flatMap(importComplaints)));
test('files and functions are short', () => tidy(parsed.flatMap(lengthComplaints)));
test('folders and files are named for what is in them', () => tidy(paths.flatMap(nameComplaints)));
test('nothing is put off', () => tidy(sources.flatMap(markComplaints)));
test('every test runs', () => tidy(parsed.flatMap(evasionComplaints)));
test('what is exported says what it is', () => tidy(parsed.flatMap(docstringComplaints)));
test('tests stand beside what they test', () => tidy(parsed.flatMap((source) => placeComplaints(source, known))));
test('links lead somewhere', () => tidy(pages.flatMap((page) => linkComplaints(page, known, textOf))));

function source(path: string, text: string): Parsed {
  return parse({ path, text });
}

const imports: readonly (readonly [string, string, RegExp | undefined])[] = [
  ['src/image/a.ts', "import { b } from './b.ts'; import { c } from '../limits.ts'; import 'node:fs';", undefined],
  [
    'src/image/a.ts',
    "import type { B } from '../store/b.ts';",
    /a\.ts:1 imports src\/store\/b\.ts: image lies below store/,
  ],
  ['src/store/sqlite/a.ts', "import { b } from '../../blobs/b.ts';", undefined],
  ['src/store/sqlite/a.ts', "export { b } from '../../streams/b.ts';", /store lies below streams/],
  ['src/store/sqlite/a.ts', "\nexport * from '../../streams/b.ts';", /a\.ts:2 imports/],
  ['src/streams/a.ts', "const b = await import('../kube/b.ts');", /streams lies below kube/],
  ['src/streams/a.ts', "import { b } from '../main.ts';", /streams lies below main\.ts/],
  ['src/kube/a.ts', "import { b } from '../objects/b.ts';", undefined],
  ['src/kube/a.ts', "import { b } from '../streams/b.ts';", /kube must not know streams/],
  ['src/kube/a.ts', "import { b } from '../registry/b.ts';", /kube must not know registry/],
  ['src/registry/a.ts', "import { b } from '../streams/b.ts'; import { c } from '../image/c.ts';", undefined],
  ['src/registry/a.ts', "import { b } from '../kube/b.ts';", /registry must not know kube/],
  ['src/main.ts', "import { b } from './kube/b.ts'; import { c } from './cli/c.ts';", undefined],
  ['src/cli/a.ts', "import { b } from '../main.ts'; import c from '../../package.json';", undefined],
  ['src/cli/a.ts', "import { b } from '../../test/b.ts';", /nothing outside of src/],
  ['src/cli/a.ts', "import { b } from '../new/b.ts';", /src\/new has no layer yet/],
  ['src/image/a.test.ts', "import { b } from '../kube/b.ts';", undefined],
  ['test/a.ts', "import { b } from '../src/kube/b.ts';", undefined],
];

for (const [path, text, expected] of imports) {
  test(`${path} with ${text.trim()}`, () => {
    const complaints = importComplaints(source(path, text));
    assert.equal(complaints.length, expected ? 1 : 0);
    if (expected) assert.match(complaints[0] ?? '', expected);
  });
}

const lines = (count: number) => 'x();\n'.repeat(count);

test('a file of 400 lines passes, one of 401 does not', () => {
  assert.deepEqual(lengthComplaints(source('src/a.ts', lines(400))), []);
  assert.match(lengthComplaints(source('src/a.ts', lines(401)))[0] ?? '', /src\/a\.ts has 401 lines/);
});

test('a function of 70 lines passes, one of 71 does not, whatever kind it is', () => {
  const of = (open: string, close: string) =>
    [68, 69].map((body) => lengthComplaints(source('src/a.ts', `${open}\n${lines(body)}${close}`)));
  const kinds: readonly (readonly [string, string])[] = [
    ['export async function f() {', '}'],
    ['const f = () => {', '};'],
    ['const o = { f() {', '} };'],
    ['class A { #x = 1; f() {', '} }'],
    ['class A { f = function () {', '} }'],
  ];
  for (const [open, close] of kinds) {
    const [short, long] = of(open, close);
    assert.deepEqual(short, []);
    assert.match(long?.[0] ?? '', /src\/a\.ts:1 f has 71 lines/);
  }
});

test('functions inside count, tests inside do not', () => {
  const inside = (call: string) =>
    lengthComplaints(source('src/suite.ts', `export function f() {\n${call}() => {\n${lines(60)}});\n${lines(20)}}\n`));
  assert.match(inside('tests.forEach(')[0] ?? '', /f has 84 lines/);
  assert.deepEqual(inside("test('x', "), []);
  assert.deepEqual(inside('given(`x`, '), []);
});

test('braces in strings, templates and regular expressions are not counted', () => {
  const text = `export function f() {\n  const a = \`}\${'}'}\`;\n  const b = /[}]/;\n${lines(66)}}\n`;
  assert.deepEqual(lengthComplaints(source('src/a.ts', text)), []);
});

test('names that say nothing are refused', () => {
  for (const path of [
    'src/utils/a.ts',
    'src/helper.ts',
    'src/tagManager.ts',
    'src/a.common.ts',
    'src/image-service.ts',
  ]) {
    assert.equal(nameComplaints(path).length, 1, path);
  }
  for (const path of ['src/cluster/serviceaccounts.ts', 'src/store/store.ts', 'docs/utility.md']) {
    assert.deepEqual(nameComplaints(path), [], path);
  }
});

test('marks of later work are refused', () => {
  const mark = ['TO', 'DO'].join('');
  assert.deepEqual(markComplaints({ path: 'a.ts', text: `\n// ${mark}: x` }), [
    `a.ts:2 says ${mark}: do it now, or file an issue`,
  ]);
  assert.deepEqual(markComplaints({ path: 'a.ts', text: 'photodo xxxx' }), []);
});

test('tests that do not run are refused', () => {
  const evasions = ["test.skip('x', () => {});", "test('x', (t) => t.todo());", "it('x', { only: true }, () => {});"];
  for (const text of evasions) assert.equal(evasionComplaints(source('src/a.test.ts', text)).length, 1, text);
  assert.deepEqual(evasionComplaints(source('src/a.ts', 'page.skip(3);')), []);
  assert.deepEqual(evasionComplaints(source('src/a.test.ts', "test('x', () => f({ skip: 1 }));")), []);
});

test('exported classes, and functions of more than three lines, need a docstring', () => {
  const body = ' {\n  x();\n  y();\n}';
  const bare = [`export function f()${body}`, `export const f = () =>${body};`, 'export class A {}'];
  for (const text of [...bare, `// x\nexport function f()${body}`, `/* x */\nexport class A {}`]) {
    assert.equal(docstringComplaints(source('src/a.ts', text)).length, 1, text);
  }
  const documented = bare.map((text) => `/** X. */\n${text}`);
  const short = 'export function f() {\n  return 1;\n}';
  for (const text of [...documented, short, `function f()${body}`, 'export const limit = 1;', 'export type A = 1;']) {
    assert.deepEqual(docstringComplaints(source('src/a.ts', text)), [], text);
  }
});

test('a test goes with a source beside it, a suite, or the folder whose sources it imports', () => {
  const complaints = (path: string, text = '') => placeComplaints(source(path, text), new Set(['src/x/a.ts']));
  assert.deepEqual(complaints('src/x/a.test.ts'), []);
  assert.deepEqual(complaints('src/x/a.edge.test.ts'), []);
  assert.deepEqual(complaints('src/x/y/b.test.ts', "import { run } from '../suite.ts';"), []);
  assert.deepEqual(complaints('src/x/trouble.test.ts', "import { a } from './a.ts';"), []);
  assert.equal(complaints('src/x/b.test.ts', "import { c } from '../z/c.ts';").length, 1);
});

test('links must lead to a file, a folder or a heading', () => {
  const there = new Set(['docs/a.md', 'docs/b.md', 'src/a.ts']);
  const complaints = (text: string) =>
    linkComplaints({ path: 'docs/a.md', text }, there, () => '# The way of a push\n');
  const fine =
    '[a](b.md) [b](../src/a.ts) [c](../src) [d](https://x.test/y) [e](b.md#the-way-of-a-push) [f](#the-way-of-a-push) `[g](no.md)`';
  assert.deepEqual(complaints(fine), []);
  assert.deepEqual(complaints('\n[a](c.md)'), ['docs/a.md:2 links to docs/c.md, which is not there']);
  assert.match(complaints('[a](b.md#no)')[0] ?? '', /links to #no, but docs\/b\.md has no such heading/);
});
