import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { toValue } from '../objects/values.ts';
import { importSecrets, isImportSecret, keyringOf, type PullSecret, pullSecretOf } from './credentials.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const user = (username: string) => ({ username, password: 'p' });
const ring = (...places: string[]) => keyringOf([new Map(places.map((place) => [place, user(place)]))]);

function secret(content: unknown, type = 'kubernetes.io/dockerconfigjson', annotations?: Record<string, string>) {
  const key = type.endsWith('json') ? '.dockerconfigjson' : '.dockercfg';
  const data = { [key]: base64(typeof content === 'string' ? content : JSON.stringify(content)) };
  return { metadata: { name: 's', ...(annotations && { annotations }) }, type, data };
}

suite('pull secrets', () => {
  test('are read in both forms', () => {
    const auths = { 'a.test': { auth: base64('me:se:cret') }, 'b.test': { username: 'you', password: 'x' } };
    const expected: PullSecret = new Map([
      ['a.test', { username: 'me', password: 'se:cret' }],
      ['b.test', { username: 'you', password: 'x' }],
    ]);
    assert.deepEqual(pullSecretOf(secret({ auths })), expected);
    assert.deepEqual(pullSecretOf(secret(auths, 'kubernetes.io/dockercfg')), expected);
  });
  test('are left out if they are excluded, of another type or cannot be read', () => {
    const auths = { 'a.test': user('me') };
    assert.equal(pullSecretOf(secret({ auths }, undefined, { 'openshift.io/image.excludeSecret': 'true' })), undefined);
    assert.equal(pullSecretOf({ ...secret({ auths }), type: 'Opaque' }), undefined);
    assert.ok(!isImportSecret({ metadata: { name: 'untyped' } }));
    assert.ok(isImportSecret(secret('{"auths":')));
    assert.equal(pullSecretOf(secret('{"auths":')), undefined);
    assert.equal(pullSecretOf(secret('[]')), undefined);
    assert.deepEqual(pullSecretOf(secret({ auths: { 'a.test': { auth: '?' }, 'b.test': 7 } })), new Map());
  });
  test('are those of the namespace, whatever follows them in the store', async () => {
    const ctx = await testContext();
    const put = (key: string, place: string, more = '') => {
      const value = Buffer.concat([toValue(secret({ auths: { [place]: user(place) } })), Buffer.from(more)]);
      return ctx.store.commit([{ op: 'put', key, value }]);
    };
    await put('/secrets/default/one', 'a.test', '\n{"facts":"beside"}');
    await put('/secrets/default/two', 'b.test');
    await put('/secrets/other/three', 'c.test');
    const keyring = keyringOf(await importSecrets(ctx, 'default'));
    assert.equal(keyring('a.test/x/y')?.username, 'a.test');
    assert.equal(keyring('b.test/x/y')?.username, 'b.test');
    assert.equal(keyring('c.test/x/y'), undefined);
  });
});

suite('the user for a repository', () => {
  const find = (keyring: ReturnType<typeof keyringOf>, repository: string) => keyring(repository)?.username;

  test('is the one for the longest path', () => {
    const keyring = ring('quay.test', 'quay.test/team', 'quay.test/team/app');
    assert.equal(find(keyring, 'quay.test/team/app'), 'quay.test/team/app');
    assert.equal(find(keyring, 'quay.test/team/other'), 'quay.test/team');
    assert.equal(find(keyring, 'quay.test/x'), 'quay.test');
    assert.equal(find(keyring, 'quay.example/x'), undefined);
  });
  test('is for one port', () => {
    const keyring = ring('quay.test:5000');
    assert.equal(find(keyring, 'quay.test:5000/a'), 'quay.test:5000');
    assert.equal(find(keyring, 'quay.test/a'), undefined);
  });
  test('may be for many hosts', () => {
    const keyring = ring('*.dkr.ecr.*.amazonaws.test', 'reg-?.test');
    assert.equal(find(keyring, '123.dkr.ecr.eu.amazonaws.test/a'), '*.dkr.ecr.*.amazonaws.test');
    assert.equal(find(keyring, 'dkr.ecr.eu.amazonaws.test/a'), undefined);
    assert.equal(find(keyring, 'reg-7.test/a'), 'reg-?.test');
    assert.equal(find(keyring, 'reg-77.test/a'), undefined);
  });
  test('may be written as a URL', () => {
    assert.equal(find(ring('https://quay.test/v2/'), 'quay.test/a'), 'https://quay.test/v2/');
    assert.equal(find(ring('http://quay.test/v1/team'), 'quay.test/team/a'), 'http://quay.test/v1/team');
  });
  test("is Docker Hub's by any of its names", () => {
    for (const name of ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io']) {
      assert.equal(find(ring(name), 'docker.io/library/nginx'), name);
    }
    assert.equal(find(ring('index.docker.io', 'docker.io/team'), 'docker.io/team/app'), 'docker.io/team');
  });
  test('is that of the first secret', () => {
    const keyring = keyringOf([new Map([['a.test', user('first')]]), new Map([['https://a.test', user('second')]])]);
    assert.equal(find(keyring, 'a.test/x'), 'first');
  });
  test('is found quickly for a pattern made to be slow', () => {
    const part = `${'a*'.repeat(2000)}b`;
    assert.equal(find(ring(`${part}.test`), `${'a'.repeat(4000)}.test/x`), undefined);
  });
});
