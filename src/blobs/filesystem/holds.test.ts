/** Several processes, some of them dead, on one folder. */
import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { digestHex, digestOf } from '../../image/digest.ts';
import { type Blobs, UploadBusy, type UploadId, UploadUnknown } from '../blobs.ts';
import { bytesOf, openSource, push, sourceOf } from '../suite/sources.ts';
import { openFilesystemBlobs } from './filesystem.ts';

/** An owner of another boot of the machine. */
const DEAD = '00000001-1-1-1-00000000';

async function openTwice(test: TestContext): Promise<{ folder: string; blobs: Blobs; other: Blobs }> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-holds-'));
  const blobs = await openFilesystemBlobs({ folder });
  const other = await openFilesystemBlobs({ folder });
  test.after(async () => {
    await Promise.all([blobs.close(), other.close()]);
    await rm(folder, { recursive: true });
  });
  return { folder, blobs, other };
}

/** Leaves an upload as a process leaves it that is killed while it appends. */
async function leaveHeld(folder: string, id: UploadId, name: string = id): Promise<string> {
  await mkdir(join(folder, 'held', DEAD), { recursive: true });
  const held = join(folder, 'held', DEAD, name);
  await rename(join(folder, 'uploads', id), held);
  return held;
}

it('two processes never work on one upload at once', async (test) => {
  const { blobs, other } = await openTwice(test);
  const id = await blobs.begin();
  const [source, second] = [openSource(Buffer.from('abc')), openSource(Buffer.from('x'))];
  const append = blobs.append(id, 0, source);
  await assert.rejects(other.append(id, 0, second), UploadBusy);
  await assert.rejects(other.commit(id, digestOf('')), UploadBusy);
  assert.equal(second.readableDidRead, false);
  assert.equal(typeof (await other.uploaded(id)), 'number');
  assert.deepEqual(await other.staleUploads(new Date(Date.now() + 60_000)), []);
  source.push(null);
  await append;
  await other.commit(id, digestOf('abc'));
});

it('an upload that another process aborts cannot be added to or committed', async (test) => {
  const { blobs, other } = await openTwice(test);
  const id = await blobs.begin();
  const source = openSource(Buffer.from('abc'));
  const append = blobs.append(id, 0, source);
  assert.equal(await other.abort(id), true);
  source.push(null);
  await assert.rejects(append, UploadUnknown);
  await assert.rejects(blobs.commit(id, digestOf('abc')), UploadUnknown);
  assert.deepEqual(await blobs.list(undefined, 10), []);
});

it('what a dead process held is there, is stale in time, and goes on', async (test) => {
  const { folder, blobs } = await openTwice(test);
  for (const suffix of ['', '.taken']) {
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([Buffer.from('abc')]));
    await leaveHeld(folder, id, `${id}${suffix}`);
    assert.equal(await blobs.uploaded(id), 3);
    assert.deepEqual(await blobs.staleUploads(new Date(Date.now() + 60_000)), [id]);
    assert.equal(await blobs.append(id, 3, sourceOf([Buffer.from('def')])), 6);
    assert.deepEqual(await readdir(join(folder, 'held', DEAD)), []);
    await blobs.commit(id, digestOf('abcdef'));
    await blobs.delete(digestOf('abcdef'));
    const dropped = await blobs.begin();
    await leaveHeld(folder, dropped, `${dropped}${suffix}`);
    assert.equal(await blobs.abort(dropped), true);
    assert.equal(await blobs.uploaded(dropped), undefined);
  }
});

it('a process that was taken for dead can no longer change the content', async (test) => {
  const { folder, blobs } = await openTwice(test);
  const id = await blobs.begin();
  await blobs.append(id, 0, sourceOf([Buffer.from('abc')]));
  const fd = openSync(await leaveHeld(folder, id), 'r+');
  await blobs.append(id, 3, sourceOf([Buffer.from('def')]));
  writeSync(fd, 'ZZZZZZZZ', 0);
  await blobs.commit(id, digestOf('abcdef'));
  writeSync(fd, 'ZZZZZZZZ', 0);
  closeSync(fd);
  assert.equal((await bytesOf(await blobs.read(digestOf('abcdef')))).toString(), 'abcdef');
});

it('opening clears what dead processes left, but for their uploads', async (test) => {
  const { folder, blobs } = await openTwice(test);
  const id = await blobs.begin();
  await leaveHeld(folder, id);
  await writeFile(join(folder, 'held', DEAD, 'put-7'), 'half a mani');
  await writeFile(join(folder, 'held', DEAD, `${id}.copy`), 'half a copy');
  await mkdir(join(folder, 'held', '00000002-1-1-00000000'));
  const next = await openFilesystemBlobs({ folder });
  assert.deepEqual(await readdir(join(folder, 'held', DEAD)), [id]);
  assert.ok(!(await readdir(join(folder, 'held'))).includes('00000002-1-1-00000000'));
  await next.close();
});

it('a folder that somebody removes is made again', async (test) => {
  const { folder, blobs } = await openTwice(test);
  const held = join(folder, 'held');
  for (const owner of await readdir(held)) await rmdir(join(held, owner));
  const digest = await push(blobs, Buffer.from('abc'));
  for (const owner of await readdir(held)) await rmdir(join(held, owner));
  await blobs.put(digestOf('def'), Buffer.from('def'));
  await blobs.delete(digest);
  await rmdir(join(folder, 'blobs', 'sha256', digestHex(digest).slice(0, 2)));
  await push(blobs, Buffer.from('abc'));
  assert.equal(await blobs.stat(digest), 3);
});

it('nobody else may read what is kept, and closing leaves no trace of the process', async (test) => {
  const { folder, blobs, other } = await openTwice(test);
  const digest = await push(blobs, Buffer.from('abc'));
  await blobs.put(digestOf('def'), Buffer.from('def'));
  await blobs.begin();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
  }
  const hex = digestHex(digest);
  assert.equal((await stat(join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex))).size, 3);
  await Promise.all([blobs.close(), other.close()]);
  assert.deepEqual(await readdir(join(folder, 'held')), []);
});
