/** What the stress tests run on: stores, blobs, and how many processes serve. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { parseEtcdUrl } from '../../src/store/etcd/location.ts';
import type { Store } from '../../src/store/store.ts';
import { startEtcd } from '../etcd.ts';
import { temporaryFolder } from '../program.ts';
import { S3_CREDENTIALS, startS3 } from '../s3server.ts';
import { openStoreOf, startServer, type TestServer } from '../server.ts';
import { deathsOf, killWorker, startWorkers, untilWorkers } from '../workers.ts';
import type { Random } from './random.ts';

/** Servers that answer. */
export interface Site extends AsyncDisposable {
  /** Those that live stand first. */
  readonly servers: readonly TestServer[];
  /** Kills a part of it: one of several servers, or a worker; undefined where there is only one process. */
  readonly killPart: ((random: Random) => Promise<void>) | undefined;
  /** Resolves when what was killed is there again. */
  recover(): Promise<void>;
  /** All that was printed so far. */
  output(): string;
  kill(): Promise<void>;
}

export interface Ground extends AsyncDisposable {
  start(flags: readonly string[]): Promise<Site>;
  /** The flags by which a command finds what is kept. */
  readonly flags: readonly string[];
  /** The store, to look at it beside the servers. */
  openStore(): Promise<Store>;
  /** The digests of all content. */
  content(): Promise<readonly string[]>;
}

/** One server, of one process or several, with everything in its folder. */
export async function ownGround({ workers = 1 }: { readonly workers?: number } = {}): Promise<Ground> {
  const data = join(temporaryFolder(), 'data');
  return {
    async start(flags) {
      const server = await startWorkers(workers, { data, flags });
      let deaths = 0;
      return {
        servers: [server],
        killPart:
          workers === 1
            ? undefined
            : async (random) => {
                deaths = deathsOf(server) + 1;
                killWorker(server, random.between(1, workers));
              },
        recover: () => untilWorkers(server, workers, deaths),
        output: () => server.output(),
        kill: () => server.kill(),
        [Symbol.asyncDispose]: () => server.kill(),
      };
    },
    flags: ['--data', data],
    openStore: () => openStoreOf(data),
    content: async () => contentIn(join(data, 'blobs')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Two replicas on an etcd, their blobs in a folder or in S3. */
export async function sharedGround(kind: 'folder' | 's3'): Promise<Ground> {
  await using opened = new AsyncDisposableStack();
  const etcd = opened.use(await startEtcd({ program: 'etcd-3.6' }));
  const folder = join(temporaryFolder(), 'blobs');
  const s3 = kind === 's3' ? opened.use(await startS3()) : undefined;
  if (s3) {
    Object.assign(process.env, S3_CREDENTIALS);
    await s3.makeBucket('images');
  }
  const store = `etcd://${etcd.endpoints.join()}/headgate`;
  const own = ['--store', store, '--blobs', s3 ? `s3://images/gc?endpoint=${s3.endpoint}` : `file:${folder}`];
  const location = parseEtcdUrl(store);
  if (typeof location === 'string') throw new Error(location);
  const folders = [0, 1].map(() => join(temporaryFolder(), 'data'));
  const kept = opened.move();
  return {
    start: async (flags) => replicas(folders, [...own, ...flags]),
    flags: ['--data', folders[0] ?? '', ...own],
    openStore: () => openEtcdStore({ location, historySeconds: 0 }),
    content: async () =>
      s3
        ? (await s3.keys('images', 'gc/blobs/')).map((key) => key.slice('gc/blobs/'.length).replace('/', ':'))
        : contentIn(folder),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function replicas(folders: readonly string[], flags: readonly string[]): Promise<Site> {
  const start = (index: number): Promise<TestServer> => startServer({ data: folders[index] ?? '', flags });
  const servers = [await start(0), await start(1)];
  let before = '';
  let killed: TestServer | undefined;
  const kill = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.kill())));
  return {
    servers,
    async killPart(random) {
      if (random.chance(0.5)) servers.reverse();
      killed = servers[1];
      await killed?.kill();
    },
    async recover() {
      if (!killed) return;
      before += killed.output();
      servers.splice(servers.indexOf(killed), 1, await start(folders.indexOf(killed.data)));
      killed = undefined;
    },
    output: () => before + servers.map((server) => server.output()).join(''),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

function contentIn(folder: string): string[] {
  const files = readdirSync(join(folder, 'blobs', 'sha256'), { recursive: true, withFileTypes: true });
  return files.filter((each) => each.isFile()).map(({ name }) => `sha256:${name}`);
}
