/** Signatures of Images, and the pull secrets of a namespace, over HTTP. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ImageApi, startImageApi } from '../imageapi.ts';
import { made, ONE, TWO } from '../imagestreams.ts';

const image = (name: string): object => ({ metadata: { name }, dockerImageReference: `r.test/a@${name}` });
const signature = (name: string, content: string, more: object = {}): object => ({
  metadata: { name },
  type: 'AtomicImageV1',
  content: Buffer.from(content).toString('base64'),
  ...more,
});

suite('imagesignatures', () => {
  const names = async (api: ImageApi): Promise<string[]> => {
    const { body } = await api.ask('GET', `images/${ONE}`);
    return (body.signatures ?? []).map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  };

  test('are added to their Image, without what they claim', async () => {
    await using api = await startImageApi();
    await made(api, 'images', image(ONE));
    const claims = {
      conditions: [{ type: 'Trusted', status: 'True' }],
      imageIdentity: 'r.test/a',
      signedClaims: { a: 'b' },
      created: '2020-01-01T00:00:00Z',
      issuedBy: { organization: 'o' },
      issuedTo: { publicKeyID: 'p' },
    };
    const body = await made(api, 'imagesignatures', signature(`${ONE}@one`, 'one', claims));
    for (const claim of Object.keys(claims)) assert.equal(body[claim], undefined, claim);
    assert.equal(body.metadata.name, `${ONE}@one`);
    await made(api, 'imagesignatures', signature(`${ONE}@two`, 'two'));
    assert.deepEqual(await names(api), [`${ONE}@one`, `${ONE}@two`]);
    const { body: kept } = await api.ask('GET', `images/${ONE}`);
    assert.deepEqual(kept.signatures[0].conditions, undefined);
    assert.ok(kept.signatures[0].metadata.uid);
  });

  test('with the name of one that is there, or its content, are there already', async () => {
    await using api = await startImageApi();
    await made(api, 'images', image(ONE));
    await made(api, 'imagesignatures', signature(`${ONE}@one`, 'one'));
    for (const again of [signature(`${ONE}@one`, 'other'), signature(`${ONE}@two`, 'one')]) {
      const { status, body } = await api.ask('POST', 'imagesignatures', again);
      assert.deepEqual([status, body.reason, body.details.kind], [409, 'AlreadyExists', 'imageSignatures']);
    }
    await made(api, 'imagesignatures', { ...signature(`${ONE}@two`, 'one'), type: 'Other' });
    assert.deepEqual(await names(api), [`${ONE}@one`, `${ONE}@two`]);
  });

  test('are taken away by their names, first, last or only', async () => {
    await using api = await startImageApi();
    await made(api, 'images', image(ONE));
    for (const name of ['a', 'b', 'c']) await made(api, 'imagesignatures', signature(`${ONE}@${name}`, name));
    for (const [name, left] of [
      ['a', ['b', 'c']],
      ['c', ['b']],
      ['b', []],
    ] as const) {
      const { status, body } = await api.ask('DELETE', `imagesignatures/${ONE}@${name}`);
      assert.deepEqual([status, body.status, body.details], [200, 'Success', undefined]);
      assert.deepEqual(
        await names(api),
        left.map((each) => `${ONE}@${each}`),
      );
    }
    const { status, body } = await api.ask('DELETE', `imagesignatures/${ONE}@a`);
    assert.deepEqual([status, body.details.kind, body.details.name], [404, 'imageSignatures', `${ONE}@a`]);
  });

  test('of an Image that is not there, or by a name that is none', async () => {
    await using api = await startImageApi();
    const { status, body } = await api.ask('POST', 'imagesignatures', signature(`${TWO}@one`, 'one'));
    assert.deepEqual([status, body.details.name], [404, TWO]);
    for (const name of ['plain', 'a@b@c', '@b', 'a@']) {
      assert.equal((await api.ask('DELETE', `imagesignatures/${name}`)).status, 400, name);
    }
    assert.equal((await api.ask('GET', 'imagesignatures')).status, 405);
  });

  test('inside a new Image lose the mark of the one who fetched them, and may have no other', async () => {
    await using api = await startImageApi();
    const managed = { 'image.openshift.io/managed-signature': 'true' };
    const signed = (annotations: object): object => ({
      ...image(ONE),
      signatures: [signature(`${ONE}@one`, 'one', { metadata: { name: `${ONE}@one`, annotations } })],
    });
    const { status, body } = await api.ask('POST', 'images', signed({ ...managed, other: 'x' }));
    assert.deepEqual([status, body.details.causes[0].field], [422, 'signatures[0].metadata.annotations']);
    for (const annotations of [managed, {}]) {
      const { signatures } = await made(api, 'images', signed(annotations));
      assert.equal(signatures[0].metadata.annotations, undefined);
      await api.ask('DELETE', `images/${ONE}`);
    }
  });
});

suite('secrets of a stream', () => {
  test('are the pull secrets of its namespace, whether there is such a stream or not, but for those left out', async () => {
    await using api = await startImageApi();
    const excluded = (value: string): object => ({ annotations: { 'openshift.io/image.excludeSecret': value } });
    const [CFG, JSON_CFG] = ['kubernetes.io/dockercfg', 'kubernetes.io/dockerconfigjson'];
    for (const [name, type, stringData, meta] of [
      ['a-cfg', CFG, { '.dockercfg': '{}' }, {}],
      ['b-json', JSON_CFG, { '.dockerconfigjson': '{"auths":{}}' }, {}],
      ['c-opaque', 'Opaque', { k: 'v' }, {}],
      ['d-out', CFG, { '.dockercfg': '{}' }, excluded('true')],
      ['e-in', CFG, { '.dockercfg': '{}' }, excluded('false')],
    ] as const) {
      await made(api, '/api/v1/namespaces/one/secrets', { metadata: { name, ...meta }, type, stringData });
    }
    const { status, body } = await api.ask('GET', 'imagestreams/nowhere/secrets');
    assert.equal(status, 200);
    assert.deepEqual([body.kind, body.apiVersion], ['SecretList', 'image.openshift.io/v1']);
    const shown = body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    assert.deepEqual(shown, ['a-cfg', 'b-json', 'e-in']);
    assert.equal(body.items[1].data['.dockerconfigjson'], Buffer.from('{"auths":{}}').toString('base64'));
  });
});
