import assert from 'node:assert/strict';
import test from 'node:test';
import { imageStreamImageTable, imageStreamTable, imageStreamTagTable } from './table.ts';
import type { ImageStreamStatus, NamedTagEventList } from './types.ts';

const now = new Date('2026-11-24T12:00:00Z');

/** A tag that moved so many minutes ago; without minutes it never did. */
function tag(name: string, minutes?: number): NamedTagEventList {
  if (minutes === undefined) return { tag: name, items: null };
  const created = new Date(now.getTime() - minutes * 60_000).toISOString();
  return { tag: name, items: [{ created, dockerImageReference: 'r/a/b@sha256:0', image: 'sha256:0', generation: 1 }] };
}

function row(status: Partial<ImageStreamStatus>, dockerImageRepository?: string) {
  const spec = dockerImageRepository === undefined ? {} : { dockerImageRepository };
  const stream = { metadata: { name: 's' }, spec, status: { dockerImageRepository: 'own/n/s', ...status } };
  return imageStreamTable.cells(stream, now);
}

function tagsOf(names: readonly string[]): unknown {
  return row({ tags: names.map((name) => tag(name, 1)) })[2];
}

test('a stream without tags', () => {
  assert.deepEqual(row({}), ['s', 'own/n/s', '', '']);
  assert.deepEqual(imageStreamTable.cells({ metadata: { name: 's' } }, now), ['s', '', '', '']);
});

test('the repository is the public one, else the one in spec, else the own one', () => {
  assert.equal(row({ publicDockerImageRepository: 'public/n/s' }, 'quay.test/a/b')[1], 'public/n/s');
  assert.equal(row({}, 'quay.test/a/b')[1], 'quay.test/a/b');
});

test('tags stand newest first, those of one second by name, those that never moved last', () => {
  const tags = [tag('never'), tag('b', 2), tag('old', 9), tag('a', 2), tag('new', 1), tag('also-never')];
  assert.deepEqual(row({ tags }), ['s', 'own/n/s', 'new,a,b,old,also-never,never', 'About a minute ago']);
});

test('tags that never moved leave Updated empty', () => {
  assert.deepEqual(row({ tags: [tag('a'), tag('b')] }), ['s', 'own/n/s', 'a,b', '']);
});

const nine = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `tag-num-${first + i}`);

const cuts: readonly (readonly [string, readonly string[], string])[] = [
  ['forty columns with commas', nine(0, 3), 'tag-num-0,tag-num-1,tag-num-2,tag-num-3'],
  ['no column left', [...nine(0, 3), 'x'], 'tag-num-0,tag-num-1,tag-num-2,tag-num-3 + 1 more...'],
  ['ten left are too few to run over', [...nine(0, 2), 'ten-tenths'], 'tag-num-0,tag-num-1,tag-num-2 + 1 more...'],
  ['twelve left, ten over', ['a'.repeat(27), 'b'.repeat(21)], `${'a'.repeat(27)},${'b'.repeat(21)}`],
  ['twelve left, eleven over', ['a'.repeat(27), 'b'.repeat(22)], `${'a'.repeat(27)} + 1 more...`],
  ['eleven left, one over', ['a'.repeat(28), 'b'.repeat(11)], `${'a'.repeat(28)} + 1 more...`],
  [
    'after running over, no more',
    ['a'.repeat(27), 'b'.repeat(21), 'c'],
    `${'a'.repeat(27)},${'b'.repeat(21)} + 1 more...`,
  ],
  ['the first is shown however long', ['a'.repeat(99), 'b'], `${'a'.repeat(99)} + 1 more...`],
];

for (const [says, names, expected] of cuts) {
  test(`tags are cut: ${says}`, () => assert.equal(tagsOf(names), expected));
}

const image = { metadata: { name: 'sha256:0' }, dockerImageReference: 'r/a/b@sha256:0' };

test('a tag and an image with their ages', () => {
  const metadata = { name: 's:t', creationTimestamp: '2026-11-24T09:00:00Z' };
  const istag = { metadata, tag: null, generation: 1, lookupPolicy: { local: false }, image };
  assert.deepEqual(imageStreamTagTable.cells(istag, now), ['s:t', 'r/a/b@sha256:0', '3 hours ago', 'sha256:0']);
  const isimage = { metadata: { ...metadata, name: 's@0' }, image };
  assert.deepEqual(imageStreamImageTable.cells(isimage, now), ['s@0', '3 hours ago', 'r/a/b@sha256:0', 'sha256:0']);
});

test('a time that is not set was 292 years ago', () => {
  const isimage = { metadata: { name: 's@0', creationTimestamp: null }, image };
  assert.equal(imageStreamImageTable.cells(isimage, now)[1], '292 years ago');
});

test('columns are those of OpenShift', () => {
  const shape = (columns: typeof imageStreamTable.columns) =>
    columns.map(({ name, type, format, priority }) => `${name} ${type} ${format ?? ''} ${priority ?? 0}`);
  assert.deepEqual(shape(imageStreamTable.columns), [
    'Name string name 0',
    'Image Repository string  0',
    'Tags string  0',
    'Updated string  0',
  ]);
  assert.deepEqual(shape(imageStreamTagTable.columns), [
    'Name string name 0',
    'Image Reference string  0',
    'Updated string  0',
    'Image Name string  1',
  ]);
  assert.deepEqual(shape(imageStreamImageTable.columns), [
    'Name string name 0',
    'Updated string  0',
    'Image Reference string  1',
    'Image Name string  1',
  ]);
});
