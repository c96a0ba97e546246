/** How long a server takes until it says that it is ready. */
import { join } from 'node:path';
import { beginServer } from '../test/server.ts';
import type { Effort } from './effort.ts';
import type { Figures } from './table.ts';

const GOAL_SECONDS = 0.5;

/** Starts servers on new data folders, and again on those. */
export async function measureStarts(folder: string, { starts }: Effort, figures: Figures): Promise<void> {
  const start = async (title: string, data: string, cached: boolean): Promise<void> => {
    const seconds = await readyAfter(data, cached);
    figures.add({ title, unit: 's', goal: GOAL_SECONDS }, 'headgate', { value: seconds });
  };
  // The sources may have changed since they were compiled for the cache.
  await readyAfter(join(folder, 'warm'), true);
  for (let time = 0; time < starts; time++) {
    const data = join(folder, `start-${time}`);
    await start('ready, new data folder', data, true);
    await start('ready, later start', data, true);
    await start('ready, new data folder, sources never compiled before', `${data}-fresh`, false);
  }
}

/** Seconds from spawn to the line that says it is ready. @param cached Whether Node may use its compile cache. */
async function readyAfter(data: string, cached: boolean): Promise<number> {
  if (!cached) process.env.NODE_DISABLE_COMPILE_CACHE = '1';
  const begun = performance.now();
  const starting = beginServer({ data });
  delete process.env.NODE_DISABLE_COMPILE_CACHE;
  const server = await starting.ready;
  const seconds = (performance.now() - begun) / 1000;
  await server.stop();
  return seconds;
}
