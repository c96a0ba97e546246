import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { StoreUnavailable } from '../store/store.ts';
import { closeSession, dropStaleUploads, findSession, openSession } from './sessions.ts';
import { startTrial } from './trial.ts';

const repo = { namespace: 'dev', stream: 'app' };
const user = { name: 'dev', groups: [] };

test('a session is known to its repository until it is closed', async () => {
  const { services, stop } = await startTrial();
  const session = await openSession(services, repo, user);
  assert.deepEqual(await findSession(services, repo, session.id), session);
  assert.equal(session.user, 'dev');
  assert.equal(await findSession(services, { ...repo, stream: 'other' }, session.id), undefined);
  assert.equal(await findSession(services, repo, 'no id'), undefined);
  await closeSession(services, session.id);
  assert.equal(await findSession(services, repo, session.id), undefined);
  await stop();
});

test('nothing is left of an upload whose session cannot be recorded', async () => {
  const { services, stop } = await startTrial();
  const commit = () => Promise.reject(new StoreUnavailable('gone'));
  const broken = { ...services, store: Object.assign(Object.create(services.store), { commit }) };
  await assert.rejects(openSession(broken, repo, user), StoreUnavailable);
  assert.deepEqual(await services.blobs.staleUploads(new Date(Date.now() + 60_000)), []);
  await stop();
});

test('stale uploads are dropped with their sessions, and sessions whose upload is gone', async () => {
  const { services, stop } = await startTrial();
  const stale = await openSession(services, repo, user);
  await services.blobs.append(stale.id, 0, Readable.from([Buffer.from('abc')]));
  const orphan = await openSession(services, repo, user);
  await services.blobs.abort(orphan.id);
  assert.equal(await dropStaleUploads(services, new Date(Date.now() - 60_000)), 0);
  assert.ok(await findSession(services, repo, stale.id));
  assert.ok(await findSession(services, repo, orphan.id));
  assert.equal(await dropStaleUploads(services, new Date(Date.now() + 60_000)), 1);
  assert.equal(await findSession(services, repo, stale.id), undefined);
  assert.equal(await findSession(services, repo, orphan.id), undefined);
  assert.equal(await services.blobs.uploaded(stale.id), undefined);
  await stop();
});
