/** A process that is killed at any moment leaves whole blobs and uploads that go on. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { type Digest, digestHex, digestOf, parseDigest } from '../../image/digest.ts';
import type { UploadId } from '../blobs.ts';
import { bytesOf, sourceOf } from '../suite/sources.ts';
import { parseUploadId } from '../uploadid.ts';
import { openFilesystemBlobs } from './filesystem.ts';

const DRIVER = new URL('./filesystem.ts', import.meta.url).href;
const DIGEST = new URL('../../image/digest.ts', import.meta.url).href;

/** Appends without end to one upload, whose id it prints first, in chunks that tell their place. */
const APPENDING = `
import { Readable } from 'node:stream';
import { openFilesystemBlobs } from '${DRIVER}';
const blobs = await openFilesystemBlobs({ folder: process.argv[1] });
const id = await blobs.begin();
console.log(id);
function* chunks() { for (let n = 0; ; n += 1) yield Buffer.alloc(65536, n % 251); }
await blobs.append(id, 0, Readable.from(chunks(), { objectMode: false }));`;

/** Pushes and puts blobs without end, several at once, and prints the digest of each that was acknowledged. */
const PUSHING = `
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { openFilesystemBlobs } from '${DRIVER}';
import { digestOf } from '${DIGEST}';
const blobs = await openFilesystemBlobs({ folder: process.argv[1] });
const run = async (n) => {
  for (;;) {
    const bytes = randomBytes(n * 50_000 + 1);
    if (n === 0) await blobs.put(digestOf(bytes), bytes);
    else {
      const id = await blobs.begin();
      await blobs.append(id, 0, Readable.from([bytes], { objectMode: false }));
      await blobs.commit(id, digestOf(bytes));
    }
    process.stdout.write(digestOf(bytes) + '\\n');
  }
};
await Promise.all([0, 1, 2, 3].map(run));`;

async function folderFor(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-crash-'));
  test.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Runs a program until what it printed satisfies, kills it, and gives all that it printed in whole lines. */
async function runUntil(program: string, folder: string, enough: (lines: string[]) => boolean | Promise<boolean>) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  const exited = once(child, 'exit');
  const closed = once(child.stdout, 'close');
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const lines = () => printed.split('\n').slice(0, -1);
  while (child.exitCode === null && !(await enough(lines()))) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGKILL');
  assert.deepEqual(await exited, [null, 'SIGKILL'], 'the program ran until it was killed');
  await closed;
  return lines();
}

function uploadId(text: string | undefined): UploadId {
  const id = parseUploadId(text ?? '');
  assert.ok(id);
  return id;
}

it('an upload whose process is killed keeps what had come, and goes on', async (test) => {
  const folder = await folderFor(test);
  const blobs = await openFilesystemBlobs({ folder });
  const grown = async ([id]: string[]) => id !== undefined && ((await blobs.uploaded(uploadId(id))) ?? 0) > 5_000_000;
  const [line] = await runUntil(APPENDING, folder, grown);
  const id = uploadId(line);
  const held = await blobs.uploaded(id);
  assert.ok(held !== undefined && held > 5_000_000);
  const came = Buffer.concat(Array.from({ length: held / 65_536 + 1 }, (_, n) => Buffer.alloc(65_536, n % 251)));
  const whole = Buffer.concat([came.subarray(0, held), Buffer.from('the rest')]);
  assert.equal(await blobs.append(id, held, sourceOf([Buffer.from('the rest')])), whole.length);
  await blobs.commit(id, digestOf(whole));
  assert.ok((await bytesOf(await blobs.read(digestOf(whole)))).equals(whole));
  await blobs.close();
});

it('blobs that were acknowledged before a kill are there, and every blob that is there is whole', async (test) => {
  const folder = await folderFor(test);
  const acknowledged = new Set<string>();
  for (let run = 1; run <= 3; run += 1) {
    for (const line of await runUntil(PUSHING, folder, (lines) => lines.length >= 25 * run)) acknowledged.add(line);
  }
  const blobs = await openFilesystemBlobs({ folder });
  const found = await blobs.list(undefined, 100_000);
  for (const line of acknowledged) assert.ok(found.includes(parseDigest(line) ?? digestOf('')), line);
  const read = (digest: Digest) => {
    const hex = digestHex(digest);
    return readFile(join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex));
  };
  for (const digest of found) assert.equal(digestOf(await read(digest)), digest);
  for (const id of await blobs.staleUploads(new Date(Date.now() + 60_000))) assert.equal(await blobs.abort(id), true);
  await blobs.close();
});
