import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openFilesystemBlobs } from '../blobs/filesystem/filesystem.ts';
import { bytesOf } from '../blobs/suite/sources.ts';
import { digestHex, digestOf } from '../image/digest.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, 'blobs', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('blobs copy brings what is missing, from a data folder too, and names what is damaged', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-copy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [data, to] = [join(folder, 'headgate-data'), join(folder, 'new')];
  const [one, two] = [Buffer.from('one'), Buffer.alloc(100_000, 'two')];
  const source = await openFilesystemBlobs({ folder: join(data, 'blobs') });
  for (const bytes of [one, two]) await source.put(digestOf(bytes), bytes);
  const copy = ['copy', '--from', `file:${data}`, '--to', `file:${to}`];
  const first = run(...copy);
  assert.deepEqual(
    [first.status, first.stdout],
    [0, 'copied and checked: 2 of 2 blobs, 97.7 KiB; the others were there\n'],
    first.stderr,
  );
  assert.match(first.stderr, /^copying \[#{30}\] 100% of 2 blobs/);
  assert.match(run(...copy).stdout, /0 of 2 blobs, 0 B/);
  const target = await openFilesystemBlobs({ folder: to });
  assert.ok((await bytesOf(await target.read(digestOf(two)))).equals(two));
  await target.close();

  const three = digestOf('three');
  await source.put(three, Buffer.from('three'));
  await source.close();
  const hex = digestHex(three);
  writeFileSync(join(data, 'blobs', 'blobs', 'sha256', hex.slice(0, 2), hex), 'THREE');
  const damaged = run(...copy);
  assert.equal(damaged.status, 1);
  assert.match(
    damaged.stderr,
    new RegExp(`headgate: ${three} is damaged at --from and was not copied\nheadgate: 1 blobs are damaged`),
  );
});

test('what is wrong with its arguments is said', () => {
  assert.match(run('--help').stdout, /^Usage: headgate blobs copy/);
  const wrong: Readonly<Record<string, RegExp>> = {
    '': /blobs: "" is no action/,
    'copy --from file:/nowhere/x --to gs://x': /--to: "gs:" is not supported/,
    'copy --from file:x': /--to is missing/,
    'copy --from file:x --to file:x': /the same place/,
    'copy --from file:x --to s3://a:secret@images': /--to: credentials do not belong in a URL/,
    'copy --force --from file:x --to file:y': /--force: there is no such flag/,
  };
  for (const [args, message] of Object.entries(wrong)) {
    const { status, stderr } = run(...args.split(' ').filter(Boolean));
    assert.equal(status, 2, args);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /secret/);
  }
  const nowhere = run('copy', '--from', 'file:/nowhere/x', '--to', 'file:/nowhere/y');
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /^headgate: --from: there are no blobs in \/nowhere\/x/);
});
