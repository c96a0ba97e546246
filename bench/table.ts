/** Figures gathered over rounds, and the table that is made of them. */

/** What is measured beside Headgate: other registries, and the least that Node needs. */
export type Peer = 'docker-registry' | 'distribution v3' | 'zot' | 'bare Node';

/** What is measured. */
export interface Measure {
  readonly title: string;
  readonly unit: 'µs' | 's/GiB' | 'ms' | 's' | '/s' | 'MiB';
  /** The most it should be; the least for a rate (`/s`). */
  readonly goal?: number;
  /** The most that the ratio to a peer should be; the least for a rate. */
  readonly ratios?: Readonly<Partial<Record<Peer, number>>>;
}

/** One figure of one round. `note` is what else was seen. */
export interface Figure {
  readonly value: number;
  readonly note?: string;
}

/** What a peer took for the same. */
export interface Beside {
  readonly name: Peer;
  readonly values: readonly number[];
  readonly median: number;
  /** Median of the rounds' own ratios, Headgate to the peer. */
  readonly ratio: number;
}

/** A row as it is written to JSON. */
export interface Row extends Measure {
  readonly headgate: readonly number[];
  readonly median: number;
  readonly beside: readonly Beside[];
  readonly note: string;
}

/** Gathers figures; a measure is known by its title. */
export class Figures {
  readonly #measures = new Map<string, Measure>();
  /** By who and by title. */
  readonly #figures = new Map<'headgate' | Peer, Map<string, Figure[]>>();

  add(measure: Measure, who: 'headgate' | Peer, figure: Figure): void {
    const { title } = measure;
    if (!this.#measures.has(title)) this.#measures.set(title, measure);
    const own = this.#figures.get(who) ?? new Map<string, Figure[]>();
    this.#figures.set(who, own.set(title, [...(own.get(title) ?? []), figure]));
  }

  rows(): Row[] {
    return [...this.#measures.values()].map((measure) => {
      const headgate = this.#of('headgate', measure).map(({ value }) => value);
      const peers = [...this.#figures.keys()].filter((who) => who !== 'headgate');
      const beside = peers.flatMap((name): Beside[] => {
        const values = this.#of(name, measure).map(({ value }) => value);
        const ratios = headgate.flatMap((value, round) => (values[round] ? [value / values[round]] : []));
        return ratios.length > 0 ? [{ name, values, median: median(values), ratio: median(ratios) }] : [];
      });
      const notes = [...this.#figures.keys()].flatMap((who) => {
        const note = this.#of(who, measure).at(-1)?.note;
        return note === undefined ? [] : [who === 'headgate' ? note : `${who} ${note}`];
      });
      return { ...measure, headgate, median: median(headgate), beside, note: notes.join('; ') };
    });
  }

  #of(who: 'headgate' | Peer, { title }: Measure): readonly Figure[] {
    return this.#figures.get(who)?.get(title) ?? [];
  }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

/** The rows as a Markdown table: ratios to the peers first. */
export function markdown(rows: readonly Row[]): string {
  const peers = [...new Set(rows.flatMap(({ beside }) => beside.map(({ name }) => name)))];
  const lines = rows.map((row) => {
    const { title, unit, note } = row;
    const found = peers.map((peer) => row.beside.find(({ name }) => name === peer));
    return [
      title,
      ...found.map((peer) => (peer === undefined ? '' : peer.ratio.toFixed(2))),
      `${shown(row.median, unit)}${spread(row.headgate)}`,
      goalsOf(row),
      ...found.map((peer) => (peer === undefined ? '' : `${shown(peer.median, unit)}${spread(peer.values)}`)),
      note,
    ];
  });
  const head = ['measure', ...peers.map((peer) => `÷ ${peer}`), 'Headgate', 'goal', ...peers, 'seen in the last round'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What a row should be, each with what was missed. */
function goalsOf({ median: value, unit, goal, ratios = {}, beside }: Row): string {
  const sign = unit === '/s' ? '≥' : '≤';
  const said = (text: string, actual: number, wanted: number): string => {
    const met = unit === '/s' ? actual >= wanted : actual <= wanted;
    return `${sign} ${text}${met ? '' : ' **missed**'}`;
  };
  const own = goal === undefined ? [] : [said(shown(goal, unit), value, goal)];
  const relative = beside.flatMap(({ name, ratio }) => {
    const wanted = ratios[name];
    return wanted === undefined ? [] : [said(`${wanted.toFixed(2)} × ${name}`, ratio, wanted)];
  });
  return [...own, ...relative].join('; ');
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
