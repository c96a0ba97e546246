import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { type ConfigMap, configMaps } from './configmaps.ts';

/** What a create is refused with; nothing if it is not. */
async function refusal(map: Omit<ConfigMap, 'metadata'>): Promise<string[]> {
  const ctx = await testContext();
  return createObject(ctx, configMaps, 'default', { metadata: { name: 'a' }, ...map }).then(() => [], causesOf);
}

function causesOf(error: unknown): string[] {
  assert.ok(isProblem(error, 'Invalid') && error.problem.reason === 'Invalid');
  return error.problem.causes.map(fieldErrorText);
}

suite('config maps', () => {
  test('take names that can be names of files', async () => {
    assert.deepEqual(await refusal({ data: { 'a.b-C_9': '', '.hidden': 'x' } }), []);
    assert.deepEqual(await refusal({ data: { '.': '', '..': '', '..data': '' } }), [
      `data[.]: Invalid value: ".": must not be '.'`,
      `data[..]: Invalid value: "..": must not be '..'`,
      `data[..data]: Invalid value: "..data": must not start with '..'`,
    ]);
    const [slash = ''] = await refusal({ binaryData: { 'a/b': '' } });
    assert.match(slash, /^binaryData\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of/);
    assert.deepEqual(await refusal({ data: { ['x'.repeat(254)]: '' } }), [
      `data[${'x'.repeat(254)}]: Invalid value: "${'x'.repeat(254)}": must be no more than 253 characters`,
    ]);
  });

  test('have each name once', async () => {
    assert.deepEqual(await refusal({ data: { a: '' }, binaryData: { a: '' } }), [
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ]);
  });

  test('hold a mebibyte, counted in bytes of what is meant', async () => {
    const half = 'ü'.repeat(1 << 18);
    const bytes = Buffer.alloc(1 << 19).toString('base64');
    assert.deepEqual(await refusal({ data: { half }, binaryData: { bytes } }), []);
    assert.deepEqual(await refusal({ data: { half, one: 'x' }, binaryData: { bytes } }), [
      '[]: Too long: may not be more than 1048576 bytes',
    ]);
  });

  test('that are immutable change their metadata only', async () => {
    const ctx = await testContext();
    await createObject(ctx, configMaps, 'default', { metadata: { name: 'a' }, data: { k: 'v' }, immutable: true });
    const change = (next: Partial<ConfigMap>) =>
      updateObject(ctx, configMaps, 'default', 'a', (old) => ({ ...old, ...next }));
    await assert.rejects(change({ data: { k: 'w' } }), (error) => {
      assert.deepEqual(causesOf(error), ['data: Forbidden: field is immutable when `immutable` is set']);
      return true;
    });
    await assert.rejects(change({ immutable: false }), (error) => {
      assert.deepEqual(causesOf(error), ['immutable: Forbidden: field is immutable when `immutable` is set']);
      return true;
    });
    const labelled = await change({ metadata: { name: 'a', labels: { l: '1' } } });
    assert.deepEqual(labelled.object.metadata.labels, { l: '1' });
  });

  test('show how many entries they have', () => {
    const map: ConfigMap = {
      metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
      data: { a: '', b: '' },
      binaryData: { c: '' },
    };
    assert.deepEqual(configMaps.table.cells(map, new Date('2026-01-01T00:01:00Z')), ['a', 3, '60s']);
  });
});
