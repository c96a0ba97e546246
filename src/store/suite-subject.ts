/** What the tests of stores are given, and their shorthands. */
import type { Change, Store } from './store.ts';

/** An engine with data of its own, empty at first. */
export interface Subject {
  /** Opens a store on the data; called again, another one on the same data, as another process would. */
  open(): Promise<Store>;
  /** Throws the data away; all stores are closed by then. */
  discard(): Promise<void>;
}

/** Declares one test: it is given an empty store. */
export type Given = (title: string, body: (store: Store, subject: Subject) => Promise<void>) => void;

export const put = (key: string, value = key): Change => ({ op: 'put', key, value: Buffer.from(value) });
export const del = (key: string): Change => ({ op: 'delete', key });

export async function keysOf(store: Store, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).entries.map((entry) => entry.key);
}

export async function textOf(store: Store, key: string): Promise<string | undefined> {
  return (await store.get(key))?.value.toString();
}
