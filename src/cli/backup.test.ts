import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openFilesystemBlobs } from '../blobs/filesystem/filesystem.ts';
import { digestOf } from '../image/digest.ts';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('backup and restore take what is under DATA to another DATA', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-backup-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, other] = [join(folder, 'backup.gz'), join(folder, 'other')];
  const store = await openSqliteStore({ file: join(folder, 'headgate.db') });
  await store.commit([{ op: 'put', key: '/a', value: Buffer.from('one') }]);
  const blobs = await openFilesystemBlobs({ folder: join(folder, 'blobs') });
  for (const text of ['', 'content']) await blobs.put(digestOf(text), Buffer.from(text));
  await blobs.close();
  const written = run('backup', '--to', file, '--data', folder);
  assert.deepEqual(
    [written.status, written.stdout],
    [0, `wrote ${file}: 1 keys as of revision 2, and the names of 2 blobs\n`],
  );
  await store.close();
  const without = run('restore', '--from', file, '--data', join(folder, 'without'));
  assert.equal(without.status, 1, without.stderr);
  assert.match(without.stderr, /headgate: 2 blobs are not there yet, copy them to --blobs: sha256:/);
  cpSync(join(folder, 'blobs'), join(other, 'blobs'), { recursive: true });
  const restored = run('restore', '--from', file, '--data', other);
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(restored.stdout, /^restored and compared: 1 keys of \d{4}-/);
  const back = await openSqliteStore({ file: join(other, 'headgate.db') });
  assert.equal((await back.get('/a'))?.value.toString(), 'one');
  await back.commit([{ op: 'put', key: '/b', value: Buffer.from('two') }]);
  await back.close();

  assert.match(run('restore', '--from', file, '--data', other).stderr, /^headgate: the target is in use/);
  writeFileSync(file, 'something else');
  assert.match(run('restore', '--from', file, '--data', join(folder, 'third')).stderr, /cannot be read as a backup/);
  assert.match(run('backup', '--data', folder).stderr, /^headgate: --to is missing/);
  assert.match(run('restore', '--data', folder, 'x').stderr, /^headgate: "x" is not expected/);
});
