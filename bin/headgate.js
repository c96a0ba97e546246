#!/usr/bin/env node
// Entry for every command. Headgate needs the Node that `npm ci` installed (see package.json); under an older one this
// file starts itself again on it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  const { default: module } = await import('node:module');
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/headgate', import.meta.url)));
  await import('../src/cli/headgate.ts');
} else {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(node)) {
    console.error(`headgate needs Node 24.15 or newer; this is ${process.version}. Run "npm ci" here to get one.`);
    process.exit(1);
  }
  // The channel tells the child when this process is gone, however it ended, so that no server is left behind.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, HEADGATE_PARENT: 'bin' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1)));
}
