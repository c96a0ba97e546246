import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { DomainError } from '../objects/errors.ts';
import { Htpasswd } from './htpasswd.ts';
import { type FailedAttempt, PasswordLogin } from './passwordlogin.ts';

interface SetUp {
  readonly logins: PasswordLogin;
  readonly clock: { now: number };
  readonly failures: FailedAttempt[];
  readonly file: string;
  /** The outcome of a try: the user's name, 401, or how many seconds to wait. */
  readonly attempt: (name: string, password: string, address?: string) => Promise<string | number>;
}

function setUp(t: TestContext): SetUp {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-login-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'htpasswd');
  writeFileSync(file, `ann:${hashSync('right', 4)}\nbob:${hashSync('right', 4)}\n`);
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const now = (): Date => new Date(clock.now);
  const failures: FailedAttempt[] = [];
  const logins = new PasswordLogin({
    htpasswd: new Htpasswd(file, now, () => undefined),
    now,
    userOf: async (name) => ({ name, groups: [] }),
    failed: (failure) => failures.push(failure),
  });
  const attempt = async (name: string, password: string, address = '10.0.0.1') => {
    try {
      return (await logins.login({ name, password, address })).name;
    } catch (error) {
      assert.ok(error instanceof DomainError, String(error));
      const { problem } = error;
      return problem.reason === 'TooManyRequests' ? problem.retryAfterSeconds : problem.reason;
    }
  };
  return { logins, clock, failures, file, attempt };
}

test('who has the password gets in; who has not, or does not exist, is told the same', async (t) => {
  const { attempt, failures } = setUp(t);
  assert.equal(await attempt('ann', 'right'), 'ann');
  assert.equal(await attempt('ann', 'wrong'), 'Unauthorized');
  assert.equal(await attempt('nobody', 'right'), 'Unauthorized');
  assert.equal(await attempt('ann', ''), 'Unauthorized');
  assert.equal(await attempt('ann', 'x'.repeat(100_000)), 'Unauthorized');
  assert.deepEqual(failures[0], { name: 'ann', address: '10.0.0.1', code: 401 });
  assert.equal(failures.length, 4);
});

test('a name that does not exist takes a hash as well, so that nobody learns which names do', async (t) => {
  const { clock } = setUp(t);
  const now = (): Date => new Date(clock.now);
  const asked: string[] = [];
  const htpasswd = {
    hashOf: () => undefined,
    anyHash: () => {
      asked.push('any');
      return hashSync('right', 4);
    },
  } as unknown as Htpasswd;
  const userOf = async (name: string) => ({ name, groups: [] });
  const logins = new PasswordLogin({ htpasswd, now, userOf, failed: () => undefined });
  // Even with the password of the one whose hash is checked.
  await assert.rejects(logins.login({ name: 'nobody', password: 'right', address: '::1' }), { name: 'DomainError' });
  assert.deepEqual(asked, ['any']);
});

test('a password that was right is not hashed again, until it changes', async (t) => {
  const { attempt, clock, file } = setUp(t);
  await attempt('ann', 'right');
  for (let index = 0; index < 1000; index++) assert.equal(await attempt('ann', 'right'), 'ann');
  writeFileSync(file, `ann:${hashSync('other', 4)}\n`);
  clock.now += 1000;
  assert.equal(await attempt('ann', 'right'), 'Unauthorized');
  assert.equal(await attempt('ann', 'other'), 'ann');
});

test('the same password many times at once is one try', async (t) => {
  const { attempt, failures } = setUp(t);
  const all = await Promise.all(Array.from({ length: 50 }, () => attempt('ann', 'right')));
  assert.deepEqual(new Set(all), new Set(['ann']));
  assert.equal(failures.length, 0);
});

test('an account waits longer and longer after ten failures, whatever address they come from', async (t) => {
  const { attempt, clock } = setUp(t);
  for (let index = 0; index < 10; index++)
    assert.equal(await attempt('ann', `no${index}`, `10.0.0.${index}`), 'Unauthorized');
  assert.equal(await attempt('ann', 'right', '10.9.9.9'), 1, 'not even the right one is looked at');
  assert.equal(await attempt('bob', 'right', '10.9.9.9'), 'bob', 'others are not held back');
  clock.now += 1000;
  assert.equal(await attempt('ann', 'no', '10.0.1.1'), 'Unauthorized');
  assert.equal(await attempt('ann', 'no', '10.0.1.2'), 2);
  clock.now += 2000;
  assert.equal(await attempt('ann', 'right'), 'ann');
  assert.equal(await attempt('ann', 'no more'), 'Unauthorized', 'who got in begins anew');
  assert.equal(await attempt('ann', 'right'), 'ann');
});

test('a password that is in use goes on working while others guess', async (t) => {
  const { attempt } = setUp(t);
  await attempt('ann', 'right');
  for (let index = 0; index < 12; index++) await attempt('ann', `no${index}`, '10.6.6.6');
  assert.equal(await attempt('ann', 'never used', '10.6.6.6'), 1);
  assert.equal(await attempt('ann', 'right'), 'ann');
});

test('an address that tries many accounts is held back, and forgotten after a quiet while', async (t) => {
  const { attempt, clock } = setUp(t);
  for (let index = 0; index < 100; index++) await attempt(`user${index}`, 'x', '10.6.6.6');
  assert.equal(await attempt('bob', 'right', '10.6.6.6'), 1);
  assert.equal(await attempt('bob', 'right', '10.0.0.1'), 'bob');
  clock.now += 901_000;
  assert.equal(await attempt('user1', 'x', '10.6.6.6'), 'Unauthorized');
});

test('of ten thousand bad logins ten are hashed, and each is recorded', async (t) => {
  const { attempt, failures } = setUp(t);
  for (let index = 0; index < 10_000; index++) await attempt('ann', `guess ${index}`);
  assert.equal(failures.length, 10_000);
  assert.equal(failures.filter(({ code }) => code === 401).length, 10);
});
