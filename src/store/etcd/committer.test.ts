import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Change } from '../store.ts';
import { Committer, type CommitterMembers } from './committer.ts';
import { Layout } from './layout.ts';
import type { TxnResponse } from './messages.ts';

const put = (key: string): Change => ({ op: 'put', key, value: Buffer.from(key) });
const check = (key: string): Change => ({ op: 'check', key, expect: 0 });

/** A cluster that answers when it is told to: the transactions that have come, by the names of keys in them. */
class Slow {
  readonly #layout = new Layout('/p');
  readonly #waiting: { readonly request: Buffer; readonly answer: () => void }[] = [];
  readonly #names: readonly string[];
  readonly committer: Committer;
  #revision = 1;

  /** @param names What a transaction is told by: each is put by one commit. */
  constructor(names: readonly string[]) {
    this.#names = names;
    const send = (_method: unknown, request: Buffer): Promise<TxnResponse> =>
      new Promise((resolve) => {
        const header = { cluster: 1n, revision: ++this.#revision };
        const answer = (): void => resolve({ header, succeeded: true, answers: [undefined, undefined] });
        this.#waiting.push({ request, answer });
      });
    const members = { where: 'nowhere', send, call: () => Promise.reject(new Error('nobody asks')) };
    this.committer = new Committer(members as CommitterMembers, this.#layout, () => undefined);
  }

  /** Those under way, once all that can begin has begun. */
  async sent(): Promise<string[]> {
    for (let turns = 0; turns < 5; turns++) await turn();
    return this.#waiting.map(({ request }) => this.#nameIn(request));
  }

  #nameIn(request: Buffer): string {
    return this.#names.find((name) => request.includes(`value of ${name}`)) ?? 'none';
  }

  /** Answers one of them. */
  answer(name: string): void {
    const at = this.#waiting.findIndex(({ request }) => this.#nameIn(request) === name);
    this.#waiting.splice(at, 1)[0]?.answer();
  }

  commit(name: string, ...changes: readonly Change[]): Promise<number> {
    return this.committer.commit([{ op: 'put', key: `/${name}`, value: Buffer.from(`value of ${name}`) }, ...changes]);
  }
}

test('commits that check the same key are under way together', async () => {
  const slow = new Slow(['a', 'b', 'c']);
  const all = ['a', 'b', 'c'].map((name) => slow.commit(name, check('/namespace')));
  assert.deepEqual(await slow.sent(), ['a', 'b', 'c']);
  for (const name of ['b', 'a', 'c']) slow.answer(name);
  await Promise.all(all);
});

test('what changes a key waits for those before it that check or change it, and they for it', async () => {
  const slow = new Slow(['a', 'b', 'c', 'd', 'e']);
  const all = [
    slow.commit('a', check('/k')),
    slow.commit('b', check('/k')),
    slow.commit('c', put('/k')),
    slow.commit('d', check('/k')),
    slow.commit('e', check('/k')),
  ];
  assert.deepEqual(await slow.sent(), ['a', 'b']);
  slow.answer('b');
  assert.deepEqual(await slow.sent(), ['a']);
  slow.answer('a');
  assert.deepEqual(await slow.sent(), ['c']);
  slow.answer('c');
  assert.deepEqual(await slow.sent(), ['d', 'e']);
  slow.answer('e');
  slow.answer('d');
  await Promise.all(all);
});

test('one that deletes a prefix waits for all, and all for it', async () => {
  const slow = new Slow(['a', 'b', 'c']);
  const all = [
    slow.commit('a', check('/k')),
    slow.commit('b', { op: 'deletePrefix', prefix: '/x/' }),
    slow.commit('c', check('/k')),
  ];
  assert.deepEqual(await slow.sent(), ['a']);
  slow.answer('a');
  assert.deepEqual(await slow.sent(), ['b']);
  slow.answer('b');
  assert.deepEqual(await slow.sent(), ['c']);
  slow.answer('c');
  await Promise.all(all);
});

test('a commit that failed keeps nobody waiting', async () => {
  const slow = new Slow(['a', 'b']);
  await assert.rejects(slow.committer.commit([put('/k'), put('/k')]), /twice/);
  const all = [slow.commit('a', put('/k')), slow.commit('b', put('/k'))];
  assert.deepEqual(await slow.sent(), ['a']);
  slow.answer('a');
  assert.deepEqual(await slow.sent(), ['b']);
  slow.answer('b');
  await Promise.all(all);
  await slow.committer.settled();
});
