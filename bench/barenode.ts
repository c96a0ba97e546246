/**
 * The least that Node needs to move blobs, as a contestant: it takes a body in pieces of 1 MiB, hashes, writes and syncs
 * it, and sends a file in such pieces. It knows no rights, no sessions and no store, and keeps one upload at a time in order;
 * what Headgate takes beyond this is its own. Run as a process of its own, it is told its folder and answers with its port.
 */
import { fork } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fstatSync, fsync, mkdirSync, openSync, read, renameSync, writev } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Contestant, StartPeer } from './contestants.ts';

const PIECE_BYTES = 1024 * 1024;
const FILE = fileURLToPath(import.meta.url);
const [readAt, writeAt, syncFile] = [promisify(read), promisify(writev), promisify(fsync)];

/** Starts one with its blobs under a folder. */
export const startBareNode: StartPeer = async (folder) => {
  const data = join(folder, 'bare-node');
  mkdirSync(data, { recursive: true });
  const begun = performance.now();
  const child = fork(FILE, ['serve']);
  child.send(data);
  const [port] = (await once(child, 'message')) as [number];
  const contestant: Contestant = {
    name: 'bare Node',
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${port}`,
    headers: {},
    data,
    startSeconds: (performance.now() - begun) / 1000,
    fill: () => Promise.reject(new Error('a bare server has no tags')),
    stop: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
  return contestant;
};

async function answer(folder: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://bare');
  const place = (digest: string): string => join(folder, digest.replace(':', '-'));
  if (req.method === 'POST') {
    res.writeHead(202, { Location: `/uploads/${randomUUID()}?to=here`, 'Content-Length': 0 }).end();
  } else if (req.method === 'PUT') {
    const digest = searchParams.get('digest') ?? '';
    const upload = join(folder, pathname.slice(pathname.lastIndexOf('/') + 1));
    const taken = await take(req, upload);
    if (taken === digest) renameSync(upload, place(digest));
    res.writeHead(taken === digest ? 201 : 400, { 'Content-Length': 0 }).end();
  } else {
    await send(res, place(pathname.slice(pathname.lastIndexOf('/') + 1)));
  }
}

/** Writes a body to a file, hashing each piece while the one before is written. Resolves to its digest. */
async function take(req: IncomingMessage, path: string): Promise<string> {
  const fd = openSync(path, 'w');
  const hash = createHash('sha256');
  let [position, bytes] = [0, 0];
  let chunks: Buffer[] = [];
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    const [piece, size] = [chunks, bytes];
    [chunks, bytes] = [[], 0];
    await writing;
    writing = writeAt(fd, piece, position).then(() => {
      for (const { buffer } of piece) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
    });
    position += size;
    for (const chunk of piece) hash.update(chunk);
  };
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunks.push(chunk) && chunk.length;
    if (bytes >= PIECE_BYTES) await flush();
  }
  await flush();
  await writing;
  await syncFile(fd);
  closeSync(fd);
  return `sha256:${hash.digest('hex')}`;
}

async function send(res: ServerResponse, path: string): Promise<void> {
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  res.writeHead(200, { 'Content-Length': size });
  const pieces = [Buffer.allocUnsafeSlow(PIECE_BYTES), Buffer.allocUnsafeSlow(PIECE_BYTES)];
  let sending: Promise<void> = Promise.resolve();
  for (let position = 0, turn = 0; position < size; turn++) {
    const piece = pieces[turn % 2] ?? Buffer.alloc(0);
    const count = await readAt(fd, piece, 0, PIECE_BYTES, position);
    const bytes = typeof count === 'number' ? count : count.bytesRead;
    position += bytes;
    await sending;
    sending = new Promise((resolve) => res.write(piece.subarray(0, bytes), () => resolve()));
  }
  await sending;
  res.end();
  closeSync(fd);
}

if (process.argv[2] === 'serve' && process.send) {
  process.on('message', (folder: string) => {
    const server = createServer({ requestTimeout: 0 }, (req, res) => {
      answer(folder, req, res).catch((error: unknown) => {
        console.error(error);
        res.destroy();
      });
    });
    server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  });
  process.on('disconnect', () => process.exit());
}
