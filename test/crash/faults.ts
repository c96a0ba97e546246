/** What goes wrong in one round: it begins, lasts a while, and ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault as Answered, Plan } from '../faultproxy.ts';
import type { Machines, Replica } from './machines.ts';
import type { Random } from './random.ts';

export interface Fault {
  readonly name: string;
  /** Begins, and resolves when it is over: everything runs again, though it may not be well yet. */
  run(machines: Machines, random: Random): Promise<void>;
}

/** Milliseconds that a fault lasts. */
const [SHORTEST_MS, USUAL_MS] = [300, 2_500];
/** In a soak, how often one lasts so long that a leader that sleeps is replaced. */
const LONG = process.env.SOAK_SECONDS === undefined ? 0 : 0.1;
const LONG_MS = 20_000;

/** Milliseconds that a fault lasts at most. */
export const LONGEST_MS = LONG > 0 ? LONG_MS : USUAL_MS;

function lasting(random: Random): Promise<void> {
  return sleep(random.chance(LONG) ? LONG_MS : random.between(SHORTEST_MS, USUAL_MS));
}

function someReplica({ replicas }: Machines, random: Random): Replica {
  const replica = replicas[random.between(0, replicas.length - 1)];
  if (!replica) throw new Error('there is no replica');
  return replica;
}

async function leading(machines: Machines, random: Random): Promise<Replica> {
  return machines.replicas[(await machines.leader()) ?? 0] ?? someReplica(machines, random);
}

async function asleep({ server }: Replica, random: Random): Promise<void> {
  process.kill(server.pid, 'SIGSTOP');
  await lasting(random);
  process.kill(server.pid, 'SIGCONT');
}

async function membersAsleep({ etcd }: Machines, members: readonly number[], random: Random): Promise<void> {
  for (const member of members) etcd.signal(member, 'SIGSTOP');
  await lasting(random);
  for (const member of members) etcd.signal(member, 'SIGCONT');
}

/** S3 answers some requests so, while it lasts. */
function ofS3(name: string, share: number, answers: (random: Random) => Answered): Fault {
  return {
    name,
    async run({ s3 }, random) {
      const plan: Plan = () => (random.chance(share) ? answers(random) : { kind: 'none' });
      s3.follow(plan);
      await lasting(random);
      s3.follow();
    },
  };
}

export const FAULTS: readonly [Fault, ...Fault[]] = [
  { name: 'a replica is killed', run: (machines, random) => machines.crash(someReplica(machines, random)) },
  { name: 'a replica sleeps', run: (machines, random) => asleep(someReplica(machines, random), random) },
  { name: 'the leader is killed', run: async (machines, random) => machines.crash(await leading(machines, random)) },
  { name: 'the leader sleeps', run: async (machines, random) => asleep(await leading(machines, random), random) },
  {
    name: 'all replicas are killed',
    run: async (machines) => void (await Promise.all(machines.replicas.map((replica) => machines.crash(replica)))),
  },
  {
    name: 'a replica is cut off from etcd',
    async run(machines, random) {
      const { links } = someReplica(machines, random);
      for (const link of links) link.pause();
      await lasting(random);
      for (const link of links) {
        if (random.chance(0.5)) link.cut();
        link.resume();
      }
    },
  },
  {
    name: 'connections to etcd break again and again',
    async run({ replicas }, random) {
      for (let times = 0; times < 8; times++) {
        for (const { links } of replicas) links[random.between(0, links.length - 1)]?.cut();
        await sleep(random.between(50, 300));
      }
    },
  },
  {
    name: 'a member of etcd is killed',
    async run({ etcd }, random) {
      const member = random.between(0, 2);
      etcd.signal(member, 'SIGKILL');
      await lasting(random);
      await etcd.restart(member);
    },
  },
  {
    name: 'a member of etcd sleeps',
    run: (machines, random) => membersAsleep(machines, [random.between(0, 2)], random),
  },
  {
    name: "etcd's leader sleeps",
    run: async (machines, random) => membersAsleep(machines, [await machines.etcdLeader()], random),
  },
  {
    name: 'etcd has no quorum',
    async run(machines, random) {
      const awake = random.between(0, 2);
      await membersAsleep(
        machines,
        [0, 1, 2].filter((member) => member !== awake),
        random,
      );
    },
  },
  ofS3('S3 answers 500', 0.5, () => ({ kind: 'refuse', status: 500, code: 'InternalError' })),
  ofS3('S3 answers 503 SlowDown', 0.5, () => ({ kind: 'refuse', status: 503, code: 'SlowDown' })),
  ofS3('S3 answers nothing but SlowDown', 1, () => ({ kind: 'refuse', status: 503, code: 'SlowDown' })),
  ofS3('S3 cuts what it gives', 0.3, (random) => ({ kind: 'cut', bytes: random.between(0, 200) })),
  ofS3('S3 loses answers', 0.3, () => ({ kind: 'lose answer' })),
  ofS3('S3 is slow', 0.5, (random) => ({ kind: 'slow', bytes: 200, ms: random.between(1, 20) })),
];
