/** A repository of many tags: what one more costs, and lists of them. */
import type { Contestant } from './contestants.ts';
import { pushImage, putTags } from './image.ts';
import { wrk } from './programs.ts';
import type { Figures, Measure } from './table.ts';
import { costOf } from './usage.ts';

const REPOSITORY = 'default/tags';
const WARM = 'default/warm';
/** Tags that are made while somebody measures. */
const MEASURED = 300;
const CONNECTIONS = 4;

/** Makes tags in repositories of more and more of them, and lists the last. */
export async function measureTags(
  contestant: Contestant,
  most: number,
  seconds: number,
  figures: Figures,
): Promise<void> {
  const { name, pid, url, headers } = contestant;
  // Compiled code and caches are warm after these.
  const other = await pushImage(contestant, WARM);
  await putTags(contestant, WARM, tagNames('warm', 0, MEASURED), other, CONNECTIONS);
  const image = await pushImage(contestant, REPOSITORY);
  let held = 1;
  for (const at of [0, most / 10, most]) {
    await contestant.fill(REPOSITORY, tagNames('fill', held, at), image);
    held = Math.max(held, at);
    const tags = tagNames(`at${at}`, 0, MEASURED);
    const { cpu, wall } = await costOf(pid, () => putTags(contestant, REPOSITORY, tags, image, CONNECTIONS));
    const title = `tag PUT (CPU), repository of ${at.toLocaleString('en-US')} tags`;
    const measure: Measure = { title, unit: 'ms', goal: 1 };
    const note = `${Math.round(MEASURED / wall)} /s`;
    figures.add(measure, name, { value: (cpu * 1000) / MEASURED, note });
  }
  const many = `tags/list of ${most.toLocaleString('en-US')}`;
  const lists: readonly (Measure & { readonly query: string })[] = [
    { title: `${many}, whole (CPU)`, unit: 'ms', ratios: { zot: 0.3, 'distribution v3': 0.25 }, query: '' },
    {
      title: `${many}, n=100 (CPU)`,
      unit: 'ms',
      goal: 1,
      ratios: { zot: 0.3, 'distribution v3': 0.25 },
      query: '?n=100',
    },
  ];
  for (const { query, ...measure } of lists) {
    const list = `${url}/v2/${REPOSITORY}/tags/list${query}`;
    const { cpu, result } = await costOf(pid, () => wrk(list, headers, seconds));
    const note = `${Math.round(result.perSecond).toLocaleString('en-US')} /s`;
    figures.add(measure, name, { value: (cpu * 1000) / result.requests, note });
  }
}

function tagNames(prefix: string, from: number, to: number): string[] {
  return Array.from(
    { length: Math.max(0, to - from) },
    (_, index) => `${prefix}-${String(from + index).padStart(5, '0')}`,
  );
}
