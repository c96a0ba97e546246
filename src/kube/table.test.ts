import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { includeObjectOf, partialOf, type TableOptions, tableOf } from './table.ts';

interface Widget extends KubeObject {
  size: number;
}

const widgets: Resource<Widget> = {
  group: 'test.headgate.dev',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  singular: 'widget',
  namespaced: true,
  verbs: ['get'],
  schema: { type: 'object', properties: {} },
  table: {
    columns: [
      { name: 'Name', type: 'string', format: 'name', description: 'Its name.' },
      { name: 'Size', type: 'integer', description: 'Its size.', priority: 1 },
    ],
    cells: ({ metadata, size }) => [metadata.name ?? '', size],
  },
};

const OPTIONS: TableOptions = {
  apiVersion: 'meta.k8s.io/v1',
  includeObject: 'Metadata',
  now: new Date(0),
  metadata: { resourceVersion: '7', continue: 'c', remainingItemCount: 0 },
};

const HEAD =
  '"columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"Its name.","priority":0},{"name":"Size","type":"integer","format":"","description":"Its size.","priority":1}],"rows":';

function printed(objects: Iterable<Widget>, options: Partial<TableOptions> = {}): string {
  return [...tableOf(widgets, objects, { ...OPTIONS, ...options })].join('');
}

const A: Widget = { kind: 'Widget', apiVersion: 'x', metadata: { name: 'a' }, size: 3 };

test('a table with the metadata of its rows', () => {
  assert.equal(
    printed([A, { metadata: { name: 'b' }, size: 4 }]),
    `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":0},${HEAD}[{"cells":["a",3],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a"}}},{"cells":["b",4],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"b"}}}]}\n`,
  );
});

test('no rows, no objects, whole objects, no columns', () => {
  assert.equal(
    printed([], { metadata: {} }),
    `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},${HEAD}[]}\n`,
  );
  assert.match(printed([A], { includeObject: 'None' }), /"rows":\[\{"cells":\["a",3\],"object":null\}\]/);
  assert.match(
    printed([A], { includeObject: 'Object' }),
    /"object":\{"kind":"Widget","apiVersion":"test\.headgate\.dev\/v1","metadata":\{"name":"a"\},"size":3\}/,
  );
  assert.match(
    printed([A], { apiVersion: 'meta.k8s.io/v1beta1' }),
    /"kind":"PartialObjectMetadata","apiVersion":"meta\.k8s\.io\/v1beta1"/,
  );
  assert.match(printed([A], { columns: false }), /"columnDefinitions":null,"rows":\[/);
});

test('rows are made one by one', () => {
  let made = 0;
  function* objects(): Generator<Widget> {
    for (;;) yield { metadata: { name: `w${made++}` }, size: 0 };
  }
  const pieces = tableOf(widgets, objects(), OPTIONS);
  pieces.next();
  pieces.next();
  assert.equal(made, 1);
  pieces.return();
});

test('includeObject', () => {
  assert.equal(includeObjectOf(undefined), 'Metadata');
  assert.equal(includeObjectOf('None'), 'None');
  assert.throws(() => includeObjectOf('Other'), {
    message: `Unable to convert to Table as requested: includeObject: Invalid value: "Other": must be 'Metadata', 'Object', 'None', or empty`,
  });
});

test('metadata alone', () => {
  assert.deepEqual(partialOf(A), {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { name: 'a' },
  });
});
