/** Prepared statements whose rows are tuples of a known shape. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Entry, Revision } from '../store.ts';

/** A prepared statement. Its rows are given as arrays: there is no object to build for each. */
export class Query<Row extends readonly unknown[]> {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
    this.#statement.setReturnArrays(true);
  }

  /** The first row. */
  one(...values: SQLInputValue[]): Row | undefined {
    // The statement's own text says what a row is made of; the file was checked to be ours when it was opened.
    return this.#statement.get(...values) as unknown as Row | undefined;
  }

  all(...values: SQLInputValue[]): Row[] {
    return this.#statement.all(...values) as unknown as Row[];
  }

  /** Executes the statement and returns how many rows it changed. */
  run(...values: SQLInputValue[]): number {
    return Number(this.#statement.run(...values).changes);
  }
}

/** The columns that make an Entry, in this order. */
export const ENTRY_COLUMNS = 'key, revision, created, value';

export type EntryRow = readonly [key: string, revision: Revision, created: Revision, value: Uint8Array];

export function entryOf([key, revision, created, value]: EntryRow): Entry {
  return { key, value: bufferOf(value), revision, created };
}

/** The same bytes, not a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
