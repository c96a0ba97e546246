/** Garbage is collected while clients work and processes are killed: nothing is lost, and nothing is left. */
import { type TestContext, test } from 'node:test';
import { collectWhileKilled } from './collecting.ts';
import { type Ground, ownGround, sharedGround } from './grounds.ts';

/** Repeats a run as far as chance goes: CRASH_SEED=… */
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 32);
/** Seconds for every change; as many as one likes, shared out, by `npm run test:soak`. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);

/** What it runs on, and its share of the time. */
const GROUNDS: readonly (readonly [name: string, share: number, open: () => Promise<Ground>])[] = [
  ['one process, SQLite and a folder', 0.4, () => ownGround()],
  ['four workers, SQLite and a folder', 0.25, () => ownGround({ workers: 4 })],
  ['two replicas, etcd and a folder', 0.15, () => sharedGround('folder')],
  ['two replicas, etcd and S3', 0.2, () => sharedGround('s3')],
];

for (const [name, share, open] of GROUNDS) {
  const seconds = Math.round(SECONDS * share);
  const body = async (t: TestContext): Promise<void> => {
    await using ground = await open();
    await collectWhileKilled(t, ground, { seed: SEED, seconds });
  };
  const title = `${name}: killed again and again for ${seconds} s (CRASH_SEED=${SEED})`;
  test(title, { timeout: (seconds + 300) * 1000 }, body);
}
