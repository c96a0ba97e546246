/** Figures gathered over rounds, and the table that is made of them. */

/** What is measured. */
export interface Measure {
  readonly title: string;
  readonly unit: 'µs' | 's/GiB' | 'ms' | 's' | '/s' | 'MiB';
  /** The most it should be; the least for a rate (`/s`). */
  readonly goal?: number;
}

/** One figure of one round. `note` is what else was seen. */
export interface Figure {
  readonly value: number;
  readonly note?: string;
}

/** A row as it is written to JSON. */
export interface Row extends Measure {
  readonly headgate: readonly number[];
  readonly peer: readonly number[];
  /** Medians; the ratio is that of the rounds' own ratios, Headgate to docker-registry. */
  readonly median: number;
  readonly peerMedian?: number;
  readonly ratio?: number;
  readonly note: string;
}

/** Gathers figures; a measure is known by its title. */
export class Figures {
  readonly #measures = new Map<string, Measure>();
  readonly #headgate = new Map<string, Figure[]>();
  readonly #peer = new Map<string, Figure[]>();

  add(measure: Measure, who: 'headgate' | 'docker-registry', figure: Figure): void {
    const { title } = measure;
    if (!this.#measures.has(title)) this.#measures.set(title, measure);
    const side = who === 'headgate' ? this.#headgate : this.#peer;
    side.set(title, [...(side.get(title) ?? []), figure]);
  }

  rows(): Row[] {
    return [...this.#measures.values()].map((measure) => {
      const mine = this.#headgate.get(measure.title) ?? [];
      const theirs = this.#peer.get(measure.title) ?? [];
      const headgate = mine.map(({ value }) => value);
      const peer = theirs.map(({ value }) => value);
      const ratios = headgate.flatMap((value, round) => (peer[round] ? [value / peer[round]] : []));
      return {
        ...measure,
        headgate,
        peer,
        median: median(headgate),
        ...(ratios.length > 0 && { peerMedian: median(peer), ratio: median(ratios) }),
        note: [mine.at(-1)?.note, theirs.at(-1)?.note].filter(Boolean).join('; beside it '),
      };
    });
  }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

/** The rows as a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { title, ratio, peerMedian, goal, unit, note } = row;
    return [
      title,
      ratio === undefined ? '' : ratio.toFixed(2),
      `${shown(row.median, unit)}${spread(row.headgate)}`,
      goal === undefined ? '' : `${unit === '/s' ? '≥' : '≤'} ${shown(goal, unit)}${met(row) ? '' : ' **missed**'}`,
      peerMedian === undefined ? '' : `${shown(peerMedian, unit)}${spread(row.peer)}`,
      note,
    ];
  });
  const head = ['measure', 'ratio', 'Headgate', 'goal', 'docker-registry', 'seen in the last round'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function met({ median: value, goal, unit }: Row): boolean {
  if (goal === undefined) return true;
  return unit === '/s' ? value >= goal : value <= goal;
}

function shown(value: number, unit: Measure['unit']): string {
  return `${digits(value)} ${unit}`;
}

function digits(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 20 ? value.toFixed(0) : value.toFixed(2);
}

function spread(values: readonly number[]): string {
  if (values.length < 2) return '';
  return ` (${digits(Math.min(...values))}–${digits(Math.max(...values))})`;
}
