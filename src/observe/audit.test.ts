import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditRecord, AuditTrail, auditLine } from './audit.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const RECORD: AuditRecord = {
  edge: 'kube',
  verb: 'create',
  user: 'ann',
  resource: 'configmaps',
  from: '::1',
  code: 201,
};

function unexpected(error: unknown): void {
  assert.fail(String(error));
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'headgate-audit-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Waits for what is done in the background; the whole test has an end of its own. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(2);
}

const linesOf = (file: string): AuditRecord[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditRecord);

/** What is written so far; nothing, where it was just put aside. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

test('a record is a line of JSON with its time', () => {
  assert.equal(
    auditLine(RECORD, NOW),
    '{"time":"2026-01-01T00:00:00.000Z","edge":"kube","verb":"create","user":"ann","resource":"configmaps","from":"::1","code":201}',
  );
});

test('no token gets into it, wherever a client puts one, and no text without end', () => {
  const token = `sha256~${'a'.repeat(43)}`;
  const jwt = `eyJhbGciOiJSUzI1NiJ9.${'b'.repeat(80)}.${'c'.repeat(80)}`;
  const line = auditLine(
    { ...RECORD, user: token, path: `/x/${jwt}/y`, name: `registry~${'d'.repeat(30)}.x`, reason: 'r'.repeat(5000) },
    NOW,
  );
  for (const secret of [token.slice(12), jwt.slice(12), 'd'.repeat(10)]) assert.ok(!line.includes(secret), line);
  assert.ok(line.length < 2000);
});

test('lines are written in order, to a file that only its owner may read', async (t) => {
  const target = join(folder(t), 'audit.log');
  const trail = new AuditTrail({ target, now: () => NOW, failed: unexpected });
  for (let index = 0; index < 500; index++) trail.record({ ...RECORD, name: String(index) });
  await trail.close();
  assert.deepEqual(
    linesOf(target).map(({ name }) => Number(name)),
    Array.from({ length: 500 }, (_, index) => index),
  );
  assert.equal(statSync(target).mode & 0o777, 0o600);
});

test('a large file is put aside, and one that somebody moved is begun anew', async (t) => {
  const target = join(folder(t), 'audit.log');
  const trail = new AuditTrail({ target, now: () => NOW, failed: unexpected, fileBytes: 300 });
  for (let index = 0; index < 6; index++) {
    trail.record({ ...RECORD, name: String(index) });
    await until(() => textOf(target).includes(`"name":"${index}"`));
  }
  assert.ok(existsSync(`${target}.1`));
  renameSync(target, `${target}.moved`);
  trail.record({ ...RECORD, name: 'after' });
  await trail.close();
  assert.deepEqual(
    linesOf(target).map(({ name }) => name),
    ['after'],
  );
  const files = [`${target}.2`, `${target}.1`, `${target}.moved`, target].filter((file) => existsSync(file));
  assert.deepEqual(files.flatMap((file) => linesOf(file).map(({ name }) => name)).slice(-3), ['4', '5', 'after']);
});

test('a disk that is away is complained of, keeps nobody waiting, and gets the lines when it is back', async (t) => {
  const place = join(folder(t), 'gone');
  const target = join(place, 'audit.log');
  const complaints: unknown[] = [];
  const trail = new AuditTrail({ target, now: () => NOW, failed: (error) => complaints.push(error) });
  trail.record(RECORD);
  await until(() => complaints.length > 0);
  trail.record(RECORD);
  mkdirSync(place);
  await until(() => textOf(target).split('\n').length === 3);
  await trail.close();
  assert.equal(complaints.length, 1);
});
