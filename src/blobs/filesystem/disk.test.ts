/** What a full or broken disk does to blobs and uploads: it is put in the driver's way call by call. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { digestHex, digestOf } from '../../image/digest.ts';
import { BLOB_PIECE_BYTES } from '../../limits.ts';
import { BlobsFull, BlobsUnavailable, UploadUnknown } from '../blobs.ts';
import { bytesOf, push, sourceOf } from '../suite/sources.ts';
import { type Disk, diskError, machineDisk } from './disk.ts';
import { openFilesystemBlobs } from './filesystem.ts';

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code, syscall: 'test' });
}

/** The machine's disk, and the calls of it that fail, which a test may change as it goes on. */
async function openOn(test: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-disk-'));
  const faults: Partial<Disk> = {};
  const disk: Disk = new Proxy(machineDisk, { get: (_, name) => Reflect.get({ ...machineDisk, ...faults }, name) });
  const blobs = await openFilesystemBlobs({ folder, disk });
  test.after(async () => {
    await blobs.close();
    await rm(folder, { recursive: true });
  });
  return { folder, blobs, faults, heal: () => Object.keys(faults).map((name) => Reflect.deleteProperty(faults, name)) };
}

const LARGE = randomBytes(3 * BLOB_PIECE_BYTES);
const chunks = (bytes: Buffer) => Array.from({ length: 48 }, (_, n) => bytes.subarray(n * 65_536, (n + 1) * 65_536));

/** A disk that takes half of a write and says that it is full. */
const half: Pick<Disk, 'write' | 'writeNow'> = {
  async write(fd, pieces, position) {
    await machineDisk.write(fd, pieces.slice(0, pieces.length / 2), position);
    throw failure('ENOSPC');
  },
  writeNow(fd, bytes, position) {
    machineDisk.writeNow(fd, bytes.subarray(0, bytes.length / 2), position);
    throw failure('EDQUOT');
  },
};

it('a disk that fills up in an append leaves the upload as it was, and it goes on when there is space', async (test) => {
  const { blobs, faults, heal } = await openOn(test);
  const id = await blobs.begin();
  const start = Buffer.from('confirmed');
  await blobs.append(id, 0, sourceOf([start]));
  Object.assign(faults, half);
  for (const parts of [chunks(LARGE), [Buffer.from('small')]]) {
    const source = sourceOf(parts);
    await assert.rejects(blobs.append(id, start.length, source), (error) => {
      assert.ok(error instanceof BlobsFull);
      assert.match(error.message, /free space/);
      assert.ok(error.cause instanceof Error);
      return true;
    });
    assert.equal(await blobs.uploaded(id), start.length);
  }
  heal();
  await blobs.append(id, start.length, sourceOf(chunks(LARGE)));
  const whole = Buffer.concat([start, LARGE]);
  await blobs.commit(id, digestOf(whole));
  assert.ok((await bytesOf(await blobs.read(digestOf(whole)))).equals(whole));
});

it('should taking back fail too, the upload holds the bytes that came, in order', async (test) => {
  const { blobs, faults, heal } = await openOn(test);
  const id = await blobs.begin();
  Object.assign(faults, half, { truncate: () => Promise.reject(failure('EIO')) });
  await assert.rejects(blobs.append(id, 0, sourceOf(chunks(LARGE))), BlobsFull);
  heal();
  const held = await blobs.uploaded(id);
  assert.ok(held !== undefined && held > 0);
  await blobs.append(id, held, sourceOf([LARGE.subarray(held)]));
  await blobs.commit(id, digestOf(LARGE));
});

it('an upload that fails to be synced is dropped: what the disk has of it is unknown', async (test) => {
  const { blobs, faults, heal } = await openOn(test);
  const id = await blobs.begin();
  await blobs.append(id, 0, sourceOf([LARGE]));
  faults.sync = () => Promise.reject(failure('EIO'));
  await assert.rejects(blobs.commit(id, digestOf(LARGE)), (error) => {
    assert.ok(error instanceof BlobsUnavailable);
    assert.match(error.message, /EIO/);
    return true;
  });
  heal();
  assert.equal(await blobs.uploaded(id), undefined);
  await assert.rejects(blobs.commit(id, digestOf(LARGE)), UploadUnknown);
  assert.deepEqual(await blobs.list(undefined, 10), []);
  await push(blobs, LARGE);
});

it('a sync that fails while a large upload is coming drops it too', async (test) => {
  const { blobs, faults, heal } = await openOn(test);
  const id = await blobs.begin();
  faults.syncContent = () => Promise.reject(failure('ENOSPC'));
  const piece = LARGE.subarray(0, BLOB_PIECE_BYTES);
  await assert.rejects(blobs.append(id, 0, sourceOf(Array.from({ length: 70 }, () => piece))), BlobsFull);
  heal();
  assert.equal(await blobs.uploaded(id), undefined);
});

it('a commit that cannot make its folder or name fails, and succeeds when it is tried again', async (test) => {
  const { blobs, faults, heal } = await openOn(test);
  const digest = digestOf(LARGE);
  const id = await blobs.begin();
  await blobs.append(id, 0, sourceOf([LARGE]));
  faults.makeFolder = () => {
    throw failure('ENOSPC');
  };
  await assert.rejects(blobs.commit(id, digest), BlobsFull);
  heal();
  faults.rename = (from, to) => {
    if (to.endsWith(digestHex(digest))) throw failure('ENOSPC');
    return machineDisk.rename(from, to);
  };
  await assert.rejects(blobs.commit(id, digest), BlobsFull);
  heal();
  assert.equal(await blobs.uploaded(id), LARGE.length);
  assert.equal((await blobs.commit(id, digest)).size, LARGE.length);
});

it('a put on a full disk keeps nothing, not even a file', async (test) => {
  const { folder, blobs, faults, heal } = await openOn(test);
  const [small, large] = [Buffer.from('manifest'), LARGE];
  Object.assign(faults, half);
  for (const bytes of [small, large]) await assert.rejects(blobs.put(digestOf(bytes), bytes), BlobsFull);
  heal();
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    names.filter((entry) => entry.isFile()),
    [],
  );
  await blobs.put(digestOf(small), small);
});

it('what is put again is synced once by each process, and anew if somebody has replaced it', async (test) => {
  const { folder, blobs, faults } = await openOn(test);
  let syncs = 0;
  faults.sync = (fd) => {
    syncs++;
    return machineDisk.sync(fd);
  };
  const bytes = Buffer.from('manifest');
  const digest = digestOf(bytes);
  const put = async (): Promise<number> => {
    syncs = 0;
    await blobs.put(digest, bytes);
    return syncs;
  };
  assert.ok((await put()) >= 2, 'the file, its name, and its folder if that is new');
  assert.equal(await put(), 0);
  const other = await openFilesystemBlobs({ folder });
  test.after(() => other.close());
  await other.delete(digest);
  await other.put(digest, bytes);
  assert.equal(await put(), 1, 'the name that another process has made');
  assert.equal(await put(), 0);
});

it('a disk that cannot be read is unavailable, at once and in a stream', async (test) => {
  const { blobs, faults } = await openOn(test);
  const small = await push(blobs, Buffer.from('small'));
  const large = await push(blobs, LARGE);
  faults.readNow = () => {
    throw failure('EIO');
  };
  faults.read = () => Promise.reject(failure('EIO'));
  await assert.rejects(blobs.read(small), BlobsUnavailable);
  await assert.rejects(bytesOf(await blobs.read(large)), BlobsUnavailable);
  const closed: unknown[] = [];
  faults.close = (fd) => {
    closed.push(fd);
    machineDisk.close(fd);
  };
  await assert.rejects(blobs.read(small), BlobsUnavailable);
  await assert.rejects(bytesOf(await blobs.read(large)), BlobsUnavailable);
  assert.equal(closed.length, 2, 'what was opened is closed');
});

it('a blob that was cut short on the disk breaks off for its reader, and a push repairs it', async (test) => {
  const { folder, blobs } = await openOn(test);
  const digest = await push(blobs, LARGE);
  const hex = digestHex(digest);
  const body = await blobs.read(digest);
  await truncate(join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex), BLOB_PIECE_BYTES);
  await assert.rejects(bytesOf(body), /ended early/);
  await push(blobs, LARGE);
  assert.ok((await bytesOf(await blobs.read(digest))).equals(LARGE));
});

it('a folder that cannot be used is refused with its name', async (test) => {
  const { folder } = await openOn(test);
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  await assert.rejects(openFilesystemBlobs({ folder: join(file, 'blobs') }), (error) => {
    assert.ok(error instanceof BlobsUnavailable);
    assert.ok(error.message.includes(file));
    return true;
  });
  await access(file);
});

it('only errors of the disk are translated', () => {
  const bug = new TypeError('a fault in the program');
  assert.equal(diskError(bug, 'test'), bug);
  assert.ok(diskError(failure('EDQUOT'), 'test') instanceof BlobsFull);
  assert.ok(diskError(failure('EROFS'), 'test') instanceof BlobsUnavailable);
});
