import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../image/mediatype.ts';
import { startTrial, type Trial } from './trial.ts';

const TAGS = ['1.0', '10', '2', 'A', 'B-1', 'a', 'b'];
const SUBJECT = digestOf('a subject');
let trial: Trial;
before(async () => {
  trial = await startTrial();
  const { bytes } = await trial.pushImage('dev/app', 'a');
  const headers = { 'Content-Type': OCI_MANIFEST };
  for (const tag of TAGS) await trial.call('PUT', `/v2/dev/app/manifests/${tag}`, { headers, body: bytes });
  for (const name of ['dev/app-2', 'dev-2/app', 'dev/app.x', 'aaa/zzz']) await trial.pushImage(name, 'v1');
  const subject = { mediaType: OCI_MANIFEST, digest: SUBJECT, size: 9 };
  for (const kind of ['sbom', 'signature', 'sbom']) {
    const more = { subject, artifactType: `example/${kind}+json`, annotations: { at: String(Math.random()) } };
    await trial.pushImage('dev/app', 'a', more);
  }
});
after(() => trial.stop());

async function get(path: string): Promise<{ body: Record<string, unknown>; link: string | undefined }> {
  const reply = await trial.call('GET', path);
  assert.equal(reply.status, 200, path);
  const link = reply.headers.link === undefined ? undefined : String(reply.headers.link);
  return { body: JSON.parse(reply.body.toString()), link };
}

/** Follows the Links to the end. */
async function follow(path: string, member: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof get>> = await get(next);
    all.push(...(page.body[member] as unknown[]));
    next = page.link === undefined ? undefined : /^<(\/v2\/[^>]+)>; rel="next"$/.exec(page.link)?.[1];
  }
  return all;
}

test('tags are listed in byte order', async () => {
  const { body, link } = await get('/v2/dev/app/tags/list');
  assert.deepEqual(body, { name: 'dev/app', tags: TAGS });
  assert.equal(link, undefined);
});

test('n and last: pages that follow one another, with a Link while there are more', async () => {
  assert.deepEqual(await get('/v2/dev/app/tags/list?n=2'), {
    body: { name: 'dev/app', tags: ['1.0', '10'] },
    link: '</v2/dev/app/tags/list?n=2&last=10>; rel="next"',
  });
  assert.deepEqual((await get('/v2/dev/app/tags/list?n=2&last=a')).link, undefined);
  for (const n of [1, 2, 3, 6, 7, 8]) assert.deepEqual(await follow(`/v2/dev/app/tags/list?n=${n}`, 'tags'), TAGS);
});

test('n=0 is an empty list without a Link', async () => {
  assert.deepEqual(await get('/v2/dev/app/tags/list?n=0'), { body: { name: 'dev/app', tags: [] }, link: undefined });
});

test('last works alone, and need not exist', async () => {
  assert.deepEqual((await get('/v2/dev/app/tags/list?last=A')).body.tags, ['B-1', 'a', 'b']);
  assert.deepEqual((await get('/v2/dev/app/tags/list?last=AAA')).body.tags, ['B-1', 'a', 'b']);
  assert.deepEqual((await get('/v2/dev/app/tags/list?last=zzz')).body.tags, []);
  assert.deepEqual((await get('/v2/dev/app/tags/list?last=2%00x')).body.tags, ['A', 'B-1', 'a', 'b']);
});

test('an n that is no number is 400 PAGINATION_NUMBER_INVALID', async () => {
  for (const n of ['-1', 'x', '1.5', '1e3', '9'.repeat(30)]) {
    for (const path of ['/v2/dev/app/tags/list', '/v2/_catalog']) {
      const reply = await trial.call('GET', `${path}?n=${n}`);
      assert.equal(reply.status, 400, n);
      assert.equal(reply.code, 'PAGINATION_NUMBER_INVALID', n);
    }
  }
});

test('tags of a repository that does not exist are 404 NAME_UNKNOWN', async () => {
  assert.equal((await trial.call('GET', '/v2/dev/nowhere/tags/list')).code, 'NAME_UNKNOWN');
});

test('the catalogue lists all repositories, page by page', async () => {
  const all = ['aaa/zzz', 'dev-2/app', 'dev/app', 'dev/app-2', 'dev/app.x'];
  const { body, link } = await get('/v2/_catalog');
  assert.deepEqual([...(body.repositories as string[])].sort(), all);
  assert.equal(link, undefined);
  for (const n of [1, 2, 4]) {
    assert.deepEqual(await follow(`/v2/_catalog?n=${n}`, 'repositories'), body.repositories);
  }
  assert.deepEqual(await get('/v2/_catalog?n=0'), { body: { repositories: [] }, link: undefined });
  assert.equal((await trial.call('GET', '/v2/_catalog', { token: 'dev-token' })).code, 'DENIED');
});

test('referrers are an index, always; filtered and paged if asked', async () => {
  const path = `/v2/dev/app/referrers/${SUBJECT}`;
  assert.equal(((await get(path)).body.manifests as unknown[]).length, 3);
  const filtered = await trial.call('GET', `${path}?artifactType=example%2Fsbom%2Bjson`);
  assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
  assert.equal(JSON.parse(filtered.body.toString()).manifests.length, 2);
  assert.equal((await follow(`${path}?n=1`, 'manifests')).length, 3);
  assert.equal((await follow(`${path}?n=1&artifactType=example/sbom+json`, 'manifests')).length, 2);
  for (const empty of ['/v2/dev/nowhere/referrers/', '/v2/dev/app/referrers/']) {
    const reply = await trial.call('GET', `${empty}sha256:${'0'.repeat(64)}`);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], OCI_INDEX);
    assert.deepEqual(JSON.parse(reply.body.toString()), { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  }
  assert.equal((await trial.call('GET', '/v2/dev/app/referrers/latest')).status, 400);
});
