/** Running real programs to their end, with a home folder of their own. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Milliseconds after which a program counts as hanging. */
const PROGRAM_TIMEOUT_MS = 60_000;

/** How a program ended. */
export interface Outcome {
  /** The exit status; null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What it reads on its standard input; nothing otherwise. */
  readonly input?: string;
  /** Milliseconds after which it counts as hanging. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end, however it ends. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { env = process.env, timeoutMs = PROGRAM_TIMEOUT_MS } = options;
  const child = spawn(program, args, { env, stdio: 'pipe', timeout: timeoutMs });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input breaks the pipe; how it ended says enough.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  child.on('error', reject);
  child.on('close', (code) =>
    resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
  );
  return promise;
}

/**
 * What a program prints that must succeed.
 * @throws {Error} with the command and what it said, if it fails.
 */
export async function succeed(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}\nended with ${code}:\n${stderr}${stdout}`);
  return stdout;
}

/**
 * What a program says that must fail: its standard error.
 * @throws {Error} with the command and what it printed, if it succeeds.
 */
export async function fail(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code === 0) throw new Error(`${program} ${args.join(' ')}\nsucceeded, and should not:\n${stdout}`);
  return stderr;
}

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder that is gone when this process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-test-'));
  folders.add(folder);
  return folder;
}

/**
 * An environment in which skopeo, podman, buildah and kubectl neither read nor change what the user of this machine
 * keeps: logins, image storage, policies, caches. Storage needs neither overlayfs nor FUSE.
 */
export function ownHome(): NodeJS.ProcessEnv {
  const home = temporaryFolder();
  const containers = join(home, '.config', 'containers');
  mkdirSync(containers, { recursive: true });
  writeFileSync(join(containers, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  writeFileSync(join(containers, 'registries.conf'), 'unqualified-search-registries = []\n');
  writeFileSync(join(home, 'auth.json'), '{}');
  const storage = join(home, 'storage.conf');
  const quoted = (folder: string) => JSON.stringify(join(home, folder));
  writeFileSync(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = ${quoted('storage')}\nrunroot = ${quoted('storage-run')}\n`,
  );
  return {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: home,
    XDG_RUNTIME_DIR: home,
    CONTAINERS_STORAGE_CONF: storage,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    LC_ALL: 'C.UTF-8',
  };
}
