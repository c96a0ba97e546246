/** Making and recognising a store below a prefix. */
import { type Revision, StoreUnavailable } from '../store.ts';
import { storeFailure } from './failure.ts';
import type { Layout } from './layout.ts';
import type { Members } from './members.ts';
import { type Operation, type RangeResponse, TXN, type TxnResponse } from './messages.ts';

/** The layout of keys and values that this program knows. It is raised when an older one could no longer work with it. */
const FORMAT = 1;

export interface Found {
  /** The commit that made the store. */
  readonly birth: Revision;
  /** The latest. */
  readonly revision: Revision;
}

/**
 * Finds the store, or makes it where the prefix is empty.
 * @param warn hears of other programs' keys below the prefix.
 * @throws {StoreUnavailable} if it is of a newer version, or the prefix is another program's.
 */
export async function findStore(members: Members, layout: Layout, warn: (text: string) => void): Promise<Found> {
  for (;;) {
    const { format, last, foreign } = await look(members, layout);
    if (format) {
      checkFormat(format.value, members.where);
      if (!last)
        throw new StoreUnavailable(`${members.where} lacks the key ${layout.prefix}/last: restore it from a backup`);
      if (foreign) warn(`${foreign}, below the prefix of this store, is another program's: it is left alone`);
      return { birth: format.created, revision: last.revision };
    }
    if (foreign || last) {
      const key = foreign ?? `${layout.prefix}/last`;
      throw new StoreUnavailable(
        `${members.where} holds ${key}, which is no Headgate's: choose a prefix that nothing else uses`,
      );
    }
    await make(members, layout);
  }
}

async function look(members: Members, layout: Layout) {
  const data = { op: 'range', ...layout.below(''), limit: 1, keysOnly: true } as const;
  const success: Operation[] = [
    { op: 'range', from: layout.format },
    { op: 'range', from: layout.last },
    ...layout.foreign.map((range) => ({ op: 'range' as const, ...range, limit: 1, keysOnly: true })),
  ];
  try {
    const request = { compare: [], success: [...success, data], failure: [] };
    const { answers } = await members.call(TXN, request, { repeatable: true });
    const [format, last, ...others] = answers.map(firstOf);
    // Data without a format is nobody's store either.
    const strange = format ? others.slice(0, -1) : others;
    const foreign = strange.find((entry) => entry !== undefined)?.key.toString();
    return { format, last, foreign };
  } catch (error) {
    throw storeFailure(error, members.where);
  }
}

function firstOf(answer: RangeResponse | TxnResponse | undefined) {
  return answer && 'entries' in answer ? answer.entries[0] : undefined;
}

/** If another replica is quicker, nothing happens. */
async function make(members: Members, layout: Layout): Promise<void> {
  const value = Buffer.from(JSON.stringify({ format: FORMAT }));
  const request = {
    compare: [{ from: layout.format, what: 'created', equals: 0 } as const],
    success: [
      { op: 'put', key: layout.format, value } as const,
      { op: 'put', key: layout.last, value: Buffer.alloc(0) } as const,
    ],
    failure: [],
  };
  try {
    await members.call(TXN, request, { repeatable: true });
  } catch (error) {
    throw storeFailure(error, members.where);
  }
}

function checkFormat(value: Buffer, where: string): void {
  const [, digits] = /"format":(\d+)/.exec(value.toString()) ?? [];
  if (digits === undefined) {
    throw new StoreUnavailable(`${where} has a format that is no Headgate's: choose a prefix that nothing else uses`);
  }
  if (Number(digits) <= FORMAT) return;
  throw new StoreUnavailable(
    `${where} was written by a newer Headgate (format ${digits}; this one knows ${FORMAT}): run that version, or restore a backup of this one's`,
  );
}
