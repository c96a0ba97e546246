/**
 * Bad input to the image API: each entry of `invalid.json` is a body and what the real openshift-apiserver says is wrong with
 * it. The answer must be the same to the character, and nothing may be stored.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { assertInvalid, type ImageApi, startImageApi } from '../imageapi.ts';

interface BadInput {
  /** Resource and what is wrong, in a few words. */
  readonly what: string;
  readonly resource: string;
  readonly body: unknown;
  /** Reason, field and message of each cause, in their order. */
  readonly causes: readonly (readonly [reason: string, field: string, message: string])[];
}

const INPUTS = JSON.parse(readFileSync(new URL('invalid.json', import.meta.url), 'utf8')) as readonly BadInput[];

suite('bad input', () => {
  let api: ImageApi;
  before(async () => {
    api = await startImageApi();
    // What is tagged and signed below.
    const image = { metadata: { name: 'there' }, dockerImageReference: 'quay.test/x/app:v1' };
    assert.equal((await api.ask('POST', 'imagestreams', { metadata: { name: 'app' } })).status, 201);
    const mapping = { metadata: { name: 'app' }, tag: 'v1', image };
    assert.equal((await api.ask('POST', 'imagestreammappings', mapping)).status, 201);
  });
  after(() => api[Symbol.asyncDispose]());

  for (const { what, resource, body, causes } of INPUTS) {
    const fields = [...new Set(causes.map(([, field]) => (field === '[]' ? 'spec' : field)))];
    test(`POST ${what}: refused for ${fields.join(', ')}`, async () => {
      const revision = await api.ctx.store.revision();
      assertInvalid(await api.ask('POST', resource, body), ...causes);
      assert.equal(await api.ctx.store.revision(), revision, 'nothing may be stored');
      assert.deepEqual(api.reported, []);
    });
  }
});
