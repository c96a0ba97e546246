import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const OLDER = olderNode();

/** What runs Node as an older one: a real one if this machine has it, else this one in disguise. */
function olderNode(): readonly string[] {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder.includes('node_modules')) continue;
    const path = join(folder, 'node');
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    const [, major = 99] = /^v(\d+)\./.exec(stdout ?? '') ?? [];
    if (Number(major) >= 20 && Number(major) < 24) return [path];
  }
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })`;
  return [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(disguise)}`];
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The environment without what would change the command's settings. */
function environment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(?:HEADGATE|NODE_TEST)_/.test(name));
  return Object.fromEntries(entries);
}

function start(args: readonly string[], options: { node?: readonly string[]; cwd?: string } = {}): ChildProcess {
  const [node = process.execPath, ...before] = options.node ?? [];
  return spawn(node, [...before, BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
    ...(options.cwd && { cwd: options.cwd }),
  });
}

async function run(
  args: readonly string[],
  options: { node?: readonly string[]; cwd?: string } = {},
): Promise<Outcome> {
  const child = start(args, options);
  const [out, err, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'exit')]);
  return { code, out, err };
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

interface Served {
  readonly child: ChildProcess;
  readonly api: URL;
  readonly registry: URL;
  readonly data: string;
}

const FREE_PORTS = ['--listen', '127.0.0.1:0', '--registry-listen', '127.0.0.1:0'];

async function serve(t: TestContext, node: readonly string[] = [], data = join(temporary(t), 'data')): Promise<Served> {
  const child = start(['serve', '--data', data, ...FREE_PORTS], { node });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout?.setEncoding('utf8');
  const error = textOf(child.stderr);
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    const [, api, registry] = /^headgate ready api=(https:\/\/\S+) registry=(http:\/\/\S+)\n$/m.exec(text) ?? [];
    if (api && registry) return { child, api: new URL(api), registry: new URL(registry), data };
  }
  return assert.fail(`no ready line: ${text}${await error}`);
}

async function status(url: URL, path: string, options: https.RequestOptions = {}): Promise<number | undefined> {
  const client = url.protocol === 'https:' ? https : http;
  const req = client.get(new URL(path, url), { agent: false, ...options });
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  res.resume();
  return res.statusCode;
}

test('versions, help and mistakes', async (t) => {
  const cwd = temporary(t);
  assert.match((await run(['--version'], { cwd })).out, /^headgate \d+\.\d+\.\d+\n$/);
  assert.match((await run(['--help'])).out, /^Usage: headgate <command>/);
  assert.match((await run(['serve', '--help'])).out, /--registry-listen HOST:PORT\|off/);
  assert.deepEqual([(await run([])).code, (await run(['nope'])).code], [2, 2]);
  const wrong = await run(['serve', '--nope', '--log-level', 'loud']);
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.err,
    /^headgate: --nope: there is no such flag.*\nheadgate: --log-level: "loud" must be one of trace, /,
  );
});

test('under an older Node it starts itself again, from any folder and through a link', async (t) => {
  const cwd = temporary(t);
  assert.match((await run(['--version'], { node: OLDER, cwd })).out, /^headgate \d/);
  assert.equal((await run(['nope'], { node: OLDER, cwd })).code, 2, 'the exit code is kept');
  symlinkSync(BIN, join(cwd, 'headgate'));
  const [node = '', ...before] = OLDER;
  const linked = spawnSync(node, [...before, join(cwd, 'headgate'), '--version'], {
    encoding: 'utf8',
    env: environment(),
  });
  assert.match(linked.stdout, /^headgate \d/);
});

test('token prints the token of a data folder, or says why it cannot', async (t) => {
  const { data } = await serve(t);
  const token = readFileSync(join(data, 'admin.token'), 'utf8');
  const printed = await run(['token', '--data', data]);
  assert.deepEqual(printed, { code: 0, out: token, err: '' });
  const none = await run(['token', '--data', join(data, 'none')]);
  assert.equal(none.code, 1);
  assert.match(none.err, /^headgate: .*none\/admin\.token does not exist: .*--data\n$/);
  assert.equal((await run(['token', '--listen', '127.0.0.1:1'])).code, 2);
});

for (const [name, node] of [
  ['this Node', []],
  ['an older Node', OLDER],
] as const) {
  test(`serve under ${name}: both listeners answer at the ready line, SIGTERM ends it with 0`, async (t) => {
    const { child, api, registry, data } = await serve(t, node);
    const ca = readFileSync(join(data, 'tls', 'ca.crt'));
    assert.equal(await status(api, '/readyz', { ca }), 200);
    assert.equal(await status(registry, '/v2/'), 401);
    assert.equal(statSync(join(data, 'admin.kubeconfig')).mode & 0o777, 0o600);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    await assert.rejects(status(registry, '/v2/'), { code: 'ECONNREFUSED' });
  });
}

test('a signal that comes twice at once, as from a terminal, still stops in order', async (t) => {
  const { child } = await serve(t);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('the server ends with the process that started it, however that ends', async (t) => {
  const { child, registry } = await serve(t, OLDER);
  assert.equal(await status(registry, '/v2/'), 401);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await assert.doesNotReject(async () => {
    for (let tries = 0; tries < 500; tries++) {
      try {
        await status(registry, '/v2/');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return;
      }
      await sleep(10);
    }
    throw new Error('it still answers');
  });
});

test('serve says what is wrong and ends with 1, leaving nothing behind that runs', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const folder = temporary(t);
  const busy = await run([
    'serve',
    '--data',
    join(folder, 'a'),
    '--listen',
    `127.0.0.1:${port}`,
    '--registry-listen',
    'off',
  ]);
  assert.equal(busy.code, 1);
  assert.match(
    busy.err,
    new RegExp(`^headgate: cannot listen on 127\\.0\\.0\\.1:${port}: something listens there already`),
  );

  writeFileSync(join(folder, 'file'), '');
  const blocked = await run(['serve', '--data', join(folder, 'file'), ...FREE_PORTS]);
  assert.equal(blocked.code, 1);
  assert.match(blocked.err, /^headgate: cannot use .*file: there is a file where a folder should be/);

  const { data, child } = await serve(t);
  child.kill('SIGTERM');
  await once(child, 'exit');
  writeFileSync(join(data, 'tls', 'ca.key'), 'damaged');
  const damaged = await run(['serve', '--data', data, ...FREE_PORTS]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.err, /^headgate: .*ca\.key is damaged, or no P-256 private key: restore it from a backup/);
});

test('a data folder that may not be written is named', async (t) => {
  // The superuser may write everywhere but where the kernel forbids it.
  const folder = temporary(t);
  chmodSync(folder, 0o500);
  const parent = process.getuid?.() === 0 ? '/proc' : folder;
  const refused = await run(['serve', '--data', join(parent, 'data'), ...FREE_PORTS]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^headgate: cannot use .*data: /);
});
