import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { imageStreamSchema } from '../../streams/schema.ts';
import type { KubeObject } from '../object.ts';
import { ApplyConflict, apply } from './apply.ts';
import { compare } from './compare.ts';
import { difference, fieldSet, fromFieldsV1, intersection, pathsOf, pathText, toFieldsV1, union } from './fieldset.ts';
import { type Manager, managedByUpdate } from './managed.ts';

const T1 = '2026-01-01T00:00:00Z';
const T2 = '2026-01-02T00:00:00Z';
const API = 'image.openshift.io/v1';
const by = (manager: string, operation: 'Apply' | 'Update' = 'Apply'): Manager => ({
  manager,
  operation,
  apiVersion: API,
});
const stream = (tags: object[], more: object = {}): KubeObject & { spec: { tags?: object[] } } => ({
  kind: 'ImageStream',
  apiVersion: API,
  metadata: { name: 'app', ...more },
  spec: { tags },
});
const tag = (name: string, from: string): object => ({ name, from: { kind: 'DockerImage', name: from } });

const paths = fc.array(fc.array(fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}'), { minLength: 1, maxLength: 3 }), {
  maxLength: 6,
});

test('sets of fields: FieldsV1 is read back as it was, and the algebra is that of sets of paths', () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [fieldSet(left), fieldSet(right)];
      const texts = (set: typeof a): string[] => pathsOf(set).map((path) => path.join('/'));
      assert.deepEqual(texts(fromFieldsV1(toFieldsV1(a)) ?? b), texts(a));
      const [inA, inB] = [new Set(texts(a)), new Set(texts(b))];
      assert.deepEqual(new Set(texts(union(a, b))), new Set([...inA, ...inB]));
      assert.deepEqual(new Set(texts(intersection(a, b))), new Set([...inA].filter((path) => inB.has(path))));
      assert.deepEqual(new Set(texts(difference(a, b))), new Set([...inA].filter((path) => !inB.has(path))));
    }),
  );
});

test('a path is printed as Kubernetes prints it in conflicts', () => {
  assert.equal(pathText(['f:spec', 'f:tags', 'k:{"name":"a"}', 'f:from']), '.spec.tags[name="a"].from');
});

test('compare finds items of a keyed list by their key, wherever they stand', () => {
  const { added, modified, removed } = compare(
    imageStreamSchema,
    stream([tag('a', 'x'), tag('b', 'y')]),
    stream([tag('c', 'z'), tag('a', 'w')]),
  );
  assert.deepEqual(
    pathsOf(modified).map((path) => pathText(path)),
    ['.spec.tags[name="a"].from'],
  );
  assert.ok(pathsOf(added).some((path) => pathText(path) === '.spec.tags[name="c"]'));
  assert.ok(pathsOf(removed).some((path) => pathText(path) === '.spec.tags[name="b"]'));
});

test('a create is managed by its writer; what it says nothing of is not', () => {
  const made = managedByUpdate(
    imageStreamSchema,
    undefined,
    stream([tag('a', 'x')], { labels: { l: '1' } }),
    by('tool', 'Update'),
    T1,
  );
  assert.equal(made.length, 1);
  assert.deepEqual(Object.keys(made[0]?.fieldsV1 as object), ['f:metadata', 'f:spec']);
  const bare = { kind: 'ImageStream', apiVersion: API, metadata: { name: 'app' } };
  assert.deepEqual(managedByUpdate(imageStreamSchema, undefined, bare, by('tool', 'Update'), T1), []);
});

test('an update takes the fields that it changes from their managers, and no others', () => {
  const first = stream([tag('a', 'x'), tag('b', 'y')]);
  first.metadata.managedFields = managedByUpdate(imageStreamSchema, undefined, first, by('one', 'Update'), T1);
  const second = structuredClone(first);
  second.spec.tags = [tag('a', 'changed'), tag('b', 'y')];
  const managed = managedByUpdate(imageStreamSchema, first, second, by('two', 'Update'), T2);
  assert.deepEqual(
    managed.map(({ manager, time }) => [manager, time]),
    [
      ['one', T1],
      ['two', T2],
    ],
  );
  assert.deepEqual(managed[1]?.fieldsV1, {
    'f:spec': { 'f:tags': { 'k:{"name":"a"}': { 'f:from': {} } } },
  });
});

test('an object that was not managed from its creation on stays so', () => {
  const old = stream([tag('a', 'x')]);
  const next = stream([tag('a', 'y')]);
  assert.deepEqual(managedByUpdate(imageStreamSchema, old, next, by('one', 'Update'), T1), []);
});

test('apply: two managers each keep their tags, and dropping one takes only the own one away', () => {
  const one = apply(imageStreamSchema, undefined, stream([tag('a', 'x'), tag('b', 'x')]), by('one'), false, T1);
  const two = apply(imageStreamSchema, one, stream([tag('c', 'y')]), by('two'), false, T1);
  assert.deepEqual(names(two), ['a', 'b', 'c']);
  const dropped = apply(imageStreamSchema, two, stream([tag('a', 'x')]), by('one'), false, T2);
  assert.deepEqual(names(dropped), ['a', 'c']);
});

test('apply of what another manages is a conflict that names manager and field; force takes it', () => {
  const one = apply(imageStreamSchema, undefined, stream([tag('a', 'x')]), by('one'), false, T1);
  const wanted = stream([tag('a', 'z')]);
  assert.throws(
    () => apply(imageStreamSchema, one, wanted, by('two'), false, T2),
    (error) => {
      assert.ok(error instanceof ApplyConflict);
      assert.deepEqual(
        error.conflicts.map(({ manager, path }) => [manager.manager, pathText(path)]),
        [['one', '.spec.tags[name="a"].from']],
      );
      return true;
    },
  );
  const forced = apply(imageStreamSchema, one, wanted, by('two'), true, T2);
  const [first] = (forced as ReturnType<typeof stream>).spec.tags as { from: { name: string } }[];
  assert.equal(first?.from.name, 'z');
});

test('what was written before anybody applied is a manager of its own; who only shares has no time', () => {
  const live = stream([tag('a', 'x')]);
  assert.throws(() => apply(imageStreamSchema, live, stream([tag('a', 'y')]), by('one'), false, T1), ApplyConflict);
  const shared = apply(imageStreamSchema, live, stream([tag('a', 'x')]), by('one'), false, T1);
  assert.deepEqual(
    shared.metadata.managedFields?.map(({ manager, operation, time }) => [manager, operation, time]),
    [
      ['one', 'Apply', undefined],
      ['before-first-apply', 'Update', T1],
    ],
  );
  // What Go prints of an object that holds nothing was written by nobody.
  assert.doesNotMatch(JSON.stringify(shared.metadata.managedFields), /f:lookupPolicy/);
});

test('kubectl takes what it had applied on the client before, and keeps its annotation up to date', () => {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  const applied = stream([tag('a', 'x')]);
  const live = stream([tag('a', 'x')], { annotations: { [key]: JSON.stringify(applied) } });
  live.metadata.managedFields = managedByUpdate(imageStreamSchema, undefined, live, by('client', 'Update'), T1);
  const wanted = stream([tag('a', 'y')]);
  assert.throws(() => apply(imageStreamSchema, live, wanted, by('other'), false, T2), ApplyConflict);
  const taken = apply(imageStreamSchema, live, wanted, by('kubectl'), false, T2);
  assert.deepEqual(JSON.parse(taken.metadata.annotations?.[key] ?? ''), wanted);
  live.spec.tags = [tag('a', 'z')];
  assert.throws(() => apply(imageStreamSchema, live, wanted, by('kubectl'), false, T2), ApplyConflict);
});

test('apply of the same again changes nothing, not even the time', () => {
  const one = apply(imageStreamSchema, undefined, stream([tag('a', 'x')]), by('one'), false, T1);
  const again = apply(imageStreamSchema, one, stream([tag('a', 'x')]), by('one'), false, T2);
  assert.deepEqual(again.metadata.managedFields, one.metadata.managedFields);
});

test('a field that two managers share stays until both drop it', () => {
  const one = apply(imageStreamSchema, undefined, stream([tag('a', 'x')]), by('one'), false, T1);
  const both = apply(imageStreamSchema, one, stream([tag('a', 'x')]), by('two'), false, T1);
  const still = apply(imageStreamSchema, both, stream([]), by('one'), false, T2);
  assert.deepEqual(names(still), ['a']);
  const gone = apply(imageStreamSchema, still, stream([]), by('two'), false, T2);
  assert.deepEqual(names(gone), []);
});

function names(object: KubeObject): string[] {
  // What is left of an object whose members all went is null.
  const { spec } = object as { spec?: { tags?: { name: string }[] } | null };
  return (spec?.tags ?? []).map(({ name }) => name);
}
