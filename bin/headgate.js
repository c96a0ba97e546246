#!/usr/bin/env -S node --max-semi-space-size=16
// Entry for every command. Headgate needs the Node that `npm ci` installed (see package.json); under an older one this
// file starts itself again on it. With young objects in 32 MiB instead of 64 a server takes 50 MiB less under load and no
// more CPU (docs/performance.md); V8 hears of that only on the command line, so whatever starts this file says it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const CHILD = 'HEADGATE_CHILD';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 24 || (major === 24 && minor >= 15)) await run();
else restart();

/** Runs the command in this process. */
async function run() {
  if (process.env[CHILD]) {
    delete process.env[CHILD];
    // The parent is gone without having been able to pass a signal on: it was killed, so this must be as abrupt.
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
    process.channel?.unref();
  }
  // Keeps the sources without their types, and compiled. Where the folder cannot be written nothing is kept.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/headgate', import.meta.url)));
  await import('../src/cli/headgate.ts');
}

/** Runs it in a child on the right Node, which ends when this process does, and passes on how it ended. */
function restart() {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(node)) {
    const folder = fileURLToPath(new URL('..', import.meta.url));
    console.error(
      `headgate needs Node 24.15 or newer; this is ${process.version}. Run "npm ci" in ${folder} to get one.`,
    );
    process.exit(1);
  }
  const child = spawn(node, ['--max-semi-space-size=16', fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [CHILD]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`headgate cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
