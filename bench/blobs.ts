/**
 * What the filesystem driver costs: `node bench/blobs.ts [folder]`. Prints MiB/s and CPU seconds of this process per
 * GiB for one large blob (from memory, and over HTTP from a child process), and rates and CPU for small ones.
 */
import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Blobs } from '../src/blobs/blobs.ts';
import { openFilesystemBlobs } from '../src/blobs/filesystem/filesystem.ts';
import { type Digest, digestOf, parseDigest } from '../src/image/digest.ts';

const MiB = 1024 * 1024;
const LARGE_MIB = 1024;
/** The first warms the process and the disk up. */
const RUNS = 3;
const SMALL_BLOBS = 2_000;
const SMALL_BYTES = 2 * 1024;
const CLIENTS = 8;
/** More than the CPU's caches hold, so that hashing meets memory as it does behind a socket. */
const CHUNKS = Array.from({ length: 512 }, () => randomFillSync(Buffer.allocUnsafeSlow(64 * 1024)));

/** Runs the work and prints its wall and CPU time a unit, and the largest memory so far. */
async function measure(name: string, units: number, unit: 'GiB' | 'blob', work: () => Promise<unknown>): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const spent = (user + system) / units;
  const rate =
    unit === 'GiB'
      ? `${((units * 1024) / wall).toFixed(0)} MiB/s, ${(spent / 1e6).toFixed(2)} CPU s per GiB`
      : `${(units / wall).toFixed(0)} a second, ${spent.toFixed(0)} µs CPU each`;
  console.log(`${name}: ${rate}, RSS ${(process.memoryUsage.rss() / MiB).toFixed(0)} MiB`);
}

function* largeContent(): Generator<Buffer> {
  for (let sent = 0; sent < LARGE_MIB * 16; sent += 1) {
    const chunk = CHUNKS[sent % CHUNKS.length];
    if (chunk !== undefined) yield chunk;
  }
}

function largeDigest(): Digest {
  const hash = createHash('sha256');
  for (const chunk of largeContent()) hash.update(chunk);
  const digest = parseDigest(`sha256:${hash.digest('hex')}`);
  if (digest === undefined) throw new Error('no digest');
  return digest;
}

async function push(blobs: Blobs, source: Readable, digest: Digest): Promise<void> {
  const id = await blobs.begin();
  await blobs.append(id, 0, source);
  const start = performance.now();
  await blobs.commit(id, digest);
  lastCommit = performance.now() - start;
}
let lastCommit = 0;

async function pull(blobs: Blobs, digest: Digest): Promise<void> {
  const body = await blobs.read(digest);
  for await (const _ of body?.stream ?? []);
}

/** A client that sends zeros, or fetches and drops, over loopback in a process of its own, with as little as it can. */
const CLIENT = `
import { connect } from 'node:net';
const [port, method, mib] = process.argv.slice(1);
const chunk = Buffer.alloc(1024 * 1024);
const onread = { buffer: Buffer.alloc(1024 * 1024), callback: () => true };
const socket = connect({ port: Number(port), host: '127.0.0.1', onread }, () => {
  const length = Number(mib) * chunk.length;
  socket.write(method + ' / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: ' + length + '\\r\\n\\r\\n');
  let left = Number(mib);
  const more = () => { while (left-- > 0) if (!socket.write(chunk)) return socket.once('drain', more); };
  more();
});
socket.on('end', () => process.exit(0));`;

async function client(port: number, method: string, mib: number): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CLIENT, `${port}`, method, `${mib}`]);
  await once(child, 'exit');
}

async function overHttp(blobs: Blobs): Promise<void> {
  const zeros = createHash('sha256');
  const chunk = Buffer.alloc(MiB);
  for (let sent = 0; sent < LARGE_MIB; sent += 1) zeros.update(chunk);
  const digest = parseDigest(`sha256:${zeros.digest('hex')}`);
  if (digest === undefined) throw new Error('no digest');
  const server = createServer((req, res) => {
    const answer = async () => {
      if (req.method === 'PUT') await push(blobs, req, digest);
      const body = req.method === 'GET' ? await blobs.read(digest) : undefined;
      if (body?.stream === undefined) res.end();
      else body.stream.pipe(res.setHeader('Content-Length', body.size));
    };
    answer().catch((error: unknown) => {
      console.error(error);
      res.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  for (let run = 0; run < RUNS; run += 1) {
    await blobs.delete(digest);
    await measure('push 1 GiB over HTTP', LARGE_MIB / 1024, 'GiB', () => client(port, 'PUT', LARGE_MIB));
    console.log(`  of it commit: ${lastCommit.toFixed(0)} ms`);
    await measure('pull 1 GiB over HTTP', LARGE_MIB / 1024, 'GiB', () => client(port, 'GET', 0));
  }
  server.close();
  await blobs.delete(digest);
}

/** Runs the work for each blob, several at once. */
async function each(contents: readonly Buffer[], work: (bytes: Buffer) => Promise<unknown>): Promise<void> {
  const left = contents.values();
  const run = async () => {
    for (const bytes of left) await work(bytes);
  };
  await Promise.all(Array.from({ length: CLIENTS }, run));
}

async function small(blobs: Blobs): Promise<void> {
  const make = () => Array.from({ length: SMALL_BLOBS }, () => randomFillSync(Buffer.allocUnsafeSlow(SMALL_BYTES)));
  const [pushed, kept] = [make(), make()];
  await measure('push 2 KiB (begin, append, commit), c8', SMALL_BLOBS, 'blob', () =>
    each(pushed, (bytes) => push(blobs, Readable.from([bytes], { objectMode: false }), digestOf(bytes))),
  );
  await measure('put 2 KiB, c8', SMALL_BLOBS, 'blob', () => each(kept, (bytes) => blobs.put(digestOf(bytes), bytes)));
  await measure('read 2 KiB, c8', SMALL_BLOBS, 'blob', () => each(kept, (bytes) => blobs.read(digestOf(bytes))));
  await measure('stat 2 KiB, c8', SMALL_BLOBS, 'blob', () => each(kept, (bytes) => blobs.stat(digestOf(bytes))));
}

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'headgate-bench-'));
const blobs = await openFilesystemBlobs({ folder });
try {
  await small(blobs);
  const digest = largeDigest();
  for (let run = 0; run < RUNS; run += 1) {
    await measure('push 1 GiB from memory', LARGE_MIB / 1024, 'GiB', () =>
      push(blobs, Readable.from(largeContent(), { objectMode: false, highWaterMark: 256 * 1024 }), digest),
    );
    console.log(`  of it commit: ${lastCommit.toFixed(0)} ms`);
    await measure('read 1 GiB', LARGE_MIB / 1024, 'GiB', () => pull(blobs, digest));
    await blobs.delete(digest);
  }
  await overHttp(blobs);
} finally {
  await blobs.close();
  await rm(folder, { recursive: true, force: true });
}
