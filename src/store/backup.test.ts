import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { BadBackup, openBackup, writeBackup } from './backup.ts';
import { COPY_RECORD, copyStore, storeSource } from './copy.ts';
import { openMemoryStore } from './memory/memory.ts';
import type { Store } from './store.ts';

const BLOBS = ['sha256:a', 'sha256:b'];
const time = new Date('2026-01-02T03:04:05Z');

async function* blobs(): AsyncGenerator<string> {
  yield* BLOBS;
}

async function filled(): Promise<Store> {
  const store = openMemoryStore();
  for (const name of ['/a', '/ä', '/💧', '/z']) {
    await store.commit([{ op: 'put', key: name, value: Buffer.from(`${name}\n\0\xff`, 'latin1') }]);
  }
  return store;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'headgate-backup-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('what was backed up is restored, whatever has happened since', async (t) => {
  const file = join(folder(t), 'b.gz');
  const store = await filled();
  const snapshot = await storeSource(store).snapshot();
  const before = (await store.list('')).entries;
  await store.commit([{ op: 'deletePrefix', prefix: '/a' }]);
  assert.deepEqual(await writeBackup(file, snapshot, blobs, { time, heard: () => undefined }), { keys: 4, blobs: 2 });
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const backup = await openBackup(file);
  assert.deepEqual(backup.head, {
    headgate: 'backup',
    format: 1,
    revision: snapshot.revision,
    time: time.toISOString(),
  });
  assert.deepEqual(await Array.fromAsync(backup.blobs()), BLOBS);
  const restored = openMemoryStore();
  const { keys } = await copyStore(backup.source, restored, () => undefined);
  assert.equal(keys, 4);
  const after = (await restored.list('')).entries.filter(({ key }) => key !== COPY_RECORD);
  assert.deepEqual(
    after.map(({ key, value }) => [key, value]),
    before.map(({ key, value }) => [key, value]),
  );
});

test('what is damaged, cut off or something else is refused', async (t) => {
  const path = folder(t);
  const file = join(path, 'b.gz');
  await writeBackup(file, await storeSource(await filled()).snapshot(), blobs, { time, heard: () => undefined });
  const whole = readFileSync(file);
  const lines = gunzipSync(whole).toString().split('\n');
  const wrong: Readonly<Record<string, Buffer>> = {
    cut: whole.subarray(0, whole.length - 20),
    'without its end': gzipSync(lines.slice(0, -2).join('\n')),
    'with a key less': gzipSync([...lines.slice(0, 2), ...lines.slice(3)].join('\n')),
    'with another value': gzipSync(lines.join('\n').replace('"value":"', '"value":"AAAA')),
    'out of order': gzipSync([lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n')),
    newer: gzipSync(lines.join('\n').replace('"format":1', '"format":2')),
    plain: Buffer.from(lines.join('\n')),
    other: gzipSync('{"a":1}\n'),
    empty: Buffer.alloc(0),
  };
  for (const [name, bytes] of Object.entries(wrong)) {
    writeFileSync(file, bytes);
    await assert.rejects(openBackup(file), BadBackup, name);
  }
  await assert.rejects(openBackup(join(path, 'none')), /none cannot be read as a backup: ENOENT/);
});

test('a backup that fails leaves nothing behind', async (t) => {
  const file = join(folder(t), 'b.gz');
  const snapshot = await storeSource(await filled()).snapshot();
  async function* failing(): AsyncGenerator<string> {
    yield 'sha256:a';
    throw new Error('away');
  }
  await assert.rejects(writeBackup(file, snapshot, failing, { time, heard: () => undefined }), /away/);
  assert.ok(!existsSync(file) && !existsSync(`${file}.unfinished`));
});
