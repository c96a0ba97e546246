/** A real S3 server on a free port, with a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { part } from './parts.ts';
import { freePort, listens } from './ports.ts';
import { temporaryFolder } from './program.ts';

/** The only user of the servers. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'headgate', AWS_SECRET_ACCESS_KEY: 'headgate-secret' } as const;

/** Milliseconds that a server may take until it answers. */
const READY_TIMEOUT_MS = 20_000;

/** A server that answers. */
export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Where it keeps the buckets. */
  readonly folder: string;
  /** Makes a bucket. */
  makeBucket(name: string): Promise<void>;
  /** The keys in a bucket that begin so. */
  keys(bucket: string, prefix: string): Promise<string[]>;
  removeKey(bucket: string, key: string): Promise<void>;
  /** Begins an upload in parts that nobody goes on with. */
  beginParts(bucket: string, key: string): Promise<void>;
  /** Ends it with SIGKILL. */
  stop(): Promise<void>;
}

/** Kinds of servers. */
export const S3_MAKES = ['versitygw', 'gofakes3'] as const;
export type S3Make = (typeof S3_MAKES)[number];

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface S3Options {
  readonly make?: S3Make;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** The folder of another server; a new one otherwise. */
  readonly folder?: string;
  /** Path of the authority's certificate, if it serves over TLS. */
  readonly ca?: string;
  /** A free one otherwise. */
  readonly port?: number;
}

/** Starts a server. */
export async function startS3({
  make = 'versitygw',
  flags = [],
  folder = newFolder(),
  port: wanted,
  ca,
}: S3Options = {}): Promise<S3Server> {
  const port = wanted ?? (await freePort());
  const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = S3_CREDENTIALS;
  const address = `127.0.0.1:${port}`;
  const args = {
    versitygw: ['--port', address, '--quiet', '--keep-alive', ...flags, 'posix', folder],
    gofakes3: ['-host', address, '-backend', 'memory', ...flags],
  };
  const child = spawn(part(make), args[make], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
  });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = once(child, 'close').then(() => running.delete(child));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const endpoint = `${ca === undefined ? 'http' : 'https'}://${address}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: access, secretAccessKey: secret },
  });
  await answers(
    endpoint,
    () => !running.has(child),
    () => said,
  );
  return {
    endpoint,
    folder,
    makeBucket: async (name) => {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    keys: async (bucket, prefix) => {
      const found = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
      return (found.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    },
    removeKey: async (bucket, key) => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    beginParts: async (bucket, key) => {
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key }));
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function newFolder(): string {
  const folder = join(temporaryFolder(), 's3');
  mkdirSync(folder);
  return folder;
}

async function answers(endpoint: string, ended: () => boolean, said: () => string): Promise<void> {
  const until = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      await listens(Number(new URL(endpoint).port));
      return;
    } catch {
      if (ended() || Date.now() > until) throw new Error(`the S3 server does not answer; it said:\n${said()}`);
      await sleep(50);
    }
  }
}
