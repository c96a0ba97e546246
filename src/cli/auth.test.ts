import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../config.ts';
import { serve } from '../main.ts';
import { makeLogger } from '../observe/logs.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));

/** What `headgate auth …` prints and how it ends. */
async function auth(data: string, ...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  const child = spawn(process.execPath, [BIN, 'auth', ...args, '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (piece) => {
    texts.out += String(piece);
  });
  child.stderr.on('data', (piece) => {
    texts.err += String(piece);
  });
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

test('auth why names the binding that allows it, or the roles that would', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'headgate-auth-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const flags = ['--data', data, '--listen', '127.0.0.1:0', '--registry-listen', '127.0.0.1:0'];
  const running = await serve(parseConfig(flags, {}), makeLogger({ level: 'silent', format: 'json' }));
  const builder = 'system:serviceaccount:default:builder';
  const cases = [
    auth(data, 'why', builder, 'update', 'imagestreams/layers', '-n', 'default'),
    auth(data, 'why', 'alice', 'get', 'is', 'app', '-n', 'default'),
    auth(data, 'why', builder, 'list', 'imagestreams.image.openshift.io'),
    auth(data, 'why', 'system:anonymous', 'get', '/metrics'),
    auth(data, 'why', 'x', 'delete', 'things.example.com', '-g', 'system:masters'),
    auth(data, 'why', 'x', 'get', 'nothings'),
    auth(data, 'why', 'x'),
    auth(data, '--help'),
  ];
  const [allowed, denied, account, anonymous, master, unknown, short, help] = await Promise.all(cases);
  await running.close();

  assert.deepEqual(allowed, {
    code: 0,
    out: `yes: ${builder} may update imagestreams/layers in the namespace default\n  by: RoleBinding "system:image-builders/default" of ClusterRole "system:image-builder" to ServiceAccount "builder/default"\n`,
    err: '',
  });
  assert.equal(denied?.code, 1);
  const [first, second, third] = denied?.out.split('\n') ?? [];
  assert.equal(first, 'no: alice may not get is app in the namespace default');
  assert.match(second ?? '', /^ {2}roles that would allow it: .*registry-viewer.*, view, .*cluster-admin$/);
  assert.match(
    third ?? '',
    /^ {2}give one with: kubectl create rolebinding NAME -n default --clusterrole=\S+ --user=alice$/,
  );
  assert.match(
    account?.out ?? '',
    /give one with: kubectl create clusterrolebinding NAME --clusterrole=\S+ --serviceaccount=default:builder\n$/,
  );
  assert.equal(anonymous?.out.split('\n')[0], 'no: system:anonymous may not get /metrics');
  assert.match(master?.out ?? '', /^yes: .*\n {2}by: members of system:masters may do everything\n$/);
  assert.deepEqual([unknown?.code, short?.code, help?.code], [2, 2, 0]);
  assert.match(unknown?.err ?? '', /the server has no resource "nothings"/);
  assert.match(help?.out ?? '', /^Usage: headgate auth why USER VERB RESOURCE/);

  const gone = await auth(data, 'why', 'x', 'get', 'secrets');
  assert.equal(gone.code, 1);
  assert.match(
    gone.err,
    /^headgate: no server answers at https:\/\/127\.0\.0\.1:\d+ .*: start it with headgate serve\n$/,
  );
  const never = await auth(join(data, 'none'), 'why', 'x', 'get', '/');
  assert.match(never.err, /admin\.kubeconfig does not exist: a server makes it at its first start/);
});
