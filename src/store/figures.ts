/** What a store tells of its own work, for metrics. */
import { CommitConflict, type Revision } from './store.ts';

/** What a store holds in memory, or is behind by; read when somebody asks. */
export type StoreLevel = 'mirror_keys' | 'mirror_value_bytes' | 'watch_lag_revisions' | 'watch_up';

/** Hears what a store does. Cheap enough to be called for each commit. */
export interface StoreFigures {
  /** A commit was decided; after `failed` nobody knows how. */
  committed(outcome: 'made' | 'conflict' | 'failed', seconds: number): void;
  /** A call to etcd was made, by the name of its method: `Range`, `Txn`, … */
  called(method: string): void;
  /** A read of the present waits for the store's revision, which all that wait together ask for by one call. */
  waited(): void;
  /** How to find a level out. */
  level(level: StoreLevel, read: () => number): void;
}

/** Passes on how a commit ends, and tells how, and after how long. */
export async function measured(figures: StoreFigures, commit: Promise<Revision>): Promise<Revision> {
  const begun = performance.now();
  try {
    const revision = await commit;
    figures.committed('made', (performance.now() - begun) / 1000);
    return revision;
  } catch (error) {
    figures.committed(error instanceof CommitConflict ? 'conflict' : 'failed', (performance.now() - begun) / 1000);
    throw error;
  }
}

/** Nobody hears it. */
export const UNHEARD: StoreFigures = {
  committed: () => undefined,
  called: () => undefined,
  waited: () => undefined,
  level: () => undefined,
};
