import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openMemoryStore } from '../store/memory/memory.ts';
import { openAdminToken, readAdminToken, rotateAdminToken } from './admin.ts';
import { type Authority, openAuthority } from './authority.ts';
import { joinInstallation, shareAdminToken } from './installation.ts';
import { AccessTokens } from './tokens.ts';

const now = new Date('2026-01-01T00:00:00Z');

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'headgate-installation-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function authorityIn(data: string): Promise<Authority> {
  return openAuthority({ folder: join(data, 'tls'), names: ['127.0.0.1'], now });
}

test('servers with folders of their own have one authority and one token, whoever is first', async (t) => {
  const store = openMemoryStore();
  const folders = [folder(t), folder(t), folder(t)];
  for (const data of folders) await authorityIn(data);
  const changed = await Promise.all(folders.map((data) => joinInstallation(store, data)));
  assert.equal(changed.filter((other) => other).length, 2, 'all but the first are given the first one’s');
  const authorities = await Promise.all(folders.map(authorityIn));
  assert.equal(new Set(authorities.map(({ certificate }) => certificate)).size, 1);
  for (const { server, certificate } of authorities) {
    assert.ok(new X509Certificate(server.certificate).verify(new X509Certificate(certificate).publicKey));
  }
  assert.equal(new Set(folders.map(readAdminToken)).size, 1);
  for (const data of folders) assert.equal(await joinInstallation(store, data), false, 'nothing more is to be done');
});

test('a folder that has a token keeps it, and both are good', async (t) => {
  const store = openMemoryStore();
  const [first, second] = [folder(t), folder(t)];
  const tokens = new AccessTokens(store, () => now);
  await authorityIn(first);
  await joinInstallation(store, first);
  const shared = await openAdminToken(first, tokens, now);
  const own = await openAdminToken(second, tokens, now);
  await authorityIn(second);
  await joinInstallation(store, second);
  assert.equal(readAdminToken(second), own);
  assert.notEqual(own, shared);
  for (const token of [own, shared]) assert.equal((await tokens.find(token))?.name, 'admin');
  tokens.close();
});

test('a folder in which a change of the authority was cut off is gone on with', async (t) => {
  const store = openMemoryStore();
  const [first, second] = [folder(t), folder(t)];
  const { certificate } = await authorityIn(first);
  await joinInstallation(store, first);
  await authorityIn(second);
  rmSync(join(second, 'tls', 'ca.crt'));
  await authorityIn(second);
  assert.equal(await joinInstallation(store, second), true);
  assert.equal((await authorityIn(second)).certificate, certificate);
});

test('a token that was rotated comes back nowhere', async (t) => {
  const store = openMemoryStore();
  const [first, second, third] = [folder(t), folder(t), folder(t)];
  const tokens = new AccessTokens(store, () => now);
  for (const data of [first, second, third]) await authorityIn(data);
  for (const data of [first, second]) {
    await joinInstallation(store, data);
    await openAdminToken(data, tokens, now);
  }
  const old = readAdminToken(second) ?? '';
  const token = await rotateAdminToken(first, tokens, now, (made) => shareAdminToken(store, made));
  for (const data of [second, third]) {
    await joinInstallation(store, data);
    assert.equal(await openAdminToken(data, tokens, now), token);
  }
  assert.equal(await tokens.find(old), undefined);
  tokens.close();
});
