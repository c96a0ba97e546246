import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { canonical } from '../objects/canonical.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { type Secret, secrets } from './secrets.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What a create is refused with; nothing if it is not. */
async function refusal(secret: Partial<Secret>): Promise<string[]> {
  const ctx = await testContext();
  const made = createObject(ctx, secrets, 'default', { metadata: { name: 'a' }, ...secret });
  return made.then(() => [], causesOf);
}

function causesOf(error: unknown): string[] {
  assert.ok(isProblem(error, 'Invalid') && error.problem.reason === 'Invalid');
  return error.problem.causes.map(fieldErrorText);
}

suite('secrets', () => {
  test('are Opaque if they do not say otherwise, and take text in place of base64', () => {
    const { value, wrongTypes } = canonical(secrets.schema, {
      metadata: { name: 'a' },
      data: { k: base64('old'), l: base64('stays') },
      stringData: { k: 'näw', none: null },
    });
    assert.deepEqual(wrongTypes, []);
    assert.deepEqual(value, {
      metadata: { name: 'a' },
      data: { k: base64('näw'), l: base64('stays'), none: '' },
      type: 'Opaque',
    });
  });

  test('refuse text and data of wrong types', () => {
    const paths = (object: object): string[] =>
      canonical(secrets.schema, { metadata: {}, ...object }).wrongTypes.map(({ path }) => path);
    assert.deepEqual(paths({ stringData: { k: 1 } }), ['stringData.k']);
    assert.deepEqual(paths({ stringData: 'k' }), ['stringData']);
    assert.deepEqual(paths({ stringData: { k: 'v' }, data: [] }), ['data']);
    assert.deepEqual(paths({ data: { k: 'no base64!' } }), ['data.k']);
  });

  test('of known types hold what the type says', async () => {
    assert.deepEqual(await refusal({ type: 'kubernetes.io/basic-auth' }), [
      'data[username]: Required value',
      'data[password]: Required value',
    ]);
    assert.deepEqual(await refusal({ type: 'kubernetes.io/basic-auth', data: { password: '' } }), []);
    assert.deepEqual(await refusal({ type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } }), [
      'data[ssh-privatekey]: Required value',
    ]);
    assert.deepEqual(await refusal({ type: 'kubernetes.io/tls', data: { 'tls.key': '' } }), [
      'data[tls.crt]: Required value',
    ]);
    assert.deepEqual(await refusal({ type: 'kubernetes.io/service-account-token' }), [
      'metadata.annotations[kubernetes.io/service-account.name]: Required value',
    ]);
    assert.deepEqual(await refusal({ type: 'bars.test/own', data: { any: '' } }), []);
  });

  test('with credentials for registries hold JSON, which no refusal shows', async () => {
    const type = 'kubernetes.io/dockerconfigjson';
    const config = (text: string) => refusal({ type, data: { '.dockerconfigjson': base64(text) } });
    assert.deepEqual(await refusal({ type, data: {} }), ['data[.dockerconfigjson]: Required value']);
    assert.deepEqual(await config('{"auths":{}}'), []);
    for (const text of ['', '{"password":"geheim"', '["geheim"]', '"geheim"']) {
      const [error = ''] = await config(text);
      assert.match(error, /^data\[\.dockerconfigjson\]: Invalid value: "<secret contents redacted>": /);
      assert.doesNotMatch(error, /geheim/);
    }
    assert.deepEqual(await refusal({ type: 'kubernetes.io/dockercfg' }), ['data[.dockercfg]: Required value']);
  });

  test('keep their type, and their data if they are immutable', async () => {
    const ctx = await testContext();
    await createObject(ctx, secrets, 'default', { metadata: { name: 'a' }, type: 'one', data: {}, immutable: true });
    const change = (next: Partial<Secret>) =>
      updateObject(ctx, secrets, 'default', 'a', (old) => ({ ...old, ...next })).then(() => [], causesOf);
    assert.deepEqual(await change({ type: 'two' }), ['type: Invalid value: "two": field is immutable']);
    assert.deepEqual(await change({ data: { k: '' } }), [
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
    assert.deepEqual(await change({ metadata: { name: 'a', labels: { l: '1' } } }), []);
  });

  test('hold a mebibyte', async () => {
    const data = { k: Buffer.alloc((1 << 20) + 1).toString('base64') };
    assert.deepEqual(await refusal({ data }), ['data: Too long: may not be more than 1048576 bytes']);
  });
});
