/**
 * Cases that the conformance suite of OCI distribution 1.1.1 had and the program that followed it has not: pages of
 * tags, Links, and the JSON of errors.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { type Answer, json } from '../http.ts';
import { askRegistry, beginUpload, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { tinyImage } from '../tinyimage.ts';

const REPOSITORY = 'conformance/older';
const TAGS = ['test0', 'test1', 'test2', 'test3', 'test4'];

let server: TestServer;
let registry: Registry;

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  const image = tinyImage('older', [1_000]);
  for (const blob of image.blobs) await uploadWhole(registry, REPOSITORY, blob);
  for (const tag of TAGS) await putManifest(registry, REPOSITORY, tag, image.manifest, image.mediaType);
});
after(async () => {
  await server?.kill();
});

const tagsOf = (answer: Answer): readonly string[] => {
  assert.equal(answer.status, 200);
  return (json(answer) as { readonly tags: readonly string[] }).tags;
};

test('n bounds a page, last begins behind a tag, and what follows is where the Link says', async () => {
  const all = await askRegistry(registry, `${REPOSITORY}/tags/list`);
  assert.deepEqual(tagsOf(all), TAGS);
  assert.equal(all.headers.link, undefined);
  const found: string[] = [];
  let pages = 0;
  let path: string | undefined = `/v2/${REPOSITORY}/tags/list?n=2`;
  while (path !== undefined) {
    const page: Answer = await askRegistry(registry, path);
    assert.ok(tagsOf(page).length <= 2);
    found.push(...tagsOf(page));
    pages += 1;
    path = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link ?? ''))?.[1];
  }
  assert.deepEqual(found, TAGS);
  assert.equal(pages, 3);
  const behind = await askRegistry(registry, `${REPOSITORY}/tags/list?n=2&last=test2`);
  assert.deepEqual(tagsOf(behind), ['test3', 'test4']);
  assert.deepEqual(tagsOf(await askRegistry(registry, `${REPOSITORY}/tags/list?n=0`)), []);
});

test('what is refused says why in JSON, with a code of the specification', async () => {
  const nothing = digestOf('nothing');
  const session = await beginUpload(registry, REPOSITORY);
  const chunk = { 'Content-Type': 'application/octet-stream', 'Content-Range': '5-9' };
  const broken = { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' };
  const refused: readonly (readonly [string, string, number, string, object])[] = [
    ['GET', `${REPOSITORY}/blobs/${nothing}`, 404, 'BLOB_UNKNOWN', {}],
    ['GET', `${REPOSITORY}/blobs/sha256:totallywrong`, 400, 'DIGEST_INVALID', {}],
    ['GET', `${REPOSITORY}/manifests/${nothing}`, 404, 'MANIFEST_UNKNOWN', {}],
    ['GET', `${REPOSITORY}/manifests/.INVALID_MANIFEST_NAME`, 404, 'MANIFEST_UNKNOWN', {}],
    ['GET', 'conformance/never/tags/list', 404, 'NAME_UNKNOWN', {}],
    ['GET', 'Conformance/Upper/tags/list', 400, 'NAME_INVALID', {}],
    ['PUT', `${REPOSITORY}/manifests/bad`, 400, 'MANIFEST_INVALID', { headers: broken, body: 'blablabla' }],
    ['PUT', `${REPOSITORY}/manifests/${nothing}`, 400, 'DIGEST_INVALID', { headers: broken, body: '{}' }],
    ['PATCH', session, 416, 'RANGE_INVALID', { headers: chunk, body: 'later' }],
    ['PUT', `${session}&digest=${nothing}`, 400, 'DIGEST_INVALID', { body: 'another content' }],
    ['GET', `/v2/${REPOSITORY}/blobs/uploads/${'0'.repeat(32)}`, 404, 'BLOB_UPLOAD_UNKNOWN', {}],
    ['GET', `${REPOSITORY}/referrers/sha256:wrong`, 400, 'DIGEST_INVALID', {}],
  ];
  for (const [method, path, status, code, more] of refused) {
    const answer = await askRegistry(registry, path, { method, ...more });
    const what = `${method} ${path}`;
    assert.equal(answer.status, status, what);
    assert.equal(answer.headers['content-type'], 'application/json', what);
    const { errors } = json(answer) as { readonly errors: readonly { readonly code: string; message: string }[] };
    assert.equal(errors[0]?.code, code, what);
    assert.ok((errors[0]?.message ?? '').length > 10, what);
  }
});

test('what is deleted is gone: a tag alone, a manifest with its tags, a blob', async () => {
  const image = tinyImage('to go', [500]);
  for (const blob of image.blobs) await uploadWhole(registry, REPOSITORY, blob);
  for (const tag of ['one', 'two']) await putManifest(registry, REPOSITORY, tag, image.manifest, image.mediaType);
  const remove = async (path: string): Promise<number> =>
    (await askRegistry(registry, `${REPOSITORY}/${path}`, { method: 'DELETE' })).status;
  const look = async (path: string): Promise<number> =>
    (await askRegistry(registry, `${REPOSITORY}/${path}`, { method: 'HEAD' })).status;
  assert.equal(await remove('manifests/one'), 202);
  assert.equal(await look('manifests/one'), 404);
  assert.equal(await look(`manifests/${image.digest}`), 200);
  assert.equal(await remove(`manifests/${image.digest}`), 202);
  assert.equal(await look(`manifests/${image.digest}`), 404);
  assert.equal(await look('manifests/two'), 404);
  const [blob = Buffer.alloc(0)] = image.blobs;
  assert.equal(await remove(`blobs/${digestOf(blob)}`), 202);
  assert.equal(await look(`blobs/${digestOf(blob)}`), 404);
});
