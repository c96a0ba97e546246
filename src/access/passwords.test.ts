import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { hasHash, hashPassword, hashProblem } from './passwords.ts';

test('a new password is kept as Argon2id, never twice the same', async () => {
  const [one, other] = await Promise.all([hashPassword('secret'), hashPassword('secret')]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, other);
  assert.equal(hashProblem(one), undefined);
  assert.ok(await hasHash('secret', one));
  assert.ok(!(await hasHash('Secret', one)));
});

test('a hash of the reference program is understood', async () => {
  // printf password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e (phc-winner-argon2's own test vector)
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  assert.equal(hashProblem(hash), undefined);
  assert.ok(await hasHash('password', hash));
  assert.ok(!(await hasHash('passwort', hash)));
});

test('bcrypt, as htpasswd -B makes it, is checked on another thread', async () => {
  const hash = hashSync('secret', 4).replace('$2b$', '$2y$');
  assert.equal(hashProblem(hash), undefined);
  assert.deepEqual(await Promise.all([hasHash('secret', hash), hasHash('wrong', hash)]), [true, false]);
});

test('what is weak, too dear or no hash cannot be used', () => {
  assert.match(hashProblem('$apr1$abc$def') ?? '', /neither a bcrypt/);
  assert.match(hashProblem('{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=') ?? '', /neither a bcrypt/);
  assert.match(hashProblem('secret') ?? '', /neither a bcrypt/);
  assert.match(hashProblem(`$2y$31$${'a'.repeat(53)}`) ?? '', /cost of 31/);
  const argon = (m: number, t: number) => `$argon2id$v=19$m=${m},t=${t},p=1$c29tZXNhbHQ$${'a'.repeat(43)}`;
  assert.match(hashProblem(argon(4_000_000, 1)) ?? '', /takes more than/);
  assert.match(hashProblem(argon(1024, 99)) ?? '', /takes more than/);
});
