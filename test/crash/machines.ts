/** Two or more replicas on an etcd of three members and S3, with everything between them in the test's hands. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import type { Store } from '../../src/store/store.ts';
import { type Balancer, startBalancer } from '../balancer.ts';
import { startEtcd, type TestEtcd } from '../etcd.ts';
import { type FaultProxy, startFaultProxy } from '../faultproxy.ts';
import { ask } from '../http.ts';
import { temporaryFolder } from '../program.ts';
import { S3_CREDENTIALS, startS3 } from '../s3server.ts';
import { beginProcess, type TestServer } from '../server.ts';
import { startProxy, type TcpProxy } from '../tcpproxy.ts';
import type { Random } from './random.ts';

/** Milliseconds in which all must be well again after a fault. */
const RECOVERY_MS = 30_000;
/** Milliseconds between taking a replica out of the balancer and stopping it: connections under way have come by then. */
const OUT_MS = 200;
const PREFIX = '/headgate';

/** Garbage is collected all the time, so that its leaders are killed and put to sleep too. */
const FLAGS = ['--gc-interval', '4s', '--gc-grace', '0s', '--gc-lease', '30s', '--log-format', 'json'];

/** One replica, and the way on which it reaches etcd. */
export interface Replica {
  server: TestServer;
  readonly links: readonly TcpProxy[];
}

export interface Machines extends AsyncDisposable {
  readonly etcd: TestEtcd;
  readonly s3: FaultProxy;
  readonly replicas: readonly Replica[];
  /** What clients know of all replicas: addresses of the balancers, and credentials. */
  readonly front: Pick<TestServer, 'apiUrl' | 'registryUrl' | 'token' | 'ca'>;
  /** What the store holds, past all proxies. */
  readonly store: Store;
  /** Kills a replica and begins it again on the same folder. */
  crash(replica: Replica): Promise<void>;
  /** Stops a replica in order and begins it again; resolves to its exit status. */
  restart(replica: Replica): Promise<number | null>;
  /** The number of the replica that does the upkeep; undefined if none does. */
  leader(): Promise<number | undefined>;
  /** The number of etcd's leader. */
  etcdLeader(): Promise<number>;
  /** Resolves when every replica is ready. @throws {Error} if that takes too long. */
  healthy(): Promise<void>;
}

/** Starts them all. */
export async function startMachines(count: number, random: Random): Promise<Machines> {
  await using opened = new AsyncDisposableStack();
  Object.assign(process.env, S3_CREDENTIALS);
  const s3server = opened.use(await startS3());
  await s3server.makeBucket('images');
  const s3 = opened.use(await startFaultProxy(s3server.endpoint));
  const etcd = opened.use(await startEtcd({ program: 'etcd-3.6', members: 3 }));
  const balancers: Balancer[] = [];
  for (let index = 0; index < 2; index++) balancers.push(opened.use(await startBalancer(() => random.next())));
  const [api, registry] = balancers;
  if (!api || !registry) throw new Error('there is no balancer');

  const begin = (data: string, links: readonly TcpProxy[]) => {
    const store = `etcd://${links.map(({ endpoint }) => endpoint).join()}${PREFIX}`;
    const blobs = `s3://images/all?endpoint=${s3.endpoint}`;
    const flags = ['--store', store, '--blobs', blobs, '--registry-host', registry.endpoint, ...FLAGS];
    return beginProcess({ data, flags }).ready;
  };
  const replicas: Replica[] = [];
  const spread = (among: readonly Replica[] = replicas): void => balance(api, registry, among);
  const starting = Array.from({ length: count }, async () => {
    const links: TcpProxy[] = [];
    for (const endpoint of etcd.endpoints) links.push(opened.use(await startProxy(endpoint)));
    replicas.push({ server: await begin(join(temporaryFolder(), randomUUID()), links), links });
  });
  await Promise.all(starting);
  opened.defer(async () => void (await Promise.all(replicas.map(({ server }) => server.kill()))));
  spread();
  const location = { endpoints: etcd.endpoints, prefix: PREFIX };
  const store = opened.adopt(await openEtcdStore({ location, historySeconds: 0 }), (it) => it.close());
  const [first] = replicas;
  if (!first) throw new Error('there is no replica');
  const running = opened.move();
  return {
    etcd,
    s3,
    replicas,
    store,
    front: {
      apiUrl: `https://${api.endpoint}`,
      registryUrl: `http://${registry.endpoint}`,
      token: first.server.token,
      ca: first.server.ca,
    },
    async crash(replica) {
      await replica.server.kill();
      replica.server = await begin(replica.server.data, replica.links);
      spread();
    },
    async restart(replica) {
      // As deploy/ has it: no server can answer a connection that reaches its address while that is being closed.
      spread(replicas.filter((each) => each !== replica));
      await sleep(OUT_MS);
      const code = await replica.server.stop();
      replica.server = await begin(replica.server.data, replica.links);
      spread();
      return code;
    },
    async leader() {
      const owner = (await store.get('/leaders/upkeep/leader', { fresh: 'any' }))?.value.toString() ?? '';
      const index = replicas.findIndex(({ server }) => owner.split('-')[2] === String(server.pid));
      return index < 0 ? undefined : index;
    },
    etcdLeader: () => leaderOf(etcd),
    healthy: () => allReady(replicas),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Gives new connections to these. */
function balance(api: Balancer, registry: Balancer, replicas: readonly Replica[]): void {
  api.targets = replicas.map(({ server }) => new URL(server.apiUrl).host);
  registry.targets = replicas.map(({ server }) => new URL(server.registryUrl).host);
}

async function leaderOf({ endpoints }: TestEtcd): Promise<number> {
  for (const [index, endpoint] of endpoints.entries()) {
    const answer = await fetch(`http://${endpoint}/v3/maintenance/status`, { method: 'POST', body: '{}' });
    const { header, leader } = (await answer.json()) as { header: { member_id: string }; leader: string };
    if (header.member_id === leader) return index;
  }
  return 0;
}

async function allReady(replicas: readonly Replica[]): Promise<void> {
  const until = performance.now() + RECOVERY_MS;
  for (const { server } of replicas) {
    for (;;) {
      const answer = await ask(`${server.apiUrl}/readyz?verbose`, { ca: server.ca }).catch((error: unknown) => error);
      if (answer instanceof Error) throw new Error(`${server.apiUrl}: ${answer.message}\n${server.output()}`);
      const { status, body } = answer as { status: number; body: Buffer };
      if (status === 200) break;
      if (performance.now() > until)
        throw new Error(`${server.apiUrl} is not ready: ${body.toString()}\n${server.output()}`);
      await sleep(50);
    }
  }
}
