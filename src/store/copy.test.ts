import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMIT_CHANGES } from '../limits.ts';
import { COPY_RECORD, copyStore, isUnfinishedCopy, NotEmpty, storeSource } from './copy.ts';
import { openMemoryStore } from './memory/memory.ts';
import { openSqliteStore } from './sqlite/sqlite.ts';
import { temporaryFile } from './sqlite/temporary.ts';
import type { Change, Store } from './store.ts';

const put = (key: string, value = key): Change => ({ op: 'put', key, value: Buffer.from(value) });

async function filled(keys: number): Promise<Store> {
  const store = openMemoryStore();
  for (let first = 0; first < keys; first += COMMIT_CHANGES) {
    const count = Math.min(COMMIT_CHANGES, keys - first);
    await store.commit(Array.from({ length: count }, (_, index) => put(`/k/${first + index}`)));
  }
  return store;
}

async function contents(store: Store): Promise<string[]> {
  const { entries } = await store.list('');
  return entries.filter(({ key }) => key !== COPY_RECORD).map(({ key, value }) => `${key}=${value.toString()}`);
}

test('a copy is equal, says how far it is, and a second one brings what has changed', async () => {
  const temporary = await temporaryFile();
  const [from, to] = [await filled(1500), await openSqliteStore({ file: temporary.file, historySeconds: 0 })];
  const told: string[] = [];
  const first = await copyStore(storeSource(from), to, ({ phase, done, total }) =>
    told.push(`${phase} ${done}/${total}`),
  );
  assert.deepEqual(first, { revision: await from.revision(), keys: 1500, changed: 1500 });
  assert.deepEqual([told[0], told[1499], told.at(-1)], ['copying 1/1500', 'copying 1500/1500', 'verifying 1500/1500']);
  assert.deepEqual(await contents(to), await contents(from));

  await from.commit([put('/k/7', 'changed'), { op: 'delete', key: '/k/9' }, put('/a'), put('/z')]);
  assert.equal((await copyStore(storeSource(from), to, () => undefined)).changed, 4);
  assert.deepEqual(await contents(to), await contents(from));
  assert.equal(await isUnfinishedCopy(to), false);
  await to.close();
  await temporary.discard();
});

test('a copy that was cut off is known as one, and goes on', async () => {
  const [from, to] = [await filled(2000), openMemoryStore()];
  let seen = 0;
  const cut = copyStore(storeSource(from), to, () => {
    seen += 1;
    if (seen === 1700) throw new Error('cut off');
  });
  await assert.rejects(cut, /cut off/);
  assert.equal(await isUnfinishedCopy(to), true);
  const { changed } = await copyStore(storeSource(from), to, () => undefined);
  assert.ok(changed > 0 && changed < 2000, `${changed} were written again`);
  assert.deepEqual(await contents(to), await contents(from));
  assert.equal(await isUnfinishedCopy(to), false);
});

test('what is in use is not overwritten', async () => {
  const [from, to] = [await filled(10), openMemoryStore()];
  await to.commit([put('/own')]);
  await assert.rejects(
    copyStore(storeSource(from), to, () => undefined),
    NotEmpty,
  );
  assert.deepEqual(await contents(to), ['/own=/own']);

  const copy = openMemoryStore();
  await copyStore(storeSource(from), copy, () => undefined);
  await copy.commit([put('/later')]);
  await assert.rejects(
    copyStore(storeSource(from), copy, () => undefined),
    /in use.*name a new file or prefix/,
  );
});

test('a source whose history is forgotten meanwhile is read again', async () => {
  const [from, to] = [await filled(1500), openMemoryStore()];
  let compacted = false;
  const list = from.list.bind(from);
  from.list = async (prefix, options) => {
    if (!compacted && options?.after !== undefined) {
      compacted = true;
      await from.compact(await from.commit([put('/new')]));
    }
    return list(prefix, options);
  };
  const { revision } = await copyStore(storeSource(from), to, () => undefined);
  assert.equal(revision, await from.revision());
  assert.deepEqual(await contents(to), await contents(from));
});
