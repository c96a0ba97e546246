import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openMemoryStore } from '../store/memory/memory.ts';
import { adminTokenFile, openAdminToken, readAdminToken } from './admin.ts';
import { UnusableFile } from './privatefile.ts';
import { AccessTokens } from './tokens.ts';

const NOW = new Date('2026-03-01T12:00:00Z');

function setUp(t: TestContext): { data: string; tokens: AccessTokens; elsewhere: AccessTokens } {
  const data = mkdtempSync(join(tmpdir(), 'headgate-admin-'));
  t.after(() => rmSync(data, { recursive: true }));
  const stores = [openMemoryStore(), openMemoryStore()] as const;
  t.after(() => Promise.all(stores.map((store) => store.close())));
  return { data, tokens: new AccessTokens(stores[0], () => NOW), elsewhere: new AccessTokens(stores[1], () => NOW) };
}

test('the first start makes a token, later ones keep it, and a lost store learns it again', async (t) => {
  const { data, tokens, elsewhere } = setUp(t);
  assert.equal(readAdminToken(data), undefined);
  const token = await openAdminToken(data, tokens, NOW);
  assert.equal(readAdminToken(data), token);
  assert.equal(statSync(adminTokenFile(data)).mode & 0o777, 0o600);
  assert.deepEqual(await tokens.find(token), { name: 'admin', groups: ['system:masters', 'system:authenticated'] });
  assert.equal(await openAdminToken(data, tokens, NOW), token);
  assert.equal(await openAdminToken(data, elsewhere, NOW), token);
  assert.ok(await elsewhere.find(token));
});

test('a file that holds no token is named, and left alone', async (t) => {
  const { data, tokens } = setUp(t);
  for (const text of ['', 'secret', 'sha256~short']) {
    writeFileSync(adminTokenFile(data), text);
    await assert.rejects(openAdminToken(data, tokens, NOW), (error) => {
      assert.ok(error instanceof UnusableFile);
      assert.ok(error.message.includes(adminTokenFile(data)));
      assert.ok(text === '' || !error.message.includes(text), 'it may be a secret all the same');
      return true;
    });
  }
});
