import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askHealth, type HealthCheck, PING } from './health.ts';

const STORE: HealthCheck = { name: 'store', check: () => Promise.resolve(7) };
const BLOBS: HealthCheck = { name: 'blobs', check: () => Promise.reject(new Error('disk on fire')) };

async function ask(
  checks: readonly HealthCheck[],
  query = '',
): Promise<{ healthy: boolean; body: string; told: string[] }> {
  const told: string[] = [];
  const note = (name: string, error: unknown): void => void told.push(`${name}: ${String(error)}`);
  return { ...(await askHealth('readyz', checks, new URLSearchParams(query), note)), told };
}

test('says ok, and on request what is', async () => {
  assert.deepEqual(await ask([PING, STORE]), { healthy: true, body: 'ok', told: [] });
  assert.equal((await ask([PING, STORE], 'verbose')).body, '[+]ping ok\n[+]store ok\nreadyz check passed\n');
});

test('says what has failed but not why, which only the log is told', async () => {
  const body = '[+]ping ok\n[-]blobs failed: reason withheld\nreadyz check failed\n';
  assert.deepEqual(await ask([PING, BLOBS]), { healthy: false, body, told: ['blobs: Error: disk on fire'] });
});

test('leaves out what it is asked to, and says what it cannot', async () => {
  assert.deepEqual(await ask([PING, BLOBS], 'exclude=blobs'), { healthy: true, body: 'ok', told: [] });
  assert.equal(
    (await ask([PING, BLOBS], 'verbose=1&exclude=blobs&exclude=b%22&exclude=a')).body,
    '[+]ping ok\n[+]blobs excluded: ok\nwarn: some health checks cannot be excluded: no matches for "b\\"", "a"\nreadyz check passed\n',
  );
});

test('a check that does not answer has failed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let aborted: AbortSignal | undefined;
  const stuck: HealthCheck = {
    name: 'stuck',
    check: (signal) => {
      aborted = signal;
      return new Promise(() => undefined);
    },
  };
  const answer = ask([stuck]);
  t.mock.timers.tick(3_000);
  const { healthy, told } = await answer;
  assert.equal(healthy, false);
  assert.match(told[0] ?? '', /^stuck: Error: no answer within/);
  assert.equal(aborted?.aborted, true);
});
