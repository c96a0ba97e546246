import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseHtpasswd } from '../access/htpasswd.ts';
import { hasHash } from '../access/passwords.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

/** What `headgate user …` prints and how it ends. */
async function user(data: string, args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, 'user', ...args, '--data', data], { stdio: 'pipe' });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (piece) => {
    texts.out += String(piece);
  });
  child.stderr.on('data', (piece) => {
    texts.err += String(piece);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'headgate-user-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('users are added, given another password, listed and removed', async (t) => {
  const data = folder(t);
  const file = join(data, 'htpasswd');
  const hashOf = (name: string) => parseHtpasswd(readFileSync(file, 'utf8')).hashes.get(name) ?? '';
  assert.deepEqual(await user(data, ['add', 'ann'], 'one\nrest'), {
    code: 0,
    out: 'ann: the password is set\n',
    err: '',
  });
  assert.ok(await hasHash('one', hashOf('ann')));
  await user(data, ['add', 'bob'], 'two');
  await user(data, ['passwd', 'ann'], 'three\n');
  assert.ok(await hasHash('three', hashOf('ann')));
  assert.deepEqual(await user(data, ['list']), { code: 0, out: 'ann\nbob\n', err: '' });
  assert.equal((await user(data, ['remove', 'ann'])).out, 'ann: removed\n');
  assert.equal((await user(data, ['list'])).out, 'bob\n');
});

test('what cannot be is told, and changes nothing', async (t) => {
  const data = folder(t);
  const file = join(data, 'htpasswd');
  writeFileSync(file, 'old:$apr1$x$y\n');
  const cases: readonly (readonly [readonly string[], string, RegExp])[] = [
    [['passwd', 'ann'], 'x\n', /there is no user ann in /],
    [['remove', 'ann'], '', /there is no user ann in /],
    [['add', 'a:b'], 'x\n', /the name "a:b" is not allowed: usernames that contain ":"/],
    [['add', 'ann'], '\n', /the password is empty/],
    [['add', 'ann'], '', /the password is empty/],
    [['add', 'ann'], `${'x'.repeat(2000)}\n`, /longer than 1024 characters/],
    [['add'], '', /user takes: add, passwd or remove and a NAME, or list/],
    [['list', 'ann'], '', /user takes/],
    [['add', 'ann', '--nothing'], 'x\n', /user: .*--nothing/],
  ];
  await Promise.all(
    cases.map(async ([args, input, message]) => {
      const { code, err } = await user(data, args, input);
      assert.match(err, message);
      assert.equal(code, 2, args.join(' '));
    }),
  );
  assert.equal(readFileSync(file, 'utf8'), 'old:$apr1$x$y\n');
  assert.match((await user(data, ['list'])).err, /htpasswd, line 1: the password of "old" is neither a bcrypt/);
});
