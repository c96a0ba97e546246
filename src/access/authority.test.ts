import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Authority, openAuthority } from './authority.ts';
import { UnusableFile } from './privatefile.ts';

const NAMES = ['localhost', '127.0.0.1', '::1'];
const NOW = new Date('2026-03-01T12:00:00Z');

function folderOf(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'headgate-authority-'));
  t.after(() => rmSync(parent, { recursive: true }));
  return join(parent, 'tls');
}

function open(folder: string, names: readonly string[] = NAMES, now = NOW): Promise<Authority> {
  return openAuthority({ folder, names, now });
}

function later(days: number): Date {
  return new Date(NOW.getTime() + days * 86_400_000);
}

test('issues certificates that OpenSSL accepts, and private files', async (t) => {
  const folder = folderOf(t);
  const names = [...NAMES, 'registry.example.com', '*.apps.example.com', '10.1.2.3', 'fd00::1:0:0:42'];
  const authority = await open(folder, names);
  const ca = new X509Certificate(authority.certificate);
  assert.ok(ca.ca);
  assert.ok(ca.verify(ca.publicKey));
  const server = new X509Certificate(authority.server.certificate);
  assert.ok(server.checkIssued(ca));
  assert.ok(server.verify(ca.publicKey));
  assert.ok(server.checkPrivateKey(createPrivateKey(authority.server.key)));
  assert.ok(!server.ca);
  assert.equal(server.checkHost('registry.example.com'), 'registry.example.com');
  assert.ok(server.checkHost('console.apps.example.com'));
  assert.equal(server.checkHost('example.com'), undefined);
  for (const address of ['10.1.2.3', '::1', 'fd00:0:0:0:1:0:0:42']) assert.ok(server.checkIP(address), address);
  assert.equal(server.checkIP('10.1.2.4'), undefined);
  const admin = new X509Certificate(authority.admin.certificate);
  assert.equal(admin.subject, 'O=system:masters\nCN=system:admin');
  assert.ok(admin.verify(ca.publicKey));
  assert.deepEqual(readdirSync(folder).sort(), [
    'admin.crt',
    'admin.key',
    'ca.crt',
    'ca.key',
    'server.crt',
    'server.key',
  ]);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
});

test('changes nothing when it is opened again', async (t) => {
  const folder = folderOf(t);
  const first = await open(folder);
  assert.deepEqual(await open(folder), first);
  assert.deepEqual(await open(folder, ['localhost']), first, 'fewer names are covered too');
});

test('renews only the server certificate when a name is added, and keeps its key', async (t) => {
  const folder = folderOf(t);
  const first = await open(folder);
  const second = await open(folder, [...NAMES, 'new.example.com']);
  assert.notEqual(second.server.certificate, first.server.certificate);
  assert.equal(second.server.key, first.server.key);
  assert.equal(second.certificate, first.certificate);
  assert.deepEqual(second.admin, first.admin);
  assert.ok(new X509Certificate(second.server.certificate).checkHost('new.example.com'));
});

test('renews what is about to expire, and the authority before what it issues outlives it', async (t) => {
  const folder = folderOf(t);
  const first = await open(folder);
  assert.deepEqual(await open(folder, NAMES, later(334)), first);
  const second = await open(folder, NAMES, later(336));
  assert.notEqual(second.server.certificate, first.server.certificate);
  assert.notEqual(second.admin.certificate, first.admin.certificate);
  assert.equal(second.certificate, first.certificate);
  const third = await open(folder, NAMES, later(3300));
  assert.notEqual(third.certificate, first.certificate);
  const [old, renewed] = [new X509Certificate(first.certificate), new X509Certificate(third.certificate)];
  assert.equal(renewed.subject, old.subject);
  assert.ok(
    new X509Certificate(third.server.certificate).verify(old.publicKey),
    'clients with the old one still trust',
  );
});

test('completes what a crash left, whichever file is missing', async (t) => {
  const folder = folderOf(t);
  const first = await open(folder);
  for (const name of ['ca.crt', 'server.key', 'server.crt', 'admin.key', 'admin.crt']) {
    rmSync(join(folder, name));
    const again = await open(folder);
    const ca = new X509Certificate(again.certificate);
    assert.ok(ca.publicKey.equals(new X509Certificate(first.certificate).publicKey), name);
    for (const pair of [again.server, again.admin]) {
      const certificate = new X509Certificate(pair.certificate);
      assert.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)), name);
      assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey), name);
    }
    assert.deepEqual(await open(folder), again);
  }
});

test('replaces damaged files that can be made again, and refuses to replace the authority', async (t) => {
  const folder = folderOf(t);
  const first = await open(folder);
  for (const name of ['server.key', 'server.crt', 'admin.key', 'admin.crt']) {
    writeFileSync(join(folder, name), 'nonsense');
    assert.equal((await open(folder)).certificate, first.certificate);
    assert.notEqual(readFileSync(join(folder, name), 'utf8'), 'nonsense', name);
  }
  const other = folderOf(t);
  await open(other);
  for (const name of ['ca.key', 'ca.crt']) {
    const whole = readFileSync(join(folder, name));
    for (const damage of ['', 'nonsense', readFileSync(join(other, name))]) {
      writeFileSync(join(folder, name), damage);
      await assert.rejects(
        open(folder),
        (error) =>
          error instanceof UnusableFile && error.message.includes(join(folder, 'ca.')) && /backup/.test(error.message),
      );
    }
    writeFileSync(join(folder, name), whole);
  }
  rmSync(join(folder, 'ca.key'));
  await assert.rejects(open(folder), UnusableFile);
  assert.ok(!existsSync(join(folder, 'ca.key')));
});

test('removes temporary files that a killed process left, not those of one that may be alive', async (t) => {
  const folder = folderOf(t);
  await open(folder);
  const [old, young] = [join(folder, 'ca.key.0a.tmp'), join(folder, 'ca.key.0b.tmp')];
  for (const file of [old, young]) writeFileSync(file, 'x');
  utimesSync(old, NOW, new Date(NOW.getTime() - 61_000));
  utimesSync(young, NOW, NOW);
  await open(folder);
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
});

test('gives processes that start at once the same authority', async (t) => {
  const folder = folderOf(t);
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ openAuthority }) => {
      parentPort.postMessage('loaded');
      Atomics.wait(workerData.gate, 0, 0);
      openAuthority({ folder: workerData.folder, names: ['localhost'], now: new Date() })
        .then(({ certificate }) => parentPort.postMessage(certificate));
    });`;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { module: new URL('./authority.ts', import.meta.url).href, folder, gate };
  const starters = Array.from({ length: 4 }, () => {
    const worker = new Worker(script, { eval: true, workerData });
    const loaded = Promise.withResolvers<void>();
    const made = Promise.withResolvers<string>();
    worker.on('error', made.reject);
    worker.on('message', (text: string) => (text === 'loaded' ? loaded.resolve() : made.resolve(text)));
    return { loaded: loaded.promise, made: made.promise };
  });
  await Promise.all(starters.map(({ loaded }) => loaded));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const made = await Promise.all(starters.map((starter) => starter.made));
  assert.equal(new Set(made).size, 1);
  assert.equal((await open(folder, ['localhost'], new Date())).certificate, made[0]);
});
