/**
 * The least that a request costs on this machine at this moment: node:http and node:https that answer prepared bytes,
 * without routes, credentials, or anything to look up. Machines differ, and so do their moods; how far a server is from
 * this differs less. Run as a process of its own, it takes its Orders over IPC and answers with its Ports.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Orders {
  /** Bytes of each answer. */
  readonly bytes: number;
  /** The folder of `server.key` and `server.crt`. */
  readonly tls: string;
}

interface Ports {
  readonly http: number;
  readonly https: number;
}

/** A bare server that answers. */
export interface Bare {
  readonly pid: number;
  /** `http://HOST:PORT` */
  readonly url: string;
  /** `https://HOST:PORT` */
  readonly secureUrl: string;
  stop(): void;
}

const FILE = fileURLToPath(import.meta.url);

/** Starts one. */
export async function startBare(orders: Orders): Promise<Bare> {
  const child = fork(FILE, ['serve']);
  child.send(orders);
  const [{ http, https }] = (await once(child, 'message')) as [Ports];
  return {
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${http}`,
    secureUrl: `https://127.0.0.1:${https}`,
    stop: () => child.kill(),
  };
}

async function serve({ bytes, tls }: Orders): Promise<Ports> {
  const body = Buffer.alloc(bytes, 'x');
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(bytes)];
  const answer: RequestListener = (_, res: ServerResponse) => {
    res.writeHead(200, headers);
    res.end(body);
  };
  const pair = { key: readFileSync(join(tls, 'server.key')), cert: readFileSync(join(tls, 'server.crt')) };
  const servers = [createServer(answer), createSecureServer(pair, answer)];
  const [http = 0, https = 0] = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  return { http, https };
}

if (process.argv[2] === 'serve' && process.send) {
  process.on('message', (orders: Orders) => void serve(orders).then((ports) => process.send?.(ports)));
  process.on('disconnect', () => process.exit());
}
