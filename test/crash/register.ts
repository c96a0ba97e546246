/**
 * Whether what clients saw of one register is linearizable: as if each write and read had happened at one moment between
 * its begin and its end. A tag is such a register, and every write gives it a value that no other gives; for those there
 * is a quick and exact way (P. B. Gibbons and E. Korach, Testing Shared Memories, 1997): the operations of one value span
 * a zone, and only some zones can stand in an order.
 */

/** One operation of one client; times by one clock. */
export interface Operation {
  readonly kind: 'write' | 'read';
  /** What was written, each value once; or what was read, '' for what is there before any write. */
  readonly value: string;
  readonly begin: number;
  /** Undefined for a write of which nobody knows whether it was made. */
  readonly end: number | undefined;
}

/** From the earliest end of a value's operations to their latest begin; or the other way round, if that is later. */
interface Zone {
  readonly value: string;
  readonly forward: boolean;
  readonly low: number;
  readonly high: number;
}

/** What cannot be put in an order, in words; undefined if all can. */
export function disorder(history: readonly Operation[]): string | undefined {
  const byValue = Map.groupBy(history, ({ value }) => value);
  const zones: Zone[] = [];
  for (const [value, operations] of byValue) {
    const write = value === '' ? INITIAL : operations.find(({ kind }) => kind === 'write');
    const reads = operations.flatMap(({ kind, begin, end }) =>
      kind === 'read' && end !== undefined ? [{ begin, end }] : [],
    );
    if (!write) return `${value} was read and never written`;
    const early = reads.find(({ end }) => end < write.begin);
    if (early) return `${value} was read until ${early.end} and written from ${write.begin}`;
    // A write that nobody knows of need not have happened; one that was read happened before that.
    if (write.end === undefined && reads.length === 0) continue;
    const firstEnd = Math.min(write.end ?? Number.POSITIVE_INFINITY, ...reads.map(({ end }) => end));
    const lastBegin = Math.max(write.begin, ...reads.map(({ begin }) => begin));
    const forward = firstEnd < lastBegin;
    zones.push({ value, forward, low: Math.min(firstEnd, lastBegin), high: Math.max(firstEnd, lastBegin) });
  }
  return clash(zones);
}

const INITIAL = { kind: 'write', value: '', begin: Number.NEGATIVE_INFINITY, end: Number.NEGATIVE_INFINITY } as const;

/** The register held one value for all of a forward zone: nothing else fits into it. */
function clash(zones: readonly Zone[]): string | undefined {
  const forward = zones.filter((zone) => zone.forward).sort((a, b) => a.low - b.low);
  for (const [index, zone] of forward.entries()) {
    const next = forward[index + 1];
    if (next && next.low < zone.high) return `${words(zone)} and ${words(next)} overlap`;
  }
  for (const zone of zones.filter((each) => !each.forward)) {
    const around = forward.find(({ low, high }) => low < zone.low && zone.high < high);
    if (around) return `${words(zone)} lies within ${words(around)}`;
  }
  return undefined;
}

function words({ value, low, high }: Zone): string {
  return `${value === '' ? 'nothing' : value} (${low.toFixed(1)}–${high.toFixed(1)})`;
}
