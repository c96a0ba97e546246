/** Registries beside each other: small reads at 16 connections, blobs in and out, tags; each in turn doing the same. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasPart } from '../test/parts.ts';
import { startBareNode } from './barenode.ts';
import { load } from './connections.ts';
import {
  type Contestant,
  type HeadgateContestant,
  type StartPeer,
  startDistributionV3,
  startDockerRegistry,
  startHeadgate,
  startZot,
} from './contestants.ts';
import type { Effort } from './effort.ts';
import { type Pushed, pushImage, REPOSITORY } from './image.ts';
import { imageStreamReads } from './objects.ts';
import { wrk } from './programs.ts';
import { Figures, type Measure } from './table.ts';
import { measureTags } from './tags.ts';
import { Layer, transfer, transferMany, transferTogether } from './transfers.ts';
import { costOf, residentMiB } from './usage.ts';

const TOGETHER_MIB = 100;
/** Milliseconds after which a server has done what belongs to its start. */
const SETTLE_MS = 3_000;
const START: Measure = { title: 'start to the first answer', unit: 's', goal: 0.5 };
const IDLE: Measure = { title: 'memory, idle after the start', unit: 'MiB', goal: 120 };

/** Measures Headgate beside docker-registry; Headgate's API over the same image too. */
export async function measureRegistry(folder: string, effort: Effort, figures: Figures): Promise<void> {
  const layer = await Layer.make(join(folder, 'layer'), effort.layerMiB);
  await inRounds(folder, effort, [startDockerRegistry], async (headgate, all) => {
    const pushed = await reads(all, effort, figures);
    for (const contestant of all) await transfer(contestant, layer, figures);
    await imageStreamReads(headgate.server, 'default', 'bench', pushed.digest, effort, figures);
  });
}

/** Measures Headgate beside docker-registry, distribution v3 where it is there, and zot where ZOT names its program. */
export async function measureRegistries(folder: string, effort: Effort, figures: Figures): Promise<void> {
  const { ZOT } = process.env;
  const peers = [
    ...(ZOT === undefined ? [] : [startZot(ZOT)]),
    ...(hasPart('distribution') ? [startDistributionV3] : []),
    startDockerRegistry,
  ];
  // The sources may have changed since they were compiled for the cache.
  await (await startHeadgate(join(folder, 'warm'))).stop();
  const layer = await Layer.make(join(folder, 'layer'), effort.layerMiB);
  const smaller = await Layer.make(join(folder, 'smaller'), TOGETHER_MIB);
  await inRounds(folder, effort, peers, async (_, all) => {
    await sleep(SETTLE_MS);
    for (const { name, pid, startSeconds } of all) {
      figures.add(START, name, { value: startSeconds });
      figures.add(IDLE, name, { value: residentMiB(pid) });
    }
    const bare = await startBareNode(join(folder, 'bare'));
    try {
      // The first large push fills the machine's memory: that is nobody's to pay.
      for (const contestant of [...all, bare]) await transfer(contestant, layer, new Figures());
      for (const contestant of [...all, bare]) await transfer(contestant, layer, figures);
      for (const contestant of [...all, bare]) await transferTogether(contestant, smaller, figures);
      for (const contestant of [...all, bare]) await transferMany(contestant, figures);
    } finally {
      await bare.stop();
    }
    await reads(all, effort, figures);
    for (const contestant of all) await measureTags(contestant, effort.tags, effort.seconds, figures);
  });
}

/** Starts all anew for each round, in another order. */
async function inRounds(
  folder: string,
  { rounds }: Effort,
  peers: readonly StartPeer[],
  work: (headgate: HeadgateContestant, all: readonly Contestant[]) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const place = join(folder, `round-${round}`);
    const headgate = await startHeadgate(place);
    const all: Contestant[] = [headgate];
    try {
      for (const start of peers) all.push(await start(place));
      const turn = round % all.length;
      await work(headgate, [...all.slice(turn), ...all.slice(0, turn)]);
    } finally {
      await Promise.all(all.map((contestant) => contestant.stop()));
    }
  }
}

interface Read extends Measure {
  readonly run: (contestant: Contestant, effort: Effort) => Promise<{ readonly value: number; readonly note: string }>;
}

async function reads(all: readonly Contestant[], effort: Effort, figures: Figures): Promise<Pushed> {
  let pushed: Pushed | undefined;
  for (const contestant of all) pushed = await pushImage(contestant);
  if (pushed === undefined) throw new Error('there is nobody to measure');
  for (const measure of readsOf(pushed)) {
    for (const contestant of all) figures.add(measure, contestant.name, await measure.run(contestant, effort));
  }
  return pushed;
}

function readsOf({ digest, blob }: Pushed): readonly Read[] {
  const small = { zot: 0.3, 'distribution v3': 0.25 };
  const get = (title: string, path: string, goals: Pick<Measure, 'goal' | 'ratios'> = {}): Read => ({
    title,
    unit: 'µs',
    ...goals,
    run: async ({ pid, url, headers }, { seconds }) => {
      const { cpu, result } = await costOf(pid, () => wrk(`${url}/v2/${path}`, headers, seconds));
      return { value: (cpu * 1e6) / result.requests, note: perSecond(result.perSecond) };
    },
  });
  const head = (title: string, path: string): Read => ({
    title,
    unit: 'µs',
    goal: 80,
    ratios: small,
    run: async ({ pid, url, headers }, { seconds }) => {
      const work = { kind: 'repeat', method: 'HEAD', path: `/v2/${path}`, seconds } as const;
      const { cpu, result } = await costOf(pid, () => load({ url, headers, connections: 16, work }));
      return { value: (cpu * 1e6) / result.requests, note: perSecond(result.requests / result.seconds) };
    },
  });
  return [
    get('GET /v2/', ''),
    get('manifest GET by tag', `${REPOSITORY}/manifests/latest`, { goal: 60, ratios: small }),
    get('manifest GET by digest', `${REPOSITORY}/manifests/${digest}`, { goal: 60, ratios: small }),
    head('manifest HEAD by tag', `${REPOSITORY}/manifests/latest`),
    head('blob HEAD', `${REPOSITORY}/blobs/${blob}`),
    get('blob GET, 2 KB', `${REPOSITORY}/blobs/${blob}`, {
      goal: 80,
      ratios: { zot: 0.35, 'distribution v3': 1 / 12 },
    }),
  ];
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en-US')} /s`;
}
