import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Call, startTestServer, type TestServer } from './testserver.ts';

const BASE = '/apis/things.test/v1/namespaces/one';
const WIDGETS = `${BASE}/widgets`;
const LEASES = `${BASE}/leases`;
const MERGE = 'application/merge-patch+json';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

async function ok(method: string, path: string, options?: Call) {
  const answer = await server.call(method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

const make = (path: string, name: string, meta: object = {}) =>
  ok('POST', path, { body: { metadata: { name, ...meta } } });
const finalizers = async (path: string) => (await ok('GET', path)).body.metadata.finalizers;

test('a policy leaves its finalizer, and a later one replaces it', async () => {
  await make(WIDGETS, 'waits', { finalizers: ['things.test/x'] });
  const first = await ok('DELETE', `${WIDGETS}/waits?propagationPolicy=Foreground`);
  assert.deepEqual(first.body.metadata.finalizers, ['things.test/x', 'foregroundDeletion']);
  assert.equal(first.body.metadata.deletionGracePeriodSeconds, 0);
  assert.equal(first.body.metadata.generation, 2);
  const again = await ok('DELETE', `${WIDGETS}/waits`);
  assert.deepEqual(again.body, first.body, 'a deletion without a policy changes nothing more');
  const orphan = await ok('DELETE', `${WIDGETS}/waits`, { body: { orphanDependents: true } });
  assert.deepEqual(orphan.body.metadata.finalizers, ['things.test/x', 'orphan']);
  assert.equal(orphan.body.metadata.deletionTimestamp, first.body.metadata.deletionTimestamp);
  assert.equal(orphan.body.metadata.generation, 2);
  await ok('DELETE', `${WIDGETS}/waits?propagationPolicy=Background`);
  assert.deepEqual(await finalizers(`${WIDGETS}/waits`), ['things.test/x']);
  await ok('PATCH', `${WIDGETS}/waits`, { type: MERGE, body: { metadata: { finalizers: [] } } });
  assert.equal((await server.call('GET', `${WIDGETS}/waits`)).status, 404);
});

test('without a policy the kind decides', async () => {
  await make(LEASES, 'orphans');
  const { body } = await ok('DELETE', `${LEASES}/orphans`);
  assert.deepEqual(body.metadata.finalizers, ['orphan']);
  await make(LEASES, 'gone');
  assert.equal((await ok('DELETE', `${LEASES}/gone?propagationPolicy=Background`)).body.status, 'Success');
});

test('the old way to ask for all is answered with 202 where something holds the object', async () => {
  await make(WIDGETS, 'held', { finalizers: ['things.test/x'] });
  const held = await server.call('DELETE', `${WIDGETS}/held`, { body: { orphanDependents: false } });
  assert.equal(held.status, 202);
  await make(WIDGETS, 'free');
  const free = await server.call('DELETE', `${WIDGETS}/free`, { body: { orphanDependents: false } });
  assert.deepEqual([free.status, free.body.status], [200, 'Success']);
});

test('creating over what is being deleted says so', async () => {
  await make(WIDGETS, 'leaving', { finalizers: ['things.test/x'] });
  await ok('DELETE', `${WIDGETS}/leaving`);
  const { status, body } = await server.call('POST', WIDGETS, { body: { metadata: { name: 'leaving' } } });
  assert.equal(status, 409);
  assert.equal(body.reason, 'AlreadyExists');
  assert.equal(body.message, 'object is being deleted: widgets.things.test "leaving" already exists');
});

test('a dry run leaves everything as it is', async () => {
  await make(WIDGETS, 'dry');
  const { body } = await ok('DELETE', `${WIDGETS}/dry?dryRun=All&propagationPolicy=Orphan`);
  assert.deepEqual(body.metadata.finalizers, ['orphan']);
  assert.equal(await finalizers(`${WIDGETS}/dry`), undefined);
});

test('a deleted collection is listed as it was before', async () => {
  const labels = { sweep: 'yes' };
  await make(WIDGETS, 's1', { labels });
  const { body: held } = await make(WIDGETS, 's2', { labels, finalizers: ['things.test/x'] });
  const { body } = await ok('DELETE', `${WIDGETS}?labelSelector=sweep`);
  assert.deepEqual(body.items.map(({ metadata }: { metadata: object }) => metadata)[1], held.metadata);
  assert.ok((await ok('GET', `${WIDGETS}/s2`)).body.metadata.deletionTimestamp);
});

test('a PUT makes what is not there, for kinds that say so', async () => {
  const body = { metadata: { name: 'put', resourceVersion: '7' }, spec: { size: 1 } };
  const made = await server.call('PUT', `${LEASES}/put`, { body });
  assert.equal(made.status, 201);
  assert.equal(made.body.metadata.managedFields.length, 1);
  const blind = await server.call('PUT', `${LEASES}/put`, { body: { metadata: { name: 'put' } } });
  assert.equal(blind.status, 422);
  assert.match(blind.text, /metadata.resourceVersion: Invalid value: 0: must be specified for an update/);
  const { resourceVersion } = made.body.metadata;
  const changed = { metadata: { name: 'put', resourceVersion }, spec: { size: 2 } };
  assert.equal((await ok('PUT', `${LEASES}/put`, { body: changed })).body.spec.size, 2);
  assert.equal((await server.call('PUT', `${LEASES}/put`, { body: changed })).status, 409);
  assert.equal(
    (await server.call('PUT', `${LEASES}/none`, { body: { metadata: { name: 'none' } }, user: 'x' })).status,
    403,
  );
});
