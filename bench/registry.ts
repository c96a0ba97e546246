/** The registry beside docker-registry: small reads at 16 connections, and a large blob in and out. */
import { join } from 'node:path';
import { load } from './connections.ts';
import { type Contestant, startDockerRegistry, startHeadgate } from './contestants.ts';
import type { Effort } from './effort.ts';
import { type Pushed, pushImage, REPOSITORY } from './image.ts';
import { imageStreamReads } from './objects.ts';
import { wrk } from './programs.ts';
import type { Figures, Measure } from './table.ts';
import { Layer, transfer } from './transfers.ts';
import { costOf } from './usage.ts';

/** Measures both, in turn; Headgate's API over the same image too. */
export async function measureRegistry(folder: string, effort: Effort, figures: Figures): Promise<void> {
  const headgate = await startHeadgate(folder);
  const peer = await startDockerRegistry(folder);
  const layer = await Layer.make(join(folder, 'layer'), effort.layerMiB);
  try {
    const pushed = await pushImage(headgate);
    await pushImage(peer);
    for (let round = 0; round < effort.rounds; round++) {
      const both = round % 2 === 0 ? [headgate, peer] : [peer, headgate];
      for (const measure of readsOf(pushed)) {
        for (const contestant of both) figures.add(measure, contestant.name, await measure.run(contestant, effort));
      }
      for (const contestant of both) await transfer(contestant, layer, figures);
      await imageStreamReads(headgate.server, 'default', 'bench', pushed.digest, effort, figures);
    }
  } finally {
    await Promise.all([headgate.stop(), peer.stop()]);
  }
}

interface Read extends Measure {
  readonly run: (contestant: Contestant, effort: Effort) => Promise<{ readonly value: number; readonly note: string }>;
}

function readsOf({ digest, blob }: Pushed): readonly Read[] {
  const get = (title: string, path: string, goal?: number): Read => ({
    title,
    unit: 'µs',
    ...(goal !== undefined && { goal }),
    run: async ({ pid, url, headers }, { seconds }) => {
      const { cpu, result } = await costOf(pid, () => wrk(`${url}/v2/${path}`, headers, seconds));
      return { value: (cpu * 1e6) / result.requests, note: perSecond(result.perSecond) };
    },
  });
  return [
    get('GET /v2/', ''),
    get('manifest GET by tag', `${REPOSITORY}/manifests/latest`, 60),
    get('manifest GET by digest', `${REPOSITORY}/manifests/${digest}`, 60),
    get('blob GET, 2 KB', `${REPOSITORY}/blobs/${blob}`, 80),
    { title: 'blob HEAD', unit: 'µs', goal: 80, run: (contestant, effort) => headBlob(contestant, blob, effort) },
  ];
}

async function headBlob({ pid, url, headers }: Contestant, blob: string, { seconds }: Effort) {
  const path = `/v2/${REPOSITORY}/blobs/${blob}`;
  const work = { kind: 'repeat', method: 'HEAD', path, seconds } as const;
  const { cpu, result } = await costOf(pid, () => load({ url, headers, connections: 16, work }));
  return { value: (cpu * 1e6) / result.requests, note: perSecond(result.requests / result.seconds) };
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en-US')} /s`;
}
