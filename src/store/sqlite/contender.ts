/**
 * The other process of processes.test.ts: opens the same file and does what its first argument says. It tells its
 * parent what it was acknowledged and what its watch was told.
 */
import { Recorder } from '../recorder.ts';
import { CommitConflict, type Revision, type Store } from '../store.ts';
import { openSqliteStore } from './sqlite.ts';

export const COUNTERS = ['counter/a', 'counter/b', 'counter/c'];

/** Adds one to a counter, by compare-and-set; resolves to the commit's revision. */
async function increment(store: Store, key: string): Promise<Revision> {
  for (;;) {
    const entry = await store.get(key);
    const value = Buffer.from(String(Number(entry?.value.toString() ?? '0') + 1));
    try {
      return await store.commit([{ op: 'put', key, value, expect: entry?.revision ?? 0 }]);
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}

/** Adds to all counters at once, so many times to each; resolves to the revisions that were made. */
export async function contend(store: Store, times: number): Promise<Revision[]> {
  const made: Revision[] = [];
  const one = async (key: string): Promise<void> => {
    for (let time = 0; time < times; time++) made.push(await increment(store, key));
  };
  await Promise.all(COUNTERS.map(one));
  return made;
}

/** What the process sends. */
export type Message =
  | { readonly ready: true }
  | { readonly made: readonly Revision[] }
  | { readonly told: readonly Revision[] }
  | { readonly acknowledged: number };

function send(message: Message): void {
  process.send?.(message);
}

async function main(task: string, file: string, times: number): Promise<void> {
  const store = await openSqliteStore({ file });
  const recorder = new Recorder(store, 'counter/', await store.revision());
  // The parent asks, with a revision, what the watch was told up to it.
  const answer = async (revision: Revision): Promise<void> => {
    await recorder.reached(revision);
    send({ told: recorder.batches.map((batch) => batch.revision) });
    process.disconnect?.();
    await store.close();
  };
  process.once('message', (revision: Revision) => void answer(revision));
  send({ ready: true });
  if (task === 'contend') send({ made: await contend(store, times) });
  for (let index = 0; task === 'write'; index++) {
    await Promise.all(
      ['x', 'y', 'z'].map((letter) =>
        store.commit([
          { op: 'put', key: `written/${index}/${letter}`, value: Buffer.alloc(3000, letter) },
          { op: 'put', key: 'newest', value: Buffer.from(String(index)) },
        ]),
      ),
    );
    send({ acknowledged: index });
  }
}

const [, script, task, file, times] = process.argv;
if (script === import.meta.filename && task && file) await main(task, file, Number(times));
