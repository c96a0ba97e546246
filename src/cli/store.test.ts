import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../store/sqlite/sqlite.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, 'store', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('store copy moves what is stored, twice if it is asked to, and refuses what is in use', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-copy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [from, to] = [join(folder, 'from.db'), join(folder, 'new', 'to.db')];
  const store = await openSqliteStore({ file: from });
  await store.commit([{ op: 'put', key: '/a', value: Buffer.from('one') }]);
  await store.commit([{ op: 'put', key: '/b', value: Buffer.from('two') }]);
  const first = run('copy', '--from', `sqlite:${from}`, '--to', `sqlite:${to}`);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^copied and compared: 2 keys as of revision \d+, 2 of them written\n$/);
  assert.match(first.stderr, /^copying .*100% of 2 keys\nverifying .*100% of 2 keys\n$/);
  const second = run('copy', '--from', `sqlite:${from}`, '--to', `sqlite:${to}`);
  assert.match(second.stdout, /2 keys as of revision \d+, 0 of them written/);
  await store.close();

  const copied = await openSqliteStore({ file: to });
  assert.equal((await copied.get('/b'))?.value.toString(), 'two');
  await copied.commit([{ op: 'put', key: '/c', value: Buffer.from('three') }]);
  await copied.close();
  const refused = run('copy', '--from', `sqlite:${from}`, '--to', `sqlite:${to}`);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^headgate: the target is in use, it holds \/a: name a new file or prefix/);
});

test('what is wrong with its arguments is said', () => {
  assert.match(run('--help').stdout, /^Usage: headgate store copy/);
  const wrong: Readonly<Record<string, RegExp>> = {
    '': /store: "" is no action/,
    'copy --from sqlite:/nowhere/x --to redis:x': /--to: "redis:" is not supported/,
    'copy --from sqlite:x': /--to is missing/,
    'copy --from sqlite:x --to sqlite:x': /the same store/,
    'copy --from sqlite:x --to etcd://u:secret@h1/p?x=1': /--to: "x" is no parameter of an etcd store/,
    'copy --force --from sqlite:x --to sqlite:y': /--force: there is no such flag/,
  };
  for (const [args, message] of Object.entries(wrong)) {
    const { status, stderr } = run(...args.split(' ').filter(Boolean));
    assert.equal(status, 2, args);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /secret/);
  }
  const nowhere = run('copy', '--from', 'sqlite:/nowhere/x', '--to', 'sqlite:/nowhere/y');
  assert.deepEqual([nowhere.status, nowhere.stderr], [1, 'headgate: --from: there is no file /nowhere/x\n']);
});
