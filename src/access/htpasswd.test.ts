import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Htpasswd, parseHtpasswd } from './htpasswd.ts';
import { removeUser, setPassword } from './htpasswdfile.ts';

const HASH = `$2y$10$${'a'.repeat(53)}`;
const OTHER = `$2y$10$${'b'.repeat(53)}`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'headgate-htpasswd-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('lines are users, and what is wrong is told with its line', () => {
  const { hashes, problems } = parseHtpasswd(
    `# people\nann:${HASH}\r\n\nbob:${OTHER}\nann:${OTHER}\nnonsense\na/b:${HASH}\neve:$apr1$x$y\n`,
  );
  assert.deepEqual(
    [...hashes],
    [
      ['ann', HASH],
      ['bob', OTHER],
    ],
  );
  assert.deepEqual(problems, [
    'line 5: the user "ann" stands in an earlier line',
    'line 6: must be NAME:HASH',
    'line 7: the user name "a/b" is not allowed: may not contain \'/\'',
    'line 8: the password of "eve" is neither a bcrypt ($2y$…) nor an Argon2id ($argon2id$v=19$…) hash; set it with "headgate user passwd"',
  ]);
});

test('a file is read again when it changes, and need not be there', (t) => {
  const file = join(folder(t), 'users');
  let now = 0;
  const warnings: string[] = [];
  const users = new Htpasswd(
    file,
    () => new Date(now),
    (text) => warnings.push(text),
  );
  assert.equal(users.hashOf('ann'), undefined);
  writeFileSync(file, `ann:${HASH}\n`);
  now += 600;
  assert.equal(users.hashOf('ann'), HASH);
  assert.equal(users.anyHash(), HASH);
  writeFileSync(file, `ann:${OTHER}\nbob:plain\n`);
  now += 600;
  assert.equal(users.hashOf('ann'), OTHER);
  assert.equal(warnings.length, 1);
  assert.ok(!warnings.join().includes('plain'), 'what stands there may be a password');
  rmSync(file);
  now += 600;
  assert.equal(users.hashOf('ann'), undefined);
});

test('users are put in, changed and taken out; others’ lines stay as they are', async (t) => {
  const file = join(folder(t), 'users');
  writeFileSync(file, `# by hand\nbob:${HASH}\n`);
  assert.equal(await setPassword(file, 'ann', HASH), false);
  assert.equal(await setPassword(file, 'ann', OTHER), true);
  assert.equal(readFileSync(file, 'utf8'), `# by hand\nbob:${HASH}\nann:${OTHER}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(await removeUser(file, 'ann'), true);
  assert.equal(await removeUser(file, 'ann'), false);
  assert.equal(readFileSync(file, 'utf8'), `# by hand\nbob:${HASH}\n`);
});

test('changes at the same moment are all kept', async (t) => {
  const path = folder(t);
  const file = join(path, 'users');
  const names = Array.from({ length: 8 }, (_, index) => `user${index}`);
  await Promise.all(names.map((name) => setPassword(file, name, HASH)));
  assert.deepEqual([...parseHtpasswd(readFileSync(file, 'utf8')).hashes.keys()].sort(), names);
  assert.deepEqual(readdirSync(path), ['users'], 'nothing else is left');
});
